/* merge.h - the records of all threads in order of time. Untimed, each thread comes whole. */
#ifndef FLOW_MERGE_H
#define FLOW_MERGE_H

#include "../trace/reader.h"

struct merge {
    struct reader *reader;
    struct cursor *cursors; /* Owned; one a stream */
    struct record *heads;   /* Owned; the next record of each */
    uint32_t *heap;         /* Owned; streams, the earliest head first */
    uint32_t count;
    bool taken;             /* the first one's head has been given out */
};

/* 0 or -ENOMEM. */
int merge_open(struct merge *out, struct reader *reader);
/* 1, 0 at the end, or -ENOMEM. The record is valid until the next call. */
int merge_next(struct merge *merge, uint32_t *stream, const struct record **out);
void merge_close(struct merge *merge);

#endif
