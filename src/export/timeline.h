/* timeline.h - the events that viewers of timelines want: slices that begin and end, upon each other, on rows.
 *
 * A track is a row. Where it is deeper than viewers can show it has further rows, one for each TIMELINE_DEPTH of its
 * depth, so that nothing is left out. What had not ended when the recording did has no end here either, unless other
 * slices of its row come later. A pause is a slice of its own within its call's.
 */
#ifndef FLOW_TIMELINE_H
#define FLOW_TIMELINE_H

#include "export.h"
#include "flows.h"

/* Perfetto's trace processor can't have slices deeper than 512, and ends the wrong ones; a wait, and a mark, stand upon
 * the last. */
#define TIMELINE_DEPTH 500

enum timeline_mark_kind { MARK_RAISED, MARK_CAUGHT };

/* "raised ValueError", "caught ValueError" */
void timeline_mark_name(struct text *out, const struct model *model, enum timeline_mark_kind kind,
                        const struct exception *exception);

struct timeline_visitor {
    /* What follows stands on this row: `level` 0 is the track's own, and `is_new` if it is there for the first time. */
    int (*row)(void *context, uint32_t track, uint32_t level, bool is_new);
    int (*begin)(void *context, uint32_t call, uint64_t ns, bool goes_on);
    /* "wait: Future", or "yield 3", begins. */
    int (*pause)(void *context, uint32_t call, uint64_t ns, struct slice what, bool waits);
    int (*end)(void *context, uint64_t ns);
    /* The call, whose slice is the innermost, creates what the flow leads to: "creates task fetch". */
    int (*create)(void *context, const struct flow *flow, struct slice what, uint64_t ns);
    /* In the innermost slice, which is that of the call: an exception is about to leave the first call of all, or has
     * come to the one that catches it. */
    int (*mark)(void *context, enum timeline_mark_kind kind, uint32_t call, const struct exception *exception,
                uint64_t ns);
};

/* All of it, track by track: 0, -ENOMEM, -ECANCELED or what the visitor returned. What is told of flows is noted. */
int timeline_walk(const struct export *export, const struct flows *flows, const struct timeline_visitor *visitor,
                  void *context);

/* Names for viewers. */
void timeline_process_name(struct text *out, const struct model *model, const struct process *process);
void timeline_row_name(struct text *out, const struct track *track, uint32_t level);
/* Viewers tell processes and threads apart by their ids, which may be the same in a merged trace, or be used again by
 * the system: then these are numbers of their own, above 2^30. */
uint32_t timeline_pid(const struct model *model, uint32_t process);
/* Tasks and greenlets have none but such a number, nor have further rows. */
uint64_t timeline_tid(const struct model *model, uint32_t track, uint32_t level);

#endif
