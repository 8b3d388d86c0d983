/* events.c - one callback for each event of sys.monitoring. */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "recorder.h"
#include "secret.h"

struct thread *
event_enter(struct recorder *recorder, bool begins)
{
    struct thread *thread = thread_get(recorder);
    if (!thread || thread->busy)
        return NULL;
    __atomic_store_n(&thread->busy, true, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (COMPAT_FREE_THREADED && !recorder->recording) { /* it was, before we were busy: now nobody waits for us */
        thread->busy = false;
        return NULL;
    }
    if (thread->session != recorder->session)
        thread_renew(thread);
    if (greenlet_changed(thread))
        greenlet_follow(thread, begins);
    return thread;
}

static struct thread *
enter(struct recorder *recorder)
{
    return event_enter(recorder, false);
}

/* The same, for a frame that begins or goes on: it is no call on the stack yet. */
static struct thread *
enter_frame(struct recorder *recorder)
{
    return event_enter(recorder, true);
}

/* Code that is out of scope costs nothing from now on; but what a fault made unknown may not be. New reference. */
static PyObject *
disabled(struct recorder *recorder)
{
    return Py_NewRef(recorder->failed ? Py_None : recorder->disable);
}

static void
open_encoder(struct value_encoder *encoder, struct thread *thread, const uint8_t *p)
{
    struct recorder *recorder = thread->recorder;
    value_encoder_open(encoder, &thread->writer, thread_names(thread), &recorder->limits, p);
}

/* --- @trace ------------------------------------------------------------- */

/* Python code of FlowTrace's own: what it raises must not reach the program,
 * but for a Ctrl-C, which the program gets when it goes on. */
static void
call_hook(struct recorder *recorder, PyObject *hook)
{
    PyObject *pending = PyErr_GetRaisedException();
    struct thread *thread = thread_known(recorder);
    if (thread)
        __atomic_store_n(&thread->in_hook, true, __ATOMIC_RELEASE);
    PyObject *result = PyObject_CallNoArgs(hook);
    if (thread)
        __atomic_store_n(&thread->in_hook, false, __ATOMIC_RELEASE);
    if (!result && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        PyErr_SetInterrupt();
    }
    else if (!result) {
        PyErr_WriteUnraisable(hook);
    }
    Py_XDECREF(result);
    PyErr_SetRaisedException(pending);
}

static void
watched_begins(struct recorder *recorder, struct function *function)
{
    compat_lock(&recorder->shared);
    PyObject *begin = recorder->watched_active == 0 && !recorder->recording ? Py_NewRef(function->begin) : NULL;
    compat_unlock(&recorder->shared);
    PyObject *old_end = NULL;
    if (begin) {
        call_hook(recorder, begin);
        Py_DECREF(begin);
        if (!recorder->recording)
            return;
    }
    compat_lock(&recorder->shared);
    if (begin) {
        recorder->session_is_watched = true;
        old_end = recorder->session_end;
        recorder->session_end = Py_NewRef(function->end);
    }
    if (recorder->session_is_watched)
        recorder->watched_active++;
    compat_unlock(&recorder->shared);
    Py_XDECREF(old_end);
}

static void
watched_ends(struct recorder *recorder)
{
    compat_lock(&recorder->shared);
    bool last = recorder->session_is_watched && recorder->watched_active > 0 && --recorder->watched_active == 0;
    PyObject *end = last ? recorder->session_end : NULL;
    if (last) {
        recorder->session_is_watched = false;
        recorder->session_end = NULL;
    }
    compat_unlock(&recorder->shared);
    if (!last)
        return;
    recorder->recording = false; /* while end() runs other threads may: what they begin is no part of this */
    if (end)
        call_hook(recorder, end);
    Py_XDECREF(end);
}

/* What the callback of the weak reference is bound to, as bytes: the garbage collector must not see it. */
struct watched_generator {
    struct recorder *recorder; /* Borrowed: it owns the reference */
    uint64_t id;
};

/* New reference, or NULL. */
static PyObject *
watched_generators(struct recorder *recorder)
{
    compat_lock(&recorder->shared);
    PyObject *generators = Py_XNewRef(recorder->watched_generators);
    compat_unlock(&recorder->shared);
    return generators;
}

static PyObject *
generator_died(PyObject *watched, PyObject *Py_UNUSED(reference))
{
    struct watched_generator who;
    memcpy(&who, PyBytes_AS_STRING(watched), sizeof who);
    PyObject *id = PyLong_FromUnsignedLongLong(who.id);
    PyObject *generators = watched_generators(who.recorder);
    if (id && generators && PyDict_DelItem(generators, id) == 0)
        watched_ends(who.recorder);
    Py_XDECREF(generators);
    Py_XDECREF(id);
    PyErr_Clear();
    Py_RETURN_NONE;
}

static PyMethodDef generator_died_method = {"generator_died", generator_died, METH_O, NULL};

/* A generator of @trace's is left where its death would make no event: a weak reference tells. */
static void
await_death(struct recorder *recorder, uint64_t id)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* Borrowed */
    PyObject *generator = frame ? PyFrame_GetGenerator(frame) : NULL;
    PyObject *key = PyLong_FromUnsignedLongLong(id);
    struct watched_generator who = {recorder, id};
    PyObject *bound = PyBytes_FromStringAndSize((const char *)&who, sizeof who);
    PyObject *callback = key && bound ? PyCFunction_New(&generator_died_method, bound) : NULL;
    PyObject *reference = generator && callback ? PyWeakref_NewRef(generator, callback) : NULL;
    compat_lock(&recorder->shared);
    if (!recorder->watched_generators)
        recorder->watched_generators = PyDict_New();
    PyObject *generators = Py_XNewRef(recorder->watched_generators);
    compat_unlock(&recorder->shared);
    if (reference && generators)
        PyDict_SetItem(generators, key, reference);
    PyErr_Clear();
    Py_XDECREF(generators);
    Py_XDECREF(reference);
    Py_XDECREF(callback);
    Py_XDECREF(bound);
    Py_XDECREF(key);
    Py_XDECREF(generator);
}

