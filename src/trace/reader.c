#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "bound.h"
#include "guard.h"
#include "input.h"
#include "snapshot.h"

int
reader_check(const struct reader *reader, char *message, size_t size)
{
    const struct flow_file_header *header = reader->header;
    if (memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) != 0)
        snprintf(message, size, "this is not a FlowTrace trace");
    else if (header->byte_order != FLOW_BYTE_ORDER)
        snprintf(message, size, "this trace was recorded on a machine of another byte order");
    else if (header->major > FLOW_MAJOR)
        snprintf(message, size, "this trace has format version %u and this FlowTrace reads up to %u: upgrade FlowTrace",
                 header->major, FLOW_MAJOR);
    else if (header->unit_size != FLOW_UNIT_SIZE || header->major == 0)
        snprintf(message, size, "the header of this trace is damaged");
    else
        return 0;
    return -EINVAL;
}

#define UNITS_IN_THE_MAKING 64

static bool
add_chunk(struct reader *reader, uint32_t *room, size_t offset, size_t units)
{
    const struct flow_chunk_header *header = (const void *)(reader->map + offset);
    void *chunks = reader->chunks;
    if (!array_make_room(&chunks, reader->chunk_count, room, sizeof *reader->chunks))
        return false;
    reader->chunks = chunks;
    size_t size = units * FLOW_UNIT_SIZE;
    if (size > reader->size - offset) {
        size = reader->size - offset;
        reader->cut_off = true;
    }
    size_t committed = atomic_load_explicit(&header->committed, memory_order_acquire);
    bool damaged = committed < sizeof *header || committed > size;
    if (damaged) {
        reader->damaged++;
        committed = committed > size ? size : sizeof *header;
    }
    reader->chunks[reader->chunk_count++] = (struct chunk){
        .header = header,
        .data = (const uint8_t *)header + sizeof *header,
        .end = (const uint8_t *)header + committed,
        .process = header->process,
        .thread = header->thread,
        .sequence = header->sequence,
        .damaged = damaged,
    };
    return true;
}

size_t
reader_chunk_units(const struct flow_chunk_header *header)
{
    if (atomic_load_explicit(&header->magic, memory_order_acquire) != FLOW_CHUNK_MAGIC)
        return 0;
    uint16_t units = header->units;
    return units <= FLOW_CHUNK_UNITS_MAX ? units : 0;
}

/* Claimed since reading began: its thread may have written to its chunk before, behind what was seen of that. */
static bool
is_too_new(const struct reader *reader, uint64_t before, uint64_t unit)
{
    return unit >= before && unit < atomic_load_explicit(&reader->header->next_unit, memory_order_acquire);
}

static int
find_chunks(struct reader *reader)
{
    uint32_t room = 0;
    size_t offset = FLOW_UNIT_SIZE;
    uint64_t before = atomic_load_explicit(&reader->header->next_unit, memory_order_acquire);
    while (offset + sizeof(struct flow_chunk_header) <= reader->size) {
        const struct flow_chunk_header *header = (const void *)(reader->map + offset);
        size_t units = reader_chunk_units(header);
        bool known = units && (header->kind == FLOW_CHUNK_EVENTS || header->kind == FLOW_CHUNK_META);
        known = known && !is_too_new(reader, before, offset / FLOW_UNIT_SIZE);
        if (known && !add_chunk(reader, &room, offset, units))
            return -ENOMEM;
        offset += (units ? units : 1) * FLOW_UNIT_SIZE;
    }
    reader->damaged += reader->cut_off && !reader->damaged;
    return 0;
}

static int
compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_chunks(const void *left, const void *right)
{
    const struct chunk *a = left;
    const struct chunk *b = right;
    int order = compare(a->header->kind == FLOW_CHUNK_META, b->header->kind == FLOW_CHUNK_META);
    if (!order)
        order = compare(a->process, b->process);
    if (!order)
        order = compare(a->thread, b->thread);
    if (!order)
        order = compare(a->sequence, b->sequence);
    return order ? order : compare((uintptr_t)a->header, (uintptr_t)b->header);
}

