#include "bound.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_SHARE 8    /* an eighth of the units is for what processes say of themselves */
#define META_UNITS_MIN 5
#define SLOTS_WANTED 64 /* of events, before slots are made bigger, which wastes less at their ends */
#define END_SHARE 16    /* of --limit is kept for the ends of processes */
#define END_UNITS_MIN 4

struct flow_bound *
bound_of(struct flow_file_header *header)
{
    bool has = header->flags & (FLOW_FILE_LAST | FLOW_FILE_LIMIT);
    return has ? (struct flow_bound *)((char *)header + FLOW_BOUND_OFFSET) : NULL;
}

/* --- how a file is cut -------------------------------------------------- */

static void
cut(struct flow_bound *bound)
{
    uint64_t meta = bound->units / META_SHARE > META_UNITS_MIN ? bound->units / META_SHARE : META_UNITS_MIN;
    meta = meta > FLOW_SLOTS_MAX / 2 ? FLOW_SLOTS_MAX / 2 : meta;
    uint64_t rest = bound->units - 1 - meta;
    uint32_t units = 1;
    while (units < WRITER_UNITS_MAX && rest / (2 * units) >= SLOTS_WANTED)
        units *= 2;
    while (rest / units > FLOW_SLOTS_MAX - meta)
        units *= 2;
    bound->meta_slots = (uint32_t)meta;
    bound->slot_units = units;
    bound->event_slots = (uint32_t)(rest / units);
}

bool
bound_is_sound(const struct flow_bound *bound)
{
    uint64_t slots = (uint64_t)bound->meta_slots + bound->event_slots;
    if (bound->units < BOUND_BYTES_MIN / FLOW_UNIT_SIZE || bound->units > INT64_MAX / FLOW_UNIT_SIZE)
        return false;
    return bound->slot_units >= 1 && bound->slot_units <= FLOW_CHUNK_UNITS_MAX && slots <= FLOW_SLOTS_MAX
           && 1 + bound->meta_slots + (uint64_t)bound->event_slots * bound->slot_units <= bound->units;
}

/* Pids mean the same in processes of which this is equal. */
static uint32_t
pid_space(void)
{
#if defined(__linux__)
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint32_t)status.st_ino : 0;
#else
    return 1;
#endif
}

int
bound_create(struct flow_file_header *header, const struct trace_settings *settings)
{
    uint64_t bytes = settings->last ? settings->last : settings->limit;
    if (!bytes)
        return 0;
    if (bytes < BOUND_BYTES_MIN || bytes > (settings->last ? BOUND_BYTES_MAX : INT64_MAX))
        return -EINVAL;
    header->flags |= settings->last ? FLOW_FILE_LAST : FLOW_FILE_LIMIT;
    struct flow_bound *bound = bound_of(header);
    bound->units = bytes / FLOW_UNIT_SIZE;
    bound->pid_space = pid_space();
    if (settings->last)
        cut(bound);
    return 0;
}

void
bound_after_fork(struct trace_file *file)
{
    uint32_t space = file->bound ? pid_space() : 0;
    file->tells_dead = space && space == file->bound->pid_space;
}

int
bound_join(struct trace_file *file)
{
    file->bound = bound_of(file->header);
    if (!file->bound)
        return 0;
    file->limit_units = file->bound->units;
    bool last = file->header->flags & FLOW_FILE_LAST;
    if (last ? !bound_is_sound(file->bound) : file->limit_units < BOUND_BYTES_MIN / FLOW_UNIT_SIZE)
        return -EINVAL;
    if (last) {
        file->meta_slots = file->bound->meta_slots;
        file->event_slots = file->bound->event_slots;
        file->slot_units = file->bound->slot_units;
    }
    bound_after_fork(file);
    return 0;
}

/* --- --last ------------------------------------------------------------- */

