/* value_parts.h - what value.c and value_object.c write values with. */
#ifndef FLOW_VALUE_PARTS_H
#define FLOW_VALUE_PARTS_H

#include "value.h"

#define NAME_MAX_BYTES 255

/* The last part of the type's name; runs no metaclass. */
const char *value_plain_type(PyTypeObject *type);
uint8_t *value_put_typed(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyTypeObject *type);
uint8_t *value_put_double(uint8_t *p, double number);
uint8_t *value_put_str(struct value_encoder *encoder, uint8_t *p, PyObject *string);
/* TEXT: shown as it is. */
uint8_t *value_put_text(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format,
                        const char *text);
uint8_t *value_put_text_of(struct value_encoder *encoder, uint8_t *p, PyTypeObject *type, const char *format,
                           PyObject *string);
/* What the iterator of `container`'s own exact type gives, `length` items in all. */
uint8_t *value_put_iterated(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyObject *container,
                            Py_ssize_t length);
/* The keys of a dict as a list, or its values. */
uint8_t *value_put_dict_part(struct value_encoder *encoder, uint8_t *p, PyObject *dict, bool keys);
/* Past the depth limit a container keeps its length and shows nothing. */
uint8_t *value_put_items(struct value_encoder *encoder, uint8_t *p, PyObject *owner, PyObject *const *items,
                         Py_ssize_t length);
/* A field of FIELDS: its name, then its value unless the name looks like a secret's. */
uint8_t *value_put_field(struct value_encoder *encoder, uint8_t *p, PyObject *name, PyObject *value);
/* Exact builtins, and the builtin part of their subclasses. */
uint8_t *value_put_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* What is no exact builtin. */
uint8_t *value_put_object(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* Of the standard library's types written in C; NULL if it is none that is known. */
uint8_t *value_put_known(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* NULL if it is neither. */
uint8_t *value_put_fraction_or_uuid(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* The attributes that an object of the user's own holds; of any other its type. */
uint8_t *value_put_instance(struct value_encoder *encoder, uint8_t *p, PyObject *object);
struct instance_field;
/* The attributes of an object, if its class is the user's own; how many there are in all. */
size_t value_users_fields(struct value_encoder *encoder, PyObject *object, struct instance_field *out, size_t room);
/* A field as it stands in FIELDS. */
uint8_t *value_put_instance_field(struct value_encoder *encoder, uint8_t *p, const struct instance_field *field);
/* Has value_put_instance() met this type before? Then it is what the type needs. */
bool value_knows_instances(const struct value_names *names, const PyTypeObject *type);

uint8_t *value_put_list(struct value_encoder *encoder, uint8_t *p, PyObject *list);
uint8_t *value_put_tuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple);
uint8_t *value_put_set(struct value_encoder *encoder, uint8_t *p, PyObject *set, enum flow_value tag);
uint8_t *value_put_dict(struct value_encoder *encoder, uint8_t *p, PyObject *dict);

/* Is `object` a container that is being written? */
bool value_is_cycle(const struct value_encoder *encoder, const PyObject *object);
/* True if the depth allows to show what `container` holds; leave with depth--. */
bool value_enter(struct value_encoder *encoder, PyObject *container);
/* How many of `length` items are shown. */
Py_ssize_t value_count_shown(const struct value_encoder *encoder, const uint8_t *p, Py_ssize_t length);

#endif
