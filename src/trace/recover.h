/* recover.h - a clean trace out of a damaged one: what can be read, and how much could not.
 *
 * Chunks are taken as they are, each up to the first thing in it that is no record: they are self-contained. Where
 * something is missing the next chunk says so (FLOW_CHUNK_GAP), so that nobody misses it twice.
 */
#ifndef FLOW_RECOVER_H
#define FLOW_RECOVER_H

#include "output.h"
#include "repair.h"

#define RECOVER_TEXTS_MAX 2048

struct losses {
    uint64_t chunks, records, bytes; /* that can be read */
    uint64_t cut_chunks, lost_bytes; /* chunks with an end that can't be read, and how long those are */
    uint64_t missing_chunks;
    uint64_t missing_calls;          /* at least */
    uint64_t strange_chunks;         /* of no kind that is known */
    uint64_t lost_records;           /* when it was recorded */
};

/* Adds up what can be read of a trace; its chunks end there from now on. 0 or -ENOMEM. */
int recover_measure(struct reader *reader, struct losses *out);
/* What the chunk's header has to say in a trace that is written anew. After recover_measure(). */
struct flow_chunk_header recover_header(const struct reader *reader, uint32_t chunk);
/* Writes all of it, and PROCESS texts of its first process, already encoded. 0 or -errno; -ENODATA: the trace was cut
 * off meanwhile. */
int recover_write(struct reader *reader, const char *path, const uint8_t *texts, size_t length);

#endif
