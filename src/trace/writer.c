#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRING_INTERNED_MAX 255 /* longer ones are rarely repeated */
#define LOST_REASON_MAX 80
#define LOST_RECORD_MAX (LOST_REASON_MAX + 4 * VARINT_MAX)

/* --- the file ----------------------------------------------------------- */

/* The low descriptors are the program's: a script may count on getting 3. */
static int
move_descriptor_up(int fd)
{
    struct rlimit limit;
    int from = 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 64 && limit.rlim_cur != RLIM_INFINITY)
        from = limit.rlim_cur > 65536 ? 32768 : (int)limit.rlim_cur / 2;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, from);
    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static void
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
    file->header = mmap(NULL, FLOW_UNIT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file->header == MAP_FAILED) {
        ret = -errno;
        goto fail;
    }
    file->fd = fd;
    *out = file;
    return 0;
fail:
    if (file)
        free(file->path);
    free(file);
    return ret;
}

int
trace_file_create(struct trace_file **out, const char *path, const struct trace_settings *settings)
{
    char *temporary;
    if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0)
        return -ENOMEM;
    int ret;
    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        ret = -errno;
        goto done;
    }
    fd = move_descriptor_up(fd);
    if (ftruncate(fd, FLOW_UNIT_SIZE) < 0) {
        ret = -errno;
        goto fail;
    }
    if ((ret = map_file(out, fd, path)) < 0)
        goto fail;
    fill_header((*out)->header, settings);
    if (rename(temporary, path) == 0)
        goto done;
    ret = -errno;
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
    struct stat status;
    int ret = -EINVAL;
    if (fstat(fd, &status) < 0 || status.st_size < (off_t)FLOW_UNIT_SIZE)
        goto fail;
    if ((ret = map_file(out, fd, path)) < 0)
        goto fail;
    const struct flow_file_header *header = (*out)->header;
    if (memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) == 0 && header->major == FLOW_MAJOR
        && header->byte_order == FLOW_BYTE_ORDER && header->unit_size == FLOW_UNIT_SIZE)
        return 0;
    trace_file_close(*out);
    *out = NULL;
    return -EINVAL;
fail:
    close(fd);
    return ret;
}

static bool
descriptor_is_ours(const struct trace_file *file)
{
    struct stat status;
    return fstat(file->fd, &status) == 0 && (uint64_t)status.st_dev == file->device
           && (uint64_t)status.st_ino == file->inode;
}

void
trace_file_close(struct trace_file *file)
{
    if (!file)
        return;
    munmap(file->header, FLOW_UNIT_SIZE);
    if (descriptor_is_ours(file))
        close(file->fd);
    free(file->path);
    free(file);
}

uint32_t
trace_file_add_process(struct trace_file *file)
{
    return atomic_fetch_add_explicit(&file->header->next_process, 1, memory_order_relaxed);
}

/* --- chunks ------------------------------------------------------------- */

/* Blocks are reserved first: writing to a mapped page that the disk has no room
 * for would be a SIGBUS in the traced program. */
static int
reserve_blocks(int fd, off_t offset, off_t length)
{
#if defined(__linux__)
    return -posix_fallocate(fd, offset, length);
#else
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    return status.st_size >= offset + length || ftruncate(fd, offset + length) == 0 ? 0 : -errno;
#endif
}

/* A daemon closes every descriptor that it did not open itself, ours as well. */
static int
reopen(struct trace_file *file)
{
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    file->fd = move_descriptor_up(fd);
    if (descriptor_is_ours(file))
        return 0;
    close(file->fd);
    file->fd = -1;
    return -EBADF;
}

static int
claim(struct trace_file *file, uint32_t units, struct flow_chunk_header **out)
{
    int ret = descriptor_is_ours(file) ? 0 : reopen(file);
    if (ret < 0)
        return ret;
    uint64_t unit = atomic_fetch_add_explicit(&file->header->next_unit, units, memory_order_relaxed);
    off_t offset = (off_t)(unit * FLOW_UNIT_SIZE);
    ret = reserve_blocks(file->fd, offset, (off_t)units * FLOW_UNIT_SIZE);
    if (ret < 0)
        return ret;
    void *map = mmap(NULL, (size_t)units * FLOW_UNIT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, offset);
    if (map == MAP_FAILED)
        return -errno;
    *out = map;
    (*out)->units = (uint16_t)units;
    return 0;
}

