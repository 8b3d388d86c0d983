/* exception_detail.c - what a trace says of an exception beyond its definition: what it means,
 * the full name of its type, how it is chained, its notes, its files, what is in a group. */
#include <string.h>

#include "recorder.h"
#include "secret.h"

#define NAME_BYTES 200
#define NOTES_MAX 4
#define NOTE_BYTES 240
#define LEAVES_MAX 12
#define LEAF_BYTES 100
#define VISITED_MAX 1000 /* of a group: they may share parts, and be told without end */
#define NESTING_MAX 16
#define ATTRIBUTES_MAX 64 /* looked at for __notes__ */
#define PAYLOAD_BYTES 4608

static_assert(PAYLOAD_BYTES > 2 * (NAME_BYTES + 2) + (NOTES_MAX + 2) * (NOTE_BYTES + 2)
                                  + LEAVES_MAX * (2 * LEAF_BYTES + 6) + 10 * VARINT_MAX,
              "the longest detail fits");

static uint8_t *
put_text(uint8_t *p, PyObject *string, size_t limit)
{
    char text[NOTE_BYTES];
    bool complete;
    size_t n = string && PyUnicode_Check(string) ? value_utf8(string, text, limit, &complete) : 0;
    return writer_text(p, text, n);
}

static uint8_t *
put_message(uint8_t *p, PyObject *string, size_t limit)
{
    static const struct secret_rules no_rules; /* beside those that hold for everybody */
    char text[NOTE_BYTES + SECRET_AHEAD];
    bool complete = true;
    size_t n = string && PyUnicode_Check(string) ? value_utf8(string, text, limit + SECRET_AHEAD, &complete) : 0;
    if (secret_scrub(&no_rules, text, &n, complete))
        return writer_text(p, "<redacted>", 10);
    return writer_text(p, text, n < limit ? n : limit);
}

/* --- its type ----------------------------------------------------------- */

static const char *
short_name(const PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot ? dot + 1 : type->tp_name;
}

static bool
is_a(PyTypeObject *type, PyObject *base)
{
    return PyType_IsSubtype(type, (PyTypeObject *)base);
}

/* CancelledError is written in Python, GreenletExit is not CPython's: they are known by their name. */
static bool
is_named(const PyTypeObject *type, const char *name)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++)
        if (strcmp(short_name((PyTypeObject *)PyTuple_GET_ITEM(mro, i)), name) == 0)
            return true;
    return false;
}

static enum flow_exception
meaning_of(PyTypeObject *type)
{
    if (is_a(type, PyExc_StopIteration) || is_a(type, PyExc_StopAsyncIteration))
        return FLOW_EXCEPTION_END;
    if (is_a(type, PyExc_GeneratorExit) || is_named(type, "GreenletExit"))
        return FLOW_EXCEPTION_CLOSE;
    if (is_a(type, PyExc_SystemExit))
        return FLOW_EXCEPTION_EXIT;
    if (is_a(type, PyExc_KeyboardInterrupt))
        return FLOW_EXCEPTION_INTERRUPT;
    return is_named(type, "CancelledError") ? FLOW_EXCEPTION_CANCEL : FLOW_EXCEPTION_ERROR;
}

static uint8_t *
put_name(uint8_t *p, const char *name, size_t limit)
{
    size_t length = strlen(name);
    return writer_text(p, name, length < limit ? length : limit);
}

/* The names where the class keeps them: asking it for them would run its metaclass. */
static uint8_t *
put_type(uint8_t *p, struct recorder *recorder, PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        const char *name = short_name(type);
        size_t module = name > type->tp_name ? (size_t)(name - type->tp_name) - 1 : 0;
        p = module ? writer_text(p, type->tp_name, module < NAME_BYTES ? module : NAME_BYTES)
                   : writer_text(p, "builtins", 8);
        return put_name(p, name, NAME_BYTES);
    }
    PyObject *module = compat_dict_find(type->tp_dict, recorder->names.module); /* Borrowed */
    p = put_text(p, module && PyUnicode_CheckExact(module) ? module : NULL, NAME_BYTES);
    return put_text(p, ((PyHeapTypeObject *)type)->ht_qualname, NAME_BYTES);
}

