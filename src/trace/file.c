#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chunk.h"
#include "guard.h"
#include "replace.h"

#define LOST_REASON_MAX 80
#define SPARE 2048 /* bytes of a process's first META chunk for what it appends: mostly on the page that it has */
#define SPARE_LATER 16384 /* of the next, and of the only one in a bounded file */

/* --- the file ----------------------------------------------------------- */

/* The low descriptors are the program's: a script may count on getting 3. */
static int
move_descriptor_up(int fd)
{
    struct rlimit limit;
    int from = 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        from = limit.rlim_cur > 65536 ? 32768 : (int)limit.rlim_cur / 2;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, from);
    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static int
fill_header(struct flow_file_header *header, const struct trace_settings *settings)
{
    memcpy(header->magic, FLOW_MAGIC, sizeof header->magic);
    header->major = FLOW_MAJOR;
    header->minor = FLOW_MINOR;
    header->byte_order = FLOW_BYTE_ORDER;
    header->unit_size = FLOW_UNIT_SIZE;
    header->clock = settings->time ? clock_choose(&header->clock_shift) : FLOW_CLOCK_NONE;
    header->flags = (settings->values ? 0u : FLOW_FILE_NO_VALUES) | (settings->time ? 0u : FLOW_FILE_NO_TIME);
    struct clock_reading now = clock_read(header->clock);
    header->start_ticks = now.ticks;
    header->start_mono_ns = now.mono_ns;
    header->start_unix_ns = clock_now_ns(CLOCK_REALTIME);
    if (getrandom(header->trace_id, sizeof header->trace_id, GRND_NONBLOCK) < 0)
        memcpy(header->trace_id, &header->start_unix_ns, sizeof header->start_unix_ns);
    atomic_store(&header->next_unit, 1);
    atomic_store(&header->next_process, 1);
    return bound_create(header, settings);
}

static int
map_file(struct trace_file **out, int fd, const char *path)
{
    int ret = -ENOMEM;
    struct trace_file *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path)))
        goto fail;
    struct stat status;
    if (fstat(fd, &status) < 0) {
        ret = -errno;
        goto fail;
    }
    file->device = (uint64_t)status.st_dev;
    file->inode = (uint64_t)status.st_ino;
    void *header;
    if ((ret = guard_map(&header, fd, 0, FLOW_UNIT_SIZE, PROT_READ | PROT_WRITE)) < 0)
        goto fail;
    file->header = header;
    file->fd = fd;
    *out = file;
    return 0;
fail:
    if (file)
        free(file->path);
    free(file);
    return ret;
}

/* Blocks are reserved first: writing to a mapped page that the disk has no room
 * for would be a SIGBUS in the traced program. */