/* The magic comes last, so that no reader takes a half-made header for a chunk. */
static void
begin_chunk(struct flow_chunk_header *chunk, enum flow_chunk_kind kind, const struct clock_reading *now)
{
    chunk->kind = (uint16_t)kind;
    chunk->first_ticks = now->ticks;
    chunk->first_ns = now->mono_ns;
    atomic_store_explicit(&chunk->last_ticks, now->ticks, memory_order_relaxed);
    atomic_store_explicit(&chunk->last_ns, now->mono_ns, memory_order_relaxed);
    atomic_store_explicit(&chunk->committed, (uint32_t)sizeof *chunk, memory_order_relaxed);
    atomic_store_explicit(&chunk->magic, FLOW_CHUNK_MAGIC, memory_order_release);
}

/* The pages behind the last record were reserved and never used. */
static void
give_back_tail(struct flow_chunk_header *chunk)
{
#if defined(MADV_REMOVE)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t base = (uintptr_t)chunk;
    uintptr_t used = (base + atomic_load(&chunk->committed) + page - 1) & ~(page - 1);
    uintptr_t end = base + (uintptr_t)chunk->units * FLOW_UNIT_SIZE;
    if (used < end)
        madvise((void *)used, end - used, MADV_REMOVE);
#else
    (void)chunk;
#endif
}

int
trace_file_add_meta(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length)
{
    uint32_t units = (uint32_t)((sizeof(struct flow_chunk_header) + length + FLOW_UNIT_SIZE - 1) / FLOW_UNIT_SIZE);
    if (units > FLOW_CHUNK_UNITS_MAX)
        return -E2BIG;
    struct flow_chunk_header *chunk;
    int ret = claim(file, units, &chunk);
    if (ret < 0)
        return ret;
    chunk->process = process;
    chunk->pid = pid;
    memcpy(chunk + 1, records, length);
    struct clock_reading now = clock_read(file->header->clock);
    begin_chunk(chunk, FLOW_CHUNK_META, &now);
    atomic_store_explicit(&chunk->committed, (uint32_t)(sizeof *chunk + length), memory_order_release);
    atomic_store(&chunk->flags, FLOW_CHUNK_SEALED | FLOW_CHUNK_LAST);
    give_back_tail(chunk);
    munmap(chunk, (size_t)units * FLOW_UNIT_SIZE);
    return 0;
}

/* --- a thread's writer -------------------------------------------------- */

/* Makes the next writer_begin() take the slow way. */
static void
detach(struct writer *writer)
{
    writer->chunk = NULL;
    writer->base = NULL;
    writer->limit = (uint8_t *)0;
    writer->p = (uint8_t *)1;
}

int
writer_init(struct writer *writer, struct trace_file *file, uint32_t process, uint32_t pid, uint32_t thread)
{
    *writer = (struct writer){
        .file = file, .clock = file->header->clock, .process = process, .pid = pid, .thread = thread};
    detach(writer);
    writer->strings = calloc(WRITER_STRINGS, sizeof *writer->strings);
    return writer->strings ? 0 : -ENOMEM;
}

static void
seal(struct writer *writer, uint32_t flags)
{
    struct flow_chunk_header *chunk = writer->chunk;
    if (!chunk)
        return;
    writer_tie(writer, 0);
    atomic_store_explicit(&chunk->flags, FLOW_CHUNK_SEALED | flags, memory_order_release);
    give_back_tail(chunk);
    munmap(chunk, (size_t)chunk->units * FLOW_UNIT_SIZE);
    detach(writer);
}

void
writer_close(struct writer *writer)
{
    seal(writer, FLOW_CHUNK_LAST);
    free(writer->strings);
    free(writer->codes);
    writer->strings = NULL;
    writer->codes = NULL;
    writer->code_room = 0;
    writer->error = EBADF;
}

