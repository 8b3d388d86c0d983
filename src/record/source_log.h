/* source_log.h - the files that functions come from: how each was when its first code was seen.
 *
 * Each is looked at once, and again whenever its module's body runs, by stat() alone: the program's files are not
 * opened. What was found is written to the process's META at once, so that a kill leaves it there.
 * The caller holds recorder->shared.
 */
#ifndef FLOW_SOURCE_LOG_H
#define FLOW_SOURCE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_LOG_MAX 4096 /* files; a program that makes them without end is not followed */
#define SOURCE_LOG_HEADS 256 /* a power of two */

struct recorder;

struct source_log {
    struct source_seen {
        char *file; /* Owned; its name, as functions have it */
        char *path; /* Owned; where it is, or NULL: no regular file is there */
        uint32_t hash;
        uint32_t next; /* index + 1 of the next in this row, or 0 */
        uint64_t size;
        int64_t mtime_ns;
    } *seen;        /* Owned */
    uint32_t count, room;
    uint32_t written; /* to the trace that is open */
    bool full;      /* it took no more */
    uint32_t heads[SOURCE_LOG_HEADS];
};

/* Code of this file was seen: `again`, if what stands there may be another version than before. */
void source_log_add(struct recorder *recorder, const char *file, bool again);
/* Writes what is not in the trace yet. */
void source_log_write(struct recorder *recorder);
/* A trace has been begun: what is known belongs there. */
void source_log_begin(struct recorder *recorder);
/* Encodes what is still unwritten, as records for a META chunk; returns their end. */
uint8_t *source_log_put(struct source_log *log, uint8_t *p, const uint8_t *end);
void source_log_clear(struct source_log *log);

#endif
