#include "repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What the headers of all chunks say together. */
struct survey {
    uint64_t chunks;
    uint64_t early;         /* those that began before the file header says that the trace did */
    uint64_t equal;         /* those whose ticks are nanoseconds */
    uint64_t without_ticks;
    uint64_t first_ns, first_ticks; /* of the earliest */
};

static struct survey
look_at_chunks(const struct reader *reader)
{
    struct survey survey = {.first_ns = UINT64_MAX};
    for (size_t offset = FLOW_UNIT_SIZE; offset + sizeof(struct flow_chunk_header) <= reader->size;) {
        const struct flow_chunk_header *chunk = (const void *)(reader->map + offset);
        size_t units = reader_chunk_units(chunk);
        offset += (units ? units : 1) * FLOW_UNIT_SIZE;
        if (!units || (chunk->kind != FLOW_CHUNK_EVENTS && chunk->kind != FLOW_CHUNK_META))
            continue;
        survey.chunks++;
        survey.early += chunk->first_ns < reader->header->start_mono_ns;
        survey.equal += chunk->first_ticks == chunk->first_ns;
        survey.without_ticks += chunk->first_ticks == 0;
        if (chunk->first_ns < survey.first_ns) {
            survey.first_ns = chunk->first_ns;
            survey.first_ticks = chunk->first_ticks;
        }
    }
    return survey;
}

/* Puts memory in the place of the header's unit, which it copies. */
static struct flow_file_header *
make_writable(struct reader *reader)
{
    void *unit = (void *)(uintptr_t)reader->map;
    void *copy = malloc(FLOW_UNIT_SIZE);
    if (!copy)
        return NULL;
    memcpy(copy, unit, FLOW_UNIT_SIZE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    bool ok = mmap(unit, FLOW_UNIT_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED;
    if (ok)
        memcpy(unit, copy, FLOW_UNIT_SIZE);
    free(copy);
    return ok ? unit : NULL;
}

static bool
clock_fits(uint32_t clock, const struct survey *survey)
{
    bool none = survey->without_ticks * 2 > survey->chunks;
    bool monotonic = !none && survey->equal * 2 > survey->chunks;
    return clock == (none ? FLOW_CLOCK_NONE : monotonic ? FLOW_CLOCK_MONOTONIC : FLOW_CLOCK_CYCLES);
}

static void
repair_clock(struct flow_file_header *header, const struct survey *survey)
{
    uint32_t clock = FLOW_CLOCK_NONE;
    while (!clock_fits(clock, survey))
        clock++;
    header->clock = clock;
    header->clock_shift = 0;
}

/* Of a header in which everything may be wrong. */
static void
rebuild(struct flow_file_header *header, const struct survey *survey, struct repair *repair)
{
    bool holds = header->start_mono_ns && survey->early * 2 <= survey->chunks && clock_fits(header->clock, survey);
    memcpy(header->magic, FLOW_MAGIC, sizeof header->magic);
    header->major = FLOW_MAJOR;
    header->byte_order = FLOW_BYTE_ORDER;
    header->unit_size = FLOW_UNIT_SIZE;
    repair->rebuilt = true;
    if (holds)
        return;
    header->minor = FLOW_MINOR;
    repair_clock(header, survey);
    header->flags = header->clock == FLOW_CLOCK_NONE ? FLOW_FILE_NO_TIME : 0;
    header->start_ticks = survey->first_ticks;
    header->start_mono_ns = survey->first_ns;
    header->start_unix_ns = 0;
    memset(header->trace_id, 0, sizeof header->trace_id);
    atomic_store(&header->unrecorded, 0);
    atomic_store(&header->end_unit, 0);
    repair->start_unknown = true;
}

/* Of one that can be read, in which this alone makes no sense. */
static void
repair_start(struct flow_file_header *header, const struct survey *survey)
{
    if (survey->early * 2 > survey->chunks) {
        header->start_unix_ns += survey->first_ns - header->start_mono_ns;
        header->start_mono_ns = survey->first_ns;
        header->start_ticks = survey->first_ticks;
    }
    if (header->clock > FLOW_CLOCK_CYCLES)
        repair_clock(header, survey);
}

static bool
is_foreign(const struct flow_file_header *header)
{
    return memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) == 0 && header->unit_size == FLOW_UNIT_SIZE
           && header->byte_order == __builtin_bswap32(FLOW_BYTE_ORDER);
}

static bool
is_newer(const struct flow_file_header *header)
{
    return memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) == 0 && header->unit_size == FLOW_UNIT_SIZE
           && header->byte_order == FLOW_BYTE_ORDER && header->major > FLOW_MAJOR;
}

/* Can all of it be read as what this version writes? 1, 0 or -ENOMEM. */
static int
is_readable(struct reader *reader)
{
    struct cursor cursor;
    struct record record;
    int ret = 0;
    for (uint32_t i = 0; i < reader->chunk_count && ret >= 0; i++) {
        cursor_open_chunk(&cursor, reader, i);
        while ((ret = cursor_next(&cursor, &record)) > 0)
            continue;
        reader_forget(reader, i);
    }
    return ret < 0 ? ret : !reader->damaged;
}

static int
repair_header(struct reader *reader, struct repair *repair, bool refused)
{
    struct survey survey = look_at_chunks(reader);
    if (!survey.chunks)
        return refused ? -ENODATA : 0;
    bool sound = !refused && reader->header->clock <= FLOW_CLOCK_CYCLES && survey.early * 2 <= survey.chunks;
    struct flow_file_header *header = sound ? NULL : make_writable(reader);
    if (sound)
        return 0;
    if (!header)
        return -ENOMEM;
    reader->cut_off &= !refused;
    if (refused)
        rebuild(header, &survey, repair);
    else
        repair_start(header, &survey);
    return 0;
}

int
repair_open(struct reader *out, const char *path, struct repair *repair, char *message, size_t message_size)
{
    *repair = (struct repair){0};
    *out = (struct reader){0};
    int ret = reader_map(out, path, message, message_size);
    if (ret < 0)
        return ret;
    bool refused = reader_check(out, message, message_size) < 0;
    bool newer = is_newer(out->header);
    ret = refused && is_foreign(out->header) ? -EINVAL : repair_header(out, repair, refused);
    if (ret == 0)
        ret = reader_find(out);
    /* A bit may be wrong in the version, too: then the rest tells. */
    if (ret == 0 && newer) {
        ret = is_readable(out);
        ret = ret == 0 ? -EINVAL : ret < 0 ? ret : 0;
    }
    if (ret == -ENOMEM)
        snprintf(message, message_size, "not enough memory to read this trace");
    if (ret < 0)
        reader_close(out);
    return ret;
}
