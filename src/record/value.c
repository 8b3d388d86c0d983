#include "value.h"

#include <string.h>

#include "recorder.h"
#include "secret.h"
#include "value_parts.h"

#define INTERN_MAX 40       /* short strings recur */
#define BIG_INT_BYTES 128
#define TEXT_ROOM (VALUE_CALL_MAX / 2 + SECRET_AHEAD)

/* Where each name stands, and the name. */
static const struct {
    size_t offset;
    const char *text;
} names_to_intern[] = {
    {offsetof(struct value_names, dataclass_fields), "__dataclass_fields__"},
    {offsetof(struct value_names, fields), "_fields"},
    {offsetof(struct value_names, module), "__module__"},
    {offsetof(struct value_names, name), "_name_"},
    {offsetof(struct value_names, value), "_value_"},
    {offsetof(struct value_names, sequence_fields), "n_sequence_fields"},
    {offsetof(struct value_names, field_type), "_field_type"},
    {offsetof(struct value_names, plain_name), "name"},
    {offsetof(struct value_names, repr), "repr"},
    {offsetof(struct value_names, pydantic_private), "__pydantic_private__"},
    {offsetof(struct value_names, pydantic_extra), "__pydantic_extra__"},
    {offsetof(struct value_names, enum_module), "enum"},
};

#define NAMES (sizeof names_to_intern / sizeof *names_to_intern)

static PyObject **
name_slot(struct value_names *names, size_t i)
{
    return (PyObject **)((char *)names + names_to_intern[i].offset);
}

int
value_names_init(struct value_names *names)
{
    memset(names, 0, sizeof *names);
    for (size_t i = 0; i < NAMES; i++)
        if (!(*name_slot(names, i) = PyUnicode_InternFromString(names_to_intern[i].text)))
            return -1;
    return 0;
}

int
value_names_visit(struct value_names *names, visitproc visit, void *arg)
{
    Py_VISIT(names->enum_type);
    return 0;
}

void
value_names_clear(struct value_names *names)
{
    for (size_t i = 0; i < NAMES; i++)
        Py_CLEAR(*name_slot(names, i));
    Py_CLEAR(names->enum_type);
    secret_rules_clear(&names->secrets);
}

/* --- types ------------------------------------------------------------- */

const char *
value_plain_type(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot ? dot + 1 : type->tp_name;
}

uint8_t *
value_put_new_type_name(struct writer *writer, uint8_t *p, PyTypeObject *type)
{
    const char *name = value_plain_type(type);
    size_t length = strlen(name);
    uint8_t *end = writer_string(writer, p, name, length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES);
    writer_remember(writer, value_key_of_type(type), writer_string_number(writer, p));
    return end;
}

uint8_t *
value_put_typed(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyTypeObject *type)
{
    *p++ = (uint8_t)tag;
    return value_put_type_name(encoder->writer, p, type);
}

