/* How attributes lie in an object is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "instance.h"

#include <string.h>

#if PY_VERSION_HEX < 0x03100000
#define KNOWN_LAYOUT 1
#include "inline_values.h"
#endif

struct collector {
    struct instance_field *out;
    size_t room, total;
    bool with_private;
    const char *wanted; /* or NULL: all */
    PyObject *key;      /* Borrowed str, the same for a dictionary; or NULL */
};

#ifdef KNOWN_LAYOUT

static bool
is_wanted(const struct collector *collector, const struct instance_field *field)
{
    if (field->name && field->name == collector->key)
        return true;
    if (collector->key) /* of the interned there is one of each */
        return !(PyUnicode_CHECK_INTERNED(field->name) && PyUnicode_CHECK_INTERNED(collector->key))
               && PyUnicode_Compare(field->name, collector->key) == 0;
    return !collector->wanted
           || (field->name ? PyUnicode_CompareWithASCIIString(field->name, collector->wanted)
                           : strcmp(field->slot, collector->wanted))
                  == 0;
}

static void
collect(struct collector *collector, struct instance_field field, bool is_private)
{
    if ((is_private && !collector->with_private) || !is_wanted(collector, &field))
        return;
    if (collector->total++ >= collector->room)
        return;
    compat_hold(field.name);
    compat_hold(field.value);
    collector->out[collector->total - 1] = field;
}

static void
collect_named(struct collector *collector, PyObject *name, PyObject *value)
{
    if (!name || !value || !PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) == 0)
        return;
    collect(collector, (struct instance_field){.name = name, .value = value}, PyUnicode_READ_CHAR(name, 0) == '_');
}

static void
collect_dict(struct collector *collector, PyObject *dict)
{
    Py_ssize_t position = 0;
    PyObject *name, *value;
    if (!dict || !PyDict_Check(dict))
        return;
    if (collector->key) {
        collect_named(collector, collector->key, compat_dict_find(dict, collector->key));
        return;
    }
    COMPAT_LOCK_OBJECT(dict);
    while (PyDict_Next(dict, &position, &name, &value))
        collect_named(collector, name, value);
    COMPAT_UNLOCK_OBJECT();
}

/* In the order in which they were set. */
static void
collect_inline(struct collector *collector, PyTypeObject *type, PyDictValues *values)
{
    PyDictKeysObject *keys = inline_keys(type);
    uint8_t count;
    int step;
    const uint8_t *order = inline_order(values, &count, &step);
    for (int i = 0; keys && i < count; i++) {
        Py_ssize_t place = order[i * step];
        if (place < keys->dk_nentries)
            collect_named(collector, DK_UNICODE_ENTRIES(keys)[place].me_key, values->values[place]);
    }
}

static PyObject *
managed_dict(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030d0000
    return (PyObject *)_PyObject_ManagedDictPointer(object)->dict;
#else
    PyDictOrValues attributes = *_PyObject_DictOrValuesPointer(object);
    return _PyDictOrValues_IsValues(attributes) ? NULL : _PyDictOrValues_GetDict(attributes);
#endif
}

/* Whoever stores an attribute without a dictionary locks the object; with one, that. */
static void
collect_managed(struct collector *collector, PyObject *object)
{
    PyObject *dict;
    COMPAT_LOCK_OBJECT(object);
    dict = compat_hold(managed_dict(object));
    PyDictValues *values = dict ? NULL : inline_values(object);
    if (values)
        collect_inline(collector, Py_TYPE(object), values);
    COMPAT_UNLOCK_OBJECT();
    collect_dict(collector, dict);
}

static void
collect_slot(struct collector *collector, PyObject *object, const PyMemberDef *member)
{
    PyObject *value = NULL;
    if (member->type != Py_T_OBJECT_EX)
        return;
    COMPAT_LOCK_OBJECT(object);
    value = compat_hold(*(PyObject **)((char *)object + member->offset));
    COMPAT_UNLOCK_OBJECT();
    if (value)
        collect(collector, (struct instance_field){.slot = member->name, .value = value}, member->name[0] == '_');
}

/* The interpreter sorts slots by name; the class may tell the order that a person wrote. */
static void
collect_slots(struct collector *collector, PyObject *object, PyTypeObject *type, PyObject *slots)
{
    PyMemberDef *members = type->tp_members;
    size_t count = 0;
    while (members && members[count].name)
        count++;
    bool taken[64] = {false};
    Py_ssize_t names = slots && PyTuple_CheckExact(slots) ? PyTuple_GET_SIZE(slots) : 0;
    for (Py_ssize_t i = 0; i < names && count <= 64; i++) {
        PyObject *name = PyTuple_GET_ITEM(slots, i); /* Borrowed */
        if (!PyUnicode_CheckExact(name) || !PyUnicode_IS_COMPACT_ASCII(name))
            continue;
        for (size_t j = 0; j < count; j++)
            if (!taken[j] && strcmp(members[j].name, PyUnicode_DATA(name)) == 0) {
                taken[j] = true;
                collect_slot(collector, object, &members[j]);
            }
    }
    for (size_t j = 0; j < count; j++)
        if (j >= 64 || !taken[j])
            collect_slot(collector, object, &members[j]);
}

static void
collect_own_dict(struct collector *collector, PyObject *object)
{
    PyObject *dict;
    COMPAT_LOCK_OBJECT(object);
    dict = compat_hold(*(PyObject **)((char *)object + Py_TYPE(object)->tp_dictoffset));
    COMPAT_UNLOCK_OBJECT();
    collect_dict(collector, dict);
}

static void
collect_dictionary(struct collector *collector, PyObject *object)
{
    if (Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        collect_managed(collector, object);
    else if (Py_TYPE(object)->tp_dictoffset > 0)
        collect_own_dict(collector, object);
}

static void
collect_all(struct collector *collector, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = mro ? PyTuple_GET_SIZE(mro) : 0; i-- > 0;) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        bool by_python = (base->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(base->tp_flags & Py_TPFLAGS_IMMUTABLETYPE);
        if (by_python && base->tp_members && base->tp_members[0].name)
            collect_slots(collector, object, base, compat_dict_find_text(base->tp_dict, "__slots__"));
    }
    collect_dictionary(collector, object);
}

#else /* newer layouts are not known */

static void
collect_dictionary(struct collector *collector, PyObject *object)
{
    (void)collector, (void)object;
}

static void
collect_all(struct collector *collector, PyObject *object)
{
    (void)collector, (void)object;
}

#endif

size_t
instance_fields(PyObject *object, bool with_private, struct instance_field *out, size_t room)
{
    struct collector collector = {.out = out, .room = room, .with_private = with_private};
    collect_all(&collector, object);
    return collector.total;
}

PyObject *
instance_attribute(PyObject *object, const char *name)
{
    struct instance_field field;
    struct collector collector = {.out = &field, .room = 1, .with_private = true, .wanted = name};
    collect_all(&collector, object);
    return collector.total ? field.value : NULL;
}

PyObject *
instance_dict_find(PyObject *object, PyObject *name)
{
    struct instance_field field;
    struct collector collector = {.out = &field, .room = 1, .with_private = true, .key = name};
    collect_dictionary(&collector, object);
    return collector.total ? field.value : NULL;
}