static bool
is_same_chunk(const struct chunk *a, const struct chunk *b)
{
    return a->process == b->process && a->thread == b->thread && a->sequence == b->sequence
           && a->header->pid == b->header->pid && a->header->first_ns == b->header->first_ns
           && a->header->first_ticks == b->header->first_ticks;
}

/* A chunk may have been copied, by somebody else: of two that began at one moment the first in the file counts. */
static void
drop_doubles(struct reader *reader)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        bool is_event = reader->chunks[i].header->kind == FLOW_CHUNK_EVENTS;
        if (is_event && kept && is_same_chunk(&reader->chunks[kept - 1], &reader->chunks[i]))
            reader->doubles++;
        else
            reader->chunks[kept++] = reader->chunks[i];
    }
    reader->chunk_count = kept;
    reader->damaged += reader->doubles;
}

/* From any place in the file to its chunk. */
static int
map_units(struct reader *reader)
{
    size_t units = reader->size / FLOW_UNIT_SIZE + 1;
    reader->chunk_at = malloc(units * sizeof *reader->chunk_at);
    if (!reader->chunk_at)
        return -ENOMEM;
    memset(reader->chunk_at, 0xff, units * sizeof *reader->chunk_at);
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk *chunk = &reader->chunks[i];
        size_t first = (size_t)((const uint8_t *)chunk->header - reader->map) / FLOW_UNIT_SIZE;
        size_t last = (size_t)(chunk->end - 1 - reader->map) / FLOW_UNIT_SIZE;
        for (size_t unit = first; unit <= last; unit++)
            reader->chunk_at[unit] = i;
    }
    return 0;
}

static int
find_streams(struct reader *reader)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < reader->event_chunk_count; i++) {
        const struct chunk *chunk = &reader->chunks[i];
        if (i > 0 && chunk[-1].process == chunk->process && chunk[-1].thread == chunk->thread) {
            reader->streams[reader->stream_count - 1].chunk_count++;
            continue;
        }
        void *streams = reader->streams;
        if (!array_make_room(&streams, reader->stream_count, &room, sizeof *reader->streams))
            return -ENOMEM;
        reader->streams = streams;
        reader->streams[reader->stream_count++] = (struct stream){chunk->process, chunk->header->pid, chunk->thread, i,
                                                                  1};
    }
    return 0;
}

int
reader_index(struct reader *reader)
{
    free(reader->streams);
    free(reader->chunk_at);
    reader->streams = NULL;
    reader->chunk_at = NULL;
    reader->stream_count = 0;
    int ret = find_streams(reader);
    return ret < 0 ? ret : map_units(reader);
}

/* From the trace's start to the latest tie of the two clocks. */
static double
find_rate(const struct reader *reader)
{
    uint64_t ticks = reader->header->start_ticks;
    uint64_t ns = reader->header->start_mono_ns;
    uint64_t last_ticks = ticks;
    uint64_t last_ns = ns;
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        const struct flow_chunk_header *header = reader->chunks[i].header;
        uint64_t chunk_ns = atomic_load_explicit(&header->last_ns, memory_order_acquire);
        if (chunk_ns <= last_ns)
            continue;
        last_ns = chunk_ns;
        last_ticks = atomic_load_explicit(&header->last_ticks, memory_order_relaxed);
    }
    double rate = last_ticks > ticks ? (double)(last_ns - ns) / (double)(last_ticks - ticks) : 1;
    return isfinite(rate) && rate > 1e-3 && rate < 1e6 ? rate : 1;
}

/* A trace that is recorded just now has grown since its size was asked for. */
static bool
is_cut_off(const struct flow_file_header *header, int fd)
{
    uint64_t end = atomic_load_explicit(&header->end_unit, memory_order_acquire);
    struct stat status;
    if (fstat(fd, &status) < 0)
        return false;
    uint64_t units = (uint64_t)status.st_size / FLOW_UNIT_SIZE;
    if (end)
        return end > units;
    /* Older writers don't tell: they claim units before they lengthen the file, a few at a time. */
    return atomic_load_explicit(&header->next_unit, memory_order_acquire) > units + UNITS_IN_THE_MAKING;
}