static void
await_no_death(struct recorder *recorder, uint64_t id)
{
    PyObject *pending = PyErr_GetRaisedException();
    PyObject *generators = watched_generators(recorder);
    PyObject *key = generators ? PyLong_FromUnsignedLongLong(id) : NULL;
    if (key)
        PyDict_DelItem(generators, key);
    Py_XDECREF(key);
    Py_XDECREF(generators);
    PyErr_SetRaisedException(pending);
}

/* --- a call begins ------------------------------------------------------ */

/* At PY_START all parameters are bound. */
static uint8_t *
put_arguments(struct thread *thread, uint8_t *p, const struct function *function, const void *frame)
{
    struct value_encoder encoder;
    open_encoder(&encoder, thread, p);
    for (uint32_t i = 0; i < function->code.parameter_count; i++) {
        const struct parameter_plan *parameter = &function->parameters[i];
        PyObject *value = frame_local(frame, parameter->place, parameter->is_cell);
        if (!value)
            *p++ = FLOW_VALUE_UNREADABLE;
        else if (i == 0 && function->has_self)
            p = value_put_type(&encoder, identity_put_of(&encoder, p, value), value);
        else if (parameter->secret)
            p = secret_put(&encoder, p, value);
        else
            p = value_put(&encoder, p, value);
    }
    return p;
}

static void
remember_generator(struct thread *thread, const struct activation *activation)
{
    struct pointer_entry entry = {.key = activation->frame,
                                  .data = activation->function,
                                  .id = activation->generator,
                                  .extra = activation->task << 1 | activation->watched};
    if (!shared_map_put(&thread->recorder->generators, entry))
        recorder_fault(thread->recorder, thread, ENOMEM);
}

static void
begin_call(struct thread *thread, struct function *function)
{
    struct recorder *recorder = thread->recorder;
    bool suspends = function->code.flags & FLOW_CODE_SUSPENDS;
    bool with_values = recorder->values && function->code.parameter_count > 0;
    if (thread->depth == thread->root_depth)
        link_begin_root(thread, true);
    const struct activation *caller = thread_top(thread);
    uint64_t task = function->code.flags & FLOW_CODE_COROUTINE ? link_task(thread) : 0;
    if (!task && caller)
        task = caller->task;

    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(writer, with_values ? FLOW_CALL_VALUES : FLOW_CALL);
    if (!p)
        return;
    struct activation *activation = thread_push(thread, function);
    if (!activation)
        return;
    activation->frame = frame_running();
    activation->task = task;
    activation->start_ticks = writer->last_ticks;
    activation->ordinal = writer->calls++;
    p = writer_code(writer, p, &function->code);
    if (suspends) {
        activation->generator = thread_next_number(thread);
        p = varint_put(p, activation->generator);
    }
    if (with_values)
        p = put_arguments(thread, p, function, activation->frame);
    writer_commit(writer, p);
    if (suspends)
        remember_generator(thread, activation);
}

