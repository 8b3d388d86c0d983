/* value_types.c - types and what is written for them, functions and methods of every kind, modules. */
#include <string.h>

#include "instance.h"
#include "value_parts.h"

#define NESTED_MAX 4
#define ARGUMENTS_MAX 8

/* A line of text in the making; what does not fit is left out. */
struct line {
    char text[240];
    size_t length;
};

static void
add_bytes(struct line *line, const char *text, size_t n)
{
    size_t room = sizeof line->text - 1 - line->length;
    n = n < room ? n : room;
    memcpy(line->text + line->length, text, n);
    line->length += n;
    line->text[line->length] = '\0';
}

static void
add(struct line *line, const char *text)
{
    add_bytes(line, text, strlen(text));
}

static void
add_str(struct line *line, PyObject *string)
{
    char text[120];
    bool complete;
    add_bytes(line, text, value_utf8(string, text, sizeof text, &complete));
}

static void describe(struct line *line, PyObject *object, unsigned depth);

static void
add_arguments(struct line *line, PyObject *arguments, const char *separator, unsigned depth)
{
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    for (Py_ssize_t i = 0; i < count; i++) {
        add(line, i ? separator : "");
        if (i == ARGUMENTS_MAX) {
            add(line, "…");
            break;
        }
        describe(line, PyTuple_GET_ITEM(arguments, i), depth + 1);
    }
}

/* list[int], int | str: members of the interpreter's own types. */
static bool
describe_alias(struct line *line, PyObject *object, unsigned depth)
{
    PyTypeObject *type = Py_TYPE(object);
    bool is_union = strcmp(type->tp_name, "types.UnionType") == 0 || strcmp(type->tp_name, "typing.Union") == 0;
    PyTypeObject *base = is_union ? type : value_base_named(type, "types.GenericAlias");
    PyObject *arguments = base ? value_read_member(object, base, "__args__") : NULL;
    PyObject *origin = base && !is_union ? value_read_member(object, base, "__origin__") : NULL;
    bool known = arguments && PyTuple_CheckExact(arguments) && (origin || is_union);
    if (known && is_union) {
        add_arguments(line, arguments, " | ", depth);
    }
    else if (known) {
        describe(line, origin, depth + 1);
        add(line, "[");
        add_arguments(line, arguments, ", ", depth);
        add(line, "]");
    }
    Py_XDECREF(arguments);
    Py_XDECREF(origin);
    return known;
}

/* Optional[int], Literal[...], Name[int]: the typing module's own classes, written in Python. */
static bool
describe_typing(struct line *line, PyObject *object, unsigned depth)
{
    if (!value_is_of_module(Py_TYPE(object), "typing"))
        return false;
    PyObject *name = instance_attribute(object, "_name"); /* Borrowed, as are the others */
    PyObject *origin = instance_attribute(object, "__origin__");
    PyObject *arguments = instance_attribute(object, "__args__");
    bool is_union = strcmp(Py_TYPE(object)->tp_name, "_UnionGenericAlias") == 0;
    bool named = name && PyUnicode_CheckExact(name);
    if (arguments && PyTuple_CheckExact(arguments) && is_union) {
        add_arguments(line, arguments, " | ", depth);
        return true;
    }
    if (named)
        add_str(line, name);
    else if (origin)
        describe(line, origin, depth + 1);
    if (arguments && PyTuple_CheckExact(arguments)) {
        add(line, "[");
        add_arguments(line, arguments, ", ", depth);
        add(line, "]");
    }
    return named || origin;
}

/* TypeVar, ParamSpec, type X = ... */
static bool
describe_named(struct line *line, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (!(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) || strncmp(type->tp_name, "typing.", 7) != 0)
        return false;
    PyObject *name = value_read_member(object, type, "__name__");
    bool known = name && PyUnicode_CheckExact(name);
    if (known)
        add_str(line, name);
    Py_XDECREF(name);
    return known;
}

