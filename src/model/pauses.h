/* pauses.h - when calls did not run that had begun and not ended, one time after the other.
 *
 * Of that the model has only the sum, unless it is asked for more when it is built: then it keeps a list. Lanes over
 * time and timelines for others' viewers are made of it. A filter changes it together with the calls.
 */
#ifndef FLOW_PAUSES_H
#define FLOW_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

#include "id_map.h"

struct model;

enum pauses_kept {
    PAUSES_NONE,
    PAUSES_FOLDED, /* of calls and tracks; what a person who sees all of it can't tell apart is one, so there are few */
    PAUSES_EACH, /* of calls, each with what it was for, and in which order they began and ended */
};

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
    uint32_t of; /* call or track; MODEL_NONE: a call that a filter left out */
    uint32_t before; /* the pause before it, of the same call or track; or MODEL_NONE */
    uint32_t below; /* EACH: the call on top of which it went on, or MODEL_NONE; itself if a filter left that out */
    uint32_t value_low; /* EACH: where in the file it stands what was yielded, or awaited, as calls have it */
    uint8_t value_high;
    uint8_t yield; /* EACH: enum flow_yield */
};

#define PAUSE_OVER UINT64_MAX

/* A call is suspended, or goes on. */
struct pause_step {
    uint32_t next; /* the first call that begins afterwards */
    uint32_t pause : 31;
    uint32_t goes_on : 1;
};

struct pauses {
    enum pauses_kept kept;
    struct pause *items; /* Owned */
    uint32_t count, room;
    struct pause_step *steps; /* Owned; EACH: in order */
    uint32_t step_count, step_room;
    struct id_map last_of_track; /* (enum pause_kind, track) -> its last one */
    struct id_map loops; /* (0, call) that runs an event loop -> its pause, while the model is built */
    uint8_t *within; /* Owned; a bit for each call, by its number in the whole trace */
    size_t within_size;
    uint64_t resolution_ns; /* FOLDED: what is shorter, from the first of several to the end of the last, is one */
};

void pauses_free(struct pauses *pauses);
/* The last pause of a call, or of a track; MODEL_NONE if there is none. */
uint32_t pauses_last(const struct model *model, enum pause_kind kind, uint32_t of);
/* Was this call made by one that ran an event loop, after that had begun? */
bool pauses_is_within(const struct model *model, uint32_t call);
/* Calls have other numbers from now on: renumbered[call], or MODEL_NONE for those that are no more. Of those that stay
 * so many; `whole_count` is how many there were. 0 or -ENOMEM. */
int pauses_renumber(struct pauses *pauses, const uint32_t *renumbered, uint32_t whole_count, uint32_t kept);

#endif
