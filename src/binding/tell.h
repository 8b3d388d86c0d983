/* tell.h - a view of one trace as text: what is the view's own, and what all have in common. */
#ifndef FLOW_TELL_H
#define FLOW_TELL_H

#include "binding.h"

struct binding_view {
    /* With the GIL, before; may be NULL. 1 if `out` has all there is to tell, 0 if not, -1 with an exception set. */
    int (*prepare)(const struct binding_types *types, struct reader *reader, struct model *model, struct text *out,
                   void *context);
    /* Without it. 0, -ENOMEM, or -ERANGE where the text is an error's. */
    int (*tell)(struct text *out, const struct model *model, void *context);
    void *context;
    bool tells_nothing; /* itself, where filters have left no call */
};

/* New bytes; NULL with an exception set. `path` is bytes, Borrowed. */
PyObject *binding_tell(PyObject *module, PyObject *path, uint64_t newest, PyObject *filters,
                       const struct binding_view *view);

#endif
