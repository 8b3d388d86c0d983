/* timeline.h - the tracks of a trace as lanes: what each did in which slice of the time.
 *
 * A track runs while one of its calls runs; it waits while all of its calls that have begun and not ended are
 * suspended, or its thread runs something else: the model is built with PAUSES_FOLDED. A lane stands for one track, or for several alike where there are
 * more than there is room for.
 */
#ifndef FLOW_TIMELINE_H
#define FLOW_TIMELINE_H

#include "child_lists.h"
#include "model.h"
#include "range.h"

struct timeline_lane {
    uint32_t track;     /* the first of its tracks; the others follow in timeline->next */
    uint32_t count;     /* tracks */
    uint32_t first_root;
    uint64_t place;     /* process, main thread or not: they are sorted by that */
    uint64_t begins_ns; /* when it was created, or ran first */
    uint64_t ran_ns;    /* what its calls ran, all in all */
};

struct timeline {
    const struct model *model;
    uint64_t from_ns, to_ns; /* what is seen; from < to */
    uint64_t end_ns;         /* of the trace */
    struct timeline_lane *lanes; /* Owned; by process, main threads first, then by their begin */
    uint32_t count;
    uint32_t left_out[4];    /* tracks for which there is no room, by enum track_kind, */
    uint64_t left_out_ns;    /* and what they ran */
    uint32_t *next;          /* Owned; by track: of the same lane, or MODEL_NONE */
    uint32_t *roots;         /* Owned; calls by track, from roots_from[track] on */
    uint32_t *roots_from;    /* Owned */
    uint32_t *marks;         /* Owned; by track: exceptions, or MODEL_NONE */
    uint32_t *next_mark;     /* Owned; by exception */
    struct child_lists children;
};

enum timeline_state {
    TIMELINE_NOTHING,
    TIMELINE_CREATED, /* and not begun */
    TIMELINE_WAITS,
    TIMELINE_SHORT,   /* it runs for less than half of the slice */
    TIMELINE_RUNS,
    TIMELINE_STATES,
};

enum timeline_mark { TIMELINE_UNMARKED, TIMELINE_CANCELLED, TIMELINE_RAISED, TIMELINE_MARKS };

/* One slice of a lane. */
struct timeline_cell {
    double runs, waits, created; /* ns */
    uint32_t call;  /* that fills most of it, as far as one is long enough to be named; or MODEL_NONE */
    uint8_t state;  /* enum timeline_state */
    uint8_t mark;   /* enum timeline_mark */
};

/* What is `within` that time, in at most `most` lanes, 0 for all; each process has a heading which takes the room of
 * one if there are several. 0 or -ENOMEM. */
int timeline_build(struct timeline *out, const struct model *model, struct range within, uint32_t most);
void timeline_free(struct timeline *timeline);

/* timeline_cells.c: a lane in `count` slices of equal length. 0 or -ENOMEM. */
int timeline_fill(const struct timeline *timeline, const struct timeline_lane *lane, struct timeline_cell *cells,
                  uint32_t count);
/* When a call began and ended here: a process that was forked has begun its parent's calls when it was; what still
 * waits goes on to the end. */
uint64_t timeline_start(const struct timeline *timeline, uint32_t call);
uint64_t timeline_end(const struct timeline *timeline, uint32_t call);

#endif
