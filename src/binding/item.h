/* item.h - Call, Function, Track, ExceptionInfo, Value: an object is a trace and a number in it.
 *
 * Nothing is copied out of the model before it is asked for, so that iterating
 * over many millions of calls takes the memory of one. Each has a reference to its Trace.
 */
#ifndef FLOW_ITEM_H
#define FLOW_ITEM_H

#include "binding.h"

struct item {
    PyObject_HEAD
    struct trace *trace; /* Owned */
    uint32_t number;
};

struct value_object {
    PyObject_HEAD
    struct trace *trace; /* Owned */
    struct value value;
};

#define MODEL(self) (&((struct item *)(self))->trace->model)
#define TRACE(self) (((struct item *)(self))->trace)
#define NUMBER(self) (((struct item *)(self))->number)

#define ITEM_SPEC(item_name, object, item_slots)                      \
    {.name = "flowtrace." item_name,                                  \
     .basicsize = sizeof(struct object),                              \
     .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, \
     .slots = item_slots}

extern PyType_Spec call_type_spec, function_type_spec, track_type_spec, exception_type_spec, value_type_spec;

/* New reference; None for MODEL_NONE. */
PyObject *item_new(PyTypeObject *type, struct trace *trace, uint32_t number);
/* What types of items have for tp_dealloc, tp_richcompare and tp_hash; the first fits a value_object as well. */
void item_free(PyObject *self);
PyObject *item_compare(PyObject *self, PyObject *other, int op);
Py_hash_t item_hash(PyObject *self);

/* New reference to a Value; None for one that was not recorded. */
PyObject *value_type_new(struct trace *trace, struct value value);

#endif
