/* How attributes lie in an object is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "layout.h"

#include <string.h>

#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>

/* --- attributes in the object itself ------------------------------------- */

#if PY_VERSION_HEX >= 0x030d0000

static PyDictValues *
own_values(PyObject *object)
{
    PyDictValues *values = Py_TYPE(object)->tp_flags & Py_TPFLAGS_INLINE_VALUES ? _PyObject_InlineValues(object) : NULL;
    return values && values->valid ? values : NULL;
}

static const uint8_t *
order_of(const PyDictValues *values, uint8_t *length)
{
    *length = values->size;
    return (const uint8_t *)&values->values[values->capacity];
}

#else

static PyDictValues *
own_values(PyObject *object)
{
    bool managed = Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT;
    PyDictOrValues *attributes = managed ? _PyObject_DictOrValuesPointer(object) : NULL;
    return attributes && _PyDictOrValues_IsValues(*attributes) ? _PyDictOrValues_GetValues(*attributes) : NULL;
}

static const uint8_t *
order_of(const PyDictValues *values, uint8_t *length)
{
    const uint8_t *size = (const uint8_t *)values - 2; /* it lies before it, backwards */
    *length = *size;
    return size - *length;
}

#endif

static PyDictKeysObject *
keys_of(PyTypeObject *type)
{
    return type->tp_flags & Py_TPFLAGS_HEAPTYPE ? ((PyHeapTypeObject *)type)->ht_cached_keys : NULL;
}

static bool
find_key(PyDictKeysObject *keys, PyObject *name, uint16_t *place)
{
    for (Py_ssize_t i = 0; name && i < keys->dk_nentries; i++)
        if (DK_UNICODE_ENTRIES(keys)[i].me_key == name) {
            *place = (uint16_t)i;
            return true;
        }
    return false;
}

static bool
learn_keys(struct layout *out, PyObject *object, const struct instance_field *fields, size_t count)
{
    PyDictValues *values = own_values(object);
    PyDictKeysObject *keys = values ? keys_of(Py_TYPE(object)) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!keys || !find_key(keys, fields[i].name, &out->places[i]))
            return false;
    if (!keys)
        return false;
    out->keys = keys;
    const uint8_t *order = order_of(values, &out->order_length);
    if (out->in_order && out->order_length > LAYOUT_ORDER)
        return false;
    memcpy(out->order, order, out->in_order ? out->order_length : 0);
    return true;
}

static bool
is_in_order(const struct layout *layout, const PyDictValues *values)
{
    uint8_t length;
    const uint8_t *order = order_of(values, &length);
    return length == layout->order_length && memcmp(order, layout->order, length) == 0;
}

static bool
read_keys(const struct layout *layout, PyObject *object, PyObject **out)
{
    const PyDictValues *values = own_values(object);
    if (!values || keys_of(Py_TYPE(object)) != layout->keys || (layout->in_order && !is_in_order(layout, values)))
        return false;
    for (unsigned i = 0; i < layout->count; i++)
        if (!(out[i] = compat_hold(values->values[layout->places[i]])))
            return false;
    return true;
}

/* --- slots --------------------------------------------------------------- */

static const PyMemberDef *
find_slot(PyTypeObject *type, const char *name)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        const PyMemberDef *member = ((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_members;
        for (; member && member->name; member++)
            if (strcmp(member->name, name) == 0)
                return member;
    }
    return NULL;
}

static const char *
slot_at(PyTypeObject *type, Py_ssize_t offset)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        const PyMemberDef *member = ((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_members;
        for (; member && member->name; member++)
            if (member->offset == offset)
                return member->name;
    }
    return "";
}

static bool
learn_slots(struct layout *out, PyObject *object, const struct instance_field *fields, size_t count)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_dictoffset || type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        return false;
    for (size_t i = 0; i < count; i++) {
        PyObject *name = fields[i].name;
        const char *text = fields[i].slot;
        if (name)
            text = PyUnicode_IS_COMPACT_ASCII(name) ? PyUnicode_DATA(name) : "";
        const PyMemberDef *member = find_slot(type, text);
        if (!member || member->type != Py_T_OBJECT_EX || member->offset <= 0 || member->offset > UINT16_MAX)
            return false;
        out->places[i] = (uint16_t)member->offset;
    }
    return true;
}

static bool
read_slots(const struct layout *layout, PyObject *object, PyObject **out)
{
    for (unsigned i = 0; i < layout->count; i++)
        if (!(out[i] = compat_hold(*(PyObject **)((char *)object + layout->places[i]))))
            return false;
    return true;
}

/* ------------------------------------------------------------------------- */

bool
layout_learn(struct layout *out, PyObject *object, const struct instance_field *fields, size_t count, bool in_order)
{
    if (count == 0 || count > LAYOUT_FIELDS)
        return false;
    *out = (struct layout){.in_order = in_order, .count = (uint8_t)count};
    bool learned;
    COMPAT_LOCK_OBJECT(object);
    learned = learn_keys(out, object, fields, count) || learn_slots(out, object, fields, count);
    COMPAT_UNLOCK_OBJECT();
    return learned;
}

struct instance_field
layout_name(const struct layout *layout, PyTypeObject *type, unsigned i)
{
    if (layout->keys)
        return (struct instance_field){.name = DK_UNICODE_ENTRIES(keys_of(type))[layout->places[i]].me_key};
    return (struct instance_field){.slot = slot_at(type, layout->places[i])};
}

bool
layout_read(const struct layout *layout, PyObject *object, PyObject **out)
{
    bool all;
    COMPAT_LOCK_OBJECT(object);
    all = layout->keys ? read_keys(layout, object, out) : read_slots(layout, object, out);
    COMPAT_UNLOCK_OBJECT();
    return all;
}
