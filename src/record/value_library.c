/* value_library.c - what is told of the interpreter's and the standard library's types written in C.
 *
 * Their members and methods are known to run none of the program's code. Such a
 * type is told by its full name, which no class of the program's can have
 * together with the flag of immutable types. `base` is that type; the object's
 * own is the same, or a subclass of it: whatever it overrides is not looked at. */
#include "value_parts.h"

#include <string.h>

#include "instance.h"

#define DECIMAL_DIGITS_MAX 100
#define DECIMAL_BYTES_MAX 1000 /* of memory: some two thousand digits, which are all made an object of */
#define ORDERED_MAX 1000       /* keys that are looked at before their order is asked for */

PyObject *
value_read_member(PyObject *object, PyTypeObject *base, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name);
    PyObject *member = key ? compat_type_lookup(base, key) : NULL; /* Borrowed */
    PyObject *value = NULL;
    if (member && (Py_IS_TYPE(member, &PyMemberDescr_Type) || Py_IS_TYPE(member, &PyGetSetDescr_Type)))
        value = Py_TYPE(member)->tp_descr_get(member, object, (PyObject *)base);
    else if (key && !member && Py_IS_TYPE(object, base))
        value = Py_XNewRef(instance_dict_find(object, key)); /* its own dictionary: see put_file() */
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

PyObject *
value_call_method(PyObject *object, PyTypeObject *base, const char *name)
{
    PyObject *key = PyUnicode_InternFromString(name);
    PyObject *method = key ? compat_type_lookup(base, key) : NULL; /* Borrowed */
    PyObject *result = method ? PyObject_CallOneArg(method, object) : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return result;
}

/* What stands for the object is one text: of a subclass in the brackets behind its name. */
uint8_t *
value_put_content(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base, const char *text)
{
    if (!Py_IS_TYPE(object, base))
        p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    return value_put_text(encoder, p, base, "%s", text);
}

/* Type(a, b): the values of members, up to the first that is not there. */
static uint8_t *
put_members(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *const *names, size_t count)
{
    PyObject *values[4];
    size_t n = 0;
    while (n < count && (values[n] = value_read_member(object, Py_TYPE(object), names[n])))
        n++;
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    p = value_put_items(encoder, p, object, values, (Py_ssize_t)n);
    while (n-- > 0)
        Py_DECREF(values[n]);
    return p;
}

/* Type(a): the value of one member. */
static uint8_t *
put_member(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *name)
{
    return put_members(encoder, p, object, &name, 1);
}

/* --- ranges, slices, views ------------------------------------------------ */

static uint8_t *
put_range(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    static const char *const names[] = {"start", "stop", "step"};
    PyObject *step = value_read_member(object, base, "step");
    bool plain = step && PyLong_CheckExact(step) && PyLong_AsLong(step) == 1;
    PyErr_Clear();
    Py_XDECREF(step);
    return put_members(encoder, p, object, names, plain ? 2 : 3);
}

static uint8_t *
put_slice(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    static const char *const names[] = {"start", "stop", "step"};
    return put_members(encoder, p, object, names, ((PySliceObject *)object)->step == Py_None ? 2 : 3);
}

