#include "value.h"

#include <ctype.h>
#include <datetime.h>
#include <string.h>

#define NAME_MAX_BYTES 255
#define INTERN_MAX 40       /* short strings recur */
#define BIG_INT_BYTES 128
#define HEAD_ROOM 320       /* a type name and its numbers */
#define DECIMAL_DIGITS_MAX 60

int
value_names_init(struct value_names *names)
{
    memset(names, 0, sizeof *names);
    names->dataclass_fields = PyUnicode_InternFromString("__dataclass_fields__");
    names->fields = PyUnicode_InternFromString("_fields");
    names->name = PyUnicode_InternFromString("_name_");
    names->raw_paths = PyUnicode_InternFromString("_raw_paths");
    names->slash = PyUnicode_InternFromString("/");
    names->enum_module = PyUnicode_InternFromString("enum");
    names->decimal_module = PyUnicode_InternFromString("_decimal");
    return PyErr_Occurred() ? -1 : 0;
}

void
value_names_clear(struct value_names *names)
{
    Py_CLEAR(names->dataclass_fields);
    Py_CLEAR(names->fields);
    Py_CLEAR(names->name);
    Py_CLEAR(names->raw_paths);
    Py_CLEAR(names->slash);
    Py_CLEAR(names->enum_module);
    Py_CLEAR(names->decimal_module);
    Py_CLEAR(names->enum_type);
    Py_CLEAR(names->decimal_type);
}

/* --- names -------------------------------------------------------------- */

bool
value_name_is_secret(const char *name, size_t length)
{
    static const char *const anywhere[] = {"password",   "passwd",     "passphrase", "secret",
                                           "apikey",     "credential", "privatekey", "accesskey",
                                           "authorization", "setcookie"};
    static const char *const at_end[] = {"token", "pwd", "cookie", "cookies"};
    char plain[64];
    size_t n = 0;
    for (size_t i = 0; i < length && n < sizeof plain - 1; i++)
        if (isalnum((unsigned char)name[i]))
            plain[n++] = (char)tolower((unsigned char)name[i]);
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (strstr(plain, anywhere[i]))
            return true;
    for (size_t i = 0; i < sizeof at_end / sizeof *at_end; i++) {
        size_t end = strlen(at_end[i]);
        if (n >= end && memcmp(plain + n - end, at_end[i], end) == 0)
            return true;
    }
    return false;
}

static bool
judge(PyObject *name)
{
    char bytes[NAME_MAX_BYTES];
    bool complete;
    return value_name_is_secret(bytes, value_utf8(name, bytes, sizeof bytes, &complete));
}

/* Fields and keys come by again and again. */
static bool
is_secret(struct value_encoder *encoder, PyObject *name)
{
    if (!PyUnicode_CheckExact(name))
        return false;
    Py_hash_t hash = PyObject_Hash(name);
    struct secret_verdict *verdict = &encoder->names->verdicts[(size_t)hash % SECRET_VERDICTS];
    if (verdict->name != name || verdict->hash != hash)
        *verdict = (struct secret_verdict){name, hash, judge(name)};
    return verdict->secret;
}

static const char *
type_name(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot ? dot + 1 : type->tp_name;
}

uint8_t *
value_put_type_name(struct writer *writer, uint8_t *p, PyTypeObject *type)
{
    const char *name = type_name(type);
    size_t length = strlen(name);
    return writer_string(writer, p, name, length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES);
}

static uint8_t *
put_tag_and_type(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyTypeObject *type)
{
    *p++ = (uint8_t)tag;
    return value_put_type_name(encoder->writer, p, type);
}

uint8_t *
value_put_type(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    return put_tag_and_type(encoder, p, FLOW_VALUE_OBJECT, Py_TYPE(object));
}

/* --- numbers ------------------------------------------------------------ */

