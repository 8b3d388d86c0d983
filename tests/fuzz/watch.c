#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target.h"

struct watch watch;

/* --- memory ------------------------------------------------------------- */

static _Thread_local bool counting;

/* The program is linked with --wrap for these. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static void *
count(void *block)
{
    if (counting && block) {
        watch.in_use += malloc_usable_size(block);
        watch.most_in_use = watch.in_use > watch.most_in_use ? watch.in_use : watch.most_in_use;
    }
    return block;
}

static void
uncount(size_t size)
{
    watch.in_use -= counting ? size < watch.in_use ? size : watch.in_use : 0;
}

void *
__wrap_malloc(size_t size)
{
    return count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *block, size_t size)
{
    size_t before = counting && block ? malloc_usable_size(block) : 0;
    void *after = count(__real_realloc(block, size)); /* for a moment there may be both */
    if (after)
        uncount(before);
    return after;
}

void
__wrap_free(void *block)
{
    if (counting && block)
        uncount(malloc_usable_size(block));
    __real_free(block);
}

/* --- memory that is mapped ------------------------------------------------ */

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
int __real_madvise(void *address, size_t size, int advice);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t size);
int __wrap_madvise(void *address, size_t size, int advice);

#define MAPS_MAX 16

/* Those that a run has made: no call may reach beyond them, into what somebody else has mapped right behind. */
static _Thread_local struct map {
    uintptr_t begin, end;
} maps[MAPS_MAX];

static uintptr_t
page_up(uintptr_t address)
{
    static uintptr_t page;
    page = page ? page : (uintptr_t)sysconf(_SC_PAGESIZE);
    return (address + page - 1) & ~(page - 1);
}

static struct map *
map_around(const void *address, size_t size)
{
    uintptr_t begin = (uintptr_t)address;
    for (int i = 0; i < MAPS_MAX; i++)
        if (begin >= maps[i].begin && begin < maps[i].end && page_up(begin + size) <= maps[i].end)
            return &maps[i];
    return NULL;
}

static void
add_map(const void *map, size_t size)
{
    int i = 0;
    while (i < MAPS_MAX && maps[i].end)
        i++;
    HOLDS(i < MAPS_MAX);
    maps[i] = (struct map){(uintptr_t)map, page_up((uintptr_t)map + size)};
}

static void *
mapped(void *map, void *address, size_t size, int flags)
{
    if (counting && map != MAP_FAILED && !(flags & MAP_FIXED))
        add_map(map, size);
    HOLDS(!counting || !(flags & MAP_FIXED) || map_around(address, size));
    return map;
}

/* --- files that are memory ----------------------------------------------- */

#define LENT_FD (1 << 20) /* and more: those of lent files */

static const struct seed_file *lent[2];

void
watch_lend(unsigned which, const struct seed_file *file)
{
    lent[which] = file;
}

static const struct seed_file *
lent_file(int fd)
{
    return counting && fd >= LENT_FD && fd < LENT_FD + 2 ? lent[fd - LENT_FD] : NULL;
}

static bool
is_lent(const void *map)
{
    return (lent[0] && map == lent[0]->begin) || (lent[1] && map == lent[1]->begin);
}

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *status);
int __real_fstat64(int fd, struct stat64 *status);
int __real_close(int fd);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_fstat(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat64 *status);
int __wrap_close(int fd);

static int
open_lent(const char *path)
{
    for (int i = 0; counting && i < 2; i++)
        if (lent[i] && strcmp(lent[i]->path, path) == 0)
            return LENT_FD + i;
    return -1;
}

#define WRAP_OPEN(name)                                                             \
    int __wrap_##name(const char *path, int flags, ...)                             \
    {                                                                               \
        va_list more;                                                               \
        va_start(more, flags);                                                      \
        unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, unsigned) : 0; \
        va_end(more);                                                               \
        int fd = open_lent(path);                                                   \
        return fd >= 0 ? fd : __real_##name(path, flags, mode);                     \
    }

#define WRAP_FSTAT(name, kind)                        \
    int __wrap_##name(int fd, struct kind *status)    \
    {                                                 \
        const struct seed_file *file = lent_file(fd); \
        if (!file)                                    \
            return __real_##name(fd, status);         \
        memset(status, 0, sizeof *status);            \
        status->st_mode = S_IFREG;                    \
        status->st_size = (off_t)file->size;          \
        return 0;                                     \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_FSTAT(fstat, stat)
WRAP_FSTAT(fstat64, stat64)

int
__wrap_close(int fd)
{
    return lent_file(fd) ? 0 : __real_close(fd);
}

/* --- maps, again ---------------------------------------------------------- */

static void *
map_lent(const struct seed_file *file, size_t size)
{
    HOLDS(size <= file->size);
    add_map(file->begin, size);
    return file->begin;
}

void *
__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (lent_file(fd))
        return map_lent(lent_file(fd), size);
    return mapped(__real_mmap(address, size, protection, flags, fd, offset), address, size, flags);
}

void *
__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (lent_file(fd))
        return map_lent(lent_file(fd), size);
    return mapped(__real_mmap64(address, size, protection, flags, fd, offset), address, size, flags);
}

int
__wrap_munmap(void *address, size_t size)
{
    if (counting) {
        struct map *map = map_around(address, size);
        HOLDS(map && map->begin == (uintptr_t)address && map->end == page_up((uintptr_t)address + size));
        *map = (struct map){0};
        if (is_lent(address))
            return 0;
    }
    return __real_munmap(address, size);
}

int
__wrap_madvise(void *address, size_t size, int advice)
{
    HOLDS(!counting || map_around(address, size));
    return __real_madvise(address, size, advice);
}

/* --- from begin to end ---------------------------------------------------- */

void
watch_begin(void)
{
    watch = (struct watch){0};
    counting = true;
}

void
watch_stop(void)
{
    counting = false;
}

void
watch_end(void)
{
    watch_stop();
    HOLDS(watch.in_use == 0); /* nothing is left */
    for (int i = 0; i < MAPS_MAX; i++)
        HOLDS(!maps[i].end); /* nor mapped */
}
