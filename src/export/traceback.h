/* traceback.h - an exception in the words of Python's own tracebacks: its type, str() of it, the frames that it left. */
#ifndef FLOW_TRACEBACK_H
#define FLOW_TRACEBACK_H

#include "../model/model.h"
#include "../model/text.h"

#define TRACEBACK_FRAMES 32 /* from the call on; behind more of them only the one that raised */

struct tracebacks {
    const struct model *model;
    uint32_t *below; /* Owned; by call: the call that it made and that the same exception left before it, or MODEL_NONE.
                      * NULL where there are no exceptions */
};

/* 0 or -ENOMEM. */
int tracebacks_open(struct tracebacks *out, const struct model *model);
void tracebacks_close(struct tracebacks *tracebacks);

/* "shop.errors.PaymentError", "ValueError" */
void traceback_type(struct text *out, const struct exception *exception);
/* str() of it, as far as its arguments tell: one may have a __str__ of its own, which nobody has called. */
void traceback_message(struct text *out, const struct model *model, const struct exception *exception);
/* "ValueError: no 3" */
void traceback_last_line(struct text *out, const struct model *model, const struct exception *exception);
/* All lines, for the call that the exception left. */
void traceback_put(struct text *out, const struct tracebacks *tracebacks, uint32_t call);

#endif
