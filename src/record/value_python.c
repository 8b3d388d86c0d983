/* value_python.c - the standard library's classes that are written in Python: told by module and name,
 * read where their attributes lie. */
#include "value_parts.h"

#include <string.h>

#include "instance.h"

bool
value_is_of_module(PyTypeObject *type, const char *module)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return false;
    PyObject *key = PyUnicode_InternFromString("__module__");
    PyObject *found = key ? compat_dict_find(type->tp_dict, key) : NULL; /* Borrowed */
    Py_XDECREF(key);
    PyErr_Clear();
    return found && PyUnicode_CheckExact(found) && PyUnicode_CompareWithASCIIString(found, module) == 0;
}

static bool
is_true(PyObject *object, const char *attribute)
{
    return instance_attribute(object, attribute) == Py_True;
}

/* --- numbers, paths ------------------------------------------------------- */

static uint8_t *
put_fraction(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    PyObject *numbers[] = {instance_attribute(object, "_numerator"), instance_attribute(object, "_denominator")};
    if (!numbers[0] || !numbers[1])
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    return value_put_items(encoder, p, object, numbers, 2);
}

static uint8_t *
put_uuid(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *number = instance_attribute(object, field);
    if (!number || !PyLong_CheckExact(number))
        return value_put_type(encoder, p, object);
    uint8_t b[16] = {0}; /* the last first */
    compat_int_bytes(number, b, sizeof b);
    PyErr_Clear();
    char text[37];
    PyOS_snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[15],
                  b[14], b[13], b[12], b[11], b[10], b[9], b[8], b[7], b[6], b[5], b[4], b[3], b[2], b[1], b[0]);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    *p++ = FLOW_VALUE_STR_WHOLE;
    return writer_string(encoder->writer, p, text, sizeof text - 1);
}

/* From the last part that begins at the root; a drive in a later part makes it odd. -1 if it is. */
static Py_ssize_t
first_part(PyObject *parts, bool windows)
{
    Py_ssize_t first = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i); /* Borrowed */
        if (!PyUnicode_CheckExact(part))
            return -1;
        Py_ssize_t length = PyUnicode_GET_LENGTH(part);
        if (length && PyUnicode_READ_CHAR(part, 0) == '/')
            first = i;
        if (windows && i > 0 && length
            && (first == i || PyUnicode_READ_CHAR(part, 0) == '\\'
                || (length > 1 && PyUnicode_READ_CHAR(part, 1) == ':')))
            return -1;
    }
    return first;
}

/* As pathlib joins and tidies them: no empty parts, no "." and no doubled separators. Ends in a NUL; false if
 * there is no room. */
static bool
join_parts(PyObject *parts, bool windows, char *out, size_t room)
{
    char separator = windows ? '\\' : '/';
    Py_ssize_t first = first_part(parts, windows);
    size_t n = 0;
    for (Py_ssize_t i = first; i >= 0 && i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i); /* Borrowed */
        bool complete;
        if (PyUnicode_GET_LENGTH(part) == 0)
            continue;
        if (n && out[n - 1] != separator && n < room)
            out[n++] = separator;
        n += n < room ? value_utf8(part, out + n, room - n, &complete) : 0;
        if (n + 4 >= room)
            return false;
        for (size_t j = 0; windows && j < n; j++)
            out[j] = out[j] == '/' ? '\\' : out[j];
    }
    while (n > 1 && out[n - 1] == separator && !(windows && out[n - 2] == ':'))
        n--;
    if (first >= 0 && n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return n > 0;
}

static uint8_t *
put_path(struct value_encoder *encoder, uint8_t *p, PyObject *path, const char *flavour)
{
    PyObject *parts = instance_attribute(path, "_raw_paths"); /* Borrowed */
    char text[1024];
    if (!parts || !PyList_CheckExact(parts) || !join_parts(parts, flavour[0] == '\\', text, sizeof text))
        return value_put_type(encoder, p, path);
    PyObject *joined = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogatepass");
    PyErr_Clear();
    if (!joined)
        return value_put_type(encoder, p, path);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(path));
    p = value_put_str(encoder, p, joined);
    Py_DECREF(joined);
    return p;
}

