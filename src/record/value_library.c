/* value_library.c - what is told of the interpreter's and the standard library's own types.
 *
 * Only exact types: their members and methods are C code that is known to run
 * none of the program's. A type written in C is told by its full name, which no
 * class of the program's can have together with the flag of immutable types. */
#include "value_parts.h"

#include <datetime.h>
#include <string.h>

#include "instance.h"

/* New reference or NULL. For members and C getters of exact types. */
static PyObject *
read_member(PyObject *object, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name);
    PyObject *value = key ? PyObject_GenericGetAttr(object, key) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

/* New reference to what a method of the type gives, whatever stands in the object's own dictionary; or NULL. */
static PyObject *
call_method(PyObject *object, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name);
    PyObject *method = key ? compat_type_lookup(Py_TYPE(object), key) : NULL; /* Borrowed */
    PyObject *result = method ? PyObject_CallOneArg(method, object) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return result;
}

/* Type(a, b): the values of members, up to the first that is not there. */
static uint8_t *
put_members(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *const *names, size_t count)
{
    PyObject *values[4];
    size_t n = 0;
    while (n < count && (values[n] = read_member(object, names[n])))
        n++;
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    p = value_put_items(encoder, p, object, values, (Py_ssize_t)n);
    while (n-- > 0)
        Py_DECREF(values[n]);
    return p;
}

static uint8_t *
put_range(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    static const char *const names[] = {"start", "stop", "step"};
    PyObject *step = read_member(object, "step");
    bool plain = step && PyLong_CheckExact(step) && PyLong_AsLong(step) == 1;
    PyErr_Clear();
    Py_XDECREF(step);
    return put_members(encoder, p, object, names, plain ? 2 : 3);
}

static uint8_t *
put_slice(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    static const char *const names[] = {"start", "stop", "step"};
    return put_members(encoder, p, object, names, ((PySliceObject *)object)->step == Py_None ? 2 : 3);
}

static uint8_t *
put_memoryview(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    const Py_buffer *view = PyMemoryView_GET_BUFFER(object);
    char text[96];
    if (((PyMemoryViewObject *)object)->flags & _Py_MEMORYVIEW_RELEASED)
        return value_put_text(encoder, p, Py_TYPE(object), "%s", "memoryview(released)");
    int n = PyOS_snprintf(text, sizeof text, "memoryview(%zd bytes", view->len);
    if (view->ndim > 1 && view->shape) {
        n += PyOS_snprintf(text + n, sizeof text - (size_t)n, ", shape");
        for (int i = 0; i < view->ndim && n < 70; i++)
            n += PyOS_snprintf(text + n, sizeof text - (size_t)n, "%s%zd", i ? "×" : " ", view->shape[i]);
    }
    return value_put_text(encoder, p, Py_TYPE(object), "%s)", text);
}

static int
take_first(PyObject *object, void *slot)
{
    *(PyObject **)slot = object;
    return 1;
}

/* The dict is all that a view holds. Items are shown as the dict that they are of: its secrets are known by their keys. */
static uint8_t *
put_dict_view(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *dict = NULL; /* Borrowed */
    Py_TYPE(object)->tp_traverse(object, take_first, &dict);
    if (!dict || !PyDict_Check(dict))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    if (Py_IS_TYPE(object, &PyDictItems_Type))
        return value_put_builtin(encoder, p, dict);
    return value_put_dict_part(encoder, p, dict, Py_IS_TYPE(object, &PyDictKeys_Type));
}

static uint8_t *
put_generator(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *name = read_member(object, "__qualname__");
    const char *format = PyGen_CheckExact(object)    ? "generator(%s)"
                         : PyCoro_CheckExact(object) ? "coroutine(%s)"
                                                     : "async_generator(%s)";
    p = value_put_text_of(encoder, p, Py_TYPE(object), format, name);
    Py_XDECREF(name);
    return p;
}

static uint8_t *
put_timezone(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *args = call_method(object, "__getinitargs__");
    PyObject *offset = args && PyTuple_CheckExact(args) && PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0)
                                                                                      : NULL; /* Borrowed */
    if (!offset) {
        p = value_put_type(encoder, p, object);
    }
    else if (PyTuple_GET_SIZE(args) == 1 && PyDateTime_DELTA_GET_DAYS(offset) == 0
             && PyDateTime_DELTA_GET_SECONDS(offset) == 0 && PyDateTime_DELTA_GET_MICROSECONDS(offset) == 0) {
        p = value_put_text(encoder, p, Py_TYPE(object), "%s", "timezone.utc");
    }
    else {
        p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
        p = value_put_items(encoder, p, object, ((PyTupleObject *)args)->ob_item, PyTuple_GET_SIZE(args));
    }
    Py_XDECREF(args);
    return p;
}

static uint8_t *
put_pattern(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    static const char *const names[] = {"pattern"};
    return put_members(encoder, p, object, names, 1);
}

/* The text that matched, where it is a str: of another type, slicing could run its code. */
static uint8_t *
put_match(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *string = read_member(object, "string");
    PyObject *text = string && PyUnicode_CheckExact(string) ? call_method(object, "group") : NULL;
    p = value_put_typed(encoder, p, text ? FLOW_VALUE_WRAPPED : FLOW_VALUE_OBJECT, Py_TYPE(object));
    if (text)
        p = value_put(encoder, p, text);
    Py_XDECREF(text);
    Py_XDECREF(string);
    return p;
}