int
reader_map(struct reader *reader, const char *path, char *message, size_t message_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* should it be a pipe */
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int error = errno;
        snprintf(message, message_size, "%s", strerror(error));
        if (fd >= 0)
            close(fd);
        return -error;
    }
    int ret = -EINVAL;
    if (S_ISDIR(status.st_mode))
        snprintf(message, message_size, "this is a folder, not a trace");
    else if (!S_ISREG(status.st_mode))
        snprintf(message, message_size, "this is a device or a pipe, not a trace");
    else if (status.st_size == 0)
        snprintf(message, message_size, "the file is empty");
    else if (status.st_size < (off_t)FLOW_UNIT_SIZE)
        snprintf(message, message_size, "this is not a FlowTrace trace, or it was cut off");
    else
        ret = 0;
    if (ret == 0) {
        reader->size = (size_t)status.st_size;
        void *map;
        ret = guard_map(&map, fd, 0, reader->size, PROT_READ);
        if (ret < 0) {
            snprintf(message, message_size, "%s", strerror(-ret));
        }
        else {
            reader->map = map;
            reader->header = map;
            reader->cut_off = is_cut_off(map, fd);
        }
    }
    close(fd);
    return ret;
}

int
reader_find(struct reader *reader)
{
    int ret = snapshot_take(reader);
    if (ret == 0)
        ret = find_chunks(reader);
    if (ret < 0)
        return ret;
    if (reader->chunk_count)
        qsort(reader->chunks, reader->chunk_count, sizeof *reader->chunks, compare_chunks);
    drop_doubles(reader);
    while (reader->event_chunk_count < reader->chunk_count
           && reader->chunks[reader->event_chunk_count].header->kind == FLOW_CHUNK_EVENTS)
        reader->event_chunk_count++;
    ret = reader_index(reader);
    reader->ns_per_tick = reader->header->clock == FLOW_CLOCK_CYCLES ? find_rate(reader) : 1;
    return ret;
}

int
reader_open(struct reader *out, const char *path, char *message, size_t message_size)
{
    *out = (struct reader){0};
    int ret = reader_map(out, path, message, message_size);
    if (ret == 0)
        ret = reader_check(out, message, message_size);
    if (ret == 0)
        ret = reader_find(out);
    if (ret == -ENOMEM)
        snprintf(message, message_size, "not enough memory to read this trace");
    if (ret < 0)
        reader_close(out);
    return ret;
}

const struct flow_bound *
reader_bound(const struct reader *reader)
{
    const struct flow_bound *bound = (const void *)(reader->map + FLOW_BOUND_OFFSET);
    uint32_t flags = reader->header->flags;
    if (flags & FLOW_FILE_LAST)
        return bound_is_sound(bound) ? bound : NULL;
    return flags & FLOW_FILE_LIMIT ? bound : NULL;
}

void
reader_look_again(struct reader *reader)
{
    if (reader->cut_off || !guard_is_broken(reader->map))
        return;
    reader->cut_off = true;
    reader->damaged++;
}

void
reader_forget(struct reader *reader, uint32_t index)
{
    struct chunk *chunk = &reader->chunks[index];
    free(chunk->strings);
    free(chunk->shapes);
    free(chunk->codes);
    chunk->strings = chunk->shapes = NULL;
    chunk->codes = NULL;
    chunk->string_count = chunk->string_room = chunk->shape_count = chunk->shape_room = 0;
    chunk->code_count = chunk->code_room = 0;
}

void
reader_close(struct reader *reader)
{
    for (uint32_t i = 0; i < reader->chunk_count; i++)
        reader_forget(reader, i);
    input_free_codes(reader);
    free(reader->chunks);
    free(reader->chunk_at);
    free(reader->streams);
    if (reader->map)
        guard_unmap((void *)(uintptr_t)reader->map, reader->size);
    *reader = (struct reader){0};
}