static uint8_t *
put_integer(uint8_t *p, int64_t n)
{
    if (n >= FLOW_VALUE_SMALL_MIN && n <= FLOW_VALUE_SMALL_MAX) {
        *p++ = (uint8_t)(n - FLOW_VALUE_SMALL_MIN);
        return p;
    }
    *p++ = FLOW_VALUE_INT;
    return varint_put(p, varint_zigzag(n));
}

/* Calls only methods of int itself. */
static uint8_t *
put_big_int(uint8_t *p, PyObject *object, bool negative)
{
    PyObject *magnitude = PyLong_Type.tp_as_number->nb_absolute(object);
    PyObject *length = magnitude ? PyObject_CallMethod(magnitude, "bit_length", NULL) : NULL;
    if (!length) {
        Py_XDECREF(magnitude);
        PyErr_Clear();
        *p++ = FLOW_VALUE_UNREADABLE;
        return p;
    }
    size_t bits = PyLong_AsSize_t(length);
    size_t size = (bits + 7) / 8;
    *p++ = FLOW_VALUE_BIG_INT;
    *p++ = negative;
    p = varint_put(p, bits);
    if (size <= BIG_INT_BYTES) {
        p = varint_put(p, size);
        compat_int_bytes(magnitude, p, size);
        p += size;
    }
    else {
        *p++ = 0;
    }
    Py_DECREF(length);
    Py_DECREF(magnitude);
    PyErr_Clear();
    return p;
}

static uint8_t *
put_int(uint8_t *p, PyObject *object)
{
    int overflow;
    long long n = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (!overflow)
        return put_integer(p, n);
    return put_big_int(p, object, overflow < 0);
}

static uint8_t *
put_double(uint8_t *p, double number)
{
    memcpy(p, &number, sizeof number);
    return p + sizeof number;
}

/* --- text --------------------------------------------------------------- */

