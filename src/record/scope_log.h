/* scope_log.h - which top-level modules were found in scope, which were not, and why.
 *
 * Each is noted when code of it is seen first, and written to the trace by the
 * next thread that has one of its own: no thread gets a chunk for this alone.
 */
#ifndef FLOW_SCOPE_LOG_H
#define FLOW_SCOPE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "scope.h"

#define SCOPE_LOG_MAX 1000 /* modules; a program that makes them without end is not followed */

struct recorder;

struct scope_log {
    struct scope_finding {
        char *module; /* Owned */
        uint32_t hash;
        struct scope_verdict verdict;
    } *findings;      /* Owned */
    uint32_t count, room;
    size_t written;   /* to the trace that is open */
};

void scope_log_add(struct scope_log *log, const char *module, struct scope_verdict verdict);
/* Writes what is new; `in_use`: this thread is about to record a call. */
void scope_log_write(struct recorder *recorder, bool in_use);
/* Encodes what is still unwritten, as records for a META chunk; returns their end. */
uint8_t *scope_log_put(struct scope_log *log, uint8_t *p, const uint8_t *end);
void scope_log_clear(struct scope_log *log);

#endif
