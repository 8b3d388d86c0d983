/* cancel.c - who cancels a task: its cancel(), and that of a future that it waits for, are written in C and make no
 * event but the caller's CALL. */
#include <stdio.h>
#include <string.h>

#include "calls.h"

#define VIA_MAX 64
#define AWAITED_MAX 64   /* tasks that wait for each other */
#define FRAMES_MAX 64    /* that are looked through for the call that asked */

/* --- what is being called ----------------------------------------------- */

bool
cancel_is_mentioned(const struct recorder *recorder, PyCodeObject *code)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); i++)
        if (PyTuple_GET_ITEM(code->co_names, i) == recorder->cancel_name) /* both are interned */
            return true;
    return false;
}

static const char *
name_of(PyObject *callable)
{
    if (PyCFunction_Check(callable))
        return ((PyCFunctionObject *)callable)->m_ml->ml_name;
    if (Py_IS_TYPE(callable, &PyMethodDescr_Type))
        return ((PyMethodDescrObject *)callable)->d_method->ml_name;
    if (PyMethod_Check(callable))
        callable = PyMethod_GET_FUNCTION(callable);
    PyObject *name = PyFunction_Check(callable) ? ((PyFunctionObject *)callable)->func_name : NULL;
    return name && PyUnicode_CompareWithASCIIString(name, "cancel") == 0 ? "cancel" : "";
}

bool
cancel_is_name_of(PyObject *callable)
{
    return strcmp(name_of(callable), "cancel") == 0;
}

/* Borrowed: the object whose cancel(), in C, is called; else NULL. */
static PyObject *
cancelled_object(PyObject *callable, PyObject *first)
{
    return PyCFunction_Check(callable)                 ? PyCFunction_GET_SELF(callable)
           : Py_IS_TYPE(callable, &PyMethodDescr_Type) ? first
                                                       : NULL;
}

/* --- who asks for it ---------------------------------------------------- */

struct asker {
    char via[VIA_MAX]; /* library code that does it; "" if it is the call on top itself */
    uint64_t scope;    /* the timeout() or TaskGroup, or 0 */
    bool by_top;       /* the call on top of the stack asked for it */
    int line;          /* where it stands; 0 unknown */
};

static bool
is_named(PyObject *string, const char *name)
{
    return PyUnicode_CompareWithASCIIString(string, name) == 0;
}

/* Finds the frame of the program's own call on top of the stack: its line, or 0 if the event loop runs in between. */
static int
line_of_top(struct thread *thread)
{
    const struct activation *top = thread_top(thread);
    while (top && top > thread->stack && (activation_is_boundary(top) || activation_is_region(top)))
        top--;
    PyFrameObject *frame = top && top->function ? PyThreadState_GetFrame(PyThreadState_Get()) : NULL;
    int line = 0;
    for (int i = 0; frame && i < FRAMES_MAX; i++) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        bool found = function_known(thread->recorder, code) == top->function;
        bool loop = is_named(code->co_qualname, "Handle._run");
        Py_DECREF(code);
        if (found)
            line = PyFrame_GetLineNumber(frame);
        if (found || loop)
            break;
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    Py_XDECREF(frame);
    return line > 0 ? line : 0;
}

/* The running frame's local of that name. New reference, or NULL. */
static PyObject *
local_of(PyFrameObject *frame, const char *name)
{
    PyObject *value = frame ? PyFrame_GetVarString(frame, name) : NULL;
    if (!value)
        PyErr_Clear();
    return value;
}

static uint64_t
scope_of(struct recorder *recorder)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *self = local_of(frame, "self");
    uint64_t id = self ? shared_map_get(&recorder->spawns, self).id : 0;
    Py_XDECREF(self);
    Py_XDECREF(frame);
    return id;
}

/* The package that the running code belongs to. */
static void
put_package(char *out, size_t size)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *globals = frame ? PyFrame_GetGlobals(frame) : NULL;
    PyObject *module = globals ? compat_dict_find_text(globals, "__name__") : NULL; /* Borrowed */
    bool complete;
    size_t n = module && PyUnicode_Check(module) ? value_utf8(module, out, size - 1, &complete) : 0;
    out[n] = '\0';
    out[strcspn(out, ".")] = '\0';
    if (!out[0])
        snprintf(out, size, "library code");
    Py_XDECREF(globals);
    Py_XDECREF(frame);
}

/* Code of asyncio's that cancels for somebody. */
static const struct {
    const char *qualname, *via;
} askers[] = {
    {"Timeout._on_timeout", "timeout"},    {"TaskGroup._abort", "TaskGroup"},
    {"TaskGroup.__aexit__", "TaskGroup"},  {"TaskGroup._on_task_done", "TaskGroup"},
    {"_GatheringFuture.cancel", "gather"}, {"_cancel_and_wait", "wait_for"},
    {"_cancel_all_tasks", "asyncio.run"},  {"Runner._on_sigint", "Ctrl-C"},
    {"staggered_race", "staggered_race"},
};

static struct asker
library_asker(struct thread *thread, PyCodeObject *code)
{
    struct asker asker = {.line = line_of_top(thread)};
    bool known = false;
    for (size_t i = 0; i < sizeof askers / sizeof *askers && !known; i++)
        if ((known = is_named(code->co_qualname, askers[i].qualname)))
            strcpy(asker.via, askers[i].via);
    if (!known)
        put_package(asker.via, sizeof asker.via);
    /* Others' `self` may lie where a dead task lay. */
    bool scoped = strcmp(asker.via, "timeout") == 0 || strcmp(asker.via, "TaskGroup") == 0;
    asker.scope = scoped ? scope_of(thread->recorder) : 0;
    asker.by_top = asker.line > 0 && !is_named(code->co_qualname, "Runner._on_sigint");
    return asker;
}