/* --- what came before it ------------------------------------------------ */

/* *cause is a new reference. */
static enum flow_cause
cause_of(PyObject *exception, PyObject **cause)
{
    if ((*cause = PyException_GetCause(exception)))
        return FLOW_CAUSE_FROM;
    if (!(*cause = PyException_GetContext(exception)))
        return FLOW_CAUSE_NONE;
    return ((PyBaseExceptionObject *)exception)->suppress_context ? FLOW_CAUSE_SUPPRESSED : FLOW_CAUSE_WHILE;
}

static bool
is_group(PyObject *exception)
{
    return is_a(Py_TYPE(exception), PyExc_BaseExceptionGroup);
}

/* --- notes -------------------------------------------------------------- */

/* New reference or NULL. No lookup: it would compare with what the dictionary has for keys. */
static PyObject *
notes_of(PyObject *exception)
{
    PyObject *dict = ((PyBaseExceptionObject *)exception)->dict;
    if (!dict)
        return NULL;
    PyObject *notes = NULL;
    struct dict_walk walk;
    PyObject *key, *value;
    dict_walk_begin(&walk, dict, ATTRIBUTES_MAX);
    while (!notes && dict_walk_next(&walk, &key, &value))
        if (PyUnicode_CheckExact(key) && PyUnicode_CompareWithASCIIString(key, "__notes__") == 0)
            notes = Py_NewRef(value);
    dict_walk_end(&walk);
    if (notes && !PyList_Check(notes))
        Py_CLEAR(notes);
    return notes;
}

static uint8_t *
put_notes(uint8_t *p, PyObject *notes)
{
    struct list_walk walk = {0};
    if (notes)
        list_walk_begin(&walk, notes, NOTES_MAX);
    Py_ssize_t shown = walk.length < NOTES_MAX ? walk.length : NOTES_MAX;
    p = varint_put(p, (uint64_t)walk.length);
    p = varint_put(p, (uint64_t)shown);
    for (Py_ssize_t i = 0; i < shown; i++)
        p = put_message(p, walk.items[i], NOTE_BYTES);
    list_walk_end(&walk);
    return p;
}

/* --- files --------------------------------------------------------------- */

static uint8_t *
put_file(uint8_t *p, PyObject *name)
{
    if (!name || !PyBytes_Check(name))
        return put_text(p, name, NOTE_BYTES);
    size_t length = (size_t)PyBytes_GET_SIZE(name);
    return writer_text(p, PyBytes_AS_STRING(name), length < NOTE_BYTES ? length : NOTE_BYTES);
}

static bool
is_name(PyObject *name)
{
    return name && (PyUnicode_Check(name) || PyBytes_Check(name)); /* else a file's number, or None */
}

static bool
names_files(PyObject *exception)
{
    return is_a(Py_TYPE(exception), PyExc_OSError) && is_name(((PyOSErrorObject *)exception)->filename);
}

/* OSError takes them out of its args. */
static uint8_t *
put_files(uint8_t *p, PyObject *exception, bool values)
{
    const PyOSErrorObject *error = (PyOSErrorObject *)exception;
    unsigned count = !values || !names_files(exception) ? 0 : is_name(error->filename2) ? 2 : 1;
    p = varint_put(p, count);
    p = varint_put(p, count);
    p = count > 0 ? put_file(p, error->filename) : p;
    return count > 1 ? put_file(p, error->filename2) : p;
}

/* --- groups ------------------------------------------------------------- */

struct leaves {
    uint8_t *p;
    unsigned total, shown, visited;
    bool values;
};

