#include "calls.h"

/* The events that `code` has locally; 0 where that can't be known. */
static int
local_events(struct recorder *recorder, PyCodeObject *code)
{
    PyObject *number = recorder_ask_monitoring("get_local_events", "(iO)", recorder->tool, code);
    long events = number ? PyLong_AsLong(number) : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return events > 0 ? (int)events : 0;
}

int
calls_add_local(struct recorder *recorder, PyCodeObject *code, int events)
{
    int all = local_events(recorder, code) | events;
    PyObject *done = recorder_ask_monitoring("set_local_events", "(iOi)", recorder->tool, code, all);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What can't be turned on isn't seen. */
void
calls_watch(struct recorder *recorder, PyCodeObject *code)
{
    if (cancel_is_mentioned(recorder, code) && calls_add_local(recorder, code, recorder->call_event) < 0)
        PyErr_Clear();
}

/* What is set locally stays set when recording ends: DISABLE gets rid of it, place by place. */
static PyObject *
disable(struct recorder *recorder)
{
    recorder->calls_disabled = true;
    return Py_NewRef(recorder->disable ? recorder->disable : Py_None); /* the interpreter may be ending */
}

static PyObject *
on_call(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    struct recorder *recorder = PyModule_GetState(module);
    if (count < 4 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    if (!recorder->file)
        return disable(recorder);
    if (!recorder->recording)
        Py_RETURN_NONE;
    if (!cancel_is_name_of(args[2]))
        return Py_NewRef(recorder->disable);
    struct thread *thread = event_enter(recorder, false);
    if (!thread)
        Py_RETURN_NONE;
    cancel_call(thread, (PyCodeObject *)args[0], (int)PyLong_AsLong(args[1]), args[2], args[3]);
    event_leave(thread);
    Py_RETURN_NONE;
}

const char *const call_event_names[CALL_EVENTS] = {"CALL"};

#define CALLBACK(function) {#function, (PyCFunction)(void (*)(void))function, METH_FASTCALL, NULL}

PyMethodDef call_callbacks[CALL_EVENTS] = {CALLBACK(on_call)};
