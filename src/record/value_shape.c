/* value_shape.c - objects whose class was met before: in the trace their type and the names of their fields are one
 * number, a shape. */
#include "layout.h"
#include "recorder.h"
#include "secret.h"
#include "value_parts.h"

#define RELEARN_MAX 8     /* times that a class's instances may turn out to lie otherwise */
#define SHAPE_BYTES 1024  /* of a definition and the values' first bytes, at most */
#define NAMES_BYTES 600

static struct value_shape *
slot_of(struct value_names *names, const PyTypeObject *type)
{
    return &names->shapes[type->tp_version_tag % SHAPES];
}

/* A type that changes gets another version, but for its name. */
static bool
holds(const struct value_shape *shape, const struct value_names *names, const PyTypeObject *type)
{
    return shape->version == type->tp_version_tag && shape->version && shape->name == type->tp_name
           && shape->session == names->recorder->session;
}

static uint8_t *
define(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const struct value_shape *shape)
{
    p = writer_define_shape(encoder->writer, p, (uint64_t)shape->number << 1 | 1);
    p = value_put_type_name(encoder->writer, p, type);
    *p++ = shape->total;
    *p++ = shape->shown;
    for (unsigned i = 0; i < shape->shown; i++) {
        struct instance_field field = layout_name(&shape->layout, type, i);
        p = value_put_field_name(encoder, p, &field);
    }
    return p;
}

static size_t
name_length(const struct instance_field *field)
{
    return field->name ? 4 * (size_t)PyUnicode_GET_LENGTH(field->name) : strlen(field->slot);
}

void
value_learn_shape(struct value_encoder *encoder, PyObject *object, const struct instance_field *fields, size_t total,
                  enum value_shape_of of)
{
    PyTypeObject *type = Py_TYPE(object);
    struct value_names *names = encoder->names;
    struct value_shape *shape = slot_of(names, type);
    bool known = holds(shape, names, type);
    if (!type->tp_version_tag || (known && shape->learned == RELEARN_MAX))
        return;
    *shape = (struct value_shape){.version = type->tp_version_tag,
                                  .session = names->recorder->session,
                                  .name = type->tp_name,
                                  .learned = (uint8_t)(known ? shape->learned + 1 : 1),
                                  .depth = of == VALUE_SHAPE_ATTRIBUTES ? VALUE_NESTED_MAX : FLOW_VALUE_DEPTH_MAX};
    size_t bytes = 0;
    for (size_t i = 0; i < total && i < LAYOUT_FIELDS; i++) {
        bytes += name_length(&fields[i]);
        bool secret = fields[i].name ? secret_is_key(names, fields[i].name) : secret_is_slot(names, fields[i].slot);
        shape->secret |= (uint16_t)(secret << i);
    }
    if (bytes > NAMES_BYTES || !layout_learn(&shape->layout, object, fields, total, of == VALUE_SHAPE_ATTRIBUTES))
        return;
    shape->total = (uint8_t)total;
    shape->shown = (uint8_t)(total < encoder->settings.items ? total : encoder->settings.items);
    shape->number = compat_next(&names->recorder->next_shape);
}

uint8_t *
value_put_shaped(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    const struct value_shape *shape = slot_of(encoder->names, type);
    if (!holds(shape, encoder->names, type) || !shape->number)
        return NULL;
    if (encoder->depth >= shape->depth)
        return value_put_type(encoder, identity_put_of(encoder, p, object), object);
    PyObject *values[LAYOUT_FIELDS];
    if (encoder->end - p < SHAPE_BYTES || !layout_read(&shape->layout, object, values) || !value_enter(encoder, object))
        return NULL;
    p = identity_put_of(encoder, p, object);
    *p++ = FLOW_VALUE_SHAPED;
    uint32_t number = writer_known(encoder->writer, (uint64_t)shape->number << 1 | 1);
    p = number ? varint_put(p, number) : define(encoder, p, type, shape);
    unsigned shown = shape->shown; /* what it holds may be of another class in its place when it has been written */
    unsigned secret = shape->secret;
    for (unsigned i = 0; i < shown; i++)
        p = secret >> i & 1 ? secret_put(encoder, p, values[i]) : value_put(encoder, p, values[i]);
    encoder->depth--;
    return p;
}
