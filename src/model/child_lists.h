/* child_lists.h - which calls each call made, on its own track, in order of their start. */
#ifndef FLOW_CHILD_LISTS_H
#define FLOW_CHILD_LISTS_H

#include "model.h"

struct child_lists {
    uint32_t *first; /* Owned arrays, by call; MODEL_NONE: none */
    uint32_t *next;
};

/* 0 or -ENOMEM. */
int child_lists_build(struct child_lists *out, const struct model *model);
void child_lists_free(struct child_lists *lists);

#endif
