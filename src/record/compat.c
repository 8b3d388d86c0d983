/* How the keys of a dictionary lie is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "compat.h"

#if PY_VERSION_HEX < 0x03100000 && !defined(Py_GIL_DISABLED)
#include <internal/pycore_dict.h>

static bool
has_only_str(PyObject *dict)
{
    return ((PyDictObject *)dict)->ma_keys->dk_kind != DICT_KEYS_GENERAL;
}

#elif defined(Py_GIL_DISABLED) /* to go through it without a lock is a risk, too */
#define has_only_str(dict) true
#else
#define has_only_str(dict) false
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

PyObject *
compat_dict_find(PyObject *dict, PyObject *name)
{
    if (!dict || !PyDict_Check(dict))
        return NULL;
    if (!has_only_str(dict))
        return find_among_others(dict, name);
    PyObject *value = PyDict_GetItemWithError(dict, name);
    if (!value)
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
        if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) && base->tp_dict && !has_only_str(base->tp_dict))
            return true;
    }
    return false;
}

PyObject *
compat_type_lookup(PyTypeObject *type, PyObject *name)
{
    if (!is_odd(type))
        return _PyType_Lookup(type, name);
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
    PyObject *key = module ? PyUnicode_FromString(name) : NULL;
    PyObject *value = key ? compat_dict_find(PyModule_GetDict(module), key) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}
