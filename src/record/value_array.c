/* value_array.c - arrays and tables of numpy and pandas: shape and dtype, not what is in them.
 *
 * numpy's types and pandas' block managers are written in C and Cython: their
 * members are read as those of the standard library's. Nothing that pandas has
 * in Python is run; where that would be needed the type is all that is told. */
#include <string.h>

#include "instance.h"
#include "value_parts.h"

#define DIMENSIONS_MAX 8
#define BLOCKS_MAX 1000 /* of a frame, one for each kind of column as a rule */

static const char *
kind_name(char kind)
{
    switch (kind) {
    case 'b': return "bool";
    case 'i': return "int";
    case 'u': return "uint";
    case 'f': return "float";
    case 'c': return "complex";
    case 'M': return "datetime64";
    case 'm': return "timedelta64";
    case 'O': return "object";
    case 'S': return "bytes";
    case 'U':
    case 'T': return "str";
    default: return "struct";
    }
}

/* float64, object: by its kind and size; its name would be made by Python code. */
static int
format_dtype(PyObject *dtype, char *out, size_t room)
{
    PyTypeObject *type = Py_TYPE(dtype);
    PyObject *kind = value_read_member(dtype, type, "kind");
    PyObject *size = value_read_member(dtype, type, "itemsize");
    int n = 0;
    if (kind && PyUnicode_CheckExact(kind) && PyUnicode_GET_LENGTH(kind) == 1 && size && PyLong_Check(size)) {
        char letter = (char)PyUnicode_READ_CHAR(kind, 0);
        bool sized = strchr("iufc", letter) != NULL;
        n = sized ? PyOS_snprintf(out, room, "%s%ld", kind_name(letter), 8 * PyLong_AsLong(size))
                  : PyOS_snprintf(out, room, "%s", kind_name(letter));
    }
    Py_XDECREF(kind);
    Py_XDECREF(size);
    PyErr_Clear();
    return n;
}

static bool
is_array(PyObject *object)
{
    return object && value_base_named(Py_TYPE(object), "numpy.ndarray") != NULL;
}

/* New reference to a tuple of int, or NULL. */
static PyObject *
shape_of(PyObject *array)
{
    PyObject *shape = value_read_member(array, value_base_named(Py_TYPE(array), "numpy.ndarray"), "shape");
    if (shape && !PyTuple_CheckExact(shape))
        Py_CLEAR(shape);
    return shape;
}

static int
format_array_dtype(PyObject *array, char *out, size_t room)
{
    PyObject *dtype = value_read_member(array, value_base_named(Py_TYPE(array), "numpy.ndarray"), "dtype");
    int n = dtype ? format_dtype(dtype, out, room) : 0;
    Py_XDECREF(dtype);
    return n;
}

static uint8_t *
put_told(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *told)
{
    char format[160];
    PyOS_snprintf(format, sizeof format, "%.100s(%%s)", value_plain_type(Py_TYPE(object)));
    return value_put_text(encoder, p, Py_TYPE(object), format, told);
}

/* ndarray(3×4 float64) */
uint8_t *
value_put_ndarray(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    PyObject *shape = shape_of(object);
    char text[240] = "";
    int n = 0;
    Py_ssize_t dimensions = shape ? PyTuple_GET_SIZE(shape) : 0;
    for (Py_ssize_t i = 0; i < dimensions && i < DIMENSIONS_MAX; i++)
        n += PyOS_snprintf(text + n, sizeof text - (size_t)n, "%s%zd", i ? "×" : "",
                           PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i)));
    n += PyOS_snprintf(text + n, sizeof text - (size_t)n, "%s",
                       dimensions > DIMENSIONS_MAX ? "×… "
                       : dimensions                ? " "
                                                   : "");
    Py_XDECREF(shape);
    PyErr_Clear();
    format_array_dtype(object, text + n, sizeof text - (size_t)n);
    return put_told(encoder, p, object, text);
}

/* int64(5): the slots of numpy's own types are C. */
uint8_t *
value_put_numpy_number(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    const PyNumberMethods *number = base->tp_as_number;
    const char *name = value_plain_type(base);
    PyObject *value = NULL;
    if (strncmp(name, "bool", 4) == 0)
        value = number && number->nb_bool ? PyBool_FromLong(number->nb_bool(object)) : NULL;
    else if (strncmp(name, "float", 5) == 0)
        value = number && number->nb_float ? number->nb_float(object) : NULL;
    else
        value = number && number->nb_index ? number->nb_index(object) : NULL;
    PyErr_Clear();
    p = value_put_typed(encoder, p, value ? FLOW_VALUE_WRAPPED : FLOW_VALUE_OBJECT, Py_TYPE(object));
    if (value)
        p = value_put(encoder, p, value);
    Py_XDECREF(value);
    return p;
}

/* --- pandas --------------------------------------------------------------- */

