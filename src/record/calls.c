#include "calls.h"

#include "hot.h"

#define RUNNING_MAX 4096 /* frames of one thread that are looked at when recording starts */

/* --- what is turned on where -------------------------------------------- */

/* The events that `code` has locally; 0 where that can't be known. */
static int
local_events(struct recorder *recorder, PyCodeObject *code)
{
    PyObject *number = recorder_ask_monitoring(recorder, "get_local_events", "(iO)", recorder->tool, code);
    long events = number ? PyLong_AsLong(number) : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return events > 0 ? (int)events : 0;
}

int
calls_add_local(struct recorder *recorder, PyCodeObject *code, int events)
{
    int all = local_events(recorder, code) | events;
    PyObject *done = recorder_ask_monitoring(recorder, "set_local_events", "(iOi)", recorder->tool, code, all);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What can't be turned on isn't seen. */
static void
turn_on(struct recorder *recorder, PyCodeObject *code, int events)
{
    if (events && calls_add_local(recorder, code, events) < 0)
        PyErr_Clear();
}

void
calls_watch(struct recorder *recorder, PyCodeObject *code, bool in_scope, enum link link)
{
    bool mentioned = cancel_is_mentioned(recorder, code) || new_thread_is_mentioned(recorder, code);
    int events = mentioned ? recorder->call_event : 0;
    if (recorder->boundary && (in_scope || link != LINK_NONE))
        events |= recorder->return_events;
    if (recorder->boundary && in_scope)
        events |= recorder->call_event;
    turn_on(recorder, code, events);
}

void
calls_watch_returns(struct recorder *recorder, PyCodeObject *code)
{
    turn_on(recorder, code, recorder->return_events);
}

void
calls_watch_running(struct recorder *recorder)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    for (int i = 0; frame && i < RUNNING_MAX; i++) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        PyObject *globals = PyFrame_GetGlobals(frame);
        if (globals)
            function_decide(recorder, code, globals);
        Py_XDECREF(globals);
        Py_DECREF(code);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    Py_XDECREF(frame);
}

/* --- the callbacks ------------------------------------------------------ */

static PyObject *
disable(const struct recorder *recorder)
{
    return Py_NewRef(recorder->disable ? recorder->disable : Py_None); /* the interpreter may be ending */
}

/* What is set locally stays set when recording ends: place by place it is turned off until the next recording. */
static PyObject *
disable_for_now(struct recorder *recorder)
{
    recorder->calls_disabled = true;
    return disable(recorder);
}

PyObject *
calls_idle(struct recorder *recorder)
{
    return recorder->file || !recorder->boundary ? Py_NewRef(Py_None) : disable_for_now(recorder);
}

static PyObject *
on_call(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (count < 4 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    if (!recorder->file)
        return disable_for_now(recorder);
    if (!recorder->recording)
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    const struct function *caller = recorder->boundary ? function_known(recorder, code) : NULL;
    bool boundary = caller && caller->in_scope;
    bool cancels = cancel_is_name_of(args[2]);
    bool starts = new_thread_is_name_of(args[2]);
    if (!boundary && !cancels && !starts)
        return disable(recorder);
    struct thread *thread = event_enter(recorder, false);
    if (!thread)
        Py_RETURN_NONE;
    if (cancels)
        cancel_call(thread, code, (int)PyLong_AsLong(args[1]), args[2], args[3]);
    if (starts)
        new_thread_call(thread, args[3]);
    if (boundary)
        boundary_begin(thread, caller, args[2]);
    event_leave(thread);
    Py_RETURN_NONE;
}

/* The thread, if the innermost call in it is one that boundary_begin() wrote. */
static struct thread *
enter_boundary(struct recorder *recorder)
{
    if (!recorder->recording || !recorder->boundary)
        return NULL;
    struct thread *thread = thread_get(recorder);
    const struct activation *top = thread ? thread_top(thread) : NULL;
    bool other = thread && recorder->greenlets && greenlet_changed(thread);
    return activation_is_boundary(top) || other ? event_enter(recorder, false) : NULL;
}

static PyObject *
on_c_return(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    struct thread *thread = count < 3 ? NULL : enter_boundary(recorder);
    if (!thread)
        Py_RETURN_NONE;
    boundary_c_return(thread, args[2]);
    event_leave(thread);
    Py_RETURN_NONE;
}

static PyObject *
on_c_raise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (count < 4 || !recorder->recording || !new_thread_is_name_of(args[2]))
        Py_RETURN_NONE;
    struct thread *thread = event_enter(recorder, false);
    if (!thread)
        Py_RETURN_NONE;
    new_thread_failed(thread, args[3]);
    event_leave(thread);
    Py_RETURN_NONE;
}

bool
calls_raise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    struct thread *thread = count < 3 || !PyCode_Check(args[0]) ? NULL : enter_boundary(recorder);
    if (!thread)
        return false;
    bool told = PyExceptionInstance_Check(args[2])
                && boundary_raise(thread, args[2], (PyCodeObject *)args[0], (int)PyLong_AsLong(args[1]));
    event_leave(thread);
    return told;
}

const char *const call_event_names[CALL_EVENTS] = {"CALL", "C_RETURN", "C_RAISE"};

CALLBACK(on_call)
CALLBACK(on_c_return)
CALLBACK(on_c_raise)

const vectorcallfunc call_callbacks[CALL_EVENTS] = {on_call_called, on_c_return_called, on_c_raise_called};
