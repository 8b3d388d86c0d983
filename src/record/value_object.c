/* value_object.c - objects of which more than the type can be told without running their code. */
#include "value_parts.h"

#include <string.h>

#include "hash.h"
#include "instance.h"
#include "recorder.h"
#include "secret.h"

PyObject *
value_read_field(PyObject *object, PyObject *name)
{
    if (!PyUnicode_CheckExact(name))
        return NULL;
    PyTypeObject *type = Py_TYPE(object);
    PyObject *found = compat_type_lookup(type, name); /* Borrowed */
    if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyObject *value = Py_TYPE(found)->tp_descr_get(found, object, (PyObject *)type);
        if (!value)
            PyErr_Clear();
        return value;
    }
    if (found && (Py_TYPE(found)->tp_descr_get || Py_TYPE(found)->tp_descr_set))
        return NULL;
    PyObject *own = instance_dict_find(object, name); /* Borrowed */
    return Py_XNewRef(own ? own : found);
}

uint8_t *
value_put_field_name(struct value_encoder *encoder, uint8_t *p, const struct instance_field *field)
{
    char bytes[NAME_MAX_BYTES];
    bool complete;
    if (field->name)
        return writer_string(encoder->writer, p, bytes, value_utf8(field->name, bytes, sizeof bytes, &complete));
    size_t length = strlen(field->slot);
    return writer_string(encoder->writer, p, field->slot, length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES);
}

uint8_t *
value_put_field(struct value_encoder *encoder, uint8_t *p, PyObject *name, PyObject *value)
{
    return value_put_instance_field(encoder, p, &(struct instance_field){.name = name, .value = value});
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

/* No ClassVar or InitVar, and nothing that the class itself leaves out of its repr. */
static bool
is_shown_field(struct value_names *names, PyObject *field)
{
    PyObject *kind = value_read_field(field, names->field_type);
    PyObject *name = kind ? value_read_field(kind, names->plain_name) : NULL;
    PyObject *repr = value_read_field(field, names->repr);
    bool shown = repr != Py_False && name && PyUnicode_CheckExact(name)
                 && PyUnicode_CompareWithASCIIString(name, "_FIELD") == 0;
    Py_XDECREF(repr);
    Py_XDECREF(name);
    Py_XDECREF(kind);
    return shown;
}

/* Field objects are asked once for each class, not for each value. */
static uint32_t
hidden_fields(struct value_names *names, const PyTypeObject *type, PyObject *fields)
{
    struct dataclass_verdict *verdict = &names->dataclasses[type->tp_version_tag % DATACLASS_VERDICTS];
    if (type->tp_version_tag && verdict->version == type->tp_version_tag)
        return verdict->hidden;
    *verdict = (struct dataclass_verdict){.version = type->tp_version_tag};
    struct dict_walk walk;
    PyObject *name, *field;
    dict_walk_begin(&walk, fields, 32);
    for (unsigned i = 0; dict_walk_next(&walk, &name, &field); i++)
        if (!is_shown_field(names, field))
            verdict->hidden |= 1u << i;
    dict_walk_end(&walk);
    return verdict->hidden;
}

static uint8_t *
put_dataclass(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyObject *fields)
{
    p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(object));
    uint8_t *total = p;
    *p++ = 0;
    uint8_t *count = p;
    *p++ = 0;
    bool entered = value_enter(encoder, object);
    uint32_t hidden = hidden_fields(encoder->names, Py_TYPE(object), fields);
    struct instance_field shown_fields[LAYOUT_FIELDS];
    struct dict_walk walk;
    PyObject *name, *field;
    dict_walk_begin(&walk, fields, WALK_MAX);
    for (unsigned i = 0; *total < 0x7f && dict_walk_next(&walk, &name, &field); i++) {
        bool shown = i < 32 ? !(hidden >> i & 1) : is_shown_field(encoder->names, field);
        PyObject *value = shown ? value_read_field(object, name) : NULL; /* NULL: it was never set */
        if (value && *total < LAYOUT_FIELDS)
            shown_fields[*total] = (struct instance_field){.name = name};
        *total = (uint8_t)(*total + (value != NULL));
        if (value && entered && *count < encoder->settings.items && p < encoder->end) {
            p = value_put_field(encoder, p, name, value);
            ++*count;
        }
        Py_XDECREF(value);
    }
    encoder->depth -= entered;
    value_learn_shape(encoder, object, shown_fields, *total, VALUE_SHAPE_FIELDS);
    dict_walk_end(&walk);
    return p;
}