void
writer_forget(struct writer *writer)
{
    if (writer->chunk)
        munmap(writer->chunk, (size_t)writer->chunk->units * FLOW_UNIT_SIZE);
    detach(writer);
    free(writer->strings);
    free(writer->codes);
    *writer = (struct writer){.error = EBADF};
    detach(writer);
}

void
writer_tie(struct writer *writer, uint64_t ticks)
{
    struct clock_reading now = clock_read(writer->clock);
    writer->tie_ticks = ticks > now.ticks ? ticks : now.ticks;
    atomic_store_explicit(&writer->chunk->last_ticks, now.ticks, memory_order_relaxed);
    atomic_store_explicit(&writer->chunk->last_ns, now.mono_ns, memory_order_release);
}

static void
write_thread(struct writer *writer)
{
    uint8_t payload[2 * VARINT_MAX + VARINT_MAX + sizeof writer->name];
    uint8_t *p = varint_put(payload, writer->native_id);
    p = varint_put(p, writer->is_main);
    p = writer_text(p, writer->name, strlen(writer->name));
    writer_extended(writer, FLOW_EXTENDED_THREAD, payload, (size_t)(p - payload));
}

static size_t
size_when_defined(const struct writer_code *code)
{
    size_t size = 64 + strlen(code->qualname) + strlen(code->module) + strlen(code->file);
    for (uint32_t i = 0; i < code->parameter_count; i++)
        size += 3 + strlen(code->parameters[i].name);
    return size;
}

/* The innermost running calls that fit in half the chunk, outermost first. */
static void
write_open_calls(struct writer *writer, const struct writer_open_call *calls, size_t count)
{
    size_t room = (size_t)(writer->limit - writer->p) / 2;
    size_t first = count;
    while (first > 0 && count - first < FLOW_OPEN_MAX) {
        size_t size = size_when_defined(calls[first - 1].code);
        if (size > room)
            break;
        room -= size;
        first--;
    }
    for (size_t i = first; i < count; i++) {
        const struct writer_open_call *call = &calls[i];
        uint8_t *p = varint_put(writer->p, FLOW_OPEN);
        p = writer_code(writer, p, call->code);
        if (call->code->flags & FLOW_CODE_SUSPENDS)
            p = varint_put(p, call->generator);
        uint64_t first_ticks = writer->chunk->first_ticks;
        p = varint_put(p, first_ticks > call->start_ticks ? first_ticks - call->start_ticks : 0);
        p = varint_put(p, call->ordinal);
        writer_commit(writer, p);
    }
}

/* Each chunk keeps room for this at its end: on a full disk there is no other place to say it. */
static void
write_lost(struct writer *writer, int error)
{
    char payload[VARINT_MAX + LOST_REASON_MAX];
    const char *reason = strerror(error);
    size_t length = strnlen(reason, LOST_REASON_MAX);
    if (!writer->chunk)
        return;
    uint8_t *end = writer_text((uint8_t *)payload, reason, length);
    uint8_t *p = varint_put(writer->p, FLOW_EXTENDED);
    p = varint_put(p, FLOW_EXTENDED_LOST);
    writer_commit(writer, writer_text(p, payload, (size_t)(end - (uint8_t *)payload)));
}

int
writer_next_chunk(struct writer *writer)
{
    if (writer->error)
        return -writer->error;
    uint32_t units = writer->sequence == 0 ? 1 : writer->sequence == 1 ? 2 : WRITER_UNITS_MAX;
    struct flow_chunk_header *chunk;
    int ret = claim(writer->file, units, &chunk);
    if (ret < 0)
        write_lost(writer, -ret);
    seal(writer, 0);
    if (ret < 0) {
        writer->error = -ret;
        return ret;
    }
    const struct writer_open_call *open = NULL;
    size_t open_count = writer->open_calls ? writer->open_calls(writer->open_context, &open) : 0;
    struct clock_reading now = clock_read(writer->clock);
    /* Time must not run backwards from one chunk to the next. */
    if (now.ticks < writer->last_ticks)
        now.ticks = writer->last_ticks;
    chunk->process = writer->process;
    chunk->pid = writer->pid;
    chunk->thread = writer->thread;
    chunk->sequence = writer->sequence++;
    chunk->calls_before = writer->calls;
    chunk->open_calls = (uint32_t)open_count;
    chunk->lost_before = (uint32_t)writer->lost;
    begin_chunk(chunk, FLOW_CHUNK_EVENTS, &now);
    writer->chunk = chunk;
    writer->base = (uint8_t *)chunk;
    writer->p = writer->base + sizeof *chunk;
    writer->limit = writer->base + (size_t)units * FLOW_UNIT_SIZE - WRITER_RECORD_MAX - LOST_RECORD_MAX;
    writer->last_ticks = writer->tie_ticks = now.ticks;
    writer->epoch++;
    writer->string_count = writer->code_count = 0;
    write_thread(writer);
    write_open_calls(writer, open, open_count);
    return 0;
}

