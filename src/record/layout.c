/* How attributes lie in an object is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "layout.h"

#include <string.h>

#include "inline_values.h"

/* --- attributes in the object itself ------------------------------------- */

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
    PyDictValues *values = inline_values(object);
    PyDictKeysObject *keys = values ? inline_keys(Py_TYPE(object)) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!keys || !find_key(keys, fields[i].name, &out->places[i]))
            return false;
    if (!keys)
        return false;
    out->keys = keys;
    int step;
    const uint8_t *order = inline_order(values, &out->order_length, &step);
    if (out->in_order && out->order_length > LAYOUT_ORDER)
        return false;
    for (int i = 0; out->in_order && i < out->order_length; i++)
        out->order[i] = order[i * step];
    return true;
}

static bool
is_in_order(const struct layout *layout, const PyDictValues *values)
{
    uint8_t length;
    int step;
    const uint8_t *order = inline_order(values, &length, &step);
    bool same = length == layout->order_length;
    for (int i = 0; same && i < length; i++)
        same = order[i * step] == layout->order[i];
    return same;
}

static bool
read_keys(const struct layout *layout, PyObject *object, PyObject **out)
{
    const PyDictValues *values = inline_values(object);
    if (!values || inline_keys(Py_TYPE(object)) != layout->keys || (layout->in_order && !is_in_order(layout, values)))
        return false;
    for (unsigned i = 0; i < layout->count; i++)
        if (!(out[i] = compat_hold(values->values[layout->places[i]])))
            return false;
    return true;
}

/* --- slots --------------------------------------------------------------- */

/* The slot of this name, or at this offset if that is NULL. NULL if there is none. */
static const PyMemberDef *
find_slot(PyTypeObject *type, const char *name, Py_ssize_t offset)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        const PyMemberDef *member = ((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_members;
        for (; member && member->name; member++)
            if (name ? strcmp(member->name, name) == 0 : member->offset == offset)
                return member;
    }
    return NULL;
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
        const PyMemberDef *member = find_slot(type, text, 0);
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
        return (struct instance_field){.name = DK_UNICODE_ENTRIES(inline_keys(type))[layout->places[i]].me_key};
    const PyMemberDef *slot = find_slot(type, NULL, layout->places[i]);
    return (struct instance_field){.slot = slot ? slot->name : ""};
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