static bool
is_gone(uint32_t pid)
{
    return pid && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* How far the file reaches: a reader sees by it that a file is cut off. */
static void
reach(struct flow_file_header *header, uint64_t unit)
{
    uint64_t seen = atomic_load_explicit(&header->next_unit, memory_order_relaxed);
    while (seen < unit
           && !atomic_compare_exchange_weak_explicit(&header->next_unit, &seen, unit, memory_order_relaxed,
                                                     memory_order_relaxed))
        ;
}

/* Whose pid tells nothing here, in another space, is never taken for dead by anybody. */
static int
take_slot(struct trace_file *file, bool meta, uint32_t units, bool kept, struct place *out)
{
    struct flow_bound *bound = file->bound;
    uint32_t room = meta ? 1 : file->slot_units;
    if (units > room)
        return -E2BIG;
    uint64_t claim = protocol_next_claim(bound);
    uint32_t pid = file->tells_dead ? (uint32_t)getpid() : 0;
    uint64_t word = protocol_word(claim, pid, kept ? FLOW_SLOT_KEPT : FLOW_SLOT_CLAIMED);
    struct flow_slot *slots = bound->slots + (meta ? 0 : file->meta_slots);
    uint64_t before = 0;
    ptrdiff_t index = protocol_claim(bound, slots, meta ? file->meta_slots : file->event_slots, word,
                                     file->tells_dead ? is_gone : NULL, &before);
    if (index < 0)
        return -EAGAIN;
    uint64_t first = meta ? 1 : 1 + (uint64_t)file->meta_slots;
    *out = (struct place){first + (uint64_t)index * room, room, slots + index, word, before};
    reach(file->header, out->unit + room);
    return 0;
}

void
bound_seal(struct trace_file *file, const struct place *place)
{
    if (place->slot && protocol_state(place->word) == FLOW_SLOT_CLAIMED)
        protocol_seal(file->bound, place->slot, place->word);
}

void
bound_count(struct trace_file *file, const struct place *place, const struct flow_chunk_header *chunk)
{
    uint64_t claim = atomic_load_explicit(&chunk->claim, memory_order_relaxed);
    if (!place->slot || !claim || claim != place->before >> FLOW_SLOT_CLAIM_SHIFT || chunk->kind != FLOW_CHUNK_EVENTS)
        return;
    uint64_t calls = atomic_load_explicit(&chunk->calls, memory_order_relaxed);
    atomic_fetch_add_explicit(&file->bound->chunks_let_go, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&file->bound->calls_let_go, calls, memory_order_relaxed);
}

void
bound_count_unplaced(struct trace_file *file, uint64_t calls)
{
    if (file->bound)
        atomic_fetch_add_explicit(&file->bound->calls_unplaced, calls, memory_order_relaxed);
}

/* --- --limit, and no bound ---------------------------------------------- */

/* Ends of processes may still be told when events may not. */
static int
take_within_limit(struct trace_file *file, bool meta, uint32_t units, struct place *out)
{
    uint64_t kept = file->limit_units / END_SHARE > END_UNITS_MIN ? file->limit_units / END_SHARE : END_UNITS_MIN;
    uint64_t end = file->limit_units - (meta ? 0 : kept);
    uint64_t unit = atomic_load_explicit(&file->header->next_unit, memory_order_relaxed);
    do {
        if (unit == 0 || unit > end || unit + units > end) {
            atomic_fetch_add_explicit(&file->bound->refused, 1, memory_order_relaxed);
            return -ENOBUFS;
        }
    } while (!atomic_compare_exchange_weak_explicit(&file->header->next_unit, &unit, unit + units, memory_order_release,
                                                    memory_order_relaxed));
    *out = (struct place){.unit = unit, .units = units};
    return 0;
}

/* Release: as for claims, who reads next_unit sees what the thread has written before. */
int
bound_take(struct trace_file *file, enum flow_chunk_kind kind, uint32_t units, bool kept, struct place *out)
{
    bool meta = kind == FLOW_CHUNK_META;
    if (file->slot_units)
        return take_slot(file, meta, units, kept, out);
    if (file->bound)
        return take_within_limit(file, meta, units, out);
    uint64_t unit = atomic_fetch_add_explicit(&file->header->next_unit, units, memory_order_release);
    if (unit == 0 || unit > (uint64_t)INT64_MAX / FLOW_UNIT_SIZE - FLOW_CHUNK_UNITS_MAX)
        return -EINVAL; /* somebody has written to the file */
    *out = (struct place){.unit = unit, .units = units};
    return 0;
}