static size_t
utf8_encode(Py_UCS4 c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t
value_utf8(PyObject *string, char *out, size_t room, bool *complete)
{
    size_t length = (size_t)PyUnicode_GET_LENGTH(string);
    if (PyUnicode_IS_COMPACT_ASCII(string)) {
        size_t n = length < room ? length : room;
        memcpy(out, PyUnicode_DATA(string), n);
        *complete = n == length;
        return n;
    }
    int kind = PyUnicode_KIND(string);
    const void *data = PyUnicode_DATA(string);
    size_t n = 0;
    size_t i = 0;
    for (; i < length && n + 4 <= room; i++)
        n += utf8_encode(PyUnicode_READ(kind, data, (Py_ssize_t)i), out + n);
    *complete = i == length;
    return n;
}

static size_t
room_for_bytes(const struct value_encoder *encoder, const uint8_t *p)
{
    size_t left = p < encoder->end ? (size_t)(encoder->end - p) : 0;
    return left < encoder->settings.string ? left : encoder->settings.string;
}

static uint8_t *
put_str(struct value_encoder *encoder, uint8_t *p, PyObject *string)
{
    size_t length = (size_t)PyUnicode_GET_LENGTH(string);
    if (length <= INTERN_MAX) {
        char bytes[4 * INTERN_MAX];
        bool complete;
        size_t n = value_utf8(string, bytes, sizeof bytes, &complete);
        *p++ = FLOW_VALUE_STR_WHOLE;
        return writer_string(encoder->writer, p, bytes, n);
    }
    *p++ = FLOW_VALUE_STR;
    p = varint_put(p, length);
    /* The count comes before the bytes: leave two bytes for it. */
    bool complete;
    size_t n = value_utf8(string, (char *)p + 2, room_for_bytes(encoder, p), &complete);
    p[0] = (uint8_t)(n | 0x80);
    p[1] = (uint8_t)(n >> 7);
    return p + 2 + n;
}

static uint8_t *
put_bytes(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, const char *data, Py_ssize_t length)
{
    *p++ = (uint8_t)tag;
    p = varint_put(p, (uint64_t)length);
    size_t room = room_for_bytes(encoder, p);
    return writer_text(p, data, (size_t)length < room ? (size_t)length : room);
}

/* TEXT: shown as it is. */
static uint8_t *
put_text(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format, const char *text)
{
    char line[2 * NAME_MAX_BYTES];
    int n = PyOS_snprintf(line, sizeof line, format, text);
    p = put_tag_and_type(encoder, p, FLOW_VALUE_TEXT, type);
    return writer_text(p, line, n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static uint8_t *
put_text_of(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format, PyObject *string)
{
    char name[NAME_MAX_BYTES + 1] = "?";
    if (string && PyUnicode_Check(string)) {
        bool complete;
        name[value_utf8(string, name, NAME_MAX_BYTES, &complete)] = '\0';
    }
    return put_text(encoder, p, type, format, name);
}

/* --- containers --------------------------------------------------------- */

/* True if the depth allows to show what `container` holds; leave with depth--. */
static bool
enter(struct value_encoder *encoder, PyObject *container)
{
    if (encoder->depth >= encoder->settings.depth || encoder->depth >= FLOW_VALUE_DEPTH_MAX)
        return false;
    encoder->containers[encoder->depth++] = container;
    return true;
}

static bool
is_cycle(const struct value_encoder *encoder, const PyObject *object)
{
    for (unsigned i = 0; i < encoder->depth; i++)
        if (encoder->containers[i] == object)
            return true;
    return false;
}

static Py_ssize_t
count_shown(const struct value_encoder *encoder, const uint8_t *p, Py_ssize_t length)
{
    if (p >= encoder->end)
        return 0;
    return length < (Py_ssize_t)encoder->settings.items ? length : (Py_ssize_t)encoder->settings.items;
}

/* Past the depth limit a container keeps its length and shows nothing. */
static uint8_t *
put_items(struct value_encoder *encoder, uint8_t *p, PyObject *owner, PyObject *const *items, Py_ssize_t length)
{
    p = varint_put(p, (uint64_t)length);
    if (length == 0 || !enter(encoder, owner)) {
        *p++ = 0;
        return p;
    }
    Py_ssize_t n = count_shown(encoder, p, length);
    p = varint_put(p, (uint64_t)n);
    for (Py_ssize_t i = 0; i < n; i++)
        p = value_put(encoder, p, items[i]);
    encoder->depth--;
    return p;
}

static uint8_t *
put_list(struct value_encoder *encoder, uint8_t *p, PyObject *list)
{
    *p++ = FLOW_VALUE_LIST;
    return put_items(encoder, p, list, ((PyListObject *)list)->ob_item, PyList_GET_SIZE(list));
}

static uint8_t *
put_tuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple)
{
    *p++ = FLOW_VALUE_TUPLE;
    return put_items(encoder, p, tuple, ((PyTupleObject *)tuple)->ob_item, PyTuple_GET_SIZE(tuple));
}

/* Walks with set's own iterator, whatever a subclass has for __iter__. */
static uint8_t *
put_set(struct value_encoder *encoder, uint8_t *p, PyObject *set, enum flow_value tag)
{
    *p++ = (uint8_t)tag;
    Py_ssize_t length = PySet_GET_SIZE(set);
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !enter(encoder, set))
        return p;
    PyObject *iterator = PySet_Type.tp_iter(set);
    Py_ssize_t n = count_shown(encoder, p, length);
    n = n < 0x7f ? n : 0x7f;
    PyObject *item;
    while (iterator && *count < n && (item = Py_TYPE(iterator)->tp_iternext(iterator))) {
        p = value_put(encoder, p, item);
        Py_DECREF(item);
        ++*count;
    }
    Py_XDECREF(iterator);
    PyErr_Clear();
    encoder->depth--;
    return p;
}

uint8_t *
value_put_secret(uint8_t *p, PyObject *value)
{
    *p++ = value == Py_None    ? FLOW_VALUE_NONE
           : value == Py_True  ? FLOW_VALUE_TRUE
           : value == Py_False ? FLOW_VALUE_FALSE
                               : FLOW_VALUE_REDACTED;
    return p;
}

static uint8_t *
put_dict(struct value_encoder *encoder, uint8_t *p, PyObject *dict)
{
    *p++ = FLOW_VALUE_DICT;
    Py_ssize_t length = ((PyDictObject *)dict)->ma_used;
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !enter(encoder, dict))
        return p;
    Py_ssize_t n = count_shown(encoder, p, length);
    n = n < 0x7f ? n : 0x7f;
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (*count < n && PyDict_Next(dict, &position, &key, &value)) {
        p = value_put(encoder, p, key);
        p = is_secret(encoder, key) ? value_put_secret(p, value) : value_put(encoder, p, value);
        ++*count;
    }
    encoder->depth--;
    return p;
}

