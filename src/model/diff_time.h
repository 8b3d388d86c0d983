/* diff_time.h - functions that took another time in the second run than in the first, beyond the noise.
 *
 * Compared are calls that both runs made, function by function: what they ran themselves, without the recorded calls
 * in them, so that a caller is not blamed for what it called; and what they waited. A function's times differ if its
 * median has changed
 *   - by more than 3 times the spread of both runs together, which is how far half of the calls lie from the median;
 *     of fewer than 5 calls the spread is not known, and half of the larger median stands for it;
 *   - by 10 % at least, and
 *   - by a millisecond at least over all its calls.
 * Bodies of modules and classes run once, and take what the disk and caches make of it: they are left out.
 */
#ifndef FLOW_DIFF_TIME_H
#define FLOW_DIFF_TIME_H

#include "diff.h"

#define DIFF_TIME_SPREADS 3
#define DIFF_TIME_CALLS_MIN 5
#define DIFF_TIME_SHARE 10 /* a tenth */
#define DIFF_TIME_FLOOR_NS 1000000u

struct diff_time {
    const struct code *code; /* Borrowed from the first run's reader */
    bool waiting;            /* or running */
    uint32_t calls;
    uint64_t before, after;  /* medians, ns */
};

struct diff_times {
    struct diff_time *items; /* Owned; the greatest change over all calls first */
    uint32_t count;
    uint32_t functions; /* that were compared */
};

/* 0 or -ENOMEM. */
int diff_times_build(struct diff_times *out, const struct diff *diff);
void diff_times_free(struct diff_times *times);

/* Does a function's time differ? Sorts both. Sets the medians. */
bool diff_time_differs(uint64_t *before, uint64_t *after, uint32_t count_before, uint32_t count_after,
                       struct diff_time *out);

#endif
