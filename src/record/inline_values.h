/* inline_values.h - attributes that an object holds without a dictionary. Whoever includes it defines
 * Py_BUILD_CORE_MODULE before all else: the interpreter's own headers alone know how they lie. */
#ifndef FLOW_INLINE_VALUES_H
#define FLOW_INLINE_VALUES_H

#include "compat.h"

#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>

/* The names, which the type holds; NULL if it has none. */
static inline PyDictKeysObject *
inline_keys(PyTypeObject *type)
{
    return type->tp_flags & Py_TPFLAGS_HEAPTYPE ? ((PyHeapTypeObject *)type)->ht_cached_keys : NULL;
}

#if PY_VERSION_HEX >= 0x030d0000

/* NULL if the object holds its attributes otherwise. */
static inline PyDictValues *
inline_values(PyObject *object)
{
    PyDictValues *values = Py_TYPE(object)->tp_flags & Py_TPFLAGS_INLINE_VALUES ? _PyObject_InlineValues(object) : NULL;
    return values && values->valid ? values : NULL;
}

/* The places of the values among the keys, by when they were set: the first is at order[0], the next `step` on. */
static inline const uint8_t *
inline_order(const PyDictValues *values, uint8_t *length, int *step)
{
    *length = values->size;
    *step = 1;
    return (const uint8_t *)&values->values[values->capacity];
}

#else

static inline PyDictValues *
inline_values(PyObject *object)
{
    bool managed = Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT;
    PyDictOrValues *attributes = managed ? _PyObject_DictOrValuesPointer(object) : NULL;
    return attributes && _PyDictOrValues_IsValues(*attributes) ? _PyDictOrValues_GetValues(*attributes) : NULL;
}

static inline const uint8_t *
inline_order(const PyDictValues *values, uint8_t *length, int *step)
{
    const uint8_t *size = (const uint8_t *)values - 2; /* they lie before it, backwards */
    *length = *size;
    *step = -1;
    return size - 1;
}

#endif

#endif