static int
reserve_blocks(int fd, off_t offset, off_t length)
{
    struct rlimit limit;
    /* To ask for more would be a SIGXFSZ, which the program may have a handler for. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && (rlim_t)(offset + length) > limit.rlim_cur)
        return -EFBIG;
#if defined(__linux__)
    return -posix_fallocate(fd, offset, length);
#else
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    return status.st_size >= offset + length || ftruncate(fd, offset + length) == 0 ? 0 : -errno;
#endif
}

/* A unit long, but of an unbounded file no more is written to than the page that the header is on. */
static int
reserve_header(int fd, bool bounded)
{
    long page = sysconf(_SC_PAGESIZE);
    int ret = reserve_blocks(fd, 0, bounded || page > (long)FLOW_UNIT_SIZE ? (off_t)FLOW_UNIT_SIZE : (off_t)page);
    return ret == 0 && ftruncate(fd, FLOW_UNIT_SIZE) < 0 ? -errno : ret;
}

/* --- who records to it ---------------------------------------------------- */

/* As long as a process records the file is locked; who can't have that records all the same. */
static void
hold(int fd)
{
    (void)!flock(fd, LOCK_SH | LOCK_NB);
}

int
trace_file_create(struct trace_file **out, const char *path, const struct trace_settings *settings)
{
    char *temporary;
    int ret;
    int fd = replace_begin(&temporary, path);
    if (fd < 0)
        return fd;
    fd = move_descriptor_up(fd);
    hold(fd);
    if ((ret = reserve_header(fd, settings->last || settings->limit)) < 0 || (ret = map_file(out, fd, path)) < 0)
        goto fail;
    if ((ret = fill_header((*out)->header, settings)) == 0 && (ret = bound_join(*out)) == 0
        && (ret = replace_end(temporary, path)) == 0)
        goto done;
    trace_file_close(*out);
    *out = NULL;
    fd = -1;
fail:
    unlink(temporary);
    if (fd >= 0)
        close(fd);
done:
    free(temporary);
    return ret;
}

int
trace_file_join(struct trace_file **out, const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    fd = move_descriptor_up(fd);
    hold(fd);
    struct stat status;
    int ret = -EINVAL;
    if (fstat(fd, &status) < 0 || status.st_size < (off_t)FLOW_UNIT_SIZE)
        goto fail;
    if ((ret = map_file(out, fd, path)) < 0)
        goto fail;
    const struct flow_file_header *header = (*out)->header;
    if (memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) == 0 && header->major == FLOW_MAJOR
        && header->byte_order == FLOW_BYTE_ORDER && header->unit_size == FLOW_UNIT_SIZE && bound_join(*out) == 0)
        return 0;
    trace_file_close(*out);
    *out = NULL;
    return -EINVAL;
fail:
    close(fd);
    return ret;
}

/* 0, and the file's size; or -EBADF. */
static int
look_at_descriptor(const struct trace_file *file, off_t *size)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0 || (uint64_t)status.st_dev != file->device
        || (uint64_t)status.st_ino != file->inode)
        return -EBADF;
    *size = status.st_size;
    return 0;
}

static void
forget_meta(struct trace_file *file)
{
    if (file->meta)
        chunk_unmap(file->meta, &file->meta_place);
    file->meta = NULL;
}

void
trace_file_close(struct trace_file *file)
{
    if (!file)
        return;
    forget_meta(file);
    bound_seal(file, &file->meta_place);
    guard_unmap(file->header, FLOW_UNIT_SIZE);
    off_t size;
    if (look_at_descriptor(file, &size) == 0)
        close(file->fd);
    free(file->path);
    free(file);
}

int
trace_file_hold(const struct trace_file *file)
{
    return fcntl(file->fd, F_DUPFD_CLOEXEC, file->fd);
}

uint32_t
trace_file_add_process(struct trace_file *file)
{
    return atomic_fetch_add_explicit(&file->header->next_process, 1, memory_order_relaxed);
}

/* --- chunks ------------------------------------------------------------- */

/* A daemon closes every descriptor that it did not open itself, ours as well. */
static int
reopen(struct trace_file *file, off_t *size)
{
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    file->fd = move_descriptor_up(fd);
    if (look_at_descriptor(file, size) == 0) {
        hold(file->fd);
        return 0;
    }
    close(file->fd);
    file->fd = -1;
    return -EBADF;
}

/* Finds the file, opened anew if need be, at least as long as it has been told to be: what is missing isn't to be made
 * again, since those who write there would not know. Others make it longer meanwhile, so its size is asked for last. */
static int
look_at_file(struct trace_file *file)
{
    uint64_t end = atomic_load_explicit(&file->header->end_unit, memory_order_acquire);
    off_t size = 0;
    int ret = look_at_descriptor(file, &size);
    if (ret < 0)
        ret = reopen(file, &size);
    if (ret == 0 && (guard_is_broken(file->header) || end > (uint64_t)size / FLOW_UNIT_SIZE))
        ret = -ENODATA;
    return ret;
}

static void
tell_end(struct trace_file *file, uint64_t end)
{
    _Atomic uint64_t *known = &file->header->end_unit;
    uint64_t before = atomic_load_explicit(known, memory_order_relaxed);
    while (before < end
           && !atomic_compare_exchange_weak_explicit(known, &before, end, memory_order_release, memory_order_relaxed))
        continue;
}