/* --- what holds one thing ------------------------------------------------- */

static uint8_t *
put_attribute(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *value = instance_attribute(object, field);
    if (!value || !value_enter(encoder, object))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    p = value_put(encoder, p, value);
    encoder->depth--;
    return p;
}

/* A queue's items, whether it keeps them in a deque or a list. */
static uint8_t *
put_queue(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *items = instance_attribute(object, field);
    if (!items || !value_enter(encoder, object))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    p = strcmp(Py_TYPE(items)->tp_name, "collections.deque") == 0 ? value_put_deque_items(encoder, p, items)
                                                                  : value_put(encoder, p, items);
    encoder->depth--;
    return p;
}

static uint8_t *
put_chain_map(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *maps = instance_attribute(object, field);
    if (!maps || !PyList_CheckExact(maps))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    return value_put_items(encoder, p, object, ((PyListObject *)maps)->ob_item, PyList_GET_SIZE(maps));
}

static uint8_t *
put_alias(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    return value_put_alias(encoder, p, object, NULL);
}

static uint8_t *
put_cached_property(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    return value_put_cached_property(encoder, p, object, NULL);
}

/* --- threads, locks, futures ---------------------------------------------- */

static uint8_t *
put_state(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *state)
{
    char format[160];
    PyOS_snprintf(format, sizeof format, "%.100s(%%s)", value_plain_type(Py_TYPE(object)));
    return value_put_text(encoder, p, Py_TYPE(object), format, state);
}

