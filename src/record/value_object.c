/* value_object.c - objects of which more than the type can be told without running their code. */
#include "value_parts.h"

#include <datetime.h>
#include <string.h>

#include "secret.h"

#define DECIMAL_DIGITS_MAX 60

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

uint8_t *
value_put_field(struct value_encoder *encoder, uint8_t *p, PyObject *name, PyObject *value)
{
    char bytes[NAME_MAX_BYTES];
    bool complete;
    size_t n = value_utf8(name, bytes, sizeof bytes, &complete);
    p = writer_string(encoder->writer, p, bytes, n);
    return secret_is_key(encoder->names, name) ? secret_put(p, value) : value_put(encoder, p, value);
}

static uint8_t *
put_namedtuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple, PyObject *names)
{
    Py_ssize_t length = PyTuple_GET_SIZE(tuple);
    p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(tuple));
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (!value_enter(encoder, tuple))
        return p;
    for (Py_ssize_t i = 0; i < value_count_shown(encoder, p, length) && *count < 0x7f; i++, ++*count)
        p = value_put_field(encoder, p, PyTuple_GET_ITEM(names, i), PyTuple_GET_ITEM(tuple, i));
    encoder->depth--;
    return p;
}

static uint8_t *
put_dataclass(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyObject *fields)
{
    p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(object));
    Py_ssize_t length = ((PyDictObject *)fields)->ma_used;
    length = length < 0x7f ? length : 0x7f;
    uint8_t *total = p;
    *p++ = (uint8_t)length;
    uint8_t *count = p;
    *p++ = 0;
    if (!value_enter(encoder, object))
        return p;
    Py_ssize_t position = 0;
    PyObject *name;
    while (*count < encoder->settings.items && p < encoder->end && PyDict_Next(fields, &position, &name, NULL)) {
        PyObject *value = value_read_field(object, name);
        if (!value) { /* a ClassVar, an InitVar, or not set */
            --*total;
            continue;
        }
        p = value_put_field(encoder, p, name, value);
        Py_DECREF(value);
        ++*count;
    }
    encoder->depth--;
    return p;
}

/* Owned by `slot` once the program itself has imported the module. */
static bool
is_instance_of(PyObject *object, PyObject **slot, PyObject *module_name, const char *type_attribute)
{
    if (!*slot) {
        *slot = Py_XNewRef(compat_module_find(compat_module(module_name), type_attribute));
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
        int n = PyOS_snprintf(text, NAME_MAX_BYTES, "%.200s.", value_plain_type(type));
        bool complete;
        size_t length = (size_t)n + value_utf8(name, text + n, NAME_MAX_BYTES, &complete);
        p = value_put_typed(encoder, p, FLOW_VALUE_TEXT, type);
        p = writer_text(p, text, length);
    }
    else if (PyLong_Check(member)) {
        p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, type);
        p = value_put_builtin(encoder, p, member);
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
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(number));
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
    return value_put_text(encoder, p, Py_TYPE(object), "%s", text);
}

uint8_t *
value_put_text_of(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format, PyObject *string)
{
    char name[NAME_MAX_BYTES + 1] = "?";
    if (string && PyUnicode_Check(string)) {
        bool complete;
        name[value_utf8(string, name, NAME_MAX_BYTES, &complete)] = '\0';
    }
    return value_put_text(encoder, p, type, format, name);
}

static uint8_t *
put_callable_or_module(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (PyType_Check(object))
        return value_put_text(encoder, p, type, "<class %s>", value_plain_type((PyTypeObject *)object));
    if (PyFunction_Check(object))
        return value_put_text_of(encoder, p, type, "<function %s>", ((PyFunctionObject *)object)->func_qualname);
    if (PyCFunction_CheckExact(object))
        return value_put_text(encoder, p, type, "<built-in %s>", ((PyCFunctionObject *)object)->m_ml->ml_name);
    if (Py_IS_TYPE(object, &PyMethod_Type) && PyFunction_Check(PyMethod_GET_FUNCTION(object)))
        return value_put_text_of(encoder, p, type, "<method %s>",
                                 ((PyFunctionObject *)PyMethod_GET_FUNCTION(object))->func_qualname);
    if (PyModule_CheckExact(object)) {
        PyObject *name = PyModule_GetNameObject(object);
        p = value_put_text_of(encoder, p, type, "<module %s>", name);
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
        p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(path));
        p = value_put_str(encoder, p, joined);
    }
    else {
        p = value_put_type(encoder, p, path);
    }
    Py_XDECREF(joined);
    Py_XDECREF(parts);
    return p;
}

static bool
derives_from_builtin(PyObject *object)
{
    return PyLong_Check(object) || PyUnicode_Check(object) || PyFloat_Check(object) || PyList_Check(object)
           || PyTuple_Check(object) || PyDict_Check(object) || PyAnySet_Check(object) || PyBytes_Check(object)
           || PyByteArray_Check(object) || PyComplex_Check(object);
}

uint8_t *
value_put_object(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    struct value_names *names = encoder->names;
    if (value_knows_instances(names, type))
        return value_put_instance(encoder, p, object);
    uint8_t *end = value_put_known(encoder, p, object);
    if (end)
        return end;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && strncmp(type->tp_name, "datetime.", 9) == 0)
        return put_datetime(encoder, p, object);
    if (PyExceptionInstance_Check(object))
        return value_put_exception(encoder, p, object);
    if (strcmp(type->tp_name, "decimal.Decimal") == 0
        && is_instance_of(object, &names->decimal_type, names->decimal_module, "Decimal")
        && type == (PyTypeObject *)names->decimal_type)
        return put_decimal(encoder, p, object);
    if (PyType_Check(object) || (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !derives_from_builtin(object)))
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
        p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, type);
        return value_put_builtin(encoder, p, object);
    }
    if (strcmp(type->tp_name, "PosixPath") == 0 || strcmp(type->tp_name, "PurePosixPath") == 0)
        return put_path(encoder, p, object);
    end = value_put_fraction_or_uuid(encoder, p, object);
    return end ? end : value_put_instance(encoder, p, object);
}