/* Enum is known once the program itself has imported its module. */
bool
value_is_enum(PyObject *object, struct value_names *names)
{
    if (!names->enum_type)
        value_names_keep(names, &names->enum_type,
                         Py_XNewRef(compat_module_find(compat_module(names->enum_module), "Enum")));
    return names->enum_type && PyType_Check(names->enum_type)
           && PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)names->enum_type);
}

/* A flag that is not named by its bits shows its number. */
static uint8_t *
put_enum(struct value_encoder *encoder, uint8_t *p, PyObject *member)
{
    PyTypeObject *type = Py_TYPE(member);
    PyObject *name = value_read_field(member, encoder->names->name);
    if (name && PyUnicode_CheckExact(name)) {
        char text[2 * NAME_MAX_BYTES];
        size_t n = strnlen(value_plain_type(type), NAME_MAX_BYTES - 1);
        memcpy(text, value_plain_type(type), n);
        text[n++] = '.';
        bool complete;
        size_t length = n + value_utf8(name, text + n, NAME_MAX_BYTES, &complete);
        p = value_put_typed(encoder, p, FLOW_VALUE_TEXT, type);
        p = writer_text(p, text, length);
    }
    else {
        PyObject *value = value_read_field(member, encoder->names->value);
        p = value_put_typed(encoder, p, value ? FLOW_VALUE_WRAPPED : FLOW_VALUE_OBJECT, type);
        if (value)
            p = value_put(encoder, p, value);
        Py_XDECREF(value);
    }
    Py_XDECREF(name);
    return p;
}

uint8_t *
value_put_text_of(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format, PyObject *string)
{
    char name[NAME_MAX_BYTES + 1] = "?";
    if (string && PyUnicode_Check(string))
        value_name(string, name, sizeof name);
    return value_put_text(encoder, p, type, format, name);
}

static bool
derives_from_builtin(PyObject *object)
{
    return PyLong_Check(object) || PyUnicode_Check(object) || PyFloat_Check(object) || PyList_Check(object)
           || PyTuple_Check(object) || PyDict_Check(object) || PyAnySet_Check(object) || PyBytes_Check(object)
           || PyByteArray_Check(object) || PyComplex_Check(object);
}

/* Those at the end of stat_result have none: what comes next among the members lies elsewhere. */
static Py_ssize_t
count_named(const PyMemberDef *members, Py_ssize_t length)
{
    Py_ssize_t n = 0;
    Py_ssize_t first = (Py_ssize_t)offsetof(PyTupleObject, ob_item);
    while (n < length && members[n].name && members[n].offset == first + n * (Py_ssize_t)sizeof(PyObject *))
        n++;
    return n;
}

/* os.stat_result and its like: a tuple whose items the type names. NULL if it is none. */
static uint8_t *
put_struct_sequence(struct value_encoder *encoder, uint8_t *p, PyObject *tuple)
{
    PyTypeObject *type = Py_TYPE(tuple);
    if (!type->tp_members || type->tp_base != &PyTuple_Type
        || !compat_type_lookup(type, encoder->names->sequence_fields))
        return NULL;
    Py_ssize_t length = count_named(type->tp_members, PyTuple_GET_SIZE(tuple));
    p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, type);
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (!value_enter(encoder, tuple))
        return p;
    Py_ssize_t n = value_count_shown(encoder, p, length);
    for (Py_ssize_t i = 0; i < n && p < encoder->end; i++, ++*count) {
        const char *name = type->tp_members[i].name;
        p = writer_string(encoder->writer, p, name, strlen(name));
        p = value_put(encoder, p, PyTuple_GET_ITEM(tuple, i));
    }
    encoder->depth--;
    return p;
}

