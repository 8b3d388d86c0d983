#include <string.h>

#include "recorder.h"

#define LOOKED_AT 2       /* arguments that tell exceptions apart */
#define HASHED_MAX 32     /* characters at each end of a str among them */
#define ENTRIES_MAX 4096  /* library frames that an exception may cross between two recorded ones */
#define RAISE_MAX 100000  /* entries between where it was raised and where it is first seen */

/* New reference: without a GIL another thread may give the exception another. */
static PyTracebackObject *
traceback_of(PyObject *exception)
{
    return (PyTracebackObject *)PyException_GetTraceback(exception);
}

static const void *
code_of(const PyTracebackObject *entry)
{
    PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
    Py_DECREF(code); /* its frame keeps it */
    return code;
}

/* Both ends of a str: a hash of it all would take as long as it is. */
static uint64_t
mix_str(uint64_t mixed, PyObject *string)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    int kind = PyUnicode_KIND(string);
    const void *data = PyUnicode_DATA(string);
    mixed = mixed * 1000003u + (uint64_t)length;
    for (Py_ssize_t i = 0; i < length; i++) {
        if (i == HASHED_MAX && length > 2 * HASHED_MAX)
            i = length - HASHED_MAX;
        mixed = mixed * 1000003u + PyUnicode_READ(kind, data, i);
    }
    return mixed;
}

/* Of its type and first arguments; runs no code but str's and int's own. */
static uint64_t
fingerprint(PyObject *exception)
{
    PyObject *args = compat_exception_args(exception);
    uint64_t mixed = (uintptr_t)Py_TYPE(exception);
    Py_ssize_t count = args ? PyTuple_GET_SIZE(args) : 0;
    for (Py_ssize_t i = 0; i < count && i < LOOKED_AT; i++) {
        PyObject *arg = PyTuple_GET_ITEM(args, i); /* Borrowed */
        int overflow = 0;
        if (PyUnicode_CheckExact(arg))
            mixed = mix_str(mixed, arg);
        else if (PyLong_CheckExact(arg))
            mixed = mixed * 1000003u + (uint64_t)PyLong_AsLongLongAndOverflow(arg, &overflow);
        else
            mixed = mixed * 1000003u + (uintptr_t)arg;
    }
    Py_XDECREF(args);
    return mixed;
}

/* Of the innermost entry of its traceback; compared only. */
static const void *
raising_frame(PyObject *exception)
{
    PyTracebackObject *newest = traceback_of(exception);
    const PyTracebackObject *entry = newest;
    for (int i = 0; entry && entry->tb_next && i < ENTRIES_MAX; i++)
        entry = entry->tb_next;
    const void *frame = entry ? entry->tb_frame : NULL;
    Py_XDECREF(newest);
    return frame;
}

/* A dead exception's address is soon another's. It is the same one if it says the
 * same and the entry that was its newest is still in its traceback: behind the
 * newest, since each frame that it leaves adds one. The address of the entry alone
 * can't tell, for in a loop or a recursion it, too, is another's. But an entry of a
 * frame that this one has not left, of the same code and at the same instruction,
 * belongs to an exception that was caught there, where that one was not. */
static bool
has_left_with(const struct known_exception *known, PyObject *exception, enum sighting sighting)
{
    PyTracebackObject *newest = traceback_of(exception);
    const PyTracebackObject *entry = newest;
    if ((sighting == SEEN_LEAVING || sighting == SEEN_RAISED) && entry && !known->in_frame)
        entry = entry->tb_next;
    for (int i = 0; entry && entry != known->traceback; i++)
        entry = i < ENTRIES_MAX ? entry->tb_next : NULL;
    bool left = entry && entry->tb_frame == known->frame && entry->tb_lasti == known->instruction
                && code_of(entry) == known->code;
    Py_XDECREF(newest);
    return left;
}

