/* events.c - one callback for each event of sys.monitoring. */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "hot.h"
#include "region.h"
#include "secret.h"

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
                                  .extra = activation->task << GENERATOR_TASK_SHIFT
                                           | (activation->at_end & AT_END_WATCH)};
    if (!shared_map_put(&thread->recorder->generators, entry))
        recorder_fault(thread->recorder, thread, ENOMEM);
}

static void
begin_call(struct thread *thread, struct function *function, bool watched)
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
    const struct activation begun = {
        .function = function,
        .frame = frame_running(),
        .generator = suspends ? thread_next_number(thread) : 0,
        .task = task,
        .start_ticks = writer->last_ticks,
        .ordinal = writer->calls,
        .at_end = watched ? AT_END_WATCH : 0,
    };
    const struct activation *activation = thread_push(thread, begun);
    if (!activation)
        return;
    writer->calls++;
    p = writer_code(writer, p, &function->code);
    if (suspends)
        p = varint_put(p, activation->generator);
    if (with_values)
        p = put_arguments(thread, p, function, activation->frame);
    writer_commit(writer, p);
    if (suspends)
        remember_generator(thread, activation);
}

#define SUSPENDS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

/* Is it a call to record as well? */
static bool
start_library(struct thread *thread, struct function *function, PyCodeObject *code)
{
    link_start(thread, function);
    return function->boundary && code->co_flags & SUSPENDS && boundary_driven(thread->recorder, code);
}

static PyObject *
on_start(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (count < 2 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function;
    bool watched = false;
    if (!recorder->recording) {
        function = recorder->watched_functions ? function_watched(recorder, code) : NULL;
        if (!function)
            Py_RETURN_NONE;
        watched = watch_begins(recorder, function);
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
            watched = watch_begins(recorder, function);
    }
    struct thread *thread = enter_frame(recorder);
    if (!thread) {
        if (watched)
            watch_ends(recorder);
        Py_RETURN_NONE;
    }
    if (function->start_offset < 0)
        function->start_offset = (int)PyLong_AsLong(args[1]);
    if (function->link == LINK_NONE || start_library(thread, function, code))
        begin_call(thread, function, watched);
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

static void
after_end(struct thread *thread, unsigned at_end, PyObject *exception)
{
    if (at_end & ~(unsigned)AT_END_WATCH)
        region_after_end(thread, at_end, exception);
    if (at_end & AT_END_WATCH)
        watch_ends(thread->recorder);
}

static void
end_by_return(struct thread *thread, struct function *function, PyObject *value)
{
    struct recorder *recorder = thread->recorder;
    const struct activation *ended = thread_pop(thread, function, NULL, 0);
    if (!ended)
        return;
    unsigned at_end = ended->at_end;
    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(&thread->writer, recorder->values ? FLOW_RETURN_VALUE : FLOW_RETURN);
    if (p && recorder->values) {
        struct value_encoder encoder;
        open_encoder(&encoder, thread, p);
        p = function->secret_result ? secret_put(&encoder, p, value) : value_put(&encoder, p, value);
    }
    if (p)
        writer_commit(writer, p);
    forget_generator(thread, ended);
    if (at_end)
        after_end(thread, at_end, NULL);
}

static PyObject *
on_return(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording)
        return calls_idle(recorder);
    if (count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    struct thread *thread = thread_known(recorder);
    struct function *function = function_running(recorder, thread, (PyCodeObject *)args[0]);
    if (!function || (function->link != LINK_NONE && !function->boundary && !link_has_end(function->link)))
        return disabled(recorder);
    thread = thread_enter(recorder, thread, false);
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
after_suspension(struct thread *thread, struct activation suspended, PyCodeObject *code, int offset)
{
    bool watched = suspended.at_end & AT_END_WATCH && thread->recorder->session_is_watched;
    region_after_suspension(thread, &suspended);
    if (watched && compat_dies_silently(code, offset))
        watch_await_death(thread->recorder, suspended.generator);
}

static void
suspend(struct thread *thread, struct function *function, PyObject *value, PyCodeObject *code, int offset)
{
    int kind = compat_suspension(code, offset);
    const void *frame = function->boundary ? frame_running() : NULL;
    const struct activation *suspended = thread_pop(thread, function, frame, kind);
    if (!suspended)
        return;
    struct writer *writer = &thread->writer;
    bool outer = writer->p == thread->awaited; /* the call that it awaits has just said what for */
    uint8_t *p = writer_begin(writer, FLOW_YIELD);
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
    if (suspended->at_end)
        after_suspension(thread, *suspended, code, offset);
}

static PyObject *
on_yield(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (!recorder->recording)
        return calls_idle(recorder);
    if (count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct thread *thread = thread_known(recorder);
    struct function *function = function_running(recorder, thread, code);
    if (!function)
        return disabled(recorder);
    thread = thread_enter(recorder, thread, false);
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
    bool known = entry.key && entry.data == function && !fresh;
    const struct activation resumed = {
        .function = function,
        .frame = frame,
        .generator = known ? entry.id : thread_next_number(thread),
        .task = known ? entry.extra >> GENERATOR_TASK_SHIFT : 0,
        .start_ticks = thread->writer.last_ticks,
        .at_end = known ? (uint8_t)(entry.extra & (AT_END_WATCH | AT_END_WAKE)) : 0,
    };
    struct activation *activation = thread_push(thread, resumed);
    if (!activation)
        return NULL;
    if (!known)
        remember_generator(thread, activation);
    else if (activation->at_end & AT_END_WATCH)
        watch_await_no_death(recorder, entry.id);
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
    if (thread->recorder->file->slot_units)
        link_tell_resumed_task(thread);
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
    else if (activation->at_end & AT_END_WAKE)
        region_wake(thread);
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
    const struct activation *top = thread_top(thread);
    if (top && top->at_end & AT_END_WAKE)
        region_wake(thread);
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
    const struct activation *caller = thread_top_call(thread);
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
    uint8_t *p = writer_begin(&thread->writer, FLOW_UNWIND);
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
    const struct activation *ended = never_began(thread, function, offset, frame)
                                         ? NULL
                                         : thread_pop(thread, function, frame, 0);
    if (!ended)
        return;
    unsigned at_end = ended->at_end;
    write_unwind(thread, exception, code, offset);
    forget_generator(thread, ended);
    if (at_end)
        after_end(thread, at_end, exception);
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
    unsigned at_end = 0;
    if (function->boundary && boundary_unwind(thread, function, &at_end)) {
        write_unwind(thread, args[2], code, offset);
        region_after_end(thread, at_end, args[2]);
    }
    event_leave(thread);
    Py_RETURN_NONE;
}

const char *const event_names[EVENTS] = {"PY_START",  "PY_RETURN", "PY_YIELD", "PY_RESUME",        "PY_THROW",
                                         "PY_UNWIND", "RAISE",     "RERAISE",  "EXCEPTION_HANDLED"};

CALLBACK(on_start)
CALLBACK(on_return)
CALLBACK(on_yield)
CALLBACK(on_resume)
CALLBACK(on_throw)
CALLBACK(on_unwind)
CALLBACK(caught_on_raise)
CALLBACK(caught_on_reraise)
CALLBACK(caught_on_handled)

const vectorcallfunc event_callbacks[EVENTS] = {
    on_start_called,  on_return_called,       on_yield_called,          on_resume_called,         on_throw_called,
    on_unwind_called, caught_on_raise_called, caught_on_reraise_called, caught_on_handled_called,
};
