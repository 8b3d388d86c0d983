#include "seed.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint16_t
get_16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void
put_16(uint8_t *p, uint16_t n)
{
    p[0] = (uint8_t)n;
    p[1] = (uint8_t)(n >> 8);
}

bool
seed_read(struct seed *out, const uint8_t *data, size_t size)
{
    if (size < SEED_HEAD)
        return false;
    out->lines = data[0];
    out->width = data[1];
    out->flags = data[2];
    out->cut = data[3];
    memcpy(out->header, data + 4, sizeof out->header);
    out->chunk_count = 0;
    const uint8_t *p = data + SEED_HEAD;
    const uint8_t *end = data + size;
    size_t bound = get_16(p - 2);
    bound = bound < (size_t)(end - p) ? bound : (size_t)(end - p);
    out->bound_length = (uint16_t)(bound < SEED_BOUND_MAX ? bound : SEED_BOUND_MAX);
    memcpy(out->bound, p, out->bound_length);
    p += bound;
    while (end - p >= SEED_CHUNK_HEAD && out->chunk_count < SEED_CHUNKS_MAX) {
        struct seed_chunk *chunk = &out->chunks[out->chunk_count++];
        chunk->place = p[0];
        chunk->times = p[1];
        chunk->length = get_16(p + 2);
        chunk->extra = (int16_t)get_16(p + 4);
        memcpy(chunk->header, p + 6, SEED_CHUNK_HEADER);
        p += SEED_CHUNK_HEAD;
        size_t left = (size_t)(end - p);
        chunk->length = chunk->length < left ? chunk->length : (uint16_t)left;
        chunk->records = (uint8_t *)(uintptr_t)p;
        p += chunk->length;
        chunk->length = chunk->length < SEED_RECORDS_MAX ? chunk->length : SEED_RECORDS_MAX;
    }
    return true;
}

size_t
seed_write(const struct seed *seed, uint8_t *out, size_t room)
{
    if (room < SEED_HEAD)
        return 0;
    memcpy(out, (uint8_t[]){seed->lines, seed->width, seed->flags, seed->cut}, 4);
    memcpy(out + 4, seed->header, sizeof seed->header);
    uint8_t *p = out + SEED_HEAD;
    size_t bound = room - SEED_HEAD < seed->bound_length ? 0 : seed->bound_length;
    put_16(p - 2, (uint16_t)bound);
    memcpy(p, seed->bound, bound);
    p += bound;
    for (uint32_t i = 0; i < seed->chunk_count; i++) {
        const struct seed_chunk *chunk = &seed->chunks[i];
        if ((size_t)(out + room - p) < (size_t)SEED_CHUNK_HEAD + chunk->length)
            break;
        p[0] = chunk->place;
        p[1] = chunk->times;
        put_16(p + 2, chunk->length);
        put_16(p + 4, (uint16_t)chunk->extra);
        memcpy(p + 6, chunk->header, SEED_CHUNK_HEADER);
        memcpy(p + SEED_CHUNK_HEAD, chunk->records, chunk->length);
        p += SEED_CHUNK_HEAD + chunk->length;
    }
    return (size_t)(p - out);
}

/* --- the file ----------------------------------------------------------- */

#define ALL_UNITS ((size_t)SEED_UNITS_MAX * FLOW_UNIT_SIZE)

bool
seed_file_open(struct seed_file *out)
{
    *out = (struct seed_file){.fd = memfd_create("seed", MFD_CLOEXEC)};
    if (out->fd < 0 || ftruncate(out->fd, (off_t)ALL_UNITS) < 0)
        return false;
    out->map = mmap(NULL, ALL_UNITS, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd, 0);
    snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", out->fd);
    out->begin = out->map;
    out->size = ALL_UNITS;
    return out->map != MAP_FAILED;
}