static bool
is_of_one_frame(PyObject *exception)
{
    PyTracebackObject *newest = traceback_of(exception);
    bool one = newest && !newest->tb_next;
    Py_XDECREF(newest);
    return one;
}

static bool
is_same(const struct known_exception *known, PyObject *exception, enum sighting sighting)
{
    if (known->fingerprint != fingerprint(exception))
        return false;
    if (sighting == SEEN_RAISED && known->thrown) /* the event before told of it */
        return true;
    if (sighting == SEEN_RAISED && is_of_one_frame(exception)) /* for the first time */
        return false;
    if (!known->traceback)
        return known->entered && known->entered == raising_frame(exception);
    return has_left_with(known, exception, sighting);
}

static struct known_exception *
know(struct thread *thread, PyObject *exception, enum sighting sighting)
{
    struct recorder *recorder = thread->recorder;
    struct known_exception *known = NULL;
    for (unsigned i = 0; i < KNOWN_EXCEPTIONS && !known; i++)
        if (recorder->exceptions[i].exception == exception)
            known = &recorder->exceptions[i];
    if (!known || !is_same(known, exception, sighting)) {
        /* In the place of the dead one, lest that be taken for it later. */
        known = known ? known : &recorder->exceptions[recorder->exception_turn++ % KNOWN_EXCEPTIONS];
        *known = (struct known_exception){
            .exception = exception, .fingerprint = fingerprint(exception), .id = ++recorder->next_exception};
    }
    PyTracebackObject *newest = traceback_of(exception);
    known->traceback = newest;
    known->frame = newest ? newest->tb_frame : NULL;
    known->instruction = newest ? newest->tb_lasti : 0;
    known->entered = newest ? NULL : PyEval_GetFrame();
    known->code = newest ? code_of(newest) : NULL;
    known->in_frame = sighting == SEEN_RAISED || sighting == SEEN_HANDLED;
    known->thrown = sighting == SEEN_THROWN;
    const struct activation *top = thread_top(thread);
    known->came_into = sighting == SEEN_LEAVING && top ? top->ordinal + 1 : 0;
    known->came_thread = thread->writer.thread;
    Py_XDECREF(newest);
    return known;
}

uint64_t
exception_known(struct recorder *recorder, PyObject *exception)
{
    uint64_t id = 0;
    compat_lock(&recorder->shared);
    for (unsigned i = 0; i < KNOWN_EXCEPTIONS && !id; i++)
        if (recorder->exceptions[i].exception == exception
            && is_same(&recorder->exceptions[i], exception, SEEN_HANDLED))
            id = recorder->exceptions[i].id;
    compat_unlock(&recorder->shared);
    return id;
}

/* except* raises what it did not handle as a new group, with the traceback of the one that came in. */
uint64_t
exception_split_from(struct recorder *recorder, PyObject *group)
{
    uint64_t newest = 0; /* others that match are dead */
    compat_lock(&recorder->shared);
    for (unsigned i = 0; i < KNOWN_EXCEPTIONS; i++) {
        const struct known_exception *known = &recorder->exceptions[i];
        if (known->id > newest && known->exception != group && known->traceback
            && has_left_with(known, group, SEEN_HANDLED))
            newest = known->id;
    }
    compat_unlock(&recorder->shared);
    return newest;
}

struct raise_site {
    PyCodeObject *code; /* New reference */
    int line;
};

/* The innermost entry of the traceback is where it was raised. */
static struct raise_site
find_raise(PyObject *exception, PyCodeObject *code, int offset)
{
    PyTracebackObject *newest = traceback_of(exception);
    PyTracebackObject *last = newest;
    if (!last)
        return (struct raise_site){(PyCodeObject *)Py_NewRef(code), PyCode_Addr2Line(code, offset)};
    for (int i = 0; last->tb_next && i < RAISE_MAX; i++)
        last = last->tb_next;
    PyCodeObject *raising = PyFrame_GetCode(last->tb_frame);
    int line = last->tb_lineno > 0 ? last->tb_lineno : PyCode_Addr2Line(raising, last->tb_lasti);
    Py_DECREF(newest);
    return (struct raise_site){raising, line};
}

