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

/* A call is suspended, or goes on. */
struct suspension {
    uint64_t ns;
    uint32_t call;
    uint32_t below;       /* the call that it goes on upon, or MODEL_NONE */
    uint32_t next : 30;   /* the first call that begins afterwards */
    uint32_t resumes : 1; /* it goes on */
    uint32_t resumed : 1; /* it is suspended, and went on later */
};

/* Those of a whole trace, in order; made while its model is built. */
struct suspensions {
    struct suspension *items; /* Owned */
    uint32_t count, room;
    uint32_t begun;           /* calls, so far */
    bool failed;
};

/* For model_build_watched(): its context is a struct suspensions. */
void suspensions_event(void *suspensions, uint32_t call, uint32_t below, uint32_t exception,
                       const struct record *record);
/* When the model is done, and filters have left a part of it. 0 or -ENOMEM, also for what failed before. */
int suspensions_finish(struct suspensions *suspensions, const struct model *model);
void suspensions_free(struct suspensions *suspensions);

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
    /* The innermost open span's call was suspended then; NULL: nobody wants to know. */
    int (*wait)(void *context, uint32_t call, uint64_t from_ns, uint64_t to_ns);
};

/* Track by track. 0, -ENOMEM or what the visitor returned. Calls that a fork copied are left out. */
int spans_walk(const struct model *model, const struct suspensions *suspensions, const struct span_visitor *visitor,
               void *context);

#endif
