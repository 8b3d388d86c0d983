/* output.h - writes a trace that nobody records to: whole chunks one after the other, then the header.
 *
 * The file takes its name when all of it is there; until then what had that name stays.
 */
#ifndef FLOW_OUTPUT_H
#define FLOW_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct output {
    const char *path;   /* Borrowed */
    char *temporary;    /* Owned */
    int fd;
    uint64_t unit;      /* where the next chunk goes */
    uint32_t processes; /* the greatest number of one so far */
};

/* 0 or -errno, as all of these. */
int output_open(struct output *out, const char *path);
/* A chunk that is done: `header` with other lengths, and sealed; `length` bytes of records. -E2BIG for too many. */
int output_chunk(struct output *output, const struct flow_chunk_header *header, const uint8_t *records, size_t length);
/* Ends the file, as `header` says it but for its lengths and numbers. -EBUSY: somebody records to what has its name. */
int output_close(struct output *output, const struct flow_file_header *header);
/* Nothing is left of it. After output_close() nothing is done. */
void output_drop(struct output *output);

#endif