/* --- objects ------------------------------------------------------------ */

PyObject *
value_read_field(PyObject *object, PyObject *name)
{
    if (!PyUnicode_CheckExact(name))
        return NULL;
    PyObject *found = compat_type_lookup(Py_TYPE(object), name);
    if (found && (Py_TYPE(found)->tp_descr_get || Py_TYPE(found)->tp_descr_set)
        && !Py_IS_TYPE(found, &PyMemberDescr_Type))
        return NULL;
    PyObject *value = PyObject_GenericGetAttr(object, name);
    if (!value)
        PyErr_Clear();
    return value;
}

static uint8_t *
put_field(struct value_encoder *encoder, uint8_t *p, PyObject *name, PyObject *value)
{
    char bytes[NAME_MAX_BYTES];
    bool complete;
    size_t n = value_utf8(name, bytes, sizeof bytes, &complete);
    p = writer_string(encoder->writer, p, bytes, n);
    return is_secret(encoder, name) ? value_put_secret(p, value) : value_put(encoder, p, value);
}

static uint8_t *
put_namedtuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple, PyObject *names)
{
    Py_ssize_t length = PyTuple_GET_SIZE(tuple);
    p = put_tag_and_type(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(tuple));
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (!enter(encoder, tuple))
        return p;
    for (Py_ssize_t i = 0; i < count_shown(encoder, p, length) && *count < 0x7f; i++, ++*count)
        p = put_field(encoder, p, PyTuple_GET_ITEM(names, i), PyTuple_GET_ITEM(tuple, i));
    encoder->depth--;
    return p;
}

static uint8_t *
put_dataclass(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyObject *fields)
{
    p = put_tag_and_type(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(object));
    Py_ssize_t length = ((PyDictObject *)fields)->ma_used;
    length = length < 0x7f ? length : 0x7f;
    uint8_t *total = p;
    *p++ = (uint8_t)length;
    uint8_t *count = p;
    *p++ = 0;
    if (!enter(encoder, object))
        return p;
    Py_ssize_t position = 0;
    PyObject *name;
    while (*count < encoder->settings.items && p < encoder->end
           && PyDict_Next(fields, &position, &name, NULL)) {
        PyObject *value = value_read_field(object, name);
        if (!value) { /* a ClassVar, an InitVar, or not set */
            --*total;
            continue;
        }
        p = put_field(encoder, p, name, value);
        Py_DECREF(value);
        ++*count;
    }
    encoder->depth--;
    return p;
}

uint8_t *
value_put_exception(struct value_encoder *encoder, uint8_t *p, PyObject *exception)
{
    p = put_tag_and_type(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(exception));
    PyObject *args = ((PyBaseExceptionObject *)exception)->args;
    if (args && PyTuple_Check(args))
        return put_items(encoder, p, exception, ((PyTupleObject *)args)->ob_item, PyTuple_GET_SIZE(args));
    *p++ = 0;
    *p++ = 0;
    return p;
}

/* Owned by `slot` once the program itself has imported the module. */
static bool
is_instance_of(PyObject *object, PyObject **slot, PyObject *module_name, const char *type_attribute)
{
    if (!*slot) {
        PyObject *module = PyImport_GetModule(module_name);
        if (module)
            *slot = PyObject_GetAttrString(module, type_attribute);
        Py_XDECREF(module);
        PyErr_Clear();
    }
    return *slot && PyType_Check(*slot) && PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)*slot);
}