#define SUSPENDS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

static void
start_library(struct thread *thread, struct function *function, PyCodeObject *code)
{
    link_start(thread, function);
    if (function->boundary && code->co_flags & SUSPENDS && boundary_driven(thread->recorder, code))
        begin_call(thread, function);
}

static PyObject *
on_start(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (count < 2 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function;
    if (!recorder->recording) {
        function = recorder->watched_functions ? function_watched(recorder, code) : NULL;
        if (!function)
            Py_RETURN_NONE;
        watched_begins(recorder, function);
        function = recorder->recording ? function_of(recorder, code) : NULL; /* begin() may have set another scope */
        if (!function)
            Py_RETURN_NONE;
    }
    else {
        function = function_of(recorder, code);
        if (!function) {
            if (!recorder->boundary || !(code->co_flags & SUSPENDS))
                return disabled(recorder);
            function = boundary_driven(recorder, code); /* if not now, then another time */
            if (!function)
                Py_RETURN_NONE;
        }
        if (function->link == LINK_HANDLE_RUN && !shared_map_may_hold(&recorder->handles) && !recorder->called_back)
            Py_RETURN_NONE; /* each step of each task comes this way */
        if (function->watched)
            watched_begins(recorder, function);
    }
    struct thread *thread = enter_frame(recorder);
    if (!thread)
        Py_RETURN_NONE;
    if (function->start_offset < 0)
        function->start_offset = (int)PyLong_AsLong(args[1]);
    if (function->link == LINK_NONE)
        begin_call(thread, function);
    else
        start_library(thread, function, code);
    event_leave(thread);
    Py_RETURN_NONE;
}

/* --- a call ends, or is left for a while -------------------------------- */

static void
forget_generator(struct thread *thread, const struct activation *activation)
{
    if (!activation->generator)
        return;
    shared_map_remove(&thread->recorder->generators, activation->frame);
    const struct activation *caller = thread_top(thread);
    if (activation->task && (!caller || caller->task != activation->task))
        link_end_task(thread);
}

/* A chunk that begins with this record has the call that was just popped among those that run. */
static uint8_t *
begin_last(struct thread *thread, enum flow_record type)
{
    thread->depth++;
    uint8_t *p = writer_begin(&thread->writer, type);
    thread->depth--;
    return p;
}

static void
end_by_return(struct thread *thread, struct function *function, PyObject *value)
{
    struct recorder *recorder = thread->recorder;
    const struct activation *ended = thread_pop(thread, function, NULL);
    if (!ended)
        return;
    bool watched = ended->watched;
    struct writer *writer = &thread->writer;
    uint8_t *p = begin_last(thread, recorder->values ? FLOW_RETURN_VALUE : FLOW_RETURN);
    if (p && recorder->values) {
        struct value_encoder encoder;
        open_encoder(&encoder, thread, p);
        p = function->secret_result ? secret_put(&encoder, p, value) : value_put(&encoder, p, value);
    }
    if (p)
        writer_commit(writer, p);
    forget_generator(thread, ended);
    if (watched)
        watched_ends(recorder);
}

/* That of the call on top of the stack, mostly. */
static struct function *
function_running(struct recorder *recorder, PyCodeObject *code)
{
    struct thread *thread = thread_known(recorder);
    const struct activation *top = thread ? thread_top(thread) : NULL;
    struct function *function = top ? activation_function(top) : NULL;
    bool is_it = function && function->of == code && function->generation == recorder->generation;
    return is_it ? function : function_of(recorder, code);
}

static PyObject *
on_return(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording)
        return calls_idle(recorder);
    if (count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    struct function *function = function_running(recorder, (PyCodeObject *)args[0]);
    if (!function || (function->link != LINK_NONE && !function->boundary && !link_has_end(function->link)))
        return disabled(recorder);
    struct thread *thread = enter(recorder);
    if (!thread)
        Py_RETURN_NONE;
    if (function->link == LINK_NONE)
        end_by_return(thread, function, args[2]);
    else
        link_return(thread, function, args[2]);
    if (function->boundary)
        boundary_return(thread, function);
    event_leave(thread);
    Py_RETURN_NONE;
}

/* An async generator's value comes in an internal wrapper (gh-129013). Borrowed. */
static PyObject *
unwrap(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type->tp_traverse && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)
        && strcmp(type->tp_name, "async_generator_wrapped_value") == 0) {
        PyObject *held = compat_first_held(type, value);
        return held ? held : value;
    }
    return value;
}

