/* python_value.c - recorded values as Python objects: their text, or what they were. */
#include <errno.h>

#include "../model/value_text.h"
#include "binding.h"

PyObject *
binding_value_text(const struct reader *reader, struct value value)
{
    struct text text = {0};
    struct value_limits limits = {0};
    if (value_text(&text, reader, &value, &limits) == -EBADMSG)
        text_string(&text, "<damaged>");
    return binding_text_str(&text);
}

/* --- plain data --------------------------------------------------------- */

static PyObject *rebuild(const struct trace *trace, struct value *value, unsigned depth);

static PyObject *
refuse(const struct trace *trace, const char *why)
{
    return PyErr_Format(trace->types->error, "%s; .text shows what was recorded", why);
}

static PyObject *
rebuild_big_int(const struct trace *trace, const struct value_head *head)
{
    if (!head->bytes.length)
        return refuse(trace, "the number is too big to have been recorded");
    PyObject *bytes = PyBytes_FromStringAndSize(head->bytes.data, (Py_ssize_t)head->bytes.length);
    PyObject *magnitude = bytes ? PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "Os", bytes, "little")
                                : NULL;
    PyObject *result = magnitude && head->negative ? PyNumber_Negative(magnitude) : Py_XNewRef(magnitude);
    Py_XDECREF(magnitude);
    Py_XDECREF(bytes);
    return result;
}

static PyObject *
rebuild_text(const struct trace *trace, const struct value_head *head)
{
    PyObject *result = PyUnicode_DecodeUTF8(head->bytes.data, (Py_ssize_t)head->bytes.length, "surrogatepass");
    if (result && head->tag == FLOW_VALUE_STR && (uint64_t)PyUnicode_GET_LENGTH(result) < head->total) {
        Py_DECREF(result);
        return refuse(trace, "only the start of this text was recorded");
    }
    return result;
}

static PyObject *
rebuild_bytes(const struct trace *trace, const struct value_head *head)
{
    if (head->bytes.length < head->total)
        return refuse(trace, "only the start of these bytes was recorded");
    return head->tag == FLOW_VALUE_BYTES
               ? PyBytes_FromStringAndSize(head->bytes.data, (Py_ssize_t)head->bytes.length)
               : PyByteArray_FromStringAndSize(head->bytes.data, (Py_ssize_t)head->bytes.length);
}

static PyObject *
rebuild_dict(const struct trace *trace, struct value *value, const struct value_head *head, unsigned depth)
{
    PyObject *dict = PyDict_New();
    for (uint64_t i = 0; dict && i < head->count; i++) {
        PyObject *key = rebuild(trace, value, depth);
        PyObject *item = key ? rebuild(trace, value, depth) : NULL;
        if (!item || PyDict_SetItem(dict, key, item) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(item);
        Py_XDECREF(key);
    }
    return dict;
}

static PyObject *
rebuild_sequence(const struct trace *trace, struct value *value, const struct value_head *head, unsigned depth)
{
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list && i < head->count; i++) {
        PyObject *item = rebuild(trace, value, depth);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    if (!list || head->tag == FLOW_VALUE_LIST)
        return list;
    PyObject *result = head->tag == FLOW_VALUE_TUPLE ? PyList_AsTuple(list)
                       : head->tag == FLOW_VALUE_SET ? PySet_New(list)
                                                     : PyFrozenSet_New(list);
    Py_DECREF(list);
    return result;
}

static PyObject *
rebuild_container(const struct trace *trace, struct value *value, const struct value_head *head, unsigned depth)
{
    if (head->count < head->total)
        return refuse(trace, "only the first items of this container were recorded");
    if (depth >= FLOW_VALUE_DEPTH_MAX)
        return refuse(trace, "the value is nested too deeply");
    return head->tag == FLOW_VALUE_DICT ? rebuild_dict(trace, value, head, depth + 1)
                                        : rebuild_sequence(trace, value, head, depth + 1);
}

static PyObject *
rebuild(const struct trace *trace, struct value *value, unsigned depth)
{
    struct value_head head;
    if (value_read(&trace->reader, value, &head) < 0)
        return refuse(trace, "the value is damaged");
    switch (head.tag) {
    case FLOW_VALUE_NONE: return Py_NewRef(Py_None);
    case FLOW_VALUE_FALSE: return Py_NewRef(Py_False);
    case FLOW_VALUE_TRUE: return Py_NewRef(Py_True);
    case FLOW_VALUE_ELLIPSIS: return Py_NewRef(Py_Ellipsis);
    case FLOW_VALUE_NOT_IMPLEMENTED: return Py_NewRef(Py_NotImplemented);
    case FLOW_VALUE_INT: return PyLong_FromLongLong(head.integer);
    case FLOW_VALUE_BIG_INT: return rebuild_big_int(trace, &head);
    case FLOW_VALUE_FLOAT: return PyFloat_FromDouble(head.real);
    case FLOW_VALUE_COMPLEX: return PyComplex_FromDoubles(head.real, head.imaginary);
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE: return rebuild_text(trace, &head);
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY: return rebuild_bytes(trace, &head);
    case FLOW_VALUE_LIST:
    case FLOW_VALUE_TUPLE:
    case FLOW_VALUE_SET:
    case FLOW_VALUE_FROZENSET:
    case FLOW_VALUE_DICT: return rebuild_container(trace, value, &head, depth);
    case FLOW_VALUE_ABSENT: return refuse(trace, "the value was not recorded");
    case FLOW_VALUE_REDACTED: return refuse(trace, "the value was redacted, as its name looks like a secret's");
    default: return refuse(trace, "the value is not plain data");
    }
}

PyObject *
binding_value_python(const struct trace *trace, struct value value)
{
    return rebuild(trace, &value, 0);
}

/* --- exceptions --------------------------------------------------------- */

/* The first of the args, which have no names among the fields. Returns how many there are. */
static uint64_t
find_args(const struct reader *reader, struct value rest, struct value_head *head, struct value *first)
{
    uint64_t args = head->tag == FLOW_VALUE_ARGS ? head->total : 0;
    struct slice name;
    *first = rest;
    for (uint64_t i = 0; head->tag == FLOW_VALUE_FIELDS && i < head->count; i++) {
        if (value_read_name(reader, head, &rest, &name) < 0 || name.length)
            break;
        if (args++ == 0)
            *first = rest;
        if (value_skip(reader, &rest) < 0)
            break;
    }
    return args;
}

PyObject *
binding_exception_message(const struct reader *reader, struct value message)
{
    struct value_head head, inner;
    struct value rest = message, first;
    if (!message.data || value_read(reader, &rest, &head) < 0 || head.count == 0)
        return PyUnicode_FromString("");
    uint64_t args = find_args(reader, rest, &head, &first);
    struct value item = first;
    if (args == 1 && value_read(reader, &item, &inner) == 0
        && (inner.tag == FLOW_VALUE_STR || inner.tag == FLOW_VALUE_STR_WHOLE))
        return binding_str(inner.bytes);
    if (args == 1)
        return binding_value_text(reader, first);
    PyObject *text = binding_value_text(reader, message); /* Type(1, 'two') */
    Py_ssize_t from = text ? PyUnicode_FindChar(text, '(', 0, PyUnicode_GET_LENGTH(text), 1) : -1;
    PyObject *tuple = text && from >= 0 ? PyUnicode_Substring(text, from, PyUnicode_GET_LENGTH(text))
                                        : Py_XNewRef(text);
    Py_XDECREF(text);
    return tuple;
}
