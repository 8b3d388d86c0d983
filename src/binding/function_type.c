/* function_type.c - Function: of a trace. */
#include "item.h"

static const struct code *
code_of(PyObject *self)
{
    return TRACE(self)->reader.codes[NUMBER(self)];
}

static PyObject *
function_qualname(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->qualname);
}

static PyObject *
function_module(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->module);
}

static PyObject *
function_file(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->file);
}

static PyObject *
function_line(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(code_of(self)->first_line);
}

static PyObject *
function_parameters(PyObject *self, void *Py_UNUSED(closure))
{
    const struct code *code = code_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)code->parameter_count);
    for (uint32_t i = 0; tuple && i < code->parameter_count; i++) {
        PyObject *name = binding_str(code->parameters[i].name);
        if (!name)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, name);
    }
    return tuple;
}

static PyObject *
function_kind(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(label_kind_of_function(code_of(self)));
}

static PyObject *
function_repr(PyObject *self)
{
    const struct code *code = code_of(self);
    PyObject *name = binding_str(code->qualname);
    PyObject *file = binding_str(code->file);
    PyObject *result = name && file ? PyUnicode_FromFormat("<Function %U at %U:%u>", name, file, code->first_line)
                                    : NULL;
    Py_XDECREF(file);
    Py_XDECREF(name);
    return result;
}

static PyGetSetDef function_getset[] = {
    {"qualname", function_qualname, NULL, "str: qualified name, as in function.__qualname__.", NULL},
    {"module", function_module, NULL, "str: name of the module; \"__main__\" for the program itself.", NULL},
    {"file", function_file, NULL, "str: path of the source, as the code object had it.", NULL},
    {"line", function_line, NULL, "int: first line in the file, decorators included.", NULL},
    {"parameters", function_parameters, NULL, "tuple of str: names of the parameters, in order.", NULL},
    {"kind", function_kind, NULL,
     "str: \"function\", \"generator\", \"coroutine\", \"async generator\", \"module\" or \"class\" (a body),\n"
     "\"library\": library or C code, recorded with boundary=True; \"region\" or \"note\": see flowtrace.region().",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot function_slots[] = {
    {Py_tp_doc, "A function of the program, or the body of a module or class."},
    {Py_tp_dealloc, item_free},
    {Py_tp_repr, function_repr},
    {Py_tp_richcompare, item_compare},
    {Py_tp_hash, item_hash},
    {Py_tp_getset, function_getset},
    {0, NULL},
};

PyType_Spec function_type_spec = ITEM_SPEC("Function", item, function_slots);