static void
suspend(struct thread *thread, struct function *function, PyObject *value, PyCodeObject *code, int offset)
{
    int kind = compat_suspension(code, offset);
    const struct activation *suspended = thread_pop(thread, function, function->boundary ? frame_running() : NULL);
    if (!suspended)
        return;
    struct writer *writer = &thread->writer;
    bool outer = writer->p == thread->awaited; /* the call that it awaits has just said what for */
    uint8_t *p = begin_last(thread, FLOW_YIELD);
    if (!p)
        return;
    p = varint_put(p, (uint64_t)kind);
    if (thread->recorder->values && kind == FLOW_YIELD_PLAIN) {
        struct value_encoder encoder;
        open_encoder(&encoder, thread, p);
        p = function->secret_result ? secret_put(&encoder, p, unwrap(value)) : value_put(&encoder, p, unwrap(value));
    }
    else if (kind == FLOW_YIELD_AWAIT && !outer) {
        p = await_put(thread, p, function, value, code, offset);
    }
    else {
        *p++ = FLOW_VALUE_ABSENT;
    }
    writer_commit(writer, p);
    if (kind == FLOW_YIELD_AWAIT)
        thread->awaited = p;
    if (suspended->watched && thread->recorder->session_is_watched && compat_dies_silently(code, offset))
        await_death(thread->recorder, suspended->generator);
}

static PyObject *
on_yield(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording)
        return calls_idle(recorder);
    if (count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function = function_of(recorder, code);
    if (!function)
        return disabled(recorder);
    struct thread *thread = enter(recorder);
    if (!thread)
        Py_RETURN_NONE;
    if (function->link == LINK_NONE || function->boundary)
        suspend(thread, function, args[2], code, (int)PyLong_AsLong(args[1]));
    event_leave(thread);
    Py_RETURN_NONE;
}

/* --- a generator goes on ------------------------------------------------ */

/* One whose start was not seen gets an id now; the reader makes a call of it. `fresh`: it has not started yet, and what
 * is known at its place is of a dead one. */
static struct activation *
push_generator(struct thread *thread, struct function *function, bool fresh)
{
    struct recorder *recorder = thread->recorder;
    const void *frame = frame_running();
    struct pointer_entry entry = shared_map_get(&recorder->generators, frame);
    struct activation *activation = thread_push(thread, function);
    if (!activation)
        return NULL;
    activation->frame = frame;
    activation->start_ticks = thread->writer.last_ticks;
    if (entry.key && entry.data == function && !fresh) {
        activation->generator = entry.id;
        activation->task = entry.extra >> 1;
        activation->watched = entry.extra & 1;
        if (activation->watched)
            await_no_death(recorder, entry.id);
    }
    else {
        activation->generator = thread_next_number(thread);
        activation->watched = false;
        remember_generator(thread, activation);
    }
    return activation;
}

static void
go_on(struct thread *thread, struct function *function, PyObject *thrown, PyCodeObject *code, int offset)
{
    struct writer *writer = &thread->writer;
    if (!(function->code.flags & FLOW_CODE_SUSPENDS))
        return;
    if (thread->depth == 0)
        link_begin_root(thread, false);
    uint8_t *p = writer_begin(writer, thrown ? FLOW_THROW : FLOW_RESUME);
    bool fresh = thrown && offset < function->start_offset;
    const struct activation *activation = p ? push_generator(thread, function, fresh) : NULL;
    if (!activation)
        return;
    p = varint_put(p, activation->generator);
    p = writer_code(writer, p, &function->code);
    if (thrown)
        p = exception_put(thread, p, thrown, code, offset, SEEN_THROWN);
    writer_commit(writer, p);
    if (thrown)
        exception_put_detail(thread, thrown);
}

static PyObject *
on_resume(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording || count < 2 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    struct function *function = function_of(recorder, (PyCodeObject *)args[0]);
    if (!function)
        return disabled(recorder);
    struct thread *thread = enter_frame(recorder);
    if (!thread)
        Py_RETURN_NONE;
    if (function->link == LINK_NONE || (function->boundary && boundary_is_recorded(recorder, function)))
        go_on(thread, function, NULL, NULL, 0);
    event_leave(thread);
    Py_RETURN_NONE;
}

/* --- exceptions: never DISABLE from here -------------------------------- */

