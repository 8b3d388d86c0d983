#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAPS_MAX 4096

/* Read by the handler at any time, in any thread. `map` is stored last and cleared first. */
static struct guarded {
    _Atomic uintptr_t map; /* 0: free; TAKEN: about to be filled */
    _Atomic size_t size;
    atomic_bool broken;
} maps[MAPS_MAX];

#define TAKEN 1

static atomic_uint used;
static atomic_uint ever; /* slots behind it were never used */
static atomic_flag changing = ATOMIC_FLAG_INIT;
static bool installed; /* with `changing` held */
static struct sigaction before;

static struct guarded *
find(uintptr_t address)
{
    unsigned count = atomic_load(&ever);
    for (unsigned i = 0; i < count; i++) {
        uintptr_t map = atomic_load(&maps[i].map);
        if (map > TAKEN && address >= map && address - map < atomic_load(&maps[i].size))
            return &maps[i];
    }
    return NULL;
}

/* All that lies behind the place is gone as well: files are cut off at their end. */
static bool
replace(struct guarded *guarded, uintptr_t address)
{
    uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    size_t size = atomic_load(&guarded->map) + atomic_load(&guarded->size) - page;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (mmap((void *)page, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return false;
    atomic_store(&guarded->broken, true);
    return true;
}

/* A system call says so, and makes no signal. */
static bool
is_gone(const void *address)
{
    int ends[2];
    if (pipe(ends) < 0)
        return false;
    bool gone = write(ends[1], address, 1) < 0 && errno == EFAULT;
    close(ends[0]);
    close(ends[1]);
    return gone;
}

/* Another handler, which a program has put before ours (faulthandler's), sends the signal on that an access made. */
static bool
is_sent_on(void)
{
    bool gone = false;
    for (unsigned i = 0; i < atomic_load(&ever) && !gone; i++) {
        uintptr_t map = atomic_load(&maps[i].map);
        gone = map > TAKEN && is_gone((const char *)map + atomic_load(&maps[i].size) - 1);
    }
    return gone;
}

/* What isn't ours happens again, as it would have without us: an access by itself, a signal that was sent is sent. */
static void
on_sigbus(int signal, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    bool sent = info->si_code <= 0;
    struct guarded *guarded = sent ? NULL : find((uintptr_t)info->si_addr);
    bool is_ours = sent ? is_sent_on() : guarded && replace(guarded, (uintptr_t)info->si_addr);
    if (!is_ours) {
        sigaction(signal, &before, NULL);
        if (sent)
            raise(signal);
    }
    errno = error;
}

/* Without a lock, which a fork might leave locked: who comes while another changes it leaves it as that one does. */
static void
install(bool wanted)
{
    if (atomic_flag_test_and_set(&changing))
        return;
    struct sigaction now;
    if (wanted && !installed) {
        struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
        ours.sa_sigaction = on_sigbus;
        sigemptyset(&ours.sa_mask);
        bool ignored = sigaction(SIGBUS, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
        /* Programs that this one executes inherit that it is ignored, but no handler. */
        installed = !ignored && sigaction(SIGBUS, &ours, &before) == 0;
    }
    else if (!wanted && installed && sigaction(SIGBUS, NULL, &now) == 0) {
        installed = now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus && sigaction(SIGBUS, &before, NULL) < 0;
    }
    atomic_flag_clear(&changing);
}

static void
add(const void *map, size_t size)
{
    for (unsigned i = 0; i < MAPS_MAX; i++) {
        uintptr_t free = 0;
        if (!atomic_compare_exchange_strong(&maps[i].map, &free, TAKEN))
            continue;
        atomic_store(&maps[i].size, size);
        atomic_store(&maps[i].broken, false);
        atomic_store(&maps[i].map, (uintptr_t)map);
        unsigned count = atomic_load(&ever);
        while (count <= i && !atomic_compare_exchange_weak(&ever, &count, i + 1))
            continue;
        if (atomic_fetch_add(&used, 1) == 0)
            install(true);
        return;
    }
}

int
guard_map(void **out, int fd, off_t offset, size_t size, int protection)
{
    void *map = mmap(NULL, size, protection, MAP_SHARED, fd, offset);
    if (map == MAP_FAILED)
        return -errno;
    add(map, size);
    *out = map;
    return 0;
}

void
guard_unmap(void *map, size_t size)
{
    struct guarded *guarded = find((uintptr_t)map);
    if (guarded) {
        atomic_store(&guarded->map, 0);
        if (atomic_fetch_sub(&used, 1) == 1)
            install(false);
    }
    munmap(map, size);
}

bool
guard_is_broken(const void *map)
{
    const struct guarded *guarded = find((uintptr_t)map);
    return guarded && atomic_load(&guarded->broken);
}
