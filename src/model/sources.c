#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../trace/array.h"
#include "../trace/writer.h"
#include "payload.h"

#define SOURCES_MAX 65536       /* records, before those that say the same are thrown together */
#define HASHED_MAX (16u << 20)  /* bytes of a file; of a bigger one size and time must do */

/* --- records -------------------------------------------------------------- */

int
model_add_source(struct model *model, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    struct source source = {0};
    uint64_t mtime;
    p = payload_text(p, end, &source.file);
    p = payload_text(p, end, &source.path);
    p = payload_number(p, end, &source.size);
    p = payload_number(p, end, &mtime);
    p = payload_text(p, end, &source.hash);
    if (!p || !source.file.length || (source.hash.length && source.hash.length != SHA1_SIZE)
        || model->source_count == SOURCES_MAX)
        return 0;
    source.mtime_ns = varint_unzigzag(mtime);
    void *sources = model->sources;
    if (!array_make_room_by_count(&sources, model->source_count, sizeof *model->sources))
        return -ENOMEM;
    model->sources = sources;
    model->sources[model->source_count++] = source;
    return 0;
}

int
model_read_sources(struct model *model, uint32_t chunk)
{
    struct cursor cursor;
    struct record record;
    int ret;
    cursor_open_chunk(&cursor, model->reader, chunk);
    while ((ret = cursor_next(&cursor, &record)) > 0)
        if (record.extended == FLOW_EXTENDED_SOURCE && (ret = model_add_source(model, record.payload)) < 0)
            break;
    return ret;
}

/* Versions of a file, one after the other in time. */
static int
compare_versions(const struct source *a, const struct source *b)
{
    int order = slice_compare(a->file, b->file);
    order = order ? order : slice_compare(a->path, b->path);
    if (order)
        return order;
    if (a->mtime_ns != b->mtime_ns)
        return a->mtime_ns < b->mtime_ns ? -1 : 1;
    return (a->size > b->size) - (a->size < b->size);
}

/* The one with a hash first. */
static int
compare(const void *left, const void *right)
{
    const struct source *a = left, *b = right;
    int order = compare_versions(a, b);
    return order ? order : -slice_compare(a->hash, b->hash);
}

static int
compare_file(const void *file, const void *source)
{
    return slice_compare(*(const struct slice *)file, ((const struct source *)source)->file);
}

/* Functions of a file may all be missing: it is known from an earlier recording of the process, or --last has let them
 * go. */
static void
mark_used(struct model *model, struct slice file)
{
    struct source *found = bsearch(&file, model->sources, model->source_count, sizeof *found, compare_file);
    struct source *end = model->sources + model->source_count;
    if (!found || found->used)
        return;
    while (found > model->sources && slice_equals(found[-1].file, file))
        found--;
    for (; found < end && slice_equals(found->file, file); found++)
        found->used = true;
}

void
model_sort_sources(struct model *model)
{
    if (!model->source_count)
        return;
    qsort(model->sources, model->source_count, sizeof *model->sources, compare);
    uint32_t count = 1;
    for (uint32_t i = 1; i < model->source_count; i++)
        if (compare_versions(&model->sources[count - 1], &model->sources[i]) != 0)
            model->sources[count++] = model->sources[i];
    model->source_count = count;
    for (uint32_t i = 0; i < model->reader->code_count; i++)
        mark_used(model, model->reader->codes[i]->file);
}

/* --- the disk ------------------------------------------------------------- */

struct slice
source_path(const struct source *source)
{
    return source->path.length ? source->path : source->file;
}

static bool
copy_path(const struct source *source, char out[PATH_MAX])
{
    struct slice path = source_path(source);
    if (!path.length || path.length >= PATH_MAX || path.data[0] != '/' || memchr(path.data, '\0', path.length))
        return false;
    memcpy(out, path.data, path.length);
    out[path.length] = '\0';
    return true;
}

static int64_t
mtime_of(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

static bool
is_as_recorded(const struct source *source, const struct stat *status)
{
    return S_ISREG(status->st_mode) && (uint64_t)status->st_size == source->size
           && mtime_of(status) == source->mtime_ns;
}

/* The time of its last reading stays as it is where that is allowed: to the owner. */
static int
open_quietly(const char *path)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
#ifdef O_NOATIME
    int fd = open(path, flags | O_NOATIME);
    if (fd >= 0 || errno != EPERM)
        return fd;
#endif
    return open(path, flags);
}