bool
seed_file_open_memory(struct seed_file *out, const char *path)
{
    *out = (struct seed_file){.fd = -1, .size = ALL_UNITS};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    out->map = mmap(NULL, ALL_UNITS + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    out->begin = out->map;
    snprintf(out->path, sizeof out->path, "%s", path);
    return out->map != MAP_FAILED && mprotect(out->map, ALL_UNITS, PROT_READ | PROT_WRITE) == 0;
}

void
seed_file_close(struct seed_file *file)
{
    munmap(file->map, ALL_UNITS);
    if (file->fd >= 0)
        close(file->fd);
}

static void
set_size(struct seed_file *file, size_t size)
{
    if (file->fd < 0)
        file->begin = file->map + ALL_UNITS - size;
    else if (size != file->size && ftruncate(file->fd, (off_t)size) < 0)
        return;
    file->size = size;
}

/* Zeros again, as far as there is a file. */
static void
empty(struct seed_file *file)
{
    size_t there = file->fd < 0 ? ALL_UNITS : file->size;
    for (uint32_t i = 0; i < file->used_count; i++)
        if (file->used[i].begin < there) {
            size_t end = file->used[i].end < there ? file->used[i].end : there;
            memset(file->map + file->used[i].begin, 0, end - file->used[i].begin);
        }
    file->used_count = 0;
}

static void
use(struct seed_file *file, size_t begin, size_t end)
{
    size_t before = (size_t)(file->begin - file->map);
    file->used[file->used_count].begin = before + begin;
    file->used[file->used_count++].end = before + end;
}

/* The units that it lies in: what its header says, within reason. */
static size_t
units_of(const struct seed_chunk *chunk)
{
    size_t units = get_16(chunk->header + offsetof(struct flow_chunk_header, units));
    return units == 0 ? 1 : units < 4 ? units : 4;
}

static void
put_chunk(struct seed_file *file, size_t at, const struct seed_chunk *chunk)
{
    uint8_t *begin = file->begin + at;
    uint8_t *p = begin + sizeof(struct flow_chunk_header);
    size_t room = units_of(chunk) * FLOW_UNIT_SIZE - sizeof(struct flow_chunk_header);
    uint32_t times = chunk->times < SEED_TIMES_MIN ? 1 : 1u << (chunk->times - SEED_TIMES_MIN);
    memcpy(begin, chunk->header, SEED_COMMITTED);
    memcpy(begin + SEED_COMMITTED + 4, chunk->header + SEED_COMMITTED, SEED_CHUNK_HEADER - SEED_COMMITTED);
    for (; times > 0 && chunk->length <= room && chunk->length; times--) {
        memcpy(p, chunk->records, chunk->length);
        p += chunk->length;
        room -= chunk->length;
    }
    uint32_t committed = (uint32_t)(p - begin) + (uint32_t)(int32_t)chunk->extra;
    memcpy(begin + SEED_COMMITTED, &committed, sizeof committed);
    use(file, at, (size_t)(p - file->begin));
}

void
seed_file_fill(struct seed_file *file, const struct seed *seed)
{
    size_t unit = 1;
    empty(file);
    size_t units = 1;
    for (uint32_t i = 0; i < seed->chunk_count; i++)
        units += (seed->chunks[i].place & 15u) + units_of(&seed->chunks[i]);
    units = units < SEED_UNITS_MAX ? units : SEED_UNITS_MAX;
    set_size(file, units * FLOW_UNIT_SIZE);
    memcpy(file->begin, seed->header, sizeof seed->header);
    memcpy(file->begin + FLOW_BOUND_OFFSET, seed->bound, seed->bound_length);
    use(file, 0, sizeof seed->header);
    use(file, FLOW_BOUND_OFFSET, FLOW_BOUND_OFFSET + seed->bound_length);
    for (uint32_t i = 0; i < seed->chunk_count; i++) {
        unit += seed->chunks[i].place & 15u;
        if (unit + units_of(&seed->chunks[i]) > units)
            break;
        put_chunk(file, unit * FLOW_UNIT_SIZE, &seed->chunks[i]);
        unit += units_of(&seed->chunks[i]);
    }
    size_t cut = (size_t)seed->cut * 251;
    if (cut)
        set_size(file, cut < file->size ? file->size - cut : 0);
}
