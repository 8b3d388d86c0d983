/* value_parts.h - what value.c and value_object.c write values with. */
#ifndef FLOW_VALUE_PARTS_H
#define FLOW_VALUE_PARTS_H

#include "value.h"

#define NAME_MAX_BYTES 255
#define VALUE_NESTED_MAX \
    2 /* attributes of objects within so many containers; further in, whole graphs would be written */

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
/* What the iterator that `iterate` makes of the container gives, `length` items in all: that of a type
 * written in C, whatever a subclass has for __iter__. */
uint8_t *value_put_iterated(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyObject *container,
                            Py_ssize_t length, getiterfunc iterate);
/* A dict, its keys in the order of that iterator. */
uint8_t *value_put_dict_by(struct value_encoder *encoder, uint8_t *p, PyObject *dict, getiterfunc iterate);
/* The keys of a dict as a list, or its values. */
uint8_t *value_put_dict_part(struct value_encoder *encoder, uint8_t *p, PyObject *dict, bool keys);
/* Past the depth limit a container keeps its length and shows nothing. */
uint8_t *value_put_items(struct value_encoder *encoder, uint8_t *p, PyObject *owner, PyObject *const *items,
                         Py_ssize_t length);
/* A field of FIELDS: its name, then its value unless the name looks like a secret's. */
uint8_t *value_put_field(struct value_encoder *encoder, uint8_t *p, PyObject *name, PyObject *value);
/* Exact builtins, and the builtin part of their subclasses. */
uint8_t *value_put_builtin(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* Its name alone. */
uint8_t *value_put_field_name(struct value_encoder *encoder, uint8_t *p, const struct instance_field *field);
/* Is it a member of an Enum? */
bool value_is_enum(PyObject *object, struct value_names *names);

/* What is no exact builtin. */
uint8_t *value_put_object(struct value_encoder *encoder, uint8_t *p, PyObject *object);

/* value_shape.c */

/* NULL if nothing was learned of its class, or this object is unlike those before. */
uint8_t *value_put_shaped(struct value_encoder *encoder, uint8_t *p, PyObject *object);
enum value_shape_of {
    VALUE_SHAPE_FIELDS,     /* the class tells which */
    VALUE_SHAPE_ATTRIBUTES, /* all that the object has */
};
/* An object that has been written shows `total` fields; the first LAYOUT_FIELDS are in `fields`. */
void value_learn_shape(struct value_encoder *encoder, PyObject *object, const struct instance_field *fields,
                       size_t total, enum value_shape_of of);

/* value_library.c: types written in C. `base` is the type that tells how, the object's own or one that it
 * derives from. */

struct known_type;
/* What tells how objects of this type are written, NULL if it is none that is known. */
const struct known_type *value_find_known(const PyTypeObject *type);
/* The same of the type that this one, a class of Python's, is laid out as. */
const struct known_type *value_find_derived(PyTypeObject *type);
uint8_t *value_put_known(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct known_type *how);
uint8_t *value_put_deque_items(struct value_encoder *encoder, uint8_t *p, PyObject *deque);
/* A text for the object; of a subclass its name and the text in brackets. */
uint8_t *value_put_content(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base,
                           const char *text);
/* The nearest base of `type` that is written in C, Borrowed, if it has this name; else NULL. */
PyTypeObject *value_base_named(PyTypeObject *type, const char *name);
/* New reference or NULL: a member or C getter of `base`; of an exact type also what is in its own dictionary. */
PyObject *value_read_member(PyObject *object, PyTypeObject *base, const char *name);
/* New reference to what a C method of `base` gives, or NULL. */
PyObject *value_call_method(PyObject *object, PyTypeObject *base, const char *name);

/* value_time.c */

uint8_t *value_put_date(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_datetime(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_time(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_timedelta(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_timezone(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_zoneinfo(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);

/* value_types.c: types, functions, methods, modules */

uint8_t *value_put_callable_or_module(struct value_encoder *encoder, uint8_t *p, PyObject *object);
uint8_t *value_put_alias(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_descriptor(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_method_wrapper(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_property(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_lru_cache(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_cached_property(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_code(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_frame(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);

/* value_python.c: classes of the standard library written in Python */

struct value_class;
/* The class that tells how instances of `type` are shown, itself or one that it derives from; NULL if there is
 * none. What the user calls his own is told by the second alone. */
const struct value_class *value_find_class(const struct value_names *names, PyTypeObject *type, bool of_user);
uint8_t *value_put_class(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct value_class *of);
bool value_is_of_module(PyTypeObject *type, const char *module);

/* value_array.c: numpy and pandas */

uint8_t *value_put_ndarray(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_numpy_number(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base);
uint8_t *value_put_frame_of_data(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field);
uint8_t *value_put_series(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field);
uint8_t *value_put_index(struct value_encoder *encoder, uint8_t *p, PyObject *object, const char *field);

/* value_instance.c */

/* The attributes that an object of the user's own holds; of any other its type. */
uint8_t *value_put_instance(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* The attributes of an object, if its class is the user's own; how many there are in all. */
size_t value_users_fields(struct value_encoder *encoder, PyObject *object, struct instance_field *out, size_t room);
/* A field as it stands in FIELDS. */
uint8_t *value_put_instance_field(struct value_encoder *encoder, uint8_t *p, const struct instance_field *field);
/* The attributes that any object holds. */
uint8_t *value_put_fields(struct value_encoder *encoder, uint8_t *p, PyObject *object);
uint8_t *value_put_list(struct value_encoder *encoder, uint8_t *p, PyObject *list);
uint8_t *value_put_tuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple);
uint8_t *value_put_set(struct value_encoder *encoder, uint8_t *p, PyObject *set, enum flow_value tag);
uint8_t *value_put_dict(struct value_encoder *encoder, uint8_t *p, PyObject *dict);

/* Is `object` a container that is being written? */
static inline bool
value_is_cycle(const struct value_encoder *encoder, const PyObject *object)
{
    for (unsigned i = 0; i < encoder->depth; i++)
        if (encoder->containers[i] == object)
            return true;
    return false;
}

/* True if the depth allows to show what `container` holds; leave with depth--. */
static inline bool
value_enter(struct value_encoder *encoder, PyObject *container)
{
    if (encoder->depth >= encoder->settings.depth || encoder->depth >= FLOW_VALUE_DEPTH_MAX)
        return false;
    encoder->containers[encoder->depth++] = container;
    return true;
}

/* How many of `length` items are shown. */
Py_ssize_t value_count_shown(const struct value_encoder *encoder, const uint8_t *p, Py_ssize_t length);

#endif