static int
map_place(struct trace_file *file, const struct place *place, struct flow_chunk_header **out)
{
    size_t size = (size_t)place->units * FLOW_UNIT_SIZE;
    off_t offset = (off_t)(place->unit * FLOW_UNIT_SIZE);
    int ret = reserve_blocks(file->fd, offset, (off_t)size);
    if (ret < 0)
        return ret;
    tell_end(file, place->unit + place->units);
    void *map;
    ret = guard_map(&map, file->fd, offset, size, PROT_READ | PROT_WRITE);
    if (ret == 0)
        *out = map;
    return ret;
}

int
chunk_claim(struct trace_file *file, enum flow_chunk_kind kind, uint32_t units, bool kept,
            struct flow_chunk_header **out, struct place *place)
{
    int ret = look_at_file(file);
    if (ret < 0 || (ret = bound_take(file, kind, units, kept, place)) < 0)
        return ret;
    ret = map_place(file, place, out);
    if (ret < 0) {
        bound_seal(file, place);
        return ret;
    }
    bound_count(file, place, *out);
    protocol_clear(*out);
    struct flow_chunk_header *chunk = *out;
    chunk->units = (uint16_t)place->units;
    chunk->thread = chunk->sequence = chunk->open_calls = chunk->lost_before = 0;
    chunk->calls_before = 0;
    atomic_store_explicit(&chunk->flags, 0, memory_order_relaxed);
    atomic_store_explicit(&chunk->calls, 0, memory_order_relaxed);
    return 0;
}

