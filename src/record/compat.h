/* compat.h - what differs between the CPython versions that FlowTrace runs on. */
#ifndef FLOW_COMPAT_H
#define FLOW_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>

#include "compat_threads.h"

/* gh-140373 apart, an exception at function entry gives UNWIND without START
 * since 3.13: the eval breaker runs before the event there. */
#define COMPAT_UNWIND_WITHOUT_START (PY_VERSION_HEX >= 0x030d0000)

/* PyRefTracer_SetTracer() tells of each object that is made or goes. On free-threaded builds it does so from many
 * threads at once. */
#ifdef Py_GIL_DISABLED
#define COMPAT_REF_TRACER 0
#else
#define COMPAT_REF_TRACER (PY_VERSION_HEX >= 0x030d0000)
#endif

/* What the str has kept of its hash; -1: nobody has asked for it yet. */
static inline Py_hash_t
compat_str_hash(PyObject *string)
{
    return __atomic_load_n(&((PyASCIIObject *)string)->hash, __ATOMIC_RELAXED);
}

/* The bytes of |n|, little-endian. n is an exact int that fits in `size` bytes. Never fails. */
static inline void
compat_int_bytes(PyObject *n, uint8_t *bytes, size_t size)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyLong_AsNativeBytes(n, bytes, (Py_ssize_t)size, Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
#else
    _PyLong_AsByteArray((PyLongObject *)n, bytes, size, 1, 0);
#endif
}

/* The kind of a suspension is the argument of the RESUME after the YIELD_VALUE,
 * which instrumentation leaves as it is: 1 yield, 2 yield from, 3 await. */
static inline int
compat_suspension(PyCodeObject *code, int offset)
{
    return ((const uint8_t *)code->co_code_adaptive)[offset + 3] & 3;
}

/* Since 3.13 a generator that is closed or dropped while it is suspended outside
 * any try block dies without an event; bit 2 of that RESUME says so. */
static inline bool
compat_dies_silently(PyCodeObject *code, int offset)
{
    return PY_VERSION_HEX >= 0x030d0000 && (((const uint8_t *)code->co_code_adaptive)[offset + 3] & 4) != 0;
}

/* Where the frames of Python functions lie. A greenlet has a data stack of its own,
 * from its first frame to its end; the first chunk is never given back before. */
static inline const void *
compat_data_chunk(void)
{
    return PyThreadState_Get()->datastack_chunk;
}

static inline const void *
compat_first_chunk(const void *chunk)
{
    const _PyStackChunk *first = chunk;
    while (first && first->previous)
        first = first->previous;
    return first;
}

static inline int
compat_take_first(PyObject *object, void *slot)
{
    *(PyObject **)slot = object;
    return 1;
}

/* The first object that `object`, of C's `type`, tells the collector that it holds. Borrowed; NULL if there is none. */
static inline PyObject *
compat_first_held(PyTypeObject *type, PyObject *object)
{
    PyObject *held = NULL;
    type->tp_traverse(object, compat_take_first, &held);
    return held;
}

/* Looking up a str in a dictionary runs code of the program's if it has keys that are no str: they are asked
 * whether they are it. These find only str. Borrowed, held as compat_hold() does; NULL, without an exception, where there is none. */
PyObject *compat_dict_find(PyObject *dict, PyObject *name);
PyObject *compat_dict_find_text(PyObject *dict, const char *name);
PyObject *compat_type_lookup(PyTypeObject *type, PyObject *name);
/* What the program has imported by that name, if it is a module indeed: anything can stand in sys.modules.
 * PyImport_GetModule() would ask it for its __spec__. */
PyObject *compat_module(PyObject *name);
PyObject *compat_module_find(PyObject *module, const char *name);

/* New reference to what a weak reference or proxy refers to; NULL, without an exception, if that is dead. */
static inline PyObject *
compat_weak_referent(PyObject *reference)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyObject *referent = NULL;
    PyWeakref_GetRef(reference, &referent);
    return referent;
#else
    PyObject *referent = PyWeakref_GET_OBJECT(reference);
    return referent == Py_None ? NULL : Py_NewRef(referent);
#endif
}

#endif
