/* layout.h - where the attributes of a class's instances lie, so that they are read without being looked up. */
#ifndef FLOW_LAYOUT_H
#define FLOW_LAYOUT_H

#include "instance.h"

#define LAYOUT_FIELDS 16
#define LAYOUT_ORDER 32

struct layout {
    const void *keys;   /* the class's names of attributes that lie in the object itself; NULL: they are slots */
    bool in_order;      /* the object has these attributes alone, set in this order */
    uint8_t order_length;
    uint8_t order[LAYOUT_ORDER];
    uint8_t count;
    uint16_t places[LAYOUT_FIELDS]; /* among the keys, or where the slot lies */
};

/* How `object` holds these attributes. `in_order`: a later one must have no other attribute, nor another order. False
 * if that can't be told. */
bool layout_learn(struct layout *out, PyObject *object, const struct instance_field *fields, size_t count,
                  bool in_order);
/* The name of one of them, as an instance_field has it. Borrowed from the type. */
struct instance_field layout_name(const struct layout *layout, PyTypeObject *type, unsigned i);
/* Reads them from an object of the same type, Borrowed and held. False if it holds them otherwise, or not all. */
bool layout_read(const struct layout *layout, PyObject *object, PyObject **out);

#endif