int
chunk_unplaced(struct flow_chunk_header **out, struct place *place)
{
    void *map = mmap(NULL, FLOW_UNIT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return -errno;
    *out = map;
    *place = (struct place){.units = 1};
    return 0;
}

void
chunk_unmap(struct flow_chunk_header *chunk, const struct place *place)
{
    guard_unmap(chunk, (size_t)place->units * FLOW_UNIT_SIZE);
}

void
chunk_begin(struct flow_chunk_header *chunk, enum flow_chunk_kind kind, const struct place *place,
            const struct clock_reading *now)
{
    chunk->kind = (uint16_t)kind;
    chunk->first_ticks = now->ticks;
    chunk->first_ns = now->mono_ns;
    atomic_store_explicit(&chunk->last_ticks, now->ticks, memory_order_relaxed);
    atomic_store_explicit(&chunk->last_ns, now->mono_ns, memory_order_relaxed);
    protocol_begin(chunk, place->word >> FLOW_SLOT_CLAIM_SHIFT);
}

bool
chunk_is_gone(const struct flow_chunk_header *chunk)
{
    return atomic_load_explicit(&chunk->magic, memory_order_relaxed) != FLOW_CHUNK_MAGIC || guard_is_broken(chunk);
}

void
chunk_give_back_tail(struct flow_chunk_header *chunk, uint32_t units, size_t used_bytes)
{
#if defined(MADV_REMOVE)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t base = (uintptr_t)chunk;
    uintptr_t used = (base + used_bytes + page - 1) & ~(page - 1);
    uintptr_t end = base + (uintptr_t)units * FLOW_UNIT_SIZE;
    if (used < end)
        madvise((void *)used, end - used, MADV_REMOVE);
#else
    (void)chunk, (void)units, (void)used_bytes;
#endif
}

/* Leaves it mapped, and `spare` bytes of it unused. */
static int
write_meta(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length, size_t spare,
           struct flow_chunk_header **out, struct place *place)
{
    size_t used = sizeof(struct flow_chunk_header) + length;
    uint32_t units = (uint32_t)((used + spare + FLOW_UNIT_SIZE - 1) / FLOW_UNIT_SIZE);
    if (units > FLOW_CHUNK_UNITS_MAX)
        return -E2BIG;
    struct flow_chunk_header *chunk;
    int ret = chunk_claim(file, FLOW_CHUNK_META, units, process == 1, &chunk, place);
    if (ret < 0)
        return ret;
    chunk->process = process;
    chunk->pid = pid;
    if (length)
        memcpy(chunk + 1, records, length);
    struct clock_reading now = clock_read(file->header->clock);
    chunk_begin(chunk, FLOW_CHUNK_META, place, &now);
    protocol_publish(chunk, (uint32_t)used);
    atomic_store(&chunk->flags, FLOW_CHUNK_SEALED | FLOW_CHUNK_LAST);
    chunk_give_back_tail(chunk, units, used + spare);
    *out = chunk;
    return 0;
}

int
trace_file_add_meta(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length)
{
    struct flow_chunk_header *chunk;
    struct place place;
    int ret = write_meta(file, process, pid, records, length, 0, &chunk, &place);
    if (ret < 0)
        return ret;
    chunk_unmap(chunk, &place);
    bound_seal(file, &place);
    return 0;
}

/* One that more can be said in; what was said before stays in the file. */
static int
begin_meta(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length, size_t spare)
{
    struct flow_chunk_header *chunk;
    struct place place;
    int ret = write_meta(file, process, pid, records, length, CHUNK_LOST_MAX + spare, &chunk, &place);
    if (ret < 0)
        return ret;
    forget_meta(file);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = sizeof *chunk + length;
    size_t end = (used + CHUNK_LOST_MAX + spare + page - 1) & ~(page - 1);
    size_t all = (size_t)place.units * FLOW_UNIT_SIZE;
    file->meta = chunk;
    file->meta_place = place;
    file->meta_used = (uint32_t)used;
    file->meta_room = (uint32_t)(end < all ? end : all);
    return 0;
}

int
trace_file_begin_process(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length)
{
    forget_meta(file);
    int ret = begin_meta(file, process, pid, records, length, file->bound ? SPARE_LATER : SPARE);
    if (ret < 0)
        atomic_fetch_add_explicit(&file->header->unrecorded, 1, memory_order_relaxed);
    return ret;
}

static int
append(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length)
{
    if (!file->meta)
        return -ENOSPC;
    if (file->meta_used + length + CHUNK_LOST_MAX > file->meta_room)
        return file->bound ? -ENOBUFS : begin_meta(file, process, pid, records, length, SPARE_LATER);
    memcpy((uint8_t *)file->meta + file->meta_used, records, length);
    file->meta_used += (uint32_t)length;
    protocol_publish(file->meta, file->meta_used);
    return 0;
}

int
trace_file_append(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length)
{
    if (atomic_exchange_explicit(&file->meta_taken, true, memory_order_acquire))
        return -EAGAIN;
    int ret = append(file, process, pid, records, length);
    atomic_store_explicit(&file->meta_taken, false, memory_order_release);
    return ret;
}

void
trace_file_after_fork(struct trace_file *file)
{
    forget_meta(file);
    file->meta_place = (struct place){0}; /* the parent's */
    atomic_store_explicit(&file->meta_taken, false, memory_order_relaxed); /* by a thread that is not here */
    bound_after_fork(file);
}

/* --- what is lost --------------------------------------------------------- */

uint8_t *
chunk_put_lost(uint8_t *p, const char *reason)
{
    uint8_t payload[VARINT_MAX + LOST_REASON_MAX];
    uint8_t *end = writer_text(payload, reason, strnlen(reason, LOST_REASON_MAX));
    return writer_put_extended(p, FLOW_EXTENDED_LOST, payload, (size_t)(end - payload));
}

static int
lose(struct trace_file *file, const char *reason)
{
    if (!file->meta)
        return -ENOSPC;
    uint8_t *base = (uint8_t *)file->meta;
    uint8_t *end = chunk_put_lost(base + file->meta_used, reason);
    protocol_publish(file->meta, (uint32_t)(end - base));
    int ret = chunk_is_gone(file->meta) ? -ENODATA : 0;
    forget_meta(file);
    return ret;
}

int
trace_file_lose(struct trace_file *file, const char *reason)
{
    if (atomic_exchange_explicit(&file->meta_taken, true, memory_order_acquire))
        return -EAGAIN;
    int ret = lose(file, reason);
    atomic_store_explicit(&file->meta_taken, false, memory_order_release);
    return ret;
}