static uint8_t *
put_memoryview(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
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

/* The dict is all that a view holds. Items are shown as the dict that they are of: its secrets are known by their keys. */
static uint8_t *
put_dict_view(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *dict = compat_first_held(base, object); /* Borrowed */
    if (!dict || !PyDict_Check(dict))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    const char *part = strchr(base->tp_name, '_') + 1; /* of dict_keys, odict_keys ... */
    if (strcmp(part, "items") == 0)
        return value_put_builtin(encoder, p, dict);
    return value_put_dict_part(encoder, p, dict, strcmp(part, "keys") == 0);
}

/* mappingproxy, cell: the first that it holds. */
static uint8_t *
put_held(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *held; /* Borrowed */
    COMPAT_LOCK_OBJECT(object);
    held = compat_hold(compat_first_held(base, object));
    COMPAT_UNLOCK_OBJECT();
    if (!held || !value_enter(encoder, object))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    p = value_put(encoder, p, held);
    encoder->depth--;
    return p;
}

/* --- containers ----------------------------------------------------------- */

uint8_t *
value_put_deque_items(struct value_encoder *encoder, uint8_t *p, PyObject *deque)
{
    return value_put_iterated(encoder, p, FLOW_VALUE_LIST, deque, compat_size(deque), Py_TYPE(deque)->tp_iter);
}

/* deque([1, 2]), deque([1, 2], 5): as it is made. */
static uint8_t *
put_deque(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *limit = value_read_member(object, base, "maxlen");
    bool limited = limit && limit != Py_None;
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    *p++ = (uint8_t)(1 + limited);
    *p++ = (uint8_t)(1 + limited);
    p = value_put_iterated(encoder, p, FLOW_VALUE_LIST, object, compat_size(object), base->tp_iter);
    if (limited)
        p = value_put(encoder, p, limit);
    Py_XDECREF(limit);
    return p;
}

static uint8_t *
put_defaultdict(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *factory = value_read_member(object, base, "default_factory");
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    *p++ = 2;
    *p++ = 2;
    p = value_put(encoder, p, factory ? factory : Py_None);
    p = value_put_dict(encoder, p, object);
    Py_XDECREF(factory);
    return p;
}

/* The iterator asks the keys for their hash: those of str are str's own. */
static bool
has_plain_keys(PyObject *dict)
{
    Py_ssize_t position = 0;
    PyObject *key;
    if (COMPAT_FREE_THREADED || compat_dict_length(dict) > ORDERED_MAX) /* nothing guards its order there */
        return false;
    while (PyDict_Next(dict, &position, &key, NULL))
        if (!PyUnicode_CheckExact(key))
            return false;
    return true;
}

/* In its own order, which move_to_end() changes, where that can be had; else in the order of insertion. */
static uint8_t *
put_ordered_dict(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    return has_plain_keys(object) ? value_put_dict_by(encoder, p, object, base->tp_iter)
                                  : value_put_dict(encoder, p, object);
}

static uint8_t *
put_namespace(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return value_put_fields(encoder, p, object);
}

/* array('i', [1, 2]) */
static uint8_t *
put_array(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    /* Without a GIL nothing guards an array that another thread may resize. */
    PyObject *code = COMPAT_FREE_THREADED ? NULL : value_read_member(object, base, "typecode");
    if (!code || !value_enter(encoder, object)) {
        Py_XDECREF(code);
        return value_put_type(encoder, p, object);
    }
    Py_ssize_t length = Py_SIZE(object);
    Py_ssize_t n = value_count_shown(encoder, p, length);
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    *p++ = 2;
    *p++ = 2;
    p = value_put(encoder, p, code);
    *p++ = FLOW_VALUE_LIST;
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    PyObject *item;
    while (*count < n && p < encoder->end && (item = base->tp_as_sequence->sq_item(object, *count))) {
        p = value_put(encoder, p, item);
        Py_DECREF(item);
        ++*count;
    }
    PyErr_Clear();
    Py_DECREF(code);
    encoder->depth--;
    return p;
}

/* --- generators, tasks, locks --------------------------------------------- */

static uint8_t *
put_generator(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *name = value_read_member(object, base, "__qualname__");
    const char *format = PyGen_CheckExact(object)    ? "generator(%s)"
                         : PyCoro_CheckExact(object) ? "coroutine(%s)"
                                                     : "async_generator(%s)";
    p = value_put_text_of(encoder, p, Py_TYPE(object), format, name);
    Py_XDECREF(name);
    return p;
}

/* True if the C method `name` says so. */
static bool
is_so(PyObject *object, PyTypeObject *base, const char *name)
{
    PyObject *answer = value_call_method(object, base, name);
    bool so = answer == Py_True;
    Py_XDECREF(answer);
    return so;
}

static uint8_t *
put_future(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    const char *state = is_so(object, base, "cancelled") ? "cancelled"
                        : is_so(object, base, "done")    ? "done"
                                                         : "pending";
    PyObject *name = NULL;
    if (strcmp(base->tp_name, "_asyncio.Task") == 0)
        name = value_call_method(object, base, "get_name");
    bool named = name && PyUnicode_CheckExact(name);
    char format[160];
    PyOS_snprintf(format, sizeof format, named ? "%.100s(%%s, %s)" : "%.100s(%s)", value_plain_type(Py_TYPE(object)),
                  state);
    if (named)
        p = value_put_text_of(encoder, p, Py_TYPE(object), format, name);
    else
        p = value_put_text(encoder, p, Py_TYPE(object), "%s", format);
    Py_XDECREF(name);
    return p;
}

/* Its repr, which is C and reads no more than the lock, begins with the answer; RLock has no method before 3.14. */
static uint8_t *
put_lock(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *text = base->tp_repr(object);
    bool locked = text && PyUnicode_GET_LENGTH(text) > 7 && memcmp(PyUnicode_DATA(text), "<locked", 7) == 0;
    bool known = text && PyUnicode_IS_COMPACT_ASCII(text);
    Py_XDECREF(text);
    PyErr_Clear();
    if (!known)
        return value_put_type(encoder, p, object);
    return value_put_text(encoder, p, Py_TYPE(object), locked ? "%s(locked)" : "%s(unlocked)", value_plain_type(base));
}

static uint8_t *
put_simple_queue(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *size = value_call_method(object, base, "qsize");
    long length = size ? PyLong_AsLong(size) : 0;
    Py_XDECREF(size);
    PyErr_Clear();
    char text[64];
    PyOS_snprintf(text, sizeof text, "SimpleQueue(%ld item%s)", length, length == 1 ? "" : "s");
    return value_put_content(encoder, p, object, base, text);
}

static uint8_t *
put_context_variable(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return put_member(encoder, p, object, "name");
}

/* What it refers to, while that lives. */
static uint8_t *
put_weak_reference(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    PyObject *referent = compat_weak_referent(object);
    if (!referent)
        return value_put_text(encoder, p, Py_TYPE(object), "%s(dead)", value_plain_type(Py_TYPE(object)));
    if (value_enter(encoder, object)) {
        p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
        p = value_put(encoder, p, referent);
        encoder->depth--;
    }
    else {
        p = value_put_type(encoder, p, object);
    }
    Py_DECREF(referent);
    return p;
}

/* --- text and numbers ----------------------------------------------------- */

static uint8_t *
put_pattern(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return put_member(encoder, p, object, "pattern");
}

/* The text that matched, where it is a str or bytes: of another type, slicing could run its code. */
static uint8_t *
put_match(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *string = value_read_member(object, base, "string");
    bool plain = string && (PyUnicode_CheckExact(string) || PyBytes_CheckExact(string));
    PyObject *text = plain ? value_call_method(object, base, "group") : NULL;
    p = value_put_typed(encoder, p, text ? FLOW_VALUE_WRAPPED : FLOW_VALUE_OBJECT, Py_TYPE(object));
    if (text)
        p = value_put(encoder, p, text);
    Py_XDECREF(text);
    Py_XDECREF(string);
    return p;
}

/* sign, digits, exponent -> "-12.50". */
static int
format_decimal(PyObject *tuple, char *out, size_t room)
{
    PyObject *digits = PyTuple_GET_ITEM(tuple, 1);
    PyObject *exponent = PyTuple_GET_ITEM(tuple, 2);
    Py_ssize_t count = PyTuple_GET_SIZE(digits);
    if (count > DECIMAL_DIGITS_MAX)
        return -1;
    char text[DECIMAL_DIGITS_MAX + 1];
    for (Py_ssize_t i = 0; i < count; i++)
        text[i] = (char)('0' + PyLong_AsLong(PyTuple_GET_ITEM(digits, i)));
    text[count] = '\0';
    const char *sign = PyLong_AsLong(PyTuple_GET_ITEM(tuple, 0)) ? "-" : "";
    if (!PyLong_Check(exponent)) { /* 'F', 'n' or 'N' */
        Py_UCS4 letter = PyUnicode_READ_CHAR(exponent, 0);
        return PyOS_snprintf(out, room, "%s%s", sign, letter == 'F' ? "Infinity" : letter == 'n' ? "NaN" : "sNaN");
    }
    long power = PyLong_AsLong(exponent);
    if (power > 0 || power < -DECIMAL_DIGITS_MAX)
        return PyOS_snprintf(out, room, power > 0 ? "%s%sE+%ld" : "%s%sE%ld", sign, text, power);
    int fraction = (int)-power;
    int whole = (int)count - fraction;
    if (fraction == 0)
        return PyOS_snprintf(out, room, "%s%s", sign, text);
    if (whole > 0)
        return PyOS_snprintf(out, room, "%s%.*s.%s", sign, whole, text, text + whole);
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000";
    return PyOS_snprintf(out, room, "%s0.%.*s%s", sign, -whole, zeros, text);
}

static bool
is_long_decimal(PyObject *number, PyTypeObject *base)
{
    PyObject *size = value_call_method(number, base, "__sizeof__");
    bool is_long = !size || !PyLong_Check(size) || PyLong_AsLong(size) > DECIMAL_BYTES_MAX;
    Py_XDECREF(size);
    PyErr_Clear();
    return is_long;
}

/* as_tuple() is C code that reads no decimal context; str() would make one. */
static uint8_t *
put_decimal(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    char text[2 * DECIMAL_DIGITS_MAX + 32];
    int n = -1;
    PyObject *tuple = is_long_decimal(object, base) ? NULL : value_call_method(object, base, "as_tuple");
    if (tuple && PyTuple_Check(tuple) && PyTuple_GET_SIZE(tuple) == 3)
        n = format_decimal(tuple, text, sizeof text);
    Py_XDECREF(tuple);
    PyErr_Clear();
    if (n < 0)
        return value_put_text(encoder, p, Py_TYPE(object), "%s(more than 100 digits)",
                              value_plain_type(Py_TYPE(object)));
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    *p++ = FLOW_VALUE_STR_WHOLE;
    return writer_string(encoder->writer, p, text, (size_t)n);
}

/* --- the rest ------------------------------------------------------------- */

static uint8_t *
put_partial(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    static const char *const names[] = {"func", "args", "keywords"};
    PyObject *keywords = value_read_member(object, base, "keywords");
    bool plain = keywords && PyDict_CheckExact(keywords) && compat_dict_length(keywords) == 0;
    Py_XDECREF(keywords);
    return put_members(encoder, p, object, names, plain ? 2 : 3);
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
        Py_SETREF(file, known ? value_read_member(file, Py_TYPE(file), text ? "buffer" : "raw") : NULL);
    }
    if (file
        && (!(Py_TYPE(file)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) || strcmp(Py_TYPE(file)->tp_name, "_io.FileIO") != 0))
        Py_CLEAR(file);
    return file;
}