/* As git does: of a head and the bytes. False if there aren't as many as the size says. */
static bool
hash_blob(int fd, uint64_t size, uint8_t out[SHA1_SIZE])
{
    uint8_t buffer[16384];
    struct sha1 sha1;
    int head = snprintf((char *)buffer, sizeof buffer, "blob %llu", (unsigned long long)size);
    sha1_begin(&sha1);
    sha1_add(&sha1, buffer, (size_t)head + 1);
    uint64_t seen = 0;
    for (ssize_t n; seen <= size && (n = read(fd, buffer, sizeof buffer)) != 0; seen += (uint64_t)n) {
        if (n < 0)
            return false;
        sha1_add(&sha1, buffer, (size_t)n);
    }
    sha1_end(&sha1, out);
    return seen == size;
}

/* Of what has that size now; it stays as it is meanwhile. */
static bool
hash_file(const char *path, uint64_t size, uint8_t out[SHA1_SIZE], struct stat *status)
{
    struct stat after;
    int fd = open_quietly(path);
    if (fd < 0)
        return false;
    bool done = fstat(fd, status) == 0 && S_ISREG(status->st_mode) && (uint64_t)status->st_size == size
                && size <= HASHED_MAX && hash_blob(fd, size, out) && fstat(fd, &after) == 0
                && after.st_size == status->st_size && mtime_of(&after) == mtime_of(status);
    close(fd);
    return done;
}

bool
source_hash(const struct source *source, uint8_t out[SHA1_SIZE])
{
    char path[PATH_MAX];
    struct stat status;
    return copy_path(source, path) && stat(path, &status) == 0 && is_as_recorded(source, &status)
           && hash_file(path, source->size, out, &status) && is_as_recorded(source, &status);
}

static bool
is_this_machine(const struct model *model)
{
    struct utsname system;
    return model->process_count && uname(&system) == 0
           && slice_is(process_info(&model->processes[0], "host"), system.nodename);
}

static enum source_state
compare_hash(const struct source *source, const char *path)
{
    uint8_t hash[SHA1_SIZE];
    struct stat status;
    if (!source->hash.length || !hash_file(path, source->size, hash, &status))
        return SOURCE_TOUCHED;
    return memcmp(hash, source->hash.data, sizeof hash) == 0 ? SOURCE_SAME : SOURCE_CHANGED;
}

enum source_state
source_look(const struct model *model, const struct source *source)
{
    char path[PATH_MAX];
    struct stat status;
    if (!is_this_machine(model))
        return SOURCE_ELSEWHERE;
    if (!copy_path(source, path) || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return SOURCE_GONE;
    if ((uint64_t)status.st_size != source->size)
        return SOURCE_CHANGED;
    return mtime_of(&status) == source->mtime_ns ? SOURCE_SAME : compare_hash(source, path);
}

/* A program may have run several: what is there is one of these or isn't. */
enum source_state
source_look_all(const struct model *model, uint32_t first, uint32_t *count)
{
    static const uint8_t worth[] = {[SOURCE_SAME] = 4, [SOURCE_TOUCHED] = 3, [SOURCE_CHANGED] = 2};
    const struct source *sources = model->sources + first;
    enum source_state state = source_look(model, sources);
    uint32_t n = 1;
    for (; first + n < model->source_count && slice_equals(sources[n].file, sources->file); n++) {
        enum source_state other = state == SOURCE_SAME ? state : source_look(model, &sources[n]);
        bool better = other <= SOURCE_TOUCHED && (state > SOURCE_TOUCHED || worth[other] > worth[state]);
        state = better ? other : state;
    }
    *count = n;
    return state;
}

/* --- hashes --------------------------------------------------------------- */

uint8_t *
sources_put_hashes(const struct model *model, uint32_t *next, uint8_t *p, const uint8_t *end)
{
    for (; *next < model->source_count; ++*next) {
        const struct source *source = &model->sources[*next];
        uint8_t hash[SHA1_SIZE];
        if ((size_t)(end - p) < source->file.length + source->path.length + SHA1_SIZE + WRITER_SOURCE_MORE)
            break;
        if (!source->hash.length && source_hash(source, hash))
            p = writer_put_source(p, source->file, source->path, source->size, source->mtime_ns,
                                  (struct slice){(const char *)hash, sizeof hash});
    }
    return p;
}
