#include "source_log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../trace/array.h"
#include "recorder.h"

#define PATHS_MAX (2048 + PATH_MAX) /* FILE_MAX of function.c, and where that is */
#define RECORD_MAX (PATHS_MAX + WRITER_SOURCE_MORE) /* of a whole one */

static uint32_t
hash_of(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

/* The newest of that name. */
static const struct source_seen *
find(const struct source_log *log, const char *file, uint32_t hash)
{
    for (uint32_t i = log->heads[hash % SOURCE_LOG_HEADS]; i; i = log->seen[i - 1].next)
        if (log->seen[i - 1].hash == hash && strcmp(log->seen[i - 1].file, file) == 0)
            return &log->seen[i - 1];
    return NULL;
}

/* Files there are other ones for each process. */
static bool
is_volatile(const char *path)
{
    return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0;
}

/* Of a module in an archive the archive is the file. */
static bool
look(char *path, struct stat *status)
{
    int saved = errno;
    bool found = false;
    while (path[0] == '/' && path[1] && !is_volatile(path)) {
        found = stat(path, status) == 0;
        if (found || errno != ENOTDIR)
            break;
        *strrchr(path, '/') = '\0';
    }
    errno = saved;
    return found && S_ISREG(status->st_mode);
}

static void
add(struct source_log *log, struct source_seen seen)
{
    void *array = log->seen;
    uint32_t *head = &log->heads[seen.hash % SOURCE_LOG_HEADS];
    bool made = seen.file && array_make_room(&array, log->count, &log->room, sizeof *log->seen);
    log->seen = array;
    if (!made) {
        free(seen.file);
        free(seen.path);
        return;
    }
    seen.next = *head;
    log->seen[log->count++] = seen;
    *head = log->count;
}

void
source_log_add(struct recorder *recorder, const char *file, bool again)
{
    struct source_log *log = &recorder->source_log;
    if (file[0] == '<' || file[0] == '\0' || log->count >= SOURCE_LOG_MAX)
        return;
    uint32_t hash = hash_of(file);
    const struct source_seen *known = find(log, file, hash);
    if (known && !again)
        return;
    char path[PATH_MAX] = "";
    struct stat status;
    const char *name = scope_absolute(&recorder->scope, file, path, sizeof path);
    if (name != path && strlen(name) < sizeof path)
        strcpy(path, name);
    struct source_seen seen = {.hash = hash};
    bool there = look(path, &status);
    if (there) {
        seen.size = (uint64_t)status.st_size;
        seen.mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    }
    bool same = known && known->size == seen.size && known->mtime_ns == seen.mtime_ns;
    if (known && (same || !there))
        return;
    seen.file = strdup(file);
    seen.path = there ? strdup(path) : NULL;
    add(log, seen);
}

/* --- records -------------------------------------------------------------- */

static uint8_t *
put(uint8_t *p, const struct source_seen *seen)
{
    struct slice file = {seen->file, strlen(seen->file)};
    struct slice path = {seen->path, strlen(seen->path)};
    path.length = slice_equals(file, path) ? 0 : path.length;
    return writer_put_source(p, file, path, seen->size, seen->mtime_ns, (struct slice){0});
}

void
source_log_write(struct recorder *recorder)
{
    struct source_log *log = &recorder->source_log;
    if (!recorder->recording || recorder->forked || !recorder->file)
        return;
    for (; log->written < log->count && !log->full; log->written++) {
        uint8_t record[RECORD_MAX];
        const struct source_seen *seen = &log->seen[log->written];
        size_t length = seen->path ? (size_t)(put(record, seen) - record) : 0;
        int ret = length ? trace_file_append(recorder->file, recorder->process, recorder->pid, record, length) : 0;
        log->full = ret < 0 && ret != -EAGAIN;
        if (ret < 0)
            break;
    }
}

void
source_log_begin(struct recorder *recorder)
{
    recorder->source_log.written = 0;
    recorder->source_log.full = false;
    source_log_write(recorder);
}

uint8_t *
source_log_put(struct source_log *log, uint8_t *p, const uint8_t *end)
{
    for (; log->written < log->count && end - p > RECORD_MAX; log->written++)
        if (log->seen[log->written].path)
            p = put(p, &log->seen[log->written]);
    return p;
}

void
source_log_clear(struct source_log *log)
{
    for (uint32_t i = 0; i < log->count; i++) {
        free(log->seen[i].file);
        free(log->seen[i].path);
    }
    free(log->seen);
    *log = (struct source_log){0};
}