/* --- fields ------------------------------------------------------------- */

static uint64_t
hash_bytes(const char *data, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)data[i]) * 0x100000001b3u;
    return hash;
}

uint8_t *
writer_text(uint8_t *p, const char *data, size_t length)
{
    p = varint_put(p, length);
    memcpy(p, data, length);
    return p + length;
}

/* Looks in a few slots and takes over the first that does not hold: a string
 * that finds no slot is just defined again at its next use. */
uint8_t *
writer_string(struct writer *writer, uint8_t *p, const char *data, size_t length)
{
    uint64_t hash = hash_bytes(data, length);
    struct writer_string *slot = NULL;
    if (length <= STRING_INTERNED_MAX) {
        for (uint64_t i = hash; i < hash + 8; i++) {
            slot = &writer->strings[i % WRITER_STRINGS];
            if (slot->epoch != writer->epoch)
                break;
            if (slot->hash == hash && slot->length == length && memcmp(writer->base + slot->offset, data, length) == 0)
                return varint_put(p, slot->number);
        }
    }
    *p++ = 0;
    p = writer_text(p, data, length);
    writer->string_count++;
    if (slot)
        *slot = (struct writer_string){hash, writer->epoch, (uint32_t)(p - length - writer->base), (uint32_t)length,
                                       writer->string_count};
    return p;
}

static bool
make_code_room(struct writer *writer, uint32_t number)
{
    if (number < writer->code_room)
        return true;
    uint32_t room = writer->code_room ? writer->code_room : 256;
    while (room <= number)
        room *= 2;
    void *grown = realloc(writer->codes, room * sizeof *writer->codes);
    if (!grown)
        return false;
    writer->codes = grown;
    memset(writer->codes + writer->code_room, 0, (room - writer->code_room) * sizeof *writer->codes);
    writer->code_room = room;
    return true;
}

uint8_t *
writer_define_code(struct writer *writer, uint8_t *p, const struct writer_code *code)
{
    writer->code_count++;
    if (make_code_room(writer, code->number)) {
        writer->codes[code->number].epoch = writer->epoch;
        writer->codes[code->number].number = writer->code_count;
    }
    *p++ = 0;
    p = varint_put(p, code->flags);
    p = varint_put(p, code->number);
    p = writer_string(writer, p, code->qualname, strlen(code->qualname));
    p = writer_string(writer, p, code->module, strlen(code->module));
    p = writer_string(writer, p, code->file, strlen(code->file));
    p = varint_put(p, code->first_line);
    p = varint_put(p, code->parameter_count);
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        p = writer_string(writer, p, code->parameters[i].name, strlen(code->parameters[i].name));
        *p++ = code->parameters[i].kind;
    }
    return p;
}

void
writer_code_free(struct writer_code *code)
{
    for (uint32_t i = 0; i < code->parameter_count; i++)
        free(code->parameters[i].name);
    free(code->parameters);
    free(code->qualname);
    free(code->module);
    free(code->file);
}

int
writer_extended(struct writer *writer, enum flow_extended subtype, const uint8_t *payload, size_t length)
{
    if (length > WRITER_RECORD_MAX - 4 * VARINT_MAX)
        return -E2BIG;
    uint8_t *p = writer_begin(writer, FLOW_EXTENDED);
    if (!p)
        return -writer->error;
    p = varint_put(p, subtype);
    p = writer_text(p, (const char *)payload, length);
    writer_commit(writer, p);
    return 0;
}
