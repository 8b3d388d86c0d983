#include "snapshot.h"

#include <errno.h>
#include <sys/mman.h>

#include "bound.h"
#include "guard.h"
#include "protocol.h"

#define TRIES 16

struct snapshot {
    const uint8_t *from;
    uint8_t *to;
    size_t size;
    uint64_t last_claim; /* made before the moment */
};

/* What is copied while somebody writes to it is thrown away: ThreadSanitizer need not tell. */
__attribute__((no_sanitize("thread"))) static void
copy(uint8_t *to, const uint8_t *from, size_t size)
{
    uint64_t *out = (uint64_t *)(void *)to;
    const uint64_t *in = (const uint64_t *)(const void *)from;
    for (size_t i = 0; i < (size + 7) / 8; i++)
        out[i] = __atomic_load_n(&in[i], __ATOMIC_RELAXED);
}

/* False where the slot is another's by now. */
static bool
copy_chunk(const struct snapshot *snapshot, const struct flow_slot *slot, size_t offset, size_t room, bool *none)
{
    const struct flow_chunk_header *chunk = (const void *)(snapshot->from + offset);
    uint64_t word;
    uint32_t committed;
    *none = !protocol_look(slot, chunk, &word, &committed) || word >> FLOW_SLOT_CLAIM_SHIFT > snapshot->last_claim;
    if (*none)
        return true;
    size_t size = committed < room ? committed : room;
    copy(snapshot->to + offset, snapshot->from + offset, size > sizeof *chunk ? size : sizeof *chunk);
    if (!protocol_holds(slot, word))
        return false;
    struct flow_chunk_header *copied = (void *)(snapshot->to + offset);
    atomic_store_explicit(&copied->committed, committed, memory_order_relaxed); /* it goes on growing */
    return true;
}

static void
copy_slot(const struct snapshot *snapshot, const struct flow_slot *slot, uint64_t unit, uint32_t units)
{
    size_t offset = (size_t)unit * FLOW_UNIT_SIZE;
    if (offset + sizeof(struct flow_chunk_header) > snapshot->size)
        return;
    size_t room = (size_t)units * FLOW_UNIT_SIZE;
    room = room < snapshot->size - offset ? room : snapshot->size - offset; /* the file may have been cut off there */
    bool none = false;
    for (int i = 0; i < TRIES; i++)
        if (copy_chunk(snapshot, slot, offset, room, &none))
            break;
        else
            none = true; /* unless it holds the next time */
    if (none)
        madvise(snapshot->to + offset, room, MADV_DONTNEED); /* zeros again */
    else
        ((struct flow_chunk_header *)(void *)(snapshot->to + offset))->units = (uint16_t)units;
}

#define FEW_SLOTS 256

/* The file may have grown since it was mapped: what was claimed before the first slot that lies behind the map. */
static uint64_t
last_claim_in_map(const struct reader *reader, const struct flow_bound *bound)
{
    uint64_t last = protocol_last_claim(bound);
    size_t unit = 1 + (size_t)bound->meta_slots;
    for (uint32_t i = 0; i < bound->event_slots && !reader->cut_off; i++, unit += bound->slot_units) {
        const struct flow_slot *slot = &bound->slots[bound->meta_slots + i];
        uint64_t claim = atomic_load_explicit(&slot->word, memory_order_acquire) >> FLOW_SLOT_CLAIM_SHIFT;
        bool behind = unit * FLOW_UNIT_SIZE + sizeof(struct flow_chunk_header) > reader->size;
        if (behind && claim && claim <= last)
            last = claim - 1;
    }
    return last;
}

/* False if slots were recycled meanwhile: what was copied first may be older than what was lost. A big file takes so
 * long to be copied that some always are: there it is only its beginning that may have a hole. */
static bool
copy_all(const struct reader *reader, const struct flow_bound *bound, uint8_t *map)
{
    uint64_t claims = protocol_last_claim(bound);
    struct snapshot snapshot = {reader->map, map, reader->size, last_claim_in_map(reader, bound)};
    copy(map, reader->map, FLOW_UNIT_SIZE);
    uint64_t unit = 1;
    for (uint32_t i = 0; i < bound->meta_slots; i++, unit++)
        copy_slot(&snapshot, &bound->slots[i], unit, 1);
    for (uint32_t i = 0; i < bound->event_slots; i++, unit += bound->slot_units)
        copy_slot(&snapshot, &bound->slots[bound->meta_slots + i], unit, bound->slot_units);
    uint64_t recycled = protocol_last_claim(bound) - claims;
    return recycled <= (bound->event_slots > FEW_SLOTS ? bound->event_slots / 2 : 0);
}

/* Slots are recycled in the order of their claims, those apart whose thread is idle: what is as old as those that were
 * lost is dropped, lest there be a hole. */
static void
drop_oldest(const struct flow_bound *bound, uint8_t *map, size_t size)
{
    uint64_t last = protocol_last_claim(bound);
    size_t offset = (1 + (size_t)bound->meta_slots) * FLOW_UNIT_SIZE;
    for (uint32_t i = 0; i < bound->event_slots; i++, offset += (size_t)bound->slot_units * FLOW_UNIT_SIZE) {
        if (offset + sizeof(struct flow_chunk_header) > size)
            return;
        struct flow_chunk_header *chunk = (void *)(map + offset);
        if (atomic_load_explicit(&chunk->claim, memory_order_relaxed) + bound->event_slots <= last)
            atomic_store_explicit(&chunk->magic, 0, memory_order_relaxed);
    }
}

int
snapshot_take(struct reader *reader)
{
    const struct flow_bound *bound = reader_bound(reader);
    if (!bound || !(reader->header->flags & FLOW_FILE_LAST))
        return 0;
    void *map = mmap(NULL, reader->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return -ENOMEM;
    bool whole = false;
    for (int i = 0; i < TRIES && !whole; i++)
        whole = copy_all(reader, bound, map);
    if (!whole)
        drop_oldest(bound, map, reader->size);
    reader->cut_off |= guard_is_broken(reader->map);
    guard_unmap((void *)(uintptr_t)reader->map, reader->size);
    reader->map = map;
    reader->header = map;
    return 0;
}