uint8_t *
value_put_type(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    return value_put_typed(encoder, p, FLOW_VALUE_OBJECT, Py_TYPE(object));
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

/* The name is the one that int has: the interpreter's cache of lookups would keep each new string that looks like it. */
static PyObject *
bit_length(PyObject *number)
{
    PyObject *name = PyUnicode_InternFromString("bit_length");
    PyObject *length = name ? PyObject_CallMethodNoArgs(number, name) : NULL;
    Py_XDECREF(name);
    return length;
}

/* Calls only methods of int itself. */
static uint8_t *
put_big_int(uint8_t *p, PyObject *object, bool negative)
{
    PyObject *magnitude = PyLong_Type.tp_as_number->nb_absolute(object);
    PyObject *length = magnitude ? bit_length(magnitude) : NULL;
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
    if (PyUnstable_Long_IsCompact((PyLongObject *)object))
        return put_integer(p, PyUnstable_Long_CompactValue((PyLongObject *)object));
    int overflow;
    long long n = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (!overflow)
        return put_integer(p, n);
    return put_big_int(p, object, overflow < 0);
}

uint8_t *
value_put_double(uint8_t *p, double number)
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

/* Bytes without the last character. */
static size_t
drop_character(const char *text, size_t length)
{
    while (length && ((uint8_t)text[--length] & 0xc0) == 0x80)
        ;
    return length;
}

size_t
value_end_name(char *out, size_t n, size_t size)
{
    char *nul = out;
    while ((nul = memchr(nul, '\0', n - (size_t)(nul - out)))) {
        if (n + 1 == size)
            n = drop_character(out, n);
        if (nul >= out + n)
            break;
        memmove(nul + 2, nul + 1, (size_t)(out + n - nul - 1));
        memcpy(nul, "\xc0\x80", 2);
        nul += 2;
        n++;
    }
    out[n] = '\0';
    return n;
}

size_t
value_name(PyObject *string, char *out, size_t size)
{
    bool complete;
    return value_end_name(out, value_utf8(string, out, size - 1, &complete), size);
}

static size_t
room_for_bytes(const struct value_encoder *encoder, const uint8_t *p)
{
    size_t left = p < encoder->end ? (size_t)(encoder->end - p) : 0;
    return left < encoder->settings.string ? left : encoder->settings.string;
}

static size_t
count_code_points(const char *utf8, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += ((unsigned char)utf8[i] & 0xc0) != 0x80;
    return n;
}

/* No longer than `room`, and not in the middle of a character. */
static size_t
cut_utf8(const char *utf8, size_t length, size_t room)
{
    if (length <= room)
        return length;
    while (room > 0 && ((unsigned char)utf8[room] & 0xc0) == 0x80)
        room--;
    return room;
}

/* A hash that nobody has asked for yet is none: it would have to be made. */
static void
remember(struct writer *writer, PyObject *string, uint32_t number)
{
    Py_hash_t hash = compat_str_hash(string);
    if (hash != -1)
        writer_remember_string(writer, string, (uint64_t)hash, number);
}

/* What a string is written as that the chunk may have from another. */
static uint8_t *
put_short_str(struct value_encoder *encoder, uint8_t *p, PyObject *string)
{
    struct writer *writer = encoder->writer;
    char bytes[4 * INTERN_MAX];
    bool complete = true;
    bool in_place = PyUnicode_IS_COMPACT_ASCII(string);
    const char *text = in_place ? PyUnicode_DATA(string) : bytes;
    size_t n = in_place ? (size_t)PyUnicode_GET_LENGTH(string) : value_utf8(string, bytes, sizeof bytes, &complete);
    uint32_t number = writer_find_string(writer, text, n);
    *p++ = FLOW_VALUE_STR_WHOLE;
    if (number) { /* it is in the file */
        remember(writer, string, number);
        return varint_put(p, number);
    }
    if (in_place)
        memcpy(bytes, text, n);
    if (secret_scrub(&encoder->names->secrets, bytes, &n, complete)) {
        p[-1] = FLOW_VALUE_REDACTED;
        return p;
    }
    uint8_t *end = writer_string(writer, p, bytes, n);
    remember(writer, string, writer_string_number(writer, p));
    return end;
}

/* The same long texts go from function to function. */
static bool
scrub(struct value_names *names, char *bytes, size_t *n, bool complete)
{
    const size_t length = *n;
    if (length < sizeof(uint64_t) || length > sizeof names->clean->bytes)
        return secret_scrub(&names->secrets, bytes, n, complete);
    uint64_t sample[2];
    memcpy(&sample[0], bytes, sizeof *sample);
    memcpy(&sample[1], bytes + length - sizeof *sample, sizeof *sample);
    uint64_t hash = (sample[0] ^ sample[1] << 1 ^ length) * 0x9e3779b97f4a7c15u;
    struct clean_text *known = &names->clean[hash >> 32 & (CLEAN_TEXTS - 1)];
    if (known->length == length && known->complete == complete && memcmp(known->bytes, bytes, length) == 0)
        return false;
    char before[sizeof known->bytes];
    memcpy(before, bytes, length);
    bool all = secret_scrub(&names->secrets, bytes, n, complete);
    if (!all && *n == length && memcmp(before, bytes, length) == 0) {
        *known = (struct clean_text){.length = (uint16_t)length, .complete = complete};
        memcpy(known->bytes, bytes, length);
    }
    return all;
}

/* What is to be scrubbed is no part of the file yet: it has to outlast a crash of the program, this must not. */
static uint8_t *
put_long_str(struct value_encoder *encoder, uint8_t *p, PyObject *string, size_t length)
{
    size_t room = room_for_bytes(encoder, p);
    char bytes[TEXT_ROOM];
    bool complete;
    size_t n = value_utf8(string, bytes, room + SECRET_AHEAD, &complete);
    size_t before = n;
    if (scrub(encoder->names, bytes, &n, complete)) {
        *p++ = FLOW_VALUE_REDACTED;
        return p;
    }
    bool whole = complete && n <= room;
    if (n < before && whole)
        length = count_code_points(bytes, n);
    n = cut_utf8(bytes, n, room);
    *p++ = FLOW_VALUE_STR;
    p = varint_put(p, length);
    return writer_text(p, bytes, n);
}

uint8_t *
value_put_str(struct value_encoder *encoder, uint8_t *p, PyObject *string)
{
    size_t length = (size_t)PyUnicode_GET_LENGTH(string);
    if (length > INTERN_MAX)
        return put_long_str(encoder, p, string, length);
    uint32_t number = writer_known_string(encoder->writer, string, (uint64_t)compat_str_hash(string));
    if (!number)
        return put_short_str(encoder, p, string);
    *p++ = FLOW_VALUE_STR_WHOLE;
    return varint_put(p, number);
}

static uint8_t *
put_bytes(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, const char *data, Py_ssize_t length)
{
    size_t room = room_for_bytes(encoder, p);
    size_t n = (size_t)length < room + SECRET_AHEAD ? (size_t)length : room + SECRET_AHEAD;
    size_t before = n;
    bool complete = n == (size_t)length;
    char bytes[TEXT_ROOM];
    memcpy(bytes, data, n);
    if (secret_scrub(&encoder->names->secrets, bytes, &n, complete)) {
        *p++ = FLOW_VALUE_REDACTED;
        return p;
    }
    *p++ = (uint8_t)tag;
    p = varint_put(p, complete && n < before && n <= room ? n : (uint64_t)length);
    return writer_text(p, bytes, n < room ? n : room);
}

static size_t
add_text(char *line, size_t n, size_t room, const char *text, size_t length)
{
    size_t fits = length < room - n ? length : room - n;
    memcpy(line + n, text, fits);
    return n + fits;
}

/* TEXT: shown as it is. Names of classes stand in some formats: they are no printf()'s. */
uint8_t *
value_put_text(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format, const char *text)
{
    char line[2 * NAME_MAX_BYTES];
    const char *mark = strstr(format, "%s");
    size_t n = add_text(line, 0, sizeof line, format, mark ? (size_t)(mark - format) : strlen(format));
    if (mark) {
        char room[NAME_MAX_BYTES];
        struct slice name = writer_name_bytes(room, sizeof room, text);
        n = add_text(line, n, sizeof line, name.data, name.length);
        n = add_text(line, n, sizeof line, mark + 2, strlen(mark + 2));
    }
    p = value_put_typed(encoder, p, FLOW_VALUE_TEXT, type);
    return writer_text(p, line, n);
}

/* ------------------------------------------------------------------------ */

/* Exact builtins, and the builtin part of their subclasses. */
uint8_t *
value_put_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    if (PyTuple_Check(object))
        return value_put_tuple(encoder, p, object);
    if (PyList_Check(object))
        return value_put_list(encoder, p, object);
    if (PyDict_Check(object))
        return value_put_dict(encoder, p, object);
    if (PyLong_Check(object))
        return put_int(p, object);
    if (PyUnicode_Check(object))
        return value_put_str(encoder, p, object);
    if (PyFloat_Check(object)) {
        *p++ = FLOW_VALUE_FLOAT;
        return value_put_double(p, PyFloat_AS_DOUBLE(object));
    }
    if (PyBytes_Check(object))
        return put_bytes(encoder, p, FLOW_VALUE_BYTES, PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    if (COMPAT_FREE_THREADED && PyByteArray_Check(object)) /* as with an array.array, nothing guards it */
        return value_put_type(encoder, p, object);
    if (PyByteArray_Check(object))
        return put_bytes(encoder, p, FLOW_VALUE_BYTEARRAY, PyByteArray_AS_STRING(object), PyByteArray_GET_SIZE(object));
    if (PyFrozenSet_Check(object))
        return value_put_set(encoder, p, object, FLOW_VALUE_FROZENSET);
    if (PyAnySet_Check(object))
        return value_put_set(encoder, p, object, FLOW_VALUE_SET);
    Py_complex number = ((PyComplexObject *)object)->cval;
    *p++ = FLOW_VALUE_COMPLEX;
    return value_put_double(value_put_double(p, number.real), number.imag);
}

static bool
is_builtin(const PyTypeObject *type)
{
    return type == &PyTuple_Type || type == &PyList_Type || type == &PyDict_Type || type == &PyFloat_Type
           || type == &PyBytes_Type || type == &PySet_Type || type == &PyFrozenSet_Type || type == &PyByteArray_Type
           || type == &PyComplex_Type;
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

/* What has a number is known by it. */
static uint8_t *
put_cycle(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    uint8_t *end = identity_put_of(encoder, p, object);
    if (end > p)
        return value_put_type(encoder, end, object);
    *p++ = FLOW_VALUE_CYCLE;
    return p;
}

uint8_t *
value_put(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    if (p >= encoder->end) {
        *p++ = FLOW_VALUE_TRUNCATED;
        return p;
    }
    const PyTypeObject *type = Py_TYPE(object);
    if (type == &PyLong_Type)
        return put_int(p, object);
    if (type == &PyUnicode_Type)
        return value_put_str(encoder, p, object);
    bool by_class = type->tp_flags & Py_TPFLAGS_HEAPTYPE; /* no singleton, and no exact builtin */
    int tag = by_class ? 0 : singleton_tag(object);
    if (tag) {
        *p++ = (uint8_t)tag;
        return p;
    }
    if (value_is_cycle(encoder, object))
        return put_cycle(encoder, p, object);
    return !by_class && is_builtin(type) ? value_put_builtin(encoder, p, object) : value_put_object(encoder, p, object);
}
