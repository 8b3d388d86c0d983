#include "identity.h"

#include <string.h>

#include "hash.h"
#include "recorder.h"
#include "value_parts.h"

static const char taken_off[] = "another tool began to listen to the making of objects, as tracemalloc does";
static const char full[] = "so many objects had numbers at once that new ones got none";

#if COMPAT_REF_TRACER

/* For each object that any interpreter of this process makes or drops; in ours it holds the GIL. */
static int
on_object(PyObject *object, PyRefTracerEvent event, void *data)
{
    struct identity *identity = data;
    PyThreadState *state = PyThreadState_GetUnchecked();
    if (!object) /* since 3.15: we are being replaced */
        identity->removed = true;
    else if (!state || state->interp != identity->interpreter)
        return 0;
    else if (event == PyRefTracer_CREATE)
        identity_table_create(&identity->table, object);
    else
        identity_table_destroy(&identity->table, object);
    return 0;
}

static bool
is_listening(const struct identity *identity)
{
    void *data;
    return PyRefTracer_GetTracer(&data) == on_object && data == identity && !identity->removed;
}

const char *
identity_obstacle(void)
{
    void *data;
    PyRefTracer listener = PyRefTracer_GetTracer(&data);
    if (listener == on_object)
        return "objects are numbered in one interpreter of a process only";
    return listener ? "another tool listens to the making of objects, as tracemalloc does" : NULL;
}

static void
listen(struct identity *identity)
{
    identity->listening = PyRefTracer_SetTracer(on_object, identity) == 0;
    if (!identity->listening)
        PyErr_Clear();
}

static void
end_listening(struct identity *identity)
{
    if (identity->listening && is_listening(identity) && PyRefTracer_SetTracer(NULL, NULL) < 0)
        PyErr_Clear();
    identity->listening = false;
}

#else

static bool
is_listening(const struct identity *Py_UNUSED(identity))
{
    return false;
}

const char *
identity_obstacle(void)
{
#ifdef Py_GIL_DISABLED
    return "this python is a free-threaded one, where objects can't be numbered yet";
#else
    return "this python doesn't tell when an object ends; CPython does since 3.13";
#endif
}

static void
listen(struct identity *Py_UNUSED(identity))
{
}

static void
end_listening(struct identity *Py_UNUSED(identity))
{
}

#endif

/* Said of the process, once. */
static void
say(struct recorder *recorder, const char *reason)
{
    static const char key[] = "no_identity";
    uint8_t payload[256], record[300];
    recorder->identity.reason = reason;
    uint8_t *end = writer_text(payload, key, sizeof key - 1);
    end = writer_text(end, reason, strlen(reason));
    uint8_t *p = writer_put_extended(record, FLOW_EXTENDED_PROCESS, payload, (size_t)(end - payload));
    trace_file_add_meta(recorder->file, recorder->process, recorder->pid, record, (size_t)(p - record));
}

void
identity_start(struct recorder *recorder)
{
    struct identity *identity = &recorder->identity;
    const char *obstacle = identity_obstacle();
    *identity = (struct identity){.interpreter = PyInterpreterState_Get()};
    if (obstacle) {
        say(recorder, obstacle);
        return;
    }
    listen(identity);
    identity->on = identity->listening;
}

void
identity_stop(struct recorder *recorder)
{
    struct identity *identity = &recorder->identity;
    identity->on = false;
    end_listening(identity);
    identity_table_clear(&identity->table);
}

void
identity_after_fork(struct recorder *recorder)
{
    if (recorder->identity.reason && recorder->file)
        say(recorder, recorder->identity.reason);
}

/* --- numbers ------------------------------------------------------------ */

/* What is equal to another of the same content is not told apart: names and numbers, not things. */
static bool
has_identity(struct recorder *recorder, PyObject *object)
{
    const unsigned long plain = Py_TPFLAGS_TYPE_SUBCLASS | Py_TPFLAGS_LONG_SUBCLASS | Py_TPFLAGS_UNICODE_SUBCLASS
                                | Py_TPFLAGS_BYTES_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS;
    unsigned long flags = Py_TYPE(object)->tp_flags;
    return (flags & Py_TPFLAGS_HEAPTYPE) && !(flags & plain) && !PyFloat_Check(object) && !PyComplex_Check(object)
           && !PyFrozenSet_Check(object) && !value_is_enum(object, &recorder->names);
}

uint8_t *
identity_put(struct recorder *recorder, uint8_t *p, PyObject *object)
{
    struct identity *identity = &recorder->identity;
    if (!has_identity(recorder, object))
        return p;
    if (!is_listening(identity)) {
        identity->on = false;
        identity_table_clear(&identity->table);
        say(recorder, taken_off);
        return p;
    }
    uint32_t number = identity_table_number(&identity->table, object, hash_text(value_plain_type(Py_TYPE(object))));
    if (number) {
        *p++ = FLOW_VALUE_IDENTITY;
        p = varint_put(p, number);
    }
    else if (!identity->reason) {
        say(recorder, full);
    }
    return p;
}