static uint8_t *
put_future(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *state = instance_attribute(object, field);
    if (!state || !PyUnicode_CheckExact(state))
        return value_put_type(encoder, p, object);
    static const char *const states[][2] = {
        {"PENDING", "pending"},
        {"RUNNING", "running"},
        {"FINISHED", "done"},
        {"CANCELLED", "cancelled"},
        {"CANCELLED_AND_NOTIFIED", "cancelled"},
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (PyUnicode_CompareWithASCIIString(state, states[i][0]) == 0)
            return put_state(encoder, p, object, states[i][1]);
    return value_put_type(encoder, p, object);
}

static const char *
thread_state(PyObject *thread)
{
    PyObject *started = instance_attribute(thread, "_started"); /* an Event */
    if (!started || !is_true(started, "_flag"))
        return "not started";
    PyObject *handle = instance_attribute(thread, "_os_thread_handle"); /* since 3.14 */
    handle = handle ? handle : instance_attribute(thread, "_handle");   /* 3.13 */
    if (!handle)
        return is_true(thread, "_is_stopped") ? "ended" : "running";
    if (strcmp(Py_TYPE(handle)->tp_name, "_thread._ThreadHandle") != 0)
        return "running";
    PyObject *done = value_call_method(handle, Py_TYPE(handle), "is_done");
    bool ended = done == Py_True;
    Py_XDECREF(done);
    return ended ? "ended" : "running";
}

static uint8_t *
put_thread(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    PyObject *name = instance_attribute(object, field);
    char format[160];
    PyOS_snprintf(format, sizeof format, "%.60s(%%s, %s)", value_plain_type(Py_TYPE(object)), thread_state(object));
    return value_put_text_of(encoder, p, Py_TYPE(object), format, name);
}

static uint8_t *
put_event(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    return put_state(encoder, p, object, is_true(object, field) ? "set" : "not set");
}

static uint8_t *
put_lock(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    return put_state(encoder, p, object, is_true(object, field) ? "locked" : "unlocked");
}

/* A lock of another sort, or something of the program's own, that stands in it. */
static uint8_t *
put_condition(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    return put_attribute(encoder, p, object, field);
}

/* --- which classes -------------------------------------------------------- */

static const struct value_class {
    const char *module, *name;
    uint8_t *(*put)(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field);
    const char *field;
    bool inherited; /* of subclasses as well */
} classes[] = {
    {"fractions", "Fraction", put_fraction, NULL, true},
    {"uuid", "UUID", put_uuid, "int", true},
    {"pathlib", "PurePosixPath", put_path, "/", true}, /* and in a module in there on 3.13 */
    {"pathlib", "PureWindowsPath", put_path, "\\", true},
    {"collections", "ChainMap", put_chain_map, "maps", false},
    {"collections", "UserDict", put_attribute, "data", false},
    {"collections", "UserList", put_attribute, "data", false},
    {"collections", "UserString", put_attribute, "data", false},
    {"concurrent.futures._base", "Future", put_future, "_state", true},
    {"threading", "Thread", put_thread, "_name", false},
    {"threading", "_MainThread", put_thread, "_name", false},
    {"threading", "_DummyThread", put_thread, "_name", false},
    {"threading", "Timer", put_thread, "_name", false},
    {"threading", "Event", put_event, "_flag", false},
    {"threading", "Condition", put_condition, "_lock", false},
    {"threading", "Semaphore", put_attribute, "_value", false},
    {"threading", "BoundedSemaphore", put_attribute, "_value", false},
    {"threading", "Barrier", put_attribute, "_parties", false},
    {"queue", "Queue", put_queue, "queue", false},
    {"queue", "LifoQueue", put_queue, "queue", false},
    {"queue", "PriorityQueue", put_queue, "queue", false},
    {"asyncio.queues", "Queue", put_queue, "_queue", false},
    {"asyncio.queues", "LifoQueue", put_queue, "_queue", false},
    {"asyncio.queues", "PriorityQueue", put_queue, "_queue", false},
    {"asyncio.locks", "Lock", put_lock, "_locked", false},
    {"asyncio.locks", "Event", put_event, "_value", false},
    {"asyncio.locks", "Condition", put_condition, "_lock", false},
    {"asyncio.locks", "Semaphore", put_attribute, "_value", false},
    {"asyncio.locks", "BoundedSemaphore", put_attribute, "_value", false},
    {"tempfile", "_TemporaryFileWrapper", put_attribute, "name", false},
    {"logging", "Logger", put_attribute, "name", false},
    {"functools", "partialmethod", put_attribute, "func", false},
    {"functools", "cached_property", put_cached_property, NULL, false},
    {"typing", "_GenericAlias", put_alias, NULL, true},
    {"typing", "_SpecialGenericAlias", put_alias, NULL, true},
    {"typing", "_SpecialForm", put_alias, NULL, true},
    {"pandas", "DataFrame", value_put_frame_of_data, NULL, true},
    {"pandas.core.frame", "DataFrame", value_put_frame_of_data, NULL, true},
    {"pandas", "Series", value_put_series, NULL, true},
    {"pandas.core.series", "Series", value_put_series, NULL, true},
    {"pandas", "Index", value_put_index, NULL, true},
    {"pandas.core.indexes.base", "Index", value_put_index, NULL, true},
};

static bool
is_module(PyObject *found, const char *module)
{
    if (PyUnicode_CompareWithASCIIString(found, module) == 0)
        return true;
    return strcmp(module, "pathlib") == 0 && PyUnicode_CompareWithASCIIString(found, "pathlib._local") == 0;
}

static const struct value_class *
find_class(PyTypeObject *type, PyObject *module_name, bool inherited)
{
    PyObject *module = compat_dict_find(type->tp_dict, module_name); /* Borrowed */
    PyErr_Clear();
    if (!module || !PyUnicode_CheckExact(module))
        return NULL;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if ((classes[i].inherited || !inherited) && strcmp(type->tp_name, classes[i].name) == 0
            && is_module(module, classes[i].module))
            return &classes[i];
    return NULL;
}

const struct value_class *
value_find_class(const struct value_names *names, PyTypeObject *type, bool of_user)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    const struct value_class *found = NULL;
    for (Py_ssize_t i = of_user; mro && !found && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (base->tp_flags & Py_TPFLAGS_HEAPTYPE)
            found = find_class(base, names->module, i > 0);
    }
    return found;
}

uint8_t *
value_put_class(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct value_class *of)
{
    return of->put(encoder, p, object, of->field);
}