static uint8_t *
put_partial(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    static const char *const names[] = {"func", "args", "keywords"};
    PyObject *keywords = read_member(object, "keywords");
    bool plain = keywords && PyDict_CheckExact(keywords) && ((PyDictObject *)keywords)->ma_used == 0;
    Py_XDECREF(keywords);
    return put_members(encoder, p, object, names, plain ? 2 : 3);
}

static uint8_t *
put_deque(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    return value_put_iterated(encoder, p, FLOW_VALUE_LIST, object, Py_SIZE(object));
}

/* True if the C method `name` of an exact type says so. */
static bool
is_so(PyObject *object, const char *name)
{
    PyObject *answer = call_method(object, name);
    bool so = answer == Py_True;
    Py_XDECREF(answer);
    return so;
}

static uint8_t *
put_future(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    const char *state = is_so(object, "cancelled") ? "cancelled" : is_so(object, "done") ? "done" : "pending";
    PyObject *name = NULL;
    if (strcmp(Py_TYPE(object)->tp_name, "_asyncio.Task") == 0)
        name = call_method(object, "get_name");
    char format[64];
    PyOS_snprintf(format, sizeof format, name && PyUnicode_CheckExact(name) ? "Task(%%s, %s)" : "%%s(%s)", state);
    if (name && PyUnicode_CheckExact(name))
        p = value_put_text_of(encoder, p, Py_TYPE(object), format, name);
    else
        p = value_put_text(encoder, p, Py_TYPE(object), format, value_plain_type(Py_TYPE(object)));
    Py_XDECREF(name);
    return p;
}

/* Down from the text layer to the file itself; new reference or NULL. */
static PyObject *
raw_file(PyObject *object)
{
    PyObject *file = Py_NewRef(object);
    for (int i = 0; i < 2 && file && strcmp(Py_TYPE(file)->tp_name, "_io.FileIO") != 0; i++) {
        bool text = strcmp(Py_TYPE(file)->tp_name, "_io.TextIOWrapper") == 0;
        bool buffered = strncmp(Py_TYPE(file)->tp_name, "_io.Buffered", 12) == 0;
        bool known = (Py_TYPE(file)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) && (text || buffered);
        Py_SETREF(file, known ? read_member(file, text ? "buffer" : "raw") : NULL);
    }
    if (file
        && (!(Py_TYPE(file)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) || strcmp(Py_TYPE(file)->tp_name, "_io.FileIO") != 0))
        Py_CLEAR(file);
    return file;
}

static uint8_t *
put_file(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *raw = raw_file(object);
    if (!raw)
        return value_put_type(encoder, p, object);
    PyObject *values[] = {read_member(raw, "name"), read_member(object, "mode")};
    int n = values[0] && values[1] ? 2 : 0;
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    p = value_put_items(encoder, p, object, values, n);
    Py_XDECREF(values[0]);
    Py_XDECREF(values[1]);
    Py_DECREF(raw);
    return p;
}

/* --- classes written in Python ------------------------------------------ */

static uint8_t *
put_uuid(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, PyObject *number)
{
    uint8_t b[16] = {0}; /* the last first */
    compat_int_bytes(number, b, sizeof b);
    PyErr_Clear();
    char text[37];
    PyOS_snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[15],
                  b[14], b[13], b[12], b[11], b[10], b[9], b[8], b[7], b[6], b[5], b[4], b[3], b[2], b[1], b[0]);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, type);
    *p++ = FLOW_VALUE_STR_WHOLE;
    return writer_string(encoder->writer, p, text, sizeof text - 1);
}

uint8_t *
value_put_fraction_or_uuid(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    bool uuid = strcmp(type->tp_name, "UUID") == 0;
    if (!uuid && strcmp(type->tp_name, "Fraction") != 0)
        return NULL;
    PyObject *module = compat_dict_find(type->tp_dict, encoder->names->module); /* Borrowed */
    PyErr_Clear();
    if (!module || !PyUnicode_CheckExact(module)
        || PyUnicode_CompareWithASCIIString(module, uuid ? "uuid" : "fractions") != 0)
        return NULL;
    struct instance_field fields[2];
    if (instance_fields(object, true, fields, 2) < 2 || !PyLong_CheckExact(fields[0].value))
        return NULL;
    if (uuid)
        return put_uuid(encoder, p, type, fields[0].value);
    PyObject *numbers[] = {fields[0].value, fields[1].value}; /* Borrowed */
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, type);
    return value_put_items(encoder, p, object, numbers, 2);
}

/* ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint8_t *(*put)(struct value_encoder *encoder, uint8_t *p, PyObject *object);
} known[] = {
    {"range", put_range},
    {"slice", put_slice},
    {"memoryview", put_memoryview},
    {"dict_keys", put_dict_view},
    {"dict_values", put_dict_view},
    {"dict_items", put_dict_view},
    {"generator", put_generator},
    {"coroutine", put_generator},
    {"async_generator", put_generator},
    {"datetime.timezone", put_timezone},
    {"re.Pattern", put_pattern},
    {"re.Match", put_match},
    {"functools.partial", put_partial},
    {"collections.deque", put_deque},
    {"_asyncio.Task", put_future},
    {"_asyncio.Future", put_future},
    {"_io.TextIOWrapper", put_file},
    {"_io.BufferedReader", put_file},
    {"_io.BufferedWriter", put_file},
    {"_io.BufferedRandom", put_file},
    {"_io.FileIO", put_file},
};

uint8_t *
value_put_known(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (!(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(type->tp_name, known[i].name) == 0)
            return known[i].put(encoder, p, object);
    return NULL;
}