static uint8_t *
put_file(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *raw = raw_file(object);
    if (!raw)
        return value_put_type(encoder, p, object);
    PyObject *values[] = {value_read_member(raw, Py_TYPE(raw), "name"), value_read_member(object, base, "mode")};
    int n = values[0] && values[1] ? 2 : 0;
    p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
    p = value_put_items(encoder, p, object, values, n);
    Py_XDECREF(values[0]);
    Py_XDECREF(values[1]);
    Py_DECREF(raw);
    return p;
}

/* StringIO, BytesIO: their text would have to be copied whole to be seen. */
static uint8_t *
put_memory_file(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *closed = value_read_member(object, base, "closed");
    PyObject *place = closed == Py_False ? value_call_method(object, base, "tell") : NULL;
    char text[64];
    if (closed == Py_True)
        PyOS_snprintf(text, sizeof text, "%s(closed)", value_plain_type(base));
    else if (place && PyLong_Check(place))
        PyOS_snprintf(text, sizeof text, "%s(at %zd)", value_plain_type(base), PyLong_AsSsize_t(place));
    else
        PyOS_snprintf(text, sizeof text, "%s", value_plain_type(base));
    PyErr_Clear();
    Py_XDECREF(closed);
    Py_XDECREF(place);
    return value_put_content(encoder, p, object, base, text);
}

