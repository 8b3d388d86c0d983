/* faults.c - lets what FlowTrace's core asks of the system fail: LD_PRELOADed into a traced program.
 *
 * A call counts if a frame of _core.so is on the stack, so allocations that the interpreter
 * makes for the recorder count as well (PYTHONMALLOC=malloc brings them all to malloc).
 *
 *   fault_arm(kinds, first, more)  from now on the first-th such call fails, and so do `more` after it
 *   fault_disk(error)              of a disk this is what it says then: ENOSPC, if nothing else is set
 *   fault_seen()                   such calls since then
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FRAMES 24

enum kind { MEMORY = 1, DISK = 2, MAPPING = 4 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static struct {
    unsigned kinds;
    long first, more, seen;
    int disk;
} plan = {.disk = ENOSPC};
static uintptr_t core_begin, core_end;
static _Thread_local bool inside;

static int
look_at_object(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size, (void)context;
    if (!strstr(object->dlpi_name, "flowtrace/_core"))
        return 0;
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD && (object->dlpi_phdr[i].p_flags & PF_X)) {
            core_begin = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
            core_end = core_begin + object->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

static bool
is_by_core(void)
{
    void *frames[FRAMES];
    if (!core_begin)
        dl_iterate_phdr(look_at_object, NULL);
    int n = core_begin ? backtrace(frames, FRAMES) : 0;
    for (int i = 0; i < n; i++)
        if ((uintptr_t)frames[i] >= core_begin && (uintptr_t)frames[i] < core_end)
            return true;
    return false;
}

static bool
fails(enum kind kind)
{
    if (!(plan.kinds & kind) || inside)
        return false;
    inside = true;
    bool fail = false;
    if (is_by_core()) {
        long n = __atomic_add_fetch(&plan.seen, 1, __ATOMIC_RELAXED);
        fail = n >= plan.first && n <= plan.first + plan.more;
    }
    inside = false;
    return fail;
}

void
fault_arm(unsigned kinds, long first, long more)
{
    plan.kinds = kinds;
    plan.first = first;
    plan.more = more;
    plan.seen = 0;
}

void
fault_disk(int error)
{
    plan.disk = error;
}

long
fault_seen(void)
{
    return plan.seen;
}

/* FAULT="kinds first more" arms it from the start. */
__attribute__((constructor)) static void
begin(void)
{
    void *frames[2];
    backtrace(frames, 2); /* loads what it needs, which allocates */
    char *words = getenv("FAULT");
    if (!words)
        return;
    unsigned kinds = (unsigned)strtoul(words, &words, 10);
    long first = strtol(words, &words, 10);
    fault_arm(kinds, first, strtol(words, &words, 10));
    unsetenv("FAULT");
}

void *
malloc(size_t size)
{
    if (!fails(MEMORY))
        return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *
calloc(size_t count, size_t size)
{
    if (!fails(MEMORY))
        return __libc_calloc(count, size);
    errno = ENOMEM;
    return NULL;
}

void *
realloc(void *block, size_t size)
{
    if (!fails(MEMORY))
        return __libc_realloc(block, size);
    errno = ENOMEM;
    return NULL;
}

int
posix_fallocate(int fd, off_t offset, off_t length)
{
    if (fails(DISK))
        return plan.disk;
    int (*real)(int, off_t, off_t) = (int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate");
    return real(fd, offset, length);
}

int posix_fallocate64(int fd, off_t offset, off_t length) __attribute__((alias("posix_fallocate")));

void *
mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (fails(MAPPING)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real)
        real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    return real(address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));
