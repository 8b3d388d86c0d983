/* callback.c - what sys.monitoring calls. A builtin function would do, but for one thing: before
 * it runs, the interpreter asks whether there is C stack left, and raises RecursionError into the
 * program where there is not. The frame that it would happen in is the program's last that fits. */
#include "recorder.h"

static void
free_callback(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((struct callback *)self)->module);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct callback, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_dealloc, free_callback},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "flowtrace._core.Callback",
    .basicsize = sizeof(struct callback),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int
callback_make_all(PyObject *module, const vectorcallfunc *functions, PyObject **out, int count)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    for (int i = 0; type && i < count; i++) {
        struct callback *callback = PyObject_New(struct callback, type);
        if (!callback)
            break;
        callback->call = functions[i];
        callback->recorder = PyModule_GetState(module);
        callback->module = Py_NewRef(module);
        out[i] = (PyObject *)callback;
    }
    Py_XDECREF(type);
    return PyErr_Occurred() ? -1 : 0;
}
