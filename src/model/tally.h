/* tally.h - the calls of a trace in numbers: of each function, file, module or track, or of each
 * type of exception. Numbers alone; src/show/report.c writes them.
 *
 *   running  a call's time from its start to its end, less what it was suspended. One that has
 *            not ended counts up to the end of the recording.
 *   total    of a row: when at least one of its calls ran, added up over the tracks. A call
 *            within one of the same row, on the same track, adds nothing: recursion counts once.
 *   self     the running time of its calls, less that of the calls which these made on their
 *            own track. What a generator did counts for the call that began it, while that ran.
 *   waits    that coroutines and asynchronous generators were suspended, counted as total is.
 *   min, median, max  of the running times of its calls, each with all that it called. The
 *            median is exact: half of the calls, rounded up, took that long at most.
 *
 * Calls that a fork copied are left out: they count in the process that made them.
 * Takes 8 bytes a call, while it is made; 50 with shapes.
 */
#ifndef FLOW_TALLY_H
#define FLOW_TALLY_H

#include "model.h"

enum tally_by { TALLY_FUNCTION, TALLY_FILE, TALLY_MODULE, TALLY_TRACK };

struct tally_row {
    uint32_t first;     /* call: of the function, file, module or track that this is */
    uint64_t calls;
    uint64_t open;      /* of these, have not ended */
    uint64_t total_ns, self_ns, waits_ns;
    uint64_t min_ns, median_ns, max_ns;
    uint64_t raised;    /* calls that an exception left, and was no control flow */
    uint64_t stops;     /* StopIteration, GeneratorExit and the like */
    uint64_t cancelled; /* CancelledError */
    uint64_t shapes;    /* how many different things its calls did: see outline.h */
};

struct tally {
    struct tally_row *rows; /* Owned; in order of their first calls */
    uint32_t count;
    uint64_t calls, open;
};

/* One type of exception. */
struct tally_exception {
    uint32_t first;  /* exception: of this type */
    uint64_t raised; /* how many, that left a call or were seen to be caught in one */
    uint64_t left;   /* calls, in all */
    uint64_t caught; /* of them, by a recorded call or by library code that it called */
    uint64_t places; /* where they were raised: functions and lines */
};

struct tally_exceptions {
    struct tally_exception *rows; /* Owned; in order of their first appearance */
    uint32_t count;
};

/* 0 or -ENOMEM. */
int tally_build(struct tally *out, const struct model *model, enum tally_by by, bool shapes);
void tally_free(struct tally *tally);
int tally_exceptions(struct tally_exceptions *out, const struct model *model);
void tally_exceptions_free(struct tally_exceptions *tally);

/* The value that stands at `rank` (from 0) when they are sorted; they are put in another order. */
uint64_t tally_select(uint64_t *values, size_t count, size_t rank);

#endif
