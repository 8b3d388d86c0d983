#include <string.h>

#include "recorder.h"

#define LOOKED_AT 2     /* arguments that tell exceptions apart */
#define ENTRIES_MAX 512 /* library frames that an exception may cross between two recorded ones */

static PyTracebackObject *
traceback_of(PyObject *exception)
{
    PyObject *traceback = ((PyBaseExceptionObject *)exception)->traceback;
    return traceback && PyTraceBack_Check(traceback) ? (PyTracebackObject *)traceback : NULL;
}

static const void *
code_of(const PyTracebackObject *entry)
{
    PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
    Py_DECREF(code); /* its frame keeps it */
    return code;
}

/* Of its type and first arguments; runs no code but str's and int's own. */
static uint64_t
fingerprint(PyObject *exception)
{
    PyObject *args = ((PyBaseExceptionObject *)exception)->args;
    uint64_t mixed = (uintptr_t)Py_TYPE(exception);
    Py_ssize_t count = args && PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : 0;
    for (Py_ssize_t i = 0; i < count && i < LOOKED_AT; i++) {
        PyObject *arg = PyTuple_GET_ITEM(args, i); /* Borrowed */
        bool plain = PyUnicode_CheckExact(arg) || PyLong_CheckExact(arg);
        mixed = mixed * 1000003u + (plain ? (uint64_t)PyObject_Hash(arg) : (uintptr_t)arg);
    }
    return mixed;
}

/* A dead exception's address is soon another's. It is the same one if it says the
 * same and the entry that was its newest is still in its traceback: behind the
 * newest, since each frame that it leaves adds one. The entry alone can't tell, for
 * in a loop or a recursion its address, too, is another's of the same code. */
static bool
is_same(const struct known_exception *known, PyObject *exception, bool leaves)
{
    if (!known->traceback || known->fingerprint != fingerprint(exception))
        return false;
    const PyTracebackObject *entry = traceback_of(exception);
    if (leaves && entry)
        entry = entry->tb_next;
    for (int i = 0; entry && i < ENTRIES_MAX; i++, entry = entry->tb_next)
        if (entry == known->traceback)
            return code_of(entry) == known->code;
    return false;
}

static struct known_exception *
know(struct recorder *recorder, PyObject *exception, bool leaves)
{
    struct known_exception *known = NULL;
    for (unsigned i = 0; i < KNOWN_EXCEPTIONS && !known; i++)
        if (recorder->exceptions[i].exception == exception)
            known = &recorder->exceptions[i];
    if (!known || !is_same(known, exception, leaves)) {
        /* In the place of the dead one, lest that be taken for it later. */
        known = known ? known : &recorder->exceptions[recorder->exception_turn++ % KNOWN_EXCEPTIONS];
        *known = (struct known_exception){
            .exception = exception, .fingerprint = fingerprint(exception), .id = ++recorder->next_exception};
    }
    const PyTracebackObject *newest = traceback_of(exception);
    known->traceback = newest;
    known->code = newest ? code_of(newest) : NULL;
    return known;
}

struct raise_site {
    PyCodeObject *code; /* New reference */
    int line;
};

/* The innermost entry of the traceback is where it was raised. */
static struct raise_site
find_raise(PyObject *exception, PyCodeObject *code, int offset)
{
    PyTracebackObject *last = traceback_of(exception);
    if (!last)
        return (struct raise_site){(PyCodeObject *)Py_NewRef(code), PyCode_Addr2Line(code, offset)};
    while (last->tb_next)
        last = last->tb_next;
    PyCodeObject *raising = PyFrame_GetCode(last->tb_frame);
    int line = last->tb_lineno > 0 ? last->tb_lineno : PyCode_Addr2Line(raising, last->tb_lasti);
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
    const PyBaseExceptionObject *base = (PyBaseExceptionObject *)exception;
    PyObject *cause = base->cause ? base->cause : base->suppress_context ? NULL : base->context;
    if (!cause)
        return writer_string(writer, p, "", 0);
    return value_put_type_name(writer, p, Py_TYPE(cause));
}

static uint8_t *
put_definition(struct thread *thread, uint8_t *p, PyObject *exception, PyCodeObject *code, int offset)
{
    struct writer *writer = &thread->writer;
    struct value_encoder encoder = {.writer = writer,
                                    .names = &thread->recorder->names,
                                    .settings = thread->recorder->limits,
                                    .end = p + VALUE_BUDGET};
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
exception_put(struct thread *thread, uint8_t *p, PyObject *exception, PyCodeObject *code, int offset, bool leaves)
{
    struct known_exception *known = know(thread->recorder, exception, leaves);
    p = varint_put(p, known->id);
    if (known->thread == thread->writer.thread && known->epoch == thread->writer.epoch) {
        *p++ = 0;
        return p;
    }
    known->thread = thread->writer.thread;
    known->epoch = thread->writer.epoch;
    return put_definition(thread, p, exception, code, offset);
}