/* New reference: the numpy array in an array of pandas' own, or that array itself; NULL if there is none. */
static PyObject *
numpy_of(PyObject *array)
{
    if (!array || is_array(array))
        return Py_XNewRef(array);
    PyObject *inner = Py_XNewRef(instance_attribute(array, "_ndarray"));
    if (!inner)
        inner = value_read_member(array, Py_TYPE(array), "_ndarray");
    if (inner && !is_array(inner))
        Py_CLEAR(inner);
    return inner;
}

/* The number of items along the last axis but `back`; -1 if it is not known. */
static Py_ssize_t
length_of(PyObject *array, Py_ssize_t back)
{
    PyObject *inner = numpy_of(array);
    PyObject *shape = inner ? shape_of(inner) : NULL;
    Py_ssize_t place = shape ? PyTuple_GET_SIZE(shape) - 1 - back : -1;
    Py_ssize_t length = place >= 0 ? PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, place)) : -1;
    Py_XDECREF(shape);
    Py_XDECREF(inner);
    PyErr_Clear();
    return length;
}

static Py_ssize_t
length_of_index(PyObject *index)
{
    PyObject *range = instance_attribute(index, "_range"); /* Borrowed */
    if (range && PyRange_Check(range))
        return PyRange_Type.tp_as_sequence->sq_length(range);
    return length_of(instance_attribute(index, "_data"), 0);
}

/* New reference to a member of a frame's or series' block manager, or NULL. */
static PyObject *
of_manager(PyObject *object, const char *member)
{
    PyObject *manager = instance_attribute(object, "_mgr"); /* Borrowed */
    if (!manager || !value_is_of_module(Py_TYPE(manager), "pandas.core.internals.managers"))
        return NULL;
    return value_read_member(manager, Py_TYPE(manager), member);
}

/* The rows of a frame or series: the last of the axes. -1 if they are not known. */
static Py_ssize_t
count_rows(PyObject *object)
{
    PyObject *axes = of_manager(object, "axes");
    Py_ssize_t rows = -1;
    if (axes && PyList_CheckExact(axes) && PyList_GET_SIZE(axes) > 0)
        rows = length_of_index(PyList_GET_ITEM(axes, PyList_GET_SIZE(axes) - 1));
    Py_XDECREF(axes);
    return rows;
}

/* A block holds columns of one kind, in an array of two dimensions; of an extension's it holds one. */
static Py_ssize_t
count_columns(PyObject *blocks)
{
    Py_ssize_t columns = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(blocks); i++) {
        PyObject *block = PyTuple_GET_ITEM(blocks, i); /* Borrowed */
        PyObject *values = value_read_member(block, Py_TYPE(block), "values");
        Py_ssize_t here = length_of(values, 1);
        columns += here < 0 ? 1 : here;
        Py_XDECREF(values);
    }
    return columns;
}

/* DataFrame(1000×5) */
uint8_t *
value_put_frame_of_data(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    PyObject *blocks = of_manager(object, "blocks");
    Py_ssize_t rows = count_rows(object);
    char text[64];
    bool known = blocks && PyTuple_CheckExact(blocks) && PyTuple_GET_SIZE(blocks) <= BLOCKS_MAX && rows >= 0;
    if (known)
        PyOS_snprintf(text, sizeof text, "%zd×%zd", rows, count_columns(blocks));
    Py_XDECREF(blocks);
    return known ? put_told(encoder, p, object, text) : value_put_type(encoder, p, object);
}

/* "1000 float64", or the type of what is no array of numpy's. */
static uint8_t *
put_column(struct value_encoder *encoder, uint8_t *p, PyObject *object, Py_ssize_t length, PyObject *values)
{
    char text[160];
    if (length < 0)
        return value_put_type(encoder, p, object);
    int n = PyOS_snprintf(text, sizeof text, "%zd", length);
    if (values && is_array(values)) {
        text[n++] = ' ';
        text[n + format_array_dtype(values, text + n, sizeof text - (size_t)n)] = '\0';
    }
    else if (values) {
        PyOS_snprintf(text + n, sizeof text - (size_t)n, " %.100s", value_plain_type(Py_TYPE(values)));
    }
    return put_told(encoder, p, object, text);
}

/* Series(1000 float64) */
uint8_t *
value_put_series(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    PyObject *blocks = of_manager(object, "blocks");
    PyObject *values = NULL;
    if (blocks && PyTuple_CheckExact(blocks) && PyTuple_GET_SIZE(blocks) == 1) {
        PyObject *block = PyTuple_GET_ITEM(blocks, 0); /* Borrowed */
        values = value_read_member(block, Py_TYPE(block), "values");
    }
    p = put_column(encoder, p, object, count_rows(object), values);
    Py_XDECREF(values);
    Py_XDECREF(blocks);
    return p;
}

/* Index(5 object), RangeIndex(1000) */
uint8_t *
value_put_index(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field)
{
    (void)field;
    return put_column(encoder, p, object, length_of_index(object), instance_attribute(object, "_data"));
}
