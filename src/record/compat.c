/* How the keys of a dictionary lie is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "compat.h"

#include <stdlib.h>

#if PY_VERSION_HEX < 0x03100000
#include <internal/pycore_dict.h>
#include <internal/pycore_gc.h>

static bool
has_only_str(PyObject *dict)
{
    PyDictKeysObject *keys = __atomic_load_n(&((PyDictObject *)dict)->ma_keys, __ATOMIC_ACQUIRE);
    return keys->dk_kind != DICT_KEYS_GENERAL;
}

#else
#define has_only_str(dict) false
#endif

/* Keys that another thread replaces meanwhile are freed at once unless the dictionary is known to be shared. */
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x03100000

static bool
has_only_str_unlocked(PyObject *dict)
{
    bool only;
    if (_Py_IsOwnedByCurrentThread(dict) || _PyObject_GC_IS_SHARED(dict))
        return has_only_str(dict);
    COMPAT_LOCK_OBJECT(dict);
    only = has_only_str(dict);
    COMPAT_UNLOCK_OBJECT();
    return only;
}

#else
#define has_only_str_unlocked(dict) has_only_str(dict)
#endif

#ifdef Py_GIL_DISABLED

_Thread_local struct compat_held compat_held __attribute__((tls_model("initial-exec")));

static bool
make_room(struct compat_held *held)
{
    size_t room = held->room ? 2 * held->room : 64;
    PyObject **objects = realloc(held->objects, room * sizeof *objects);
    if (!objects)
        return false;
    held->objects = objects;
    held->room = room;
    return true;
}

PyObject *
compat_hold_new(PyObject *object)
{
    struct compat_held *held = &compat_held;
    if (!object)
        return NULL;
    if (held->count == held->room && !make_room(held)) {
        Py_DECREF(object);
        return NULL;
    }
    return held->objects[held->count++] = object;
}

void
compat_let_go(size_t mark)
{
    while (compat_held.count > mark) {
        PyObject *object = compat_held.objects[--compat_held.count];
        Py_DECREF(object);
    }
}

void
compat_forget_held(void)
{
    free(compat_held.objects);
    compat_held = (struct compat_held){0};
}

#endif

#ifndef Py_GIL_DISABLED

static Py_ssize_t
next_entries(PyObject *dict, PyObject **keys, PyObject **values, Py_ssize_t room)
{
    Py_ssize_t position = 0;
    Py_ssize_t n = 0;
    while (n < room && PyDict_Next(dict, &position, &keys[n], &values[n]))
        n++;
    return n;
}

#if PY_VERSION_HEX < 0x03100000

Py_ssize_t
compat_dict_entries(PyObject *dict, PyObject **keys, PyObject **values, Py_ssize_t room)
{
    const PyDictObject *object = (PyDictObject *)dict;
    PyDictKeysObject *table = object->ma_keys;
    if (object->ma_values || table->dk_kind != DICT_KEYS_UNICODE)
        return next_entries(dict, keys, values, room);
    const PyDictUnicodeEntry *entry = DK_UNICODE_ENTRIES(table);
    const PyDictUnicodeEntry *end = entry + table->dk_nentries;
    Py_ssize_t n = 0;
    for (; entry < end && n < room; entry++)
        if (entry->me_value) {
            keys[n] = entry->me_key;
            values[n++] = entry->me_value;
        }
    return n;
}

#else

Py_ssize_t
compat_dict_entries(PyObject *dict, PyObject **keys, PyObject **values, Py_ssize_t room)
{
    return next_entries(dict, keys, values, room);
}

#endif
#endif

static PyObject *
find_among_others(PyObject *dict, PyObject *name)
{
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value))
        if (key == name || (PyUnicode_CheckExact(key) && PyUnicode_Compare(key, name) == 0))
            return value;
    return NULL;
}

static PyObject *
find_among_str(PyObject *dict, PyObject *name)
{
#ifdef Py_GIL_DISABLED
    PyObject *value;
    int found = PyDict_GetItemRef(dict, name, &value);
    if (found < 0)
        PyErr_Clear();
    return found > 0 ? compat_hold_new(value) : NULL;
#else
    PyObject *value = PyDict_GetItemWithError(dict, name);
    if (!value)
        PyErr_Clear();
    return value;
#endif
}

PyObject *
compat_dict_find(PyObject *dict, PyObject *name)
{
    PyObject *value;
    if (!dict || !PyDict_Check(dict))
        return NULL;
    COMPAT_LOCK_OBJECT(dict);
    value = has_only_str(dict) ? find_among_str(dict, name) : compat_hold(find_among_others(dict, name));
    COMPAT_UNLOCK_OBJECT();
    return value;
}

PyObject *
compat_dict_find_text(PyObject *dict, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *value = key ? compat_dict_find(dict, key) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

/* Only classes made by the program can have other keys. */
static bool
is_odd(const PyTypeObject *type)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        const PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) && base->tp_dict && !has_only_str_unlocked(base->tp_dict))
            return true;
    }
    return false;
}

static PyObject *
look_up(PyTypeObject *type, PyObject *name)
{
#ifdef Py_GIL_DISABLED
    return compat_hold_new(_PyType_LookupRef(type, name));
#else
    return _PyType_Lookup(type, name);
#endif
}

PyObject *
compat_type_lookup(PyTypeObject *type, PyObject *name)
{
    if (!is_odd(type))
        return look_up(type, name);
    PyObject *found = NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro) && !found; i++) {
        PyObject *dict = PyType_GetDict((PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i));
        found = compat_dict_find(dict, name);
        Py_XDECREF(dict); /* its type keeps it */
    }
    return found;
}

PyObject *
compat_module(PyObject *name)
{
    PyObject *module = compat_dict_find(PyImport_GetModuleDict(), name);
    return module && PyModule_CheckExact(module) ? module : NULL;
}

PyObject *
compat_module_find(PyObject *module, const char *name)
{
    return module ? compat_dict_find_text(PyModule_GetDict(module), name) : NULL;
}