static uint8_t *
put_string(struct writer *writer, uint8_t *p, PyObject *string, size_t limit)
{
    char text[1024];
    bool complete;
    size_t n = value_utf8(string, text, limit < sizeof text ? limit : sizeof text, &complete);
    return writer_string(writer, p, text, n);
}

static uint8_t *
put_cause(struct writer *writer, uint8_t *p, PyObject *exception)
{
    PyObject *cause = PyException_GetCause(exception);
    if (!cause && !((PyBaseExceptionObject *)exception)->suppress_context)
        cause = PyException_GetContext(exception);
    p = cause ? value_put_type_name(writer, p, Py_TYPE(cause)) : writer_string(writer, p, "", 0);
    Py_XDECREF(cause);
    return p;
}

static uint8_t *
put_definition(struct thread *thread, uint8_t *p, PyObject *exception, PyCodeObject *code, int offset)
{
    struct writer *writer = &thread->writer;
    struct value_encoder encoder;
    value_encoder_open(&encoder, writer, thread_names(thread), &thread->recorder->limits, p);
    *p++ = 1;
    p = value_put_type_name(writer, p, Py_TYPE(exception));
    if (thread->recorder->values)
        p = value_put_exception(&encoder, p, exception);
    else
        *p++ = FLOW_VALUE_ABSENT;
    struct raise_site site = find_raise(exception, code, offset);
    p = put_string(writer, p, site.code->co_qualname, 256);
    p = put_string(writer, p, site.code->co_filename, 1024);
    p = varint_put(p, site.line > 0 ? (uint64_t)site.line : 0);
    Py_DECREF(site.code);
    return put_cause(writer, p, exception);
}

uint8_t *
exception_put(struct thread *thread, uint8_t *p, PyObject *exception, PyCodeObject *code, int offset,
              enum sighting sighting)
{
    compat_lock(&thread->recorder->shared);
    struct known_exception *known = know(thread, exception, sighting);
    uint64_t id = known->id;
    bool defined = known->thread == thread->writer.thread && known->epoch == thread->writer.epoch;
    known->thread = thread->writer.thread;
    known->epoch = thread->writer.epoch;
    compat_unlock(&thread->recorder->shared);
    p = varint_put(p, id);
    if (defined) {
        *p++ = 0;
        return p;
    }
    thread->defined_exception = id;
    return put_definition(thread, p, exception, code, offset);
}

static int
how_raised(struct thread *thread, PyObject *exception)
{
    struct recorder *recorder = thread->recorder;
    const struct activation *top = thread_top(thread);
    const struct known_exception *known = NULL;
    for (unsigned i = 0; i < KNOWN_EXCEPTIONS && !known; i++)
        if (recorder->exceptions[i].exception == exception && is_same(&recorder->exceptions[i], exception, SEEN_RAISED))
            known = &recorder->exceptions[i];
    bool told = known && known->came_into == top->ordinal + 1 && known->came_thread == thread->writer.thread;
    if (told) {
        know(thread, exception, SEEN_RAISED);
        return -1;
    }
    if (known && known->thrown)
        return FLOW_RAISE_CAME_IN;
    PyTracebackObject *newest = traceback_of(exception);
    bool here = !newest || !newest->tb_next || (known && newest->tb_next == known->traceback);
    Py_XDECREF(newest);
    return here ? FLOW_RAISE_HERE : FLOW_RAISE_CAME_IN;
}

int
exception_how_raised(struct thread *thread, PyObject *exception)
{
    compat_lock(&thread->recorder->shared);
    int how = how_raised(thread, exception);
    compat_unlock(&thread->recorder->shared);
    return how;
}
