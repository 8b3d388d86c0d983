/* chunk.h - how the chunks of a trace file are claimed and given back; between file.c and writer.c.
 *
 * A chunk is its owner's from chunk_claim() on. How long it is the owner keeps
 * himself: what stands in the file anybody can change.
 */
#ifndef FLOW_CHUNK_H
#define FLOW_CHUNK_H

#include "bound.h"
#include "writer.h"

#define CHUNK_LOST_MAX (80 + 4 * VARINT_MAX) /* bytes of a LOST record */

/* 0 or -errno; -EAGAIN: living owners hold all slots. Maps a place of `units` units, of slot_units with --last.
 * `kept`: is never recycled. */
int chunk_claim(struct trace_file *file, enum flow_chunk_kind kind, uint32_t units, bool kept,
                struct flow_chunk_header **out, struct place *place);
/* A chunk in memory alone, for a thread that no place was left for. 0 or -errno. */
int chunk_unplaced(struct flow_chunk_header **out, struct place *place);
/* No reader takes a half-made header for a chunk. */
void chunk_begin(struct flow_chunk_header *chunk, enum flow_chunk_kind kind, const struct place *place,
                 const struct clock_reading *now);
void chunk_unmap(struct flow_chunk_header *chunk, const struct place *place);
/* Was the file cut off before its end? It may have grown again since, and be empty there. */
bool chunk_is_gone(const struct flow_chunk_header *chunk);
/* The pages behind the first `used_bytes` were reserved and are not needed. */
void chunk_give_back_tail(struct flow_chunk_header *chunk, uint32_t units, size_t used_bytes);
uint8_t *chunk_put_lost(uint8_t *p, const char *reason);

#endif
