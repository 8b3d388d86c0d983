#include <stdatomic.h>
#include <string.h>

#include "recorder.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;
static struct recorder *first; /* Borrowed from their modules */
static _Atomic uint32_t last_generation;

void
recorders_lock(void)
{
    pthread_mutex_lock(&lock);
}

void
recorders_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* In the child no other thread is left that could hold the lock. */
static void
after_fork_in_child(void)
{
    pthread_mutex_init(&lock, NULL);
    for (struct recorder *recorder = first; recorder; recorder = recorder->next) {
        recorder->forked = true;
        compat_unlock_anyway(&recorder->shared);
        shared_map_after_fork(&recorder->generators);
        shared_map_after_fork(&recorder->spawns);
        shared_map_after_fork(&recorder->handles);
        compat_unlock_anyway(&recorder->starting_lock);
        compat_unlock_anyway(&recorder->names_lock);
        shared_map_after_fork(&recorder->starting);
        shared_map_after_fork(&recorder->resting);
        shared_map_after_fork(&recorder->left);
    }
    thread_atfork_child();
}

/* Held over the fork, so that the child finds the lists whole. */
static void
watch_forks(void)
{
    pthread_atfork(recorders_lock, recorders_unlock, after_fork_in_child);
}

void
recorders_add(struct recorder *recorder)
{
    pthread_once(&forks_once, watch_forks);
    recorders_lock();
    recorder->next = first;
    first = recorder;
    recorders_unlock();
}

void
recorders_remove(struct recorder *recorder)
{
    recorders_lock();
    struct recorder **link = &first;
    while (*link && *link != recorder)
        link = &(*link)->next;
    if (*link)
        *link = recorder->next;
    recorders_unlock();
}

struct recorder *
recorders_next(int64_t interpreter, const struct recorder *after)
{
    recorders_lock();
    struct recorder *recorder = after ? after->next : first;
    while (recorder && recorder->interpreter != interpreter)
        recorder = recorder->next;
    recorders_unlock();
    return recorder;
}

uint32_t
recorders_new_generation(void)
{
    return atomic_fetch_add(&last_generation, 1) + 1;
}