static void
put_leaf(struct leaves *leaves, PyObject *exception, unsigned nesting)
{
    PyObject *args = compat_exception_args(exception);
    PyObject *first = args && PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL; /* Borrowed */
    leaves->p = varint_put(leaves->p, nesting);
    leaves->p = put_name(leaves->p, short_name(Py_TYPE(exception)), LEAF_BYTES);
    leaves->p = put_message(leaves->p, leaves->values ? first : NULL, LEAF_BYTES);
    Py_XDECREF(args);
    leaves->shown++;
}

static void
put_leaves(struct leaves *leaves, PyObject *group, unsigned nesting)
{
    PyObject *inside = ((PyBaseExceptionGroupObject *)group)->excs; /* Borrowed */
    if (!inside || !PyTuple_Check(inside) || nesting > NESTING_MAX)
        return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inside) && leaves->visited < VISITED_MAX; i++) {
        PyObject *exception = PyTuple_GET_ITEM(inside, i);
        leaves->visited++;
        if (is_group(exception)) {
            put_leaves(leaves, exception, nesting + 1);
            continue;
        }
        leaves->total++;
        if (leaves->shown < LEAVES_MAX && PyExceptionInstance_Check(exception))
            put_leaf(leaves, exception, nesting);
    }
}

/* A number below 2^14, in the two bytes that were left for it. */
static void
fill_in(uint8_t *p, unsigned n)
{
    p[0] = (uint8_t)(n | 0x80);
    p[1] = (uint8_t)(n >> 7);
}

static uint8_t *
put_group(uint8_t *p, PyObject *exception, bool values)
{
    struct leaves leaves = {.p = p + 4, .values = values};
    if (is_group(exception))
        put_leaves(&leaves, exception, 0);
    fill_in(p, leaves.total);
    fill_in(p + 2, leaves.shown);
    return leaves.p;
}

/* ------------------------------------------------------------------------ */

static bool
is_plain(PyObject *exception, enum flow_exception meaning, enum flow_cause cause, PyObject *notes)
{
    PyTypeObject *type = Py_TYPE(exception);
    return (meaning == FLOW_EXCEPTION_ERROR || meaning == FLOW_EXCEPTION_END) && cause == FLOW_CAUSE_NONE && !notes
           && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !strchr(type->tp_name, '.') && !is_group(exception)
           && !names_files(exception);
}

struct detail {
    enum flow_exception meaning;
    enum flow_cause how;
    PyObject *cause, *notes; /* Owned or NULL */
};

static void
write_detail(struct thread *thread, PyObject *exception, uint64_t id, const struct detail *detail)
{
    struct recorder *recorder = thread->recorder;
    PyObject *cause = detail->cause;
    uint8_t payload[PAYLOAD_BYTES];
    uint8_t *p = varint_put(payload, id);
    p = varint_put(p, detail->meaning);
    p = put_type(p, recorder, Py_TYPE(exception));
    p = varint_put(p, detail->how);
    p = varint_put(p, cause && PyExceptionInstance_Check(cause) ? exception_known(recorder, cause) : 0);
    p = varint_put(p, is_group(exception) ? exception_split_from(recorder, exception) : 0);
    p = put_notes(p, detail->notes);
    p = put_files(p, exception, recorder->values);
    p = put_group(p, exception, recorder->values);
    writer_extended(&thread->writer, FLOW_EXTENDED_EXCEPTION, payload, (size_t)(p - payload));
}

void
exception_put_detail(struct thread *thread, PyObject *exception)
{
    uint64_t id = thread->defined_exception;
    thread->defined_exception = 0;
    if (!id)
        return;
    struct detail detail = {.meaning = meaning_of(Py_TYPE(exception))};
    detail.how = cause_of(exception, &detail.cause);
    detail.notes = thread->recorder->values ? notes_of(exception) : NULL;
    if (!is_plain(exception, detail.meaning, detail.how, detail.notes))
        write_detail(thread, exception, id, &detail);
    Py_XDECREF(detail.notes);
    Py_XDECREF(detail.cause);
}
