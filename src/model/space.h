/* space.h - what the bytes of a trace's records went to. */
#ifndef FLOW_SPACE_H
#define FLOW_SPACE_H

#include "../trace/reader.h"

enum space_kind {
    SPACE_CALLS, /* beginnings and ends, without what follows */
    SPACE_ARGUMENTS,
    SPACE_RESULTS,
    SPACE_FUNCTIONS, /* their definitions, one in each chunk that names them */
    SPACE_WAITS,
    SPACE_EXCEPTIONS,
    SPACE_LINKS,  /* who created whom, and what else is told of tasks and threads */
    SPACE_CHUNKS, /* what a chunk repeats of those before it */
    SPACE_PROCESSES,
    SPACE_KINDS,
};

struct space {
    uint64_t bytes[SPACE_KINDS];
};

void space_add(struct space *space, const struct record *record);

#endif
