/* pauses.h - when calls did not run that had begun and not ended, one time after the other: the model has only the sum.
 *
 * Collected while the model is built, under the numbers that calls have in the whole trace; so they hold when a filter
 * has changed the model.
 */
#ifndef FLOW_PAUSES_H
#define FLOW_PAUSES_H

#include "model.h"

enum pause_kind {
    PAUSE_CALL, /* it was suspended, in yield or await */
    PAUSE_AWAY, /* track: its thread ran another greenlet */
    PAUSE_LENT, /* track of a thread: it ran an event loop, from the first to the last that a task did there. What else
                 * it called meanwhile did run: see pauses_is_within() */
};

struct pause {
    uint64_t start_ns, end_ns;
    uint64_t ran_ns; /* of that: pauses that follow each other at once count as one */
    uint64_t open_ns; /* since when it pauses again, and has not ended; or PAUSE_OVER */
    uint32_t before; /* the pause before it, of the same call or track; or MODEL_NONE */
    uint32_t by; /* LENT: the call that runs the event loop */
};

#define PAUSE_OVER UINT64_MAX

struct pause_stream {
    uint32_t track; /* that runs there; MODEL_NONE before the first */
    uint64_t last_ns;
};

struct pauses {
    struct pause *items; /* Owned */
    uint32_t count, room;
    struct id_map last; /* (enum pause_kind, call or track) -> the last one */
    struct id_map loops; /* (0, call) that runs an event loop -> its pause */
    uint8_t *within; /* Owned; a bit for each call */
    size_t within_size;
    struct pause_stream *streams; /* Owned */
    const struct model *model; /* Borrowed, while it is being built */
    uint64_t span_ns; /* that a person will see of the trace at most; 0: all */
    uint64_t resolution_ns; /* what is shorter, from the first of several to the end of the last, is one pause */
    bool failed;
};

/* The watcher that collects them while `model` is built. */
struct model_watcher pauses_watch(struct pauses *out, const struct model *model, uint64_t span_ns);
void pauses_free(struct pauses *pauses);

/* The last pause of a call, by its number in the whole trace from 0, or of a track; MODEL_NONE if there is none. */
uint32_t pauses_last(const struct pauses *pauses, enum pause_kind kind, uint32_t of);
/* Was this call made by one that ran an event loop, after that had begun? */
bool pauses_is_within(const struct pauses *pauses, uint32_t call);

#endif