/* ------------------------------------------------------------------------ */

/* In the order of their names. */
static const struct known_type {
    const char *name;
    uint8_t *(*put)(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
    bool inherited; /* also what their subclasses are told by */
} known_types[] = {
    {"_asyncio.Future", put_future, true},
    {"_asyncio.Task", put_future, true},
    {"_contextvars.ContextVar", put_context_variable, false},
    {"_io.BufferedRandom", put_file, false},
    {"_io.BufferedReader", put_file, false},
    {"_io.BufferedWriter", put_file, false},
    {"_io.BytesIO", put_memory_file, true},
    {"_io.FileIO", put_file, false},
    {"_io.StringIO", put_memory_file, true},
    {"_io.TextIOWrapper", put_file, false},
    {"_queue.SimpleQueue", put_simple_queue, true},
    {"_thread.RLock", put_lock, false},
    {"_thread.lock", put_lock, false},
    {"array.array", put_array, true},
    {"async_generator", put_generator, false},
    {"cell", put_held, false},
    {"classmethod", value_put_property, false},
    {"classmethod_descriptor", value_put_descriptor, false},
    {"code", value_put_code, false},
    {"collections.OrderedDict", put_ordered_dict, true},
    {"collections.defaultdict", put_defaultdict, true},
    {"collections.deque", put_deque, true},
    {"coroutine", put_generator, false},
    {"datetime.date", value_put_date, true},
    {"datetime.datetime", value_put_datetime, true},
    {"datetime.time", value_put_time, true},
    {"datetime.timedelta", value_put_timedelta, true},
    {"datetime.timezone", value_put_timezone, false},
    {"decimal.Decimal", put_decimal, true},
    {"dict_items", put_dict_view, false},
    {"dict_keys", put_dict_view, false},
    {"dict_values", put_dict_view, false},
    {"frame", value_put_frame, false},
    {"functools._lru_cache_wrapper", value_put_lru_cache, false},
    {"functools.partial", put_partial, false},
    {"generator", put_generator, false},
    {"getset_descriptor", value_put_descriptor, false},
    {"mappingproxy", put_held, false},
    {"member_descriptor", value_put_descriptor, false},
    {"memoryview", put_memoryview, false},
    {"method-wrapper", value_put_method_wrapper, false},
    {"method_descriptor", value_put_descriptor, false},
    {"numpy.bool", value_put_numpy_number, false},
    {"numpy.bool_", value_put_numpy_number, false},
    {"numpy.float16", value_put_numpy_number, false},
    {"numpy.float32", value_put_numpy_number, false},
    {"numpy.int16", value_put_numpy_number, false},
    {"numpy.int32", value_put_numpy_number, false},
    {"numpy.int64", value_put_numpy_number, false},
    {"numpy.int8", value_put_numpy_number, false},
    {"numpy.intc", value_put_numpy_number, false},
    {"numpy.longlong", value_put_numpy_number, false},
    {"numpy.ndarray", value_put_ndarray, true},
    {"numpy.uint16", value_put_numpy_number, false},
    {"numpy.uint32", value_put_numpy_number, false},
    {"numpy.uint64", value_put_numpy_number, false},
    {"numpy.uint8", value_put_numpy_number, false},
    {"numpy.uintc", value_put_numpy_number, false},
    {"numpy.ulonglong", value_put_numpy_number, false},
    {"odict_items", put_dict_view, false},
    {"odict_keys", put_dict_view, false},
    {"odict_values", put_dict_view, false},
    {"property", value_put_property, false},
    {"range", put_range, false},
    {"re.Match", put_match, false},
    {"re.Pattern", put_pattern, false},
    {"slice", put_slice, false},
    {"staticmethod", value_put_property, false},
    {"types.GenericAlias", value_put_alias, true},
    {"types.SimpleNamespace", put_namespace, true},
    {"types.UnionType", value_put_alias, false},
    {"typing.ParamSpec", value_put_alias, false},
    {"typing.TypeAliasType", value_put_alias, false},
    {"typing.TypeVar", value_put_alias, false},
    {"typing.TypeVarTuple", value_put_alias, false},
    {"typing.Union", value_put_alias, false},
    {"weakref.CallableProxyType", put_weak_reference, false},
    {"weakref.ProxyType", put_weak_reference, false},
    {"weakref.ReferenceType", put_weak_reference, false},
    {"wrapper_descriptor", value_put_descriptor, false},
    {"zoneinfo.ZoneInfo", value_put_zoneinfo, false},
};

static const struct known_type *
find_known(const PyTypeObject *type)
{
    size_t low = 0;
    size_t high = sizeof known_types / sizeof *known_types;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(type->tp_name, known_types[middle].name);
        if (order == 0)
            return &known_types[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct known_type *
value_find_known(const PyTypeObject *type)
{
    return type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE ? find_known(type) : NULL;
}

/* The nearest base that is written in C; what an object is laid out as. */
static PyTypeObject *
base_in_c(PyTypeObject *type)
{
    while (type && !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        type = type->tp_base;
    return type;
}

PyTypeObject *
value_base_named(PyTypeObject *type, const char *name)
{
    PyTypeObject *base = base_in_c(type);
    return base && strcmp(base->tp_name, name) == 0 ? base : NULL;
}

const struct known_type *
value_find_derived(PyTypeObject *type)
{
    const PyTypeObject *base = base_in_c(type);
    const struct known_type *found = base ? find_known(base) : NULL;
    return found && found->inherited ? found : NULL;
}

uint8_t *
value_put_known(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct known_type *how)
{
    return how->put(encoder, p, object, base_in_c(Py_TYPE(object)));
}
