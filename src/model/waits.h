/* waits.h - what calls waited for, as far as their awaits tell: the longest wait of each. */
#ifndef FLOW_WAITS_H
#define FLOW_WAITS_H

#include "../trace/reader.h"
#include "id_map.h"

struct wait {
    uint64_t longest_ns;
    struct value longest; /* what for, as the YIELD record has it; absent before the first has ended */
    struct value pending;
    uint32_t count;
    bool lasts;           /* it had not ended when the recording did */
};

struct waits {
    struct wait *items; /* Owned */
    uint32_t count, room;
    struct id_map by_call;
};

/* The same, taken apart. */
struct awaited {
    uint32_t line;     /* of the await; 0 unknown */
    struct slice type; /* of what it awaits; empty for a bare yield, as in sleep(0) */
    struct slice task; /* its name, if it is a task */
};

/* A call is suspended. 0 or -ENOMEM. */
int waits_begin(struct waits *waits, uint32_t call, struct value awaited);
/* It goes on, after so long; nothing if it told nothing. At the end of the trace it does so for good. */
void waits_end(struct waits *waits, uint32_t call, uint64_t ns, bool for_good);
/* Calls have other numbers from now on: renumbered[call], or UINT32_MAX for those that are no more. 0 or -ENOMEM. */
int waits_renumber(struct waits *waits, const uint32_t *renumbered);
/* NULL if the call told of none. */
const struct wait *waits_find(const struct waits *waits, uint32_t call);
struct awaited wait_read(const struct reader *reader, struct value value);
void waits_free(struct waits *waits);

#endif
