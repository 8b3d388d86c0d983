/* value_type.c - Value: an argument or a result, as it was recorded. */
#include "../model/value_text.h"
#include "item.h"

PyObject *
value_type_new(struct trace *trace, struct value value)
{
    if (!value.data)
        Py_RETURN_NONE;
    struct value_object *object = PyObject_New(struct value_object, trace->types->value);
    if (!object)
        return NULL;
    object->trace = (struct trace *)Py_NewRef(trace);
    object->value = value;
    return (PyObject *)object;
}

static PyObject *
get_type_name(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(value_type_name(&TRACE(self)->reader, ((struct value_object *)self)->value));
}

static PyObject *
value_identity(PyObject *self, void *Py_UNUSED(closure))
{
    struct value value = ((struct value_object *)self)->value;
    struct value_head head;
    if (value_read(&TRACE(self)->reader, &value, &head) < 0 || !head.identity)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(head.identity);
}

static PyObject *
value_str(PyObject *self)
{
    return binding_value_text(&TRACE(self)->reader, ((struct value_object *)self)->value);
}

static PyObject *
value_get_text(PyObject *self, void *Py_UNUSED(closure))
{
    return value_str(self);
}

static PyObject *
value_python(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return binding_value_python(TRACE(self), ((struct value_object *)self)->value);
}

static PyObject *
value_repr(PyObject *self)
{
    PyObject *text = value_str(self);
    PyObject *result = text ? PyUnicode_FromFormat("<Value %U>", text) : NULL;
    Py_XDECREF(text);
    return result;
}

static PyGetSetDef value_getset[] = {
    {"type_name", get_type_name, NULL, "str: name of the value's type, \"\" where unknown.", NULL},
    {"identity", value_identity, NULL,
     "int or None: the object's number among those of its type's name, the same as long as it lives. Only of\n"
     "recordings with identity=True or --identity, in one process.",
     NULL},
    {"text", value_get_text, NULL, "str: the value as it was recorded, much like its repr.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef value_methods[] = {
    {"python", value_python, METH_NOARGS,
     "python($self)\n--\n\nThe value itself, if it is plain data that was recorded whole: None, bool, int, float,\n"
     "complex, str, bytes, bytearray, and list, tuple, set, frozenset and dict of such.\n"
     "Raises FlowTraceError for anything else."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot value_slots[] = {
    {Py_tp_doc, "A recorded argument or result. str() gives its text."},
    {Py_tp_dealloc, item_free},
    {Py_tp_repr, value_repr},
    {Py_tp_str, value_str},
    {Py_tp_getset, value_getset},
    {Py_tp_methods, value_methods},
    {0, NULL},
};

PyType_Spec value_type_spec = ITEM_SPEC("Value", value_object, value_slots);
