/* bound.h - room for chunks in a file that may be bounded: --last recycles slots, --limit ends.
 *
 * How the file is cut into slots a process keeps for itself from when it joins: what stands in the file anybody can
 * change. A slot is its owner's until bound_seal(), or until its process is no more.
 */
#ifndef FLOW_BOUND_H
#define FLOW_BOUND_H

#include "writer.h"

#define BOUND_BYTES_MIN ((uint64_t)1 << 20)
#define BOUND_BYTES_MAX ((uint64_t)1 << 36) /* of --last; in more, slots would be too big for many threads */

/* Cuts a new file up, as its settings want it. 0 or -EINVAL. */
int bound_create(struct flow_file_header *header, const struct trace_settings *settings);
/* Takes over how the file is cut. 0, or -EINVAL if it can't be so. */
int bound_join(struct trace_file *file);
/* Of the child, which may be where other pids count. */
void bound_after_fork(struct trace_file *file);
/* 0; -EAGAIN: living owners hold all slots; -ENOBUFS: --limit is reached; -E2BIG; -EINVAL. `kept`: for ever. */
int bound_take(struct trace_file *file, enum flow_chunk_kind kind, uint32_t units, bool kept, struct place *out);
/* The chunk in it is done, or was never begun. */
void bound_seal(struct trace_file *file, const struct place *place);
/* The place is mapped now: what it held until now is let go. */
void bound_count(struct trace_file *file, const struct place *place, const struct flow_chunk_header *chunk);
/* So many calls found no slot. */
void bound_count_unplaced(struct trace_file *file, uint64_t calls);
/* The `flow_bound` of a header with a unit behind it, or NULL if the file has none. */
struct flow_bound *bound_of(struct flow_file_header *header);
/* Does it fit in a file's first unit, and its slots in the file? */
bool bound_is_sound(const struct flow_bound *bound);

#endif
