/* value_exception.c - an exception as it was made: its args, and the attributes that its class gave it. */
#include "instance.h"
#include "value_parts.h"

#define ATTRIBUTES_MAX 8

struct parts {
    PyObject *held;        /* Owned or NULL: what the args are in */
    PyObject *const *args; /* Borrowed */
    Py_ssize_t arg_count;
    struct instance_field attributes[ATTRIBUTES_MAX];
    size_t attribute_count;
};

static bool
is_among_args(const struct parts *parts, const PyObject *value)
{
    for (Py_ssize_t i = 0; i < parts->arg_count && i < ATTRIBUTES_MAX; i++)
        if (parts->args[i] == value)
            return true;
    return false;
}

static void
take_apart(struct value_encoder *encoder, struct parts *parts, PyObject *exception)
{
    PyObject *args = parts->held = compat_exception_args(exception);
    parts->args = args ? ((PyTupleObject *)args)->ob_item : NULL;
    parts->arg_count = args ? PyTuple_GET_SIZE(args) : 0;
    size_t total = value_users_fields(encoder, exception, parts->attributes, ATTRIBUTES_MAX);
    parts->attribute_count = 0;
    for (size_t i = 0; i < total && i < ATTRIBUTES_MAX; i++)
        if (!is_among_args(parts, parts->attributes[i].value))
            parts->attributes[parts->attribute_count++] = parts->attributes[i];
}

/* The args first, without names. */
static uint8_t *
put_fields(struct value_encoder *encoder, uint8_t *p, PyObject *exception, const struct parts *parts)
{
    p = varint_put(p, (uint64_t)parts->arg_count + parts->attribute_count);
    uint8_t *count = p;
    *p++ = 0;
    if (!value_enter(encoder, exception))
        return p;
    Py_ssize_t args = value_count_shown(encoder, p, parts->arg_count);
    for (Py_ssize_t i = 0; i < args && p < encoder->end; i++, ++*count) {
        p = writer_string(encoder->writer, p, "", 0);
        p = value_put(encoder, p, parts->args[i]);
    }
    for (size_t i = 0; i < parts->attribute_count && *count < 0x7f && p < encoder->end; i++, ++*count)
        p = value_put_instance_field(encoder, p, &parts->attributes[i]);
    encoder->depth--;
    return p;
}

uint8_t *
value_put_exception(struct value_encoder *encoder, uint8_t *p, PyObject *exception)
{
    struct parts parts;
    take_apart(encoder, &parts, exception);
    if (parts.attribute_count) {
        p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(exception));
        p = put_fields(encoder, p, exception, &parts);
    }
    else {
        p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(exception));
        p = value_put_items(encoder, p, exception, parts.args, parts.arg_count);
    }
    Py_XDECREF(parts.held);
    return p;
}