/* --- records ------------------------------------------------------------ */

static void
write_request(struct thread *thread, uint64_t task, const struct asker *asker)
{
    uint8_t payload[4 * VARINT_MAX + VIA_MAX + VARINT_MAX];
    uint8_t *p = varint_put(payload, FLOW_CANCEL_REQUEST);
    p = varint_put(p, task);
    p = varint_put(p, asker->scope);
    p = varint_put(p, (uint64_t)asker->line << 1 | asker->by_top);
    p = writer_text(p, asker->via, strlen(asker->via));
    writer_extended(&thread->writer, FLOW_EXTENDED_CANCEL, payload, (size_t)(p - payload));
}

/* A task that waits for another cancels that one, in C: all of them, the awaited last. */
static void
request_task(struct thread *thread, PyObject *task, const struct asker *asker)
{
    struct recorder *recorder = thread->recorder;
    Py_INCREF(task);
    for (int i = 0; task && i < AWAITED_MAX; i++) {
        uint64_t id = link_id(recorder, task);
        if (id)
            write_request(thread, id, asker);
        Py_SETREF(task, link_awaited(recorder, task));
    }
    Py_XDECREF(task);
}

/* The task that this callback of a future wakes, or NULL. Borrowed. */
static PyObject *
woken_task(struct recorder *recorder, PyObject *callback)
{
    PyObject *task = callback && PyCFunction_Check(callback) ? PyCFunction_GET_SELF(callback) : NULL;
    return task && link_is_task(recorder, task) ? task : NULL;
}

/* Who waits for a future is cancelled with it. */
static void
request_waiting(struct thread *thread, PyObject *callbacks, const struct asker *asker)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks); i++) {
        PyObject *pair = PyList_GET_ITEM(callbacks, i); /* Borrowed */
        bool whole = PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) > 0;
        PyObject *task = whole ? woken_task(thread->recorder, PyTuple_GET_ITEM(pair, 0)) : NULL;
        uint64_t id = task ? link_id(thread->recorder, task) : 0;
        if (id)
            write_request(thread, id, asker);
    }
}

void
cancel_call(struct thread *thread, PyCodeObject *code, int offset, PyObject *callable, PyObject *first)
{
    struct recorder *recorder = thread->recorder;
    PyObject *object = cancelled_object(callable, first);
    bool task = object && link_is_task(recorder, object);
    PyObject *waiting = object && !task ? link_waiting(recorder, object) : NULL;
    if (!task && !waiting)
        return;
    const struct function *function = function_known(recorder, code);
    struct asker asker = {.by_top = thread->depth > 0};
    if (function && function->in_scope)
        asker.line = PyCode_Addr2Line(code, offset);
    else
        asker = library_asker(thread, code);
    if (task)
        request_task(thread, object, &asker);
    else
        request_waiting(thread, waiting, &asker);
    Py_XDECREF(waiting);
}

/* "timeout(0.5)": what was given to asyncio.timeout() or wait_for(), which makes a Timeout. */
static void
name_timeout(char *out, size_t size)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyFrameObject *maker = frame ? PyFrame_GetBack(frame) : NULL;
    PyFrameObject *caller = maker ? PyFrame_GetBack(maker) : NULL;
    PyCodeObject *code = caller ? PyFrame_GetCode(caller) : NULL;
    PyObject *delay = local_of(maker, "delay");
    char *text = delay && PyFloat_CheckExact(delay) ? PyOS_double_to_string(PyFloat_AS_DOUBLE(delay), 'r', 0, 0, NULL)
                                                    : NULL;
    int overflow;
    char number[24] = "";
    if (delay && PyLong_CheckExact(delay))
        snprintf(number, sizeof number, "%ld", PyLong_AsLongAndOverflow(delay, &overflow));
    bool waits = code && is_named(code->co_qualname, "wait_for");
    snprintf(out, size, text || number[0] ? "%s(%s)" : "%s%s", waits ? "wait_for" : "timeout", text ? text : number);
    PyMem_Free(text);
    PyErr_Clear();
    Py_XDECREF(delay);
    Py_XDECREF(code);
    Py_XDECREF(caller);
    Py_XDECREF(maker);
    Py_XDECREF(frame);
}

void
cancel_scope(struct thread *thread, PyObject *scope, enum link link)
{
    int line = line_of_top(thread);
    uint64_t id = line ? link_new_id(thread->recorder, scope) : 0;
    if (!id) {
        shared_map_remove(&thread->recorder->spawns, scope); /* of a dead one, perhaps */
        return;
    }
    char name[VIA_MAX] = "TaskGroup";
    if (link == LINK_TIMEOUT)
        name_timeout(name, sizeof name);
    uint8_t payload[3 * VARINT_MAX + VIA_MAX + VARINT_MAX];
    uint8_t *p = varint_put(payload, FLOW_CANCEL_SCOPE);
    p = varint_put(p, id);
    p = varint_put(p, (uint64_t)line);
    p = writer_text(p, name, strlen(name));
    writer_extended(&thread->writer, FLOW_EXTENDED_CANCEL, payload, (size_t)(p - payload));
}

void
cancel_landed(struct thread *thread, PyObject *exception, PyCodeObject *code, int offset)
{
    if (strcmp(Py_TYPE(exception)->tp_name, "CancelledError") != 0)
        return;
    int line = PyCode_Addr2Line(code, offset);
    uint8_t payload[2 * VARINT_MAX];
    uint8_t *p = varint_put(payload, FLOW_CANCEL_LANDED);
    p = varint_put(p, line > 0 ? (uint64_t)line : 0);
    writer_extended(&thread->writer, FLOW_EXTENDED_CANCEL, payload, (size_t)(p - payload));
}
