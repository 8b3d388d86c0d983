/* nesting.h - the calls of each track as they nest: a walk that tells of a call before
 * those within it, and again behind them. Without recursion, however deep they went. */
#ifndef FLOW_NESTING_H
#define FLOW_NESTING_H

#include "child_lists.h"

struct nesting {
    const struct model *model;
    struct child_lists children;
    uint32_t root; /* where the walk looks for the next one */
    uint32_t call; /* that it stands at, or MODEL_NONE before the first */
    bool left;     /* ... and has left */
};

/* 0 or -ENOMEM. */
int nesting_build(struct nesting *out, const struct model *model);
/* The next step of the walk: false at its end. `call` is entered, or, if `left`, done. */
bool nesting_step(struct nesting *nesting);
void nesting_free(struct nesting *nesting);

#endif
