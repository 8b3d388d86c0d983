/* outline.h - the model as a story has it: what a call started stands under it,
 * and calls that did alike have equal shapes.
 *
 * A call's parent here is its caller or, for the first call of a task, thread or
 * job, the call that created that. A parent comes before its children, so plain
 * loops over the arrays replace recursion, however deep the calls went.
 */
#ifndef FLOW_OUTLINE_H
#define FLOW_OUTLINE_H

#include "model.h"

enum outline_flags {
    OUTLINE_ERROR = 1,     /* an exception that is no control flow was raised in here */
    OUTLINE_RUNNING = 2,   /* a call in here did not end */
    OUTLINE_HIDDEN = 4,    /* a class body or __annotate__ that called nothing */
    OUTLINE_RECURSION = 8, /* nothing in here but calls of the same function */
    OUTLINE_NEW = 16,      /* a function was called here or in here that had not been called before */
    OUTLINE_NEW_INSIDE = 32, /* in here */
};

struct outline {
    const struct model *model;
    uint32_t *first_child;   /* Owned arrays, by call; MODEL_NONE: none */
    uint32_t *next_sibling;
    uint32_t *calls;         /* in the subtree, the call itself included */
    uint32_t *depth;         /* of the subtree, 1 for a leaf */
    uint64_t *shape;
    uint8_t *flags;          /* of the subtree; HIDDEN of the call */
    uint32_t first_root;     /* roots are siblings */
    bool chains;             /* asked for: any chain of calls, each the only one in the one before, is told as one */
    uint32_t hidden;         /* how many calls are */
    bool by_task;            /* what a task did is a root: it stands beside what created it, not under that */
    uint32_t inherited;      /* calls that a fork copied: their callees stand under the originals */
};

/* With `hide` definitions that called nothing are left out. 0 or -ENOMEM. */
int outline_build(struct outline *out, const struct model *model, bool hide);
int outline_build_by_task(struct outline *out, const struct model *model, bool hide);
/* Does the first call of a task stand beside the one that created it? That one, else MODEL_NONE. */
uint32_t outline_creator_beside(const struct outline *outline, uint32_t call);
void outline_free(struct outline *outline);
/* Where `call` stands in the story, or MODEL_NONE for a root. */
uint32_t outline_parent(const struct model *model, uint32_t call);

/* Folds a sequence of shapes: equal neighbours first, then repeating blocks of
 * up to FOLD_PERIOD_MAX, so that a loop counts as one round of it. positions[i]
 * is the line that shape i goes to; returns the number of lines. `scratch`
 * holds `count` numbers. */
#define FOLD_PERIOD_MAX 8
uint32_t fold_sequence(const uint64_t *shapes, uint32_t count, uint32_t *positions, uint32_t *scratch);

#endif
