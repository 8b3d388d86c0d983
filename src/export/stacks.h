/* stacks.h - the calls of a trace put together by their stacks: all calls of a function that were made from the same
 * stack are one node. What flamegraphs are made of.
 *
 * Roots are the tracks, below their processes where there are several. Tracks of the same name are one root; where a
 * process has many, so are those whose names differ in their numbers alone. Times are as in a tally: self of a call is
 * its running time less that of the calls it made on its own track, so the times of all nodes add up to the whole.
 *
 * Takes 4 bytes a call while it is made.
 */
#ifndef FLOW_STACKS_H
#define FLOW_STACKS_H

#include "../model/functions.h"
#include "../model/progress.h"
#include "../model/text.h"

#define STACKS_DEPTH_MAX 1000 /* frames of calls; what is deeper is one node more */
#define STACKS_TRACKS_MAX 32  /* of one kind in a process, before their numbers are left out */

enum stack_kind { STACK_PROCESS, STACK_TRACK, STACK_TRACKS /* without numbers */, STACK_FUNCTION, STACK_DEEPER };

struct stack_node {
    uint32_t parent;   /* node, which comes before this one; or MODEL_NONE */
    uint32_t of;       /* process, the first of its tracks, or function */
    uint16_t kind;     /* enum stack_kind */
    uint16_t depth;    /* a root's is 0 */
    uint32_t first;    /* call */
    uint64_t calls;
    uint64_t raised;   /* of these, an exception that is no control flow left so many */
    uint64_t open;     /* have not ended */
    int64_t self_ns, waits_ns; /* never negative when it is done */
};

struct stacks {
    const struct model *model;
    struct functions functions;
    struct stack_node *nodes; /* Owned; in order of their first calls, parents first */
    uint32_t count, room;
    bool many_processes;
};

/* 0, -ENOMEM or -ECANCELED. */
int stacks_build(struct stacks *out, const struct model *model, const struct progress *progress);
void stacks_free(struct stacks *stacks);

/* "app.py [1234]", "task Task-#", "Cart.add", "(deeper)" */
void stacks_label(struct text *out, const struct stacks *stacks, const struct stack_node *node);

#endif
