/* varying.h - what differs between two runs of a program that did the same: addresses, readings of a clock, ids,
 * temporary paths.
 *
 * A number is a reading of a clock if it lies within its own run's time by that clock. So a date that the program
 * was given counts, and the date on which it ran does not.
 */
#ifndef FLOW_VARYING_H
#define FLOW_VARYING_H

#include "model.h"

enum varying_kind {
    VARYING_NONE = 0,
    VARYING_ADDRESS = 1,
    VARYING_CLOCK = 2,
    VARYING_ID = 3,        /* a random UUID; a process's or thread's number */
    VARYING_TEMPORARY = 4, /* the random part of a path */
    VARYING_TURN = 5,      /* the number in Task-12 */
};

struct varying {
    uint64_t unix_from, unix_to; /* ns; the run, and a second more on each side */
    uint64_t mono_from, mono_to;
    uint64_t *ids;               /* Owned; of processes and threads, sorted */
    uint32_t id_count;
    bool free_threaded;          /* objects lie elsewhere */
};

/* 0 or -ENOMEM. */
int varying_open(struct varying *out, const struct model *model);
void varying_close(struct varying *varying);

enum varying_kind varying_int(const struct varying *varying, int64_t number);
enum varying_kind varying_float(const struct varying *varying, double number);

struct varying_part {
    size_t begin, end;
    enum varying_kind kind;
};

/* The next part of a text that varies, from `from` on. `named`: the text was made of an object, and the number in a
 * name that asyncio or threading gave tells only whose turn it was. */
bool varying_find(const struct varying *varying, struct slice text, size_t from, bool named, struct varying_part *out);

#endif
