/* caught.c - with the setting `caught`: exceptions within a call, from where they are raised or come in to the
 * handler that has them. Never DISABLE from here. */
#include "calls.h"
#include "hot.h"

#define HANDLER_HEAD 16 /* bytes */

/* The end of an iteration is raised in every loop, and a closed generator is told by THROW. */
static bool
is_control_flow(PyObject *exception)
{
    PyObject *const types[] = {PyExc_StopIteration, PyExc_StopAsyncIteration, PyExc_GeneratorExit};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (PyType_IsSubtype(Py_TYPE(exception), (PyTypeObject *)types[i]))
            return true;
    return false;
}

/* Is this frame's call the one on top? It isn't where its start was not seen, or never was (3.13+). */
static bool
is_on_top(const struct thread *thread, const struct function *function, int offset)
{
    const struct activation *top = thread_top_call(thread);
    if (!top || top->function != function || (COMPAT_UNWIND_WITHOUT_START && offset == function->start_offset))
        return false;
    return top->frame == frame_running();
}

/* A handler begins with instructions of no line. */
static int
line_at(PyCodeObject *code, int offset, enum flow_record type)
{
    int line = PyCode_Addr2Line(code, offset);
    int end = offset + HANDLER_HEAD < 2 * (int)Py_SIZE(code) ? offset + HANDLER_HEAD : 2 * (int)Py_SIZE(code);
    for (; line <= 0 && type == FLOW_HANDLED && offset < end; offset += 2)
        line = PyCode_Addr2Line(code, offset);
    return line;
}

static void
write_seen(struct thread *thread, enum flow_record type, PyObject *exception, PyCodeObject *code, int offset, int how)
{
    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(writer, type);
    if (!p)
        return;
    int line = line_at(code, offset, type);
    bool raised = type == FLOW_RAISE && how != FLOW_RAISE_AGAIN;
    p = exception_put(thread, p, exception, code, offset, raised ? SEEN_RAISED : SEEN_HANDLED);
    p = varint_put(p, line > 0 ? (uint64_t)line : 0);
    if (type == FLOW_RAISE)
        p = varint_put(p, (uint64_t)how);
    writer_commit(writer, p);
    exception_put_detail(thread, exception);
}

static PyObject *
on_event(struct recorder *recorder, PyObject *const *args, Py_ssize_t count, enum flow_record type, bool again)
{
    if (!recorder->recording || !recorder->caught || count < 3 || !PyCode_Check(args[0]))
        Py_RETURN_NONE;
    PyCodeObject *code = (PyCodeObject *)args[0];
    struct function *function = function_known(recorder, code);
    bool wanted = function && function->link == LINK_NONE && PyExceptionInstance_Check(args[2])
                  && !is_control_flow(args[2]);
    struct thread *thread = wanted ? event_enter(recorder, false) : NULL;
    if (!thread)
        Py_RETURN_NONE;
    int offset = (int)PyLong_AsLong(args[1]);
    if (is_on_top(thread, function, offset)) {
        int how = again ? FLOW_RAISE_AGAIN : type == FLOW_RAISE ? exception_how_raised(thread, args[2]) : 0;
        if (how >= 0)
            write_seen(thread, type, args[2], code, offset, how);
    }
    event_leave(thread);
    Py_RETURN_NONE;
}

PyObject *
caught_on_raise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    if (calls_raise(recorder, args, count))
        Py_RETURN_NONE;
    return on_event(recorder, args, count, FLOW_RAISE, false);
}

PyObject *
caught_on_reraise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    return on_event(recorder, args, count, FLOW_RAISE, true);
}

PyObject *
caught_on_handled(struct recorder *recorder, PyObject *const *args, Py_ssize_t count)
{
    return on_event(recorder, args, count, FLOW_HANDLED, false);
}
