/* spans.h - the calls of each track as intervals that nest, in order of time: what timelines want.
 *
 * A call that is never suspended is one span. One that is goes on as the same span, with a wait in it, unless other
 * calls of its track ran meanwhile, which are not its own: then its span ends where it was suspended, and a further
 * piece begins where it goes on. So an awaited coroutine is one span with its waits, and a generator that works in
 * turn with its consumer is as many pieces as it yielded values.
 *
 * In a trace without times each beginning and end takes a microsecond.
 */
#ifndef FLOW_SPANS_H
#define FLOW_SPANS_H

#include "../model/model.h"

/* What a span begins with, or ends with. */
enum span_edge {
    SPAN_CALL,      /* the call begins, or ends */
    SPAN_SUSPENDED, /* it goes on after it was suspended, or is suspended */
    SPAN_OPEN,      /* it ends with the recording: the call has not */
};

/* They return 0, or what is to be returned at once. */
struct span_visitor {
    int (*track)(void *context, uint32_t track); /* before its first span; may be NULL */
    int (*begin)(void *context, uint32_t call, uint64_t ns, enum span_edge edge);
    int (*end)(void *context, uint32_t call, uint64_t ns, enum span_edge edge);
    /* The innermost open span's call was suspended then, in that pause; NULL: nobody wants to know. */
    int (*wait)(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns);
};

/* Track by track, process by process, of a model with PAUSES_EACH. 0, -ENOMEM or what the visitor returned. Calls that a fork copied are
 * left out. */
int spans_walk(const struct model *model, const struct span_visitor *visitor, void *context);

#endif
