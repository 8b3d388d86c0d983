#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bound.h"
#include "guard.h"
#include "protocol.h"

#define TRIES 16

/* For tests, which have others write meanwhile. */
#ifndef SNAPSHOT_PAUSE
#define SNAPSHOT_PAUSE(slots_copied) ((void)0)
#endif

struct snapshot {
    const uint8_t *from;
    uint8_t *to;
    size_t size;
    uint64_t last_claim; /* made before the moment */
};

/* A slot of events, as it was before any was copied. */
struct held {
    uint64_t word, age;
    uint32_t slot;
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

/* The claim of the chunk that was copied; 0: the slot had none that was begun before the moment, or it was recycled. */
static uint64_t
copy_chunk(const struct snapshot *snapshot, const struct flow_slot *slot, size_t offset, size_t room)
{
    const struct flow_chunk_header *chunk = (const void *)(snapshot->from + offset);
    uint64_t word;
    uint32_t committed;
    if (!protocol_look(slot, chunk, &word, &committed) || word >> FLOW_SLOT_CLAIM_SHIFT > snapshot->last_claim)
        return 0;
    size_t size = committed < room ? committed : room;
    copy(snapshot->to + offset, snapshot->from + offset, size > sizeof *chunk ? size : sizeof *chunk);
    if (!protocol_holds(slot, word))
        return 0;
    struct flow_chunk_header *copied = (void *)(snapshot->to + offset);
    atomic_store_explicit(&copied->committed, committed, memory_order_relaxed); /* it goes on growing */
    return word >> FLOW_SLOT_CLAIM_SHIFT;
}

/* The same: nothing is left in the copy where there is none. */
static uint64_t
copy_slot(const struct snapshot *snapshot, const struct flow_slot *slot, uint64_t unit, uint32_t units)
{
    size_t offset = (size_t)unit * FLOW_UNIT_SIZE;
    if (offset + sizeof(struct flow_chunk_header) > snapshot->size)
        return 0;
    size_t room = (size_t)units * FLOW_UNIT_SIZE;
    room = room < snapshot->size - offset ? room : snapshot->size - offset; /* the file may have been cut off there */
    uint64_t claim = copy_chunk(snapshot, slot, offset, room);
    if (claim)
        ((struct flow_chunk_header *)(void *)(snapshot->to + offset))->units = (uint16_t)units;
    else
        madvise(snapshot->to + offset, room, MADV_DONTNEED); /* zeros again */
    return claim;
}

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

/* As they will be recycled: the longest sealed first, those last that somebody writes to. */
static int
compare_age(const void *left, const void *right)
{
    const struct held *a = left, *b = right;
    bool a_sealed = protocol_state(a->word) == FLOW_SLOT_SEALED, b_sealed = protocol_state(b->word) == FLOW_SLOT_SEALED;
    if (a_sealed != b_sealed)
        return a_sealed ? -1 : 1;
    return (a->age > b->age) - (a->age < b->age);
}

static void
look_at_slots(const struct flow_bound *bound, struct held *held)
{
    for (uint32_t i = 0; i < bound->event_slots; i++) {
        const struct flow_slot *slot = &bound->slots[bound->meta_slots + i];
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        held[i] = (struct held){word, atomic_load_explicit(&slot->age, memory_order_relaxed), i};
    }
    qsort(held, bound->event_slots, sizeof *held, compare_age);
}

static uint64_t
unit_of(const struct flow_bound *bound, uint32_t slot)
{
    return 1 + bound->meta_slots + (uint64_t)slot * bound->slot_units;
}

/* The newest claim of which the chunk was recycled before it could be copied; 0: none was. */
static uint64_t
copy_events(const struct snapshot *snapshot, const struct flow_bound *bound, struct held *held)
{
    uint64_t lost = 0;
    look_at_slots(bound, held);
    for (uint32_t i = 0; i < bound->event_slots; i++) {
        SNAPSHOT_PAUSE(i);
        const struct flow_slot *slot = &bound->slots[bound->meta_slots + held[i].slot];
        uint64_t claim = held[i].word >> FLOW_SLOT_CLAIM_SHIFT;
        uint64_t copied = copy_slot(snapshot, slot, unit_of(bound, held[i].slot), bound->slot_units);
        if (copied != claim && claim <= snapshot->last_claim && claim > lost && !protocol_holds(slot, held[i].word))
            lost = claim;
    }
    return lost;
}

/* What a thread has before a chunk that was lost, its last ones apart: these somebody writes to. */
static void
drop_before(const struct snapshot *snapshot, const struct flow_bound *bound, const struct held *held, uint64_t lost)
{
    for (uint32_t i = 0; i < bound->event_slots; i++) {
        size_t offset = (size_t)unit_of(bound, held[i].slot) * FLOW_UNIT_SIZE;
        if (offset + sizeof(struct flow_chunk_header) > snapshot->size)
            continue;
        struct flow_chunk_header *chunk = (void *)(snapshot->to + offset);
        uint64_t claim = atomic_load_explicit(&chunk->claim, memory_order_relaxed);
        bool sealed = protocol_state(held[i].word) == FLOW_SLOT_SEALED;
        if (sealed && claim == held[i].word >> FLOW_SLOT_CLAIM_SHIFT && claim < lost)
            atomic_store_explicit(&chunk->magic, 0, memory_order_relaxed);
    }
}

static void
take(const struct reader *reader, const struct flow_bound *bound, uint8_t *map, struct held *held)
{
    uint64_t lost = 1;
    for (int i = 0; i < TRIES && lost; i++) {
        struct snapshot snapshot = {reader->map, map, reader->size, last_claim_in_map(reader, bound)};
        copy(map, reader->map, FLOW_UNIT_SIZE);
        for (uint32_t k = 0; k < bound->meta_slots; k++)
            copy_slot(&snapshot, &bound->slots[k], 1 + (uint64_t)k, 1);
        lost = copy_events(&snapshot, bound, held);
        if (lost && i + 1 == TRIES)
            drop_before(&snapshot, bound, held, lost);
    }
}

int
snapshot_take(struct reader *reader)
{
    const struct flow_bound *bound = reader_bound(reader);
    if (!bound || !(reader->header->flags & FLOW_FILE_LAST))
        return 0;
    struct held *held = calloc(bound->event_slots + (size_t)1, sizeof *held);
    void *map = mmap(NULL, reader->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!held || map == MAP_FAILED) {
        free(held);
        if (map != MAP_FAILED)
            munmap(map, reader->size);
        return -ENOMEM;
    }
    take(reader, bound, map, held);
    free(held);
    reader->cut_off |= guard_is_broken(reader->map);
    guard_unmap((void *)(uintptr_t)reader->map, reader->size);
    reader->map = map;
    reader->header = map;
    return 0;
}
