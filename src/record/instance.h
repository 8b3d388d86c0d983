/* instance.h - the attributes that an object itself holds, read where they lie.
 *
 * Nothing is looked up, so no descriptor and no __getattr__ can run. No instance
 * dictionary is made where the interpreter keeps the attributes without one
 * (3.12+): gc.get_referents() would show it, and it would cost the program memory.
 */
#ifndef FLOW_INSTANCE_H
#define FLOW_INSTANCE_H

#include <stddef.h>

#include "compat.h"

struct instance_field {
    PyObject *name;   /* Borrowed str, or NULL for a slot ... */
    const char *slot; /* ... which has this name */
    PyObject *value;  /* Borrowed; this and the name are held as compat_hold() does */
};

/* The first `room` attributes: slots, the base classes' first, then the instance
 * dictionary in its order. Returns how many there are in all. Without
 * `with_private` those with a leading underscore are left out. */
size_t instance_fields(PyObject *object, bool with_private, struct instance_field *out, size_t room);

/* The value of one attribute, Borrowed and held; NULL if the object itself has none of this name. */
PyObject *instance_attribute(PyObject *object, const char *name);
/* The same for an exact str, without the slots. */
PyObject *instance_dict_find(PyObject *object, PyObject *name);

#endif