/* A composite flag has no name: then its number is shown. */
static uint8_t *
put_enum(struct value_encoder *encoder, uint8_t *p, PyObject *member)
{
    PyTypeObject *type = Py_TYPE(member);
    PyObject *name = value_read_field(member, encoder->names->name);
    if (name && PyUnicode_CheckExact(name)) {
        char text[2 * NAME_MAX_BYTES];
        int n = PyOS_snprintf(text, NAME_MAX_BYTES, "%.200s.", type_name(type));
        bool complete;
        size_t length = (size_t)n + value_utf8(name, text + n, NAME_MAX_BYTES, &complete);
        p = put_tag_and_type(encoder, p, FLOW_VALUE_TEXT, type);
        p = writer_text(p, text, length);
    }
    else if (PyLong_Check(member)) {
        p = put_tag_and_type(encoder, p, FLOW_VALUE_WRAPPED, type);
        p = put_int(p, member);
    }
    else {
        p = value_put_type(encoder, p, member);
    }
    Py_XDECREF(name);
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
    static const char zeros[] = "000000000000000000000000000000000000000000000000000000000000";
    return PyOS_snprintf(out, room, "%s0.%.*s%s", sign, -whole, zeros, text);
}

/* as_tuple() is C code that reads no decimal context; str() would make one. */
static uint8_t *
put_decimal(struct value_encoder *encoder, uint8_t *p, PyObject *number)
{
    char text[2 * DECIMAL_DIGITS_MAX + 32];
    int n = -1;
    PyObject *tuple = PyObject_CallMethod(encoder->names->decimal_type, "as_tuple", "O", number);
    if (tuple && PyTuple_Check(tuple) && PyTuple_GET_SIZE(tuple) == 3)
        n = format_decimal(tuple, text, sizeof text);
    Py_XDECREF(tuple);
    PyErr_Clear();
    if (n < 0)
        return value_put_type(encoder, p, number);
    p = put_tag_and_type(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(number));
    *p++ = FLOW_VALUE_STR_WHOLE;
    return writer_string(encoder->writer, p, text, (size_t)n);
}

