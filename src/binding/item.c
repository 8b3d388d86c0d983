#include "item.h"

PyObject *
item_new(PyTypeObject *type, struct trace *trace, uint32_t number)
{
    if (number == MODEL_NONE)
        Py_RETURN_NONE;
    struct item *item = PyObject_New(struct item, type);
    if (!item)
        return NULL;
    item->trace = (struct trace *)Py_NewRef(trace);
    item->number = number;
    return (PyObject *)item;
}

void
item_free(PyObject *self) /* in a value_object the trace stands in the same place */
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((struct item *)self)->trace);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *
item_compare(PyObject *self, PyObject *other, int op)
{
    if (Py_TYPE(other) != Py_TYPE(self) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    const struct item *a = (const struct item *)self;
    const struct item *b = (const struct item *)other;
    return PyBool_FromLong((a->trace == b->trace && a->number == b->number) == (op == Py_EQ));
}

Py_hash_t
item_hash(PyObject *self)
{
    const struct item *item = (const struct item *)self;
    return (Py_hash_t)((uintptr_t)item->trace >> 4 ^ (uintptr_t)item->number << 8);
}

PyObject *
binding_items(PyTypeObject *type, struct trace *trace, uint32_t count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; tuple && i < count; i++) {
        PyObject *item = item_new(type, trace, i);
        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

uint32_t
binding_number_of(PyTypeObject *type, const struct trace *trace, PyObject *object)
{
    return Py_TYPE(object) == type && TRACE(object) == trace ? NUMBER(object) : MODEL_NONE;
}

static PyStructSequence_Field location_fields[] = {
    {"file", "str: path of the source"},
    {"line", "int: line in it, 0 where unknown"},
    {"function", "str: qualified name"},
    {NULL, NULL},
};

static PyStructSequence_Field wait_fields[] = {
    {"duration_ns", "int: nanoseconds that it lasted"},
    {"line", "int: line of the await, 0 where unknown"},
    {"type", "str: type of what was awaited; \"\" for nothing but another turn, as in sleep(0)"},
    {"task", "str or None: name of the task that was awaited"},
    {NULL, NULL},
};

static PyStructSequence_Desc wait_description = {
    .name = "flowtrace.Wait", .doc = "What a call waited for.", .fields = wait_fields, .n_in_sequence = 4};

static PyStructSequence_Desc location_description = {
    .name = "flowtrace.Location", .doc = "A place in the source.", .fields = location_fields, .n_in_sequence = 3};

int
binding_add_call_types(PyObject *module)
{
    struct binding_types *own = binding_types_of(module);
    struct {
        PyTypeObject **type;
        PyType_Spec *spec;
    } types[] = {{&own->call, &call_type_spec},
                 {&own->function, &function_type_spec},
                 {&own->track, &track_type_spec},
                 {&own->exception, &exception_type_spec},
                 {&own->value, &value_type_spec}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *types[i].type = (PyTypeObject *)PyType_FromModuleAndSpec(module, types[i].spec, NULL);
        if (!*types[i].type || PyModule_AddType(module, *types[i].type) < 0)
            return -1;
    }
    own->location = PyStructSequence_NewType(&location_description);
    own->wait = PyStructSequence_NewType(&wait_description);
    if (!own->location || !own->wait || PyModule_AddType(module, own->location) < 0)
        return -1;
    return PyModule_AddType(module, own->wait);
}