static PyObject *
on_throw(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording || count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function = function_of(recorder, code);
    bool wanted = function
                  && (function->link == LINK_NONE || (function->boundary && boundary_is_recorded(recorder, function)));
    struct thread *thread = wanted ? enter_frame(recorder) : NULL;
    if (!thread)
        Py_RETURN_NONE;
    int offset = (int)PyLong_AsLong(args[1]);
    go_on(thread, function, args[2], code, offset);
    if (!function->boundary)
        cancel_landed(thread, args[2], code, offset);
    event_leave(thread);
    Py_RETURN_NONE;
}

/* Has library code called this frame? What starts a module with -m does not count. */
static bool
has_library_below(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    bool found = false;
    while (frame && !found) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
        PyCodeObject *code = frame ? PyFrame_GetCode(frame) : NULL;
        found = code && PyUnicode_CompareWithASCIIString(code->co_filename, "<frozen runpy>") != 0;
        Py_XDECREF(code);
    }
    Py_XDECREF(frame);
    return found;
}

/* The line where the calling activation stands, where the exception comes in,
 * as an UNWIND record has it. */
static uint64_t
place_in_caller(const struct thread *thread)
{
    const struct activation *caller = thread->depth ? &thread->stack[thread->depth - 1] : NULL;
    if (!caller)
        return has_library_below();
    PyFrameObject *frame = caller->function ? PyThreadState_GetFrame(PyThreadState_Get()) : NULL;
    int line = 0;
    bool direct = true;
    for (int i = 0; frame && i < 64 && !line; i++) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
        if (!frame)
            break;
        PyCodeObject *code = PyFrame_GetCode(frame);
        if (function_known(thread->recorder, code) == caller->function)
            line = PyFrame_GetLineNumber(frame);
        else
            direct = false;
        Py_DECREF(code);
    }
    Py_XDECREF(frame);
    return (line > 0 ? (uint64_t)line << 1 : 0) | !direct;
}

/* From 3.13 on an exception may leave a frame at its entry, before PY_START. */
static bool
never_began(const struct thread *thread, const struct function *function, int offset, const void *frame)
{
    const struct activation *top = thread->depth ? &thread->stack[thread->depth - 1] : NULL;
    return COMPAT_UNWIND_WITHOUT_START && offset == function->start_offset
           && !(top && top->function == function && top->frame == frame);
}

static void
write_unwind(struct thread *thread, PyObject *exception, PyCodeObject *code, int offset)
{
    struct writer *writer = &thread->writer;
    uint8_t *p = begin_last(thread, FLOW_UNWIND);
    if (!p)
        return;
    int line = PyCode_Addr2Line(code, offset);
    p = exception_put(thread, p, exception, code, offset, SEEN_LEAVING);
    p = varint_put(p, line > 0 ? (uint64_t)line : 0);
    p = varint_put(p, place_in_caller(thread));
    writer_commit(writer, p);
    exception_put_detail(thread, exception);
}

static void
unwind(struct thread *thread, struct function *function, PyObject *exception, PyCodeObject *code, int offset)
{
    const void *frame = frame_running();
    const struct activation *ended = never_began(thread, function, offset, frame) ? NULL
                                                                                  : thread_pop(thread, function, frame);
    if (!ended)
        return;
    bool watched = ended->watched;
    write_unwind(thread, exception, code, offset);
    forget_generator(thread, ended);
    if (watched)
        watched_ends(thread->recorder);
}

static PyObject *
on_unwind(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording || count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function = function_known(recorder, code);
    struct thread *thread = function ? enter(recorder) : NULL;
    if (!thread)
        Py_RETURN_NONE;
    int offset = (int)PyLong_AsLong(args[1]);
    if (function->link == LINK_NONE)
        unwind(thread, function, args[2], code, offset);
    else
        link_return(thread, function, NULL);
    if (function->boundary && boundary_unwind(thread, function))
        write_unwind(thread, args[2], code, offset);
    event_leave(thread);
    Py_RETURN_NONE;
}

const char *const event_names[EVENTS] = {"PY_START",  "PY_RETURN", "PY_YIELD", "PY_RESUME",        "PY_THROW",
                                         "PY_UNWIND", "RAISE",     "RERAISE",  "EXCEPTION_HANDLED"};

const event_callback event_callbacks[EVENTS] = {
    on_start,  on_return,       on_yield,          on_resume,         on_throw,
    on_unwind, caught_on_raise, caught_on_reraise, caught_on_handled,
};