/* The C types of datetime are static: their full name can't be a user's class. */
static uint8_t *
put_datetime(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    const char *name = Py_TYPE(object)->tp_name;
    char text[64];
    int n = 0;
    bool dated = strcmp(name, "datetime.date") == 0 || strcmp(name, "datetime.datetime") == 0;
    if (dated)
        n = PyOS_snprintf(text, sizeof text, "%04d-%02d-%02d", PyDateTime_GET_YEAR(object),
                          PyDateTime_GET_MONTH(object), PyDateTime_GET_DAY(object));
    if (strcmp(name, "datetime.datetime") == 0) {
        n += PyOS_snprintf(text + n, sizeof text - (size_t)n, " %02d:%02d:%02d", PyDateTime_DATE_GET_HOUR(object),
                           PyDateTime_DATE_GET_MINUTE(object), PyDateTime_DATE_GET_SECOND(object));
        if (PyDateTime_DATE_GET_MICROSECOND(object))
            n += PyOS_snprintf(text + n, sizeof text - (size_t)n, ".%06d", PyDateTime_DATE_GET_MICROSECOND(object));
    }
    else if (strcmp(name, "datetime.time") == 0) {
        n = PyOS_snprintf(text, sizeof text, "%02d:%02d:%02d", PyDateTime_TIME_GET_HOUR(object),
                          PyDateTime_TIME_GET_MINUTE(object), PyDateTime_TIME_GET_SECOND(object));
    }
    else if (strcmp(name, "datetime.timedelta") == 0) {
        long seconds = PyDateTime_DELTA_GET_SECONDS(object);
        n = PyOS_snprintf(text, sizeof text, "timedelta(%d days, %ld:%02ld:%02ld)", PyDateTime_DELTA_GET_DAYS(object),
                          seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    if (n == 0)
        return value_put_type(encoder, p, object);
    return put_text(encoder, p, Py_TYPE(object), "%s", text);
}

static uint8_t *
put_callable_or_module(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (PyType_Check(object))
        return put_text(encoder, p, type, "<class %s>", type_name((PyTypeObject *)object));
    if (PyFunction_Check(object))
        return put_text_of(encoder, p, type, "<function %s>", ((PyFunctionObject *)object)->func_qualname);
    if (PyCFunction_CheckExact(object))
        return put_text(encoder, p, type, "<built-in %s>", ((PyCFunctionObject *)object)->m_ml->ml_name);
    if (Py_IS_TYPE(object, &PyMethod_Type) && PyFunction_Check(PyMethod_GET_FUNCTION(object)))
        return put_text_of(encoder, p, type, "<method %s>",
                           ((PyFunctionObject *)PyMethod_GET_FUNCTION(object))->func_qualname);
    if (PyModule_CheckExact(object)) {
        PyObject *name = PyModule_GetNameObject(object);
        p = put_text_of(encoder, p, type, "<module %s>", name);
        Py_XDECREF(name);
        PyErr_Clear();
        return p;
    }
    return value_put_type(encoder, p, object);
}

/* New reference to what the parts of a path come to, joined as pathlib would; NULL if they are odd. */
static PyObject *
join_parts(const struct value_names *names, PyObject *parts)
{
    if (!parts || !PyList_CheckExact(parts) || PyList_GET_SIZE(parts) == 0)
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(parts);
    Py_ssize_t first = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *part = PyList_GET_ITEM(parts, i); /* Borrowed */
        if (!PyUnicode_CheckExact(part) || PyUnicode_GET_LENGTH(part) == 0)
            return NULL;
        if (PyUnicode_READ_CHAR(part, 0) == '/')
            first = i;
    }
    if (first == count - 1)
        return Py_NewRef(PyList_GET_ITEM(parts, first));
    PyObject *rest = PyList_GetSlice(parts, first, count);
    PyObject *joined = rest ? PyUnicode_Join(names->slash, rest) : NULL;
    Py_XDECREF(rest);
    if (joined && PyUnicode_GET_LENGTH(joined) > 2 && PyUnicode_READ_CHAR(joined, 1) == '/')
        Py_SETREF(joined, PyUnicode_Substring(joined, 1, PyUnicode_GET_LENGTH(joined))); /* "/" and "var" */
    PyErr_Clear();
    return joined;
}

static uint8_t *
put_path(struct value_encoder *encoder, uint8_t *p, PyObject *path)
{
    PyObject *parts = value_read_field(path, encoder->names->raw_paths);
    PyObject *joined = join_parts(encoder->names, parts);
    if (joined) {
        p = put_tag_and_type(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(path));
        p = put_str(encoder, p, joined);
    }
    else {
        p = value_put_type(encoder, p, path);
    }
    Py_XDECREF(joined);
    Py_XDECREF(parts);
    return p;
}

static uint8_t *put_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object);

static bool
derives_from_builtin(PyObject *object)
{
    return PyLong_Check(object) || PyUnicode_Check(object) || PyFloat_Check(object) || PyList_Check(object)
           || PyTuple_Check(object) || PyDict_Check(object) || PyAnySet_Check(object) || PyBytes_Check(object)
           || PyByteArray_Check(object) || PyComplex_Check(object);
}