static uint8_t *
put_derived_from_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct known_type *known)
{
    uint8_t *end = NULL;
    if (known)
        return value_put_known(encoder, p, object, known);
    if (PyTuple_Check(object))
        end = put_struct_sequence(encoder, p, object);
    if (end)
        return end;
    p = identity_put_of(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_WRAPPED, Py_TYPE(object));
    return value_put_builtin(encoder, p, object);
}

/* --- what a type needs ---------------------------------------------------- */

static struct type_kind
find_kind(struct value_names *names, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    struct type_kind found = {type, type->tp_version_tag, VALUE_KIND_KNOWN, value_find_known(type)};
    if (found.known)
        return found;
    bool derives = derives_from_builtin(object);
    PyObject *fields = NULL; /* Borrowed */
    if (PyExceptionInstance_Check(object))
        found.kind = VALUE_KIND_EXCEPTION;
    else if (PyType_Check(object) || (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !derives))
        found.kind = VALUE_KIND_CALLABLE_OR_MODULE;
    else if (value_is_enum(object, names))
        found.kind = VALUE_KIND_ENUM;
    else if ((fields = compat_type_lookup(type, names->dataclass_fields)) && PyDict_CheckExact(fields))
        found.kind = VALUE_KIND_DATACLASS;
    else if (PyTuple_Check(object) && (fields = compat_type_lookup(type, names->fields)) && PyTuple_CheckExact(fields))
        found.kind = VALUE_KIND_NAMEDTUPLE;
    else if ((found.known = value_find_derived(type)) || derives)
        found.kind = derives ? VALUE_KIND_OF_BUILTIN : VALUE_KIND_KNOWN;
    else
        found.kind = VALUE_KIND_INSTANCE;
    if (found.kind == VALUE_KIND_NAMEDTUPLE)
        found.known = value_find_derived(type);
    return found;
}

/* A type that changes gets another version. One that C has laid down has none as long as nobody looks anything up in
 * it, but stays what it is. */
static struct type_kind
kind_of(struct value_names *names, PyObject *object)
{
    const PyTypeObject *type = Py_TYPE(object);
    unsigned version = type->tp_version_tag;
    struct type_kind *slot = &names->kinds[hash_pointer(type) >> 32 & (TYPE_KINDS - 1)];
    if (slot->type == type && slot->version == version && (version || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)))
        return *slot;
    struct type_kind found = find_kind(names, object);
    *slot = found;
    return found;
}

static uint8_t *
put_named(struct value_encoder *encoder, uint8_t *p, PyObject *tuple, const struct known_type *known)
{
    PyObject *fields = compat_type_lookup(Py_TYPE(tuple), encoder->names->fields);
    if (fields && PyTuple_CheckExact(fields) && PyTuple_GET_SIZE(fields) == PyTuple_GET_SIZE(tuple))
        return put_namedtuple(encoder, p, tuple, fields);
    return put_derived_from_builtin(encoder, p, tuple, known);
}

static uint8_t *
put_of_dataclass(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyObject *fields = compat_type_lookup(Py_TYPE(object), encoder->names->dataclass_fields);
    if (!fields || !PyDict_CheckExact(fields)) /* another thread has taken them away */
        return value_put_type(encoder, p, object);
    return put_dataclass(encoder, identity_put_of(encoder, p, object), object, fields);
}

uint8_t *
value_put_object(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    uint8_t *end = value_put_shaped(encoder, p, object);
    if (end)
        return end;
    struct type_kind kind = kind_of(encoder->names, object);
    switch (kind.kind) {
    case VALUE_KIND_KNOWN: return value_put_known(encoder, p, object, kind.known);
    case VALUE_KIND_EXCEPTION: return value_put_exception(encoder, identity_put_of(encoder, p, object), object);
    case VALUE_KIND_CALLABLE_OR_MODULE: return value_put_callable_or_module(encoder, p, object);
    case VALUE_KIND_ENUM: return put_enum(encoder, p, object);
    case VALUE_KIND_DATACLASS: return put_of_dataclass(encoder, p, object);
    case VALUE_KIND_NAMEDTUPLE: return put_named(encoder, p, object, kind.known);
    case VALUE_KIND_OF_BUILTIN: return put_derived_from_builtin(encoder, p, object, kind.known);
    default: return value_put_instance(encoder, p, object);
    }
}