static void
describe(struct line *line, PyObject *object, unsigned depth)
{
    if (depth > NESTED_MAX)
        add(line, "…");
    else if (PyType_Check(object))
        add(line, object == (PyObject *)Py_TYPE(Py_None) ? "None" : value_plain_type((PyTypeObject *)object));
    else if (object == Py_None || object == Py_Ellipsis)
        add(line, object == Py_None ? "None" : "...");
    else if (!describe_alias(line, object, depth) && !describe_typing(line, object, depth)
             && !describe_named(line, object))
        add(line, PyUnicode_Check(object) || PyLong_Check(object) ? "…" : value_plain_type(Py_TYPE(object)));
}

static uint8_t *
put_line(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct line *line)
{
    p = value_put_typed(encoder, p, FLOW_VALUE_TEXT, Py_TYPE(object));
    return writer_text(p, line->text, line->length);
}

uint8_t *
value_put_alias(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    struct line line = {0};
    describe(&line, object, 0);
    return put_line(encoder, p, object, &line);
}

/* --- functions and methods ------------------------------------------------ */

static const char *
kind_of_descriptor(const PyTypeObject *type)
{
    bool attribute = strcmp(type->tp_name, "getset_descriptor") == 0 || strcmp(type->tp_name, "member_descriptor") == 0;
    return attribute ? "<attribute " : "<method ";
}

/* str.join, int.__add__: a descriptor of a type written in C, or of a slot. */
uint8_t *
value_put_descriptor(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    struct line line = {0};
    const PyDescrObject *descriptor = (PyDescrObject *)object;
    add(&line, kind_of_descriptor(base));
    add(&line, value_plain_type(descriptor->d_type));
    add(&line, ".");
    if (descriptor->d_name && PyUnicode_Check(descriptor->d_name))
        add_str(&line, descriptor->d_name);
    add(&line, ">");
    return put_line(encoder, p, object, &line);
}

/* "a".__add__: the descriptor is the first that it holds. */
uint8_t *
value_put_method_wrapper(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *descriptor = compat_first_held(base, object); /* Borrowed */
    if (!descriptor || strcmp(Py_TYPE(descriptor)->tp_name, "wrapper_descriptor") != 0)
        return value_put_type(encoder, p, object);
    struct line line = {0};
    add(&line, "<method ");
    add(&line, value_plain_type(((PyDescrObject *)descriptor)->d_type));
    add(&line, ".");
    add_str(&line, ((PyDescrObject *)descriptor)->d_name);
    add(&line, ">");
    return put_line(encoder, p, object, &line);
}

/* property, staticmethod, cached functions ...: what they are of is told by the function in them. */
static uint8_t *
put_around(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *kind, PyObject *function)
{
    struct line line = {0};
    add(&line, "<");
    add(&line, kind);
    if (function && PyFunction_Check(function)) {
        add(&line, " ");
        add_str(&line, ((PyFunctionObject *)function)->func_qualname);
    }
    add(&line, ">");
    return put_line(encoder, p, object, &line);
}

uint8_t *
value_put_property(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    bool is_property = base == &PyProperty_Type;
    PyObject *function = value_read_member(object, base, is_property ? "fget" : "__func__");
    p = put_around(encoder, p, object, base->tp_name, function);
    Py_XDECREF(function);
    return p;
}

/* functools.update_wrapper() has left the function in the wrapper's own dictionary. */
uint8_t *
value_put_lru_cache(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return put_around(encoder, p, object, "cached function", instance_attribute(object, "__wrapped__"));
}

uint8_t *
value_put_cached_property(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return put_around(encoder, p, object, "cached_property", instance_attribute(object, "func"));
}

uint8_t *
value_put_code(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    return value_put_text_of(encoder, p, Py_TYPE(object), "<code %s>", ((PyCodeObject *)object)->co_qualname);
}

uint8_t *
value_put_frame(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    PyCodeObject *code = PyFrame_GetCode((PyFrameObject *)object);
    p = value_put_text_of(encoder, p, Py_TYPE(object), "<frame %s>", code->co_qualname);
    Py_DECREF(code);
    return p;
}

uint8_t *
value_put_callable_or_module(struct value_encoder *encoder, uint8_t *p, PyObject *object)
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