static uint8_t *
put_object(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    struct value_names *names = encoder->names;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && strncmp(type->tp_name, "datetime.", 9) == 0)
        return put_datetime(encoder, p, object);
    if (PyExceptionInstance_Check(object))
        return value_put_exception(encoder, p, object);
    if (strcmp(type->tp_name, "decimal.Decimal") == 0
        && is_instance_of(object, &names->decimal_type, names->decimal_module, "Decimal")
        && type == (PyTypeObject *)names->decimal_type)
        return put_decimal(encoder, p, object);
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || PyType_Check(object))
        return put_callable_or_module(encoder, p, object);
    if (is_instance_of(object, &names->enum_type, names->enum_module, "Enum"))
        return put_enum(encoder, p, object);
    PyObject *fields = compat_type_lookup(type, names->dataclass_fields);
    if (fields && PyDict_CheckExact(fields))
        return put_dataclass(encoder, p, object, fields);
    fields = PyTuple_Check(object) ? compat_type_lookup(type, names->fields) : NULL;
    if (fields && PyTuple_CheckExact(fields) && PyTuple_GET_SIZE(fields) == PyTuple_GET_SIZE(object))
        return put_namedtuple(encoder, p, object, fields);
    if (derives_from_builtin(object)) {
        p = put_tag_and_type(encoder, p, FLOW_VALUE_WRAPPED, type);
        return put_builtin(encoder, p, object);
    }
    if (strcmp(type->tp_name, "PosixPath") == 0 || strcmp(type->tp_name, "PurePosixPath") == 0)
        return put_path(encoder, p, object);
    return value_put_type(encoder, p, object);
}

/* Exact builtins, and the builtin part of their subclasses. */
static uint8_t *
put_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    if (PyLong_Check(object))
        return put_int(p, object);
    if (PyUnicode_Check(object))
        return put_str(encoder, p, object);
    if (PyFloat_Check(object)) {
        *p++ = FLOW_VALUE_FLOAT;
        return put_double(p, PyFloat_AS_DOUBLE(object));
    }
    if (PyList_Check(object))
        return put_list(encoder, p, object);
    if (PyTuple_Check(object))
        return put_tuple(encoder, p, object);
    if (PyDict_Check(object))
        return put_dict(encoder, p, object);
    if (PyBytes_Check(object))
        return put_bytes(encoder, p, FLOW_VALUE_BYTES, PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    if (PyByteArray_Check(object))
        return put_bytes(encoder, p, FLOW_VALUE_BYTEARRAY, PyByteArray_AS_STRING(object),
                         PyByteArray_GET_SIZE(object));
    if (PyFrozenSet_Check(object))
        return put_set(encoder, p, object, FLOW_VALUE_FROZENSET);
    if (PyAnySet_Check(object))
        return put_set(encoder, p, object, FLOW_VALUE_SET);
    Py_complex number = ((PyComplexObject *)object)->cval;
    *p++ = FLOW_VALUE_COMPLEX;
    return put_double(put_double(p, number.real), number.imag);
}

static bool
is_builtin(PyTypeObject *type)
{
    return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type || type == &PyList_Type
           || type == &PyTuple_Type || type == &PyDict_Type || type == &PyBytes_Type || type == &PySet_Type
           || type == &PyFrozenSet_Type || type == &PyByteArray_Type || type == &PyComplex_Type;
}

static int
singleton_tag(PyObject *object)
{
    return object == Py_None             ? FLOW_VALUE_NONE
           : object == Py_True           ? FLOW_VALUE_TRUE
           : object == Py_False          ? FLOW_VALUE_FALSE
           : object == Py_Ellipsis       ? FLOW_VALUE_ELLIPSIS
           : object == Py_NotImplemented ? FLOW_VALUE_NOT_IMPLEMENTED
                                         : 0;
}

uint8_t *
value_put(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    if (p + HEAD_ROOM > encoder->end) {
        *p++ = FLOW_VALUE_TRUNCATED;
        return p;
    }
    int tag = singleton_tag(object);
    if (tag) {
        *p++ = (uint8_t)tag;
        return p;
    }
    if (is_cycle(encoder, object)) {
        *p++ = FLOW_VALUE_CYCLE;
        return p;
    }
    return is_builtin(Py_TYPE(object)) ? put_builtin(encoder, p, object) : put_object(encoder, p, object);
}
