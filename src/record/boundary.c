/* boundary.c - calls from the program's own code straight into library or C code, as leaves (--boundary).
 *
 * CALL tells that one begins. C code ends with C_RETURN, or with RAISE in the
 * caller's frame. Library functions end with their own PY_RETURN or PY_UNWIND,
 * set on those alone that were called so, where the frame below is the caller's:
 * the library may call the function as well. An activation of a boundary call
 * has its caller's frame for its own.
 *
 * Coroutines and generators of a library do nothing when they are called. They are
 * recorded as those of the program are, if the program's code itself drives them first.
 */
#include "callable.h"
#include "calls.h"
#include "hot.h"
#include "region.h"

/* --- who calls ---------------------------------------------------------- */

/* The frame that called the running one, if it is the program's own; else NULL. Compared only. */
static const void *
own_caller(struct recorder *recorder)
{
    PyFrameObject *running = PyEval_GetFrame();                         /* Borrowed */
    PyFrameObject *back = running ? PyFrame_GetBack(running) : NULL;
    PyCodeObject *code = back ? PyFrame_GetCode(back) : NULL;
    const struct function *caller = code ? function_known(recorder, code) : NULL;
    Py_XDECREF(code);
    const void *frame = back ? frame_of(back) : NULL;
    Py_XDECREF(back); /* the running frame keeps it */
    return caller && caller->in_scope ? frame : NULL;
}

/* Is it a call that this frame has made? */
static bool
is_call_of(const struct activation *activation, const void *frame)
{
    const struct function *function = activation_function(activation);
    return function && function->boundary && !(function->code.flags & FLOW_CODE_SUSPENDS) && activation->frame == frame;
}

/* --- it begins ---------------------------------------------------------- */

/* What the frame called before has ended, seen or not. */
static void
drop_ended(struct thread *thread, const void *frame)
{
    uint32_t ended = 0;
    while (ended < thread->depth && is_call_of(&thread->stack[thread->depth - 1 - ended], frame))
        ended++;
    if (ended)
        thread_drop(thread, ended);
}

void
boundary_begin(struct thread *thread, const struct function *caller, PyObject *callable)
{
    struct function *function = callable_function(thread->recorder, callable);
    const struct activation *top = thread_top(thread);
    if (!function && !activation_is_boundary(top))
        return;
    const void *frame = frame_running();
    drop_ended(thread, frame);
    top = thread_top_call(thread);
    if (!function || (top && (top->function != caller || top->frame != frame)))
        return;
    top = thread_top(thread);
    uint64_t task = top ? top->task : 0;
    if (thread->depth == 0)
        link_begin_root(thread, false);
    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(writer, FLOW_CALL);
    struct activation activation = {.function = function,
                                    .frame = frame,
                                    .task = task,
                                    .start_ticks = writer->last_ticks,
                                    .ordinal = writer->calls};
    if (!p || !thread_push(thread, activation))
        return;
    writer->calls++;
    writer_commit(writer, writer_code(writer, p, &function->code));
}

/* --- it ends ------------------------------------------------------------ */

static void
end_by_return(struct thread *thread, unsigned at_end)
{
    uint8_t *p = writer_begin(&thread->writer, FLOW_RETURN);
    if (p)
        writer_commit(&thread->writer, p);
    region_after_end(thread, at_end, NULL);
}

void
boundary_c_return(struct thread *thread, PyObject *callable)
{
    const struct activation *top = thread_top(thread);
    if (!top || !is_call_of(top, frame_running()))
        return;
    const struct function *function = callable_function(thread->recorder, callable);
    const struct activation *ended = top->function == function ? thread_pop(thread, function, NULL, 0) : NULL;
    if (ended)
        end_by_return(thread, ended->at_end);
}

/* An exception comes out of what the frame called. */
bool
boundary_raise(struct thread *thread, PyObject *exception, PyCodeObject *code, int offset)
{
    const struct activation *top = thread_top(thread);
    if (!top || !is_call_of(top, frame_running()))
        return false;
    unsigned at_end = thread_pop(thread, activation_function(top), NULL, 0)->at_end;
    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(writer, FLOW_UNWIND);
    if (!p)
        return true;
    int line = PyCode_Addr2Line(code, offset);
    p = exception_put(thread, p, exception, code, offset, SEEN_RAISED);
    *p++ = 0;
    writer_commit(writer, varint_put(p, line > 0 ? (uint64_t)line << 1 : 0));
    exception_put_detail(thread, exception);
    region_after_end(thread, at_end, exception);
    return true;
}

/* Pops the call of `function` that ends now: by its own frame if it suspends, else by its caller's. */
static bool
pop_ending(struct thread *thread, struct function *function, unsigned *at_end)
{
    bool suspends = function->code.flags & FLOW_CODE_SUSPENDS;
    const void *frame = suspends ? frame_running() : own_caller(thread->recorder);
    const struct activation *ended = frame ? thread_pop(thread, function, frame, 0) : NULL;
    if (!ended)
        return false;
    *at_end = ended->at_end;
    if (suspends)
        shared_map_remove(&thread->recorder->generators, frame);
    return true;
}

void
boundary_return(struct thread *thread, struct function *function)
{
    unsigned at_end;
    if (pop_ending(thread, function, &at_end))
        end_by_return(thread, at_end);
}

bool
boundary_unwind(struct thread *thread, struct function *function, unsigned *at_end)
{
    return pop_ending(thread, function, at_end);
}

/* --- coroutines and generators ------------------------------------------ */

struct function *
boundary_driven(struct recorder *recorder, PyCodeObject *code)
{
    if (!own_caller(recorder))
        return NULL;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *globals = frame ? PyFrame_GetGlobals(frame) : NULL;
    struct function *function = callable_code(recorder, code, globals);
    Py_XDECREF(globals);
    Py_XDECREF(frame);
    return function;
}

bool
boundary_is_recorded(struct recorder *recorder, const struct function *function)
{
    struct pointer_entry entry = shared_map_get(&recorder->generators, frame_running());
    return entry.key && entry.data == function;
}
