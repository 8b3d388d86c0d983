#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/membarrier.h>
#endif

#include "recorder.h"
#include "region.h"

_Thread_local struct thread *thread_mine __attribute__((tls_model("initial-exec")));
static pthread_key_t ending;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;

static size_t
list_open_calls(void *context, const struct writer_open_call **out)
{
    struct thread *thread = context;
    size_t count = 0;
    for (uint32_t i = 0; i < thread->depth; i++) {
        const struct activation *a = &thread->stack[i];
        const struct function *function = activation_function(a);
        if (function)
            thread->open[count++] = (struct writer_open_call){&function->code, a->generator, a->start_ticks,
                                                              a->ordinal};
    }
    *out = thread->open;
    return count;
}

static void
chunk_begun(void *context)
{
    link_tell_running_task(context);
}

static void
writer_failed(void *context, int error)
{
    struct thread *thread = context;
    recorder_fault(thread->recorder, thread, error);
}

static void
free_thread(struct thread *thread)
{
    writer_close(&thread->writer);
    greenlet_forget_all(thread);
    free(thread->stack);
    free(thread->open);
    free(thread);
}

static void
unlink_thread(struct thread *thread)
{
    struct thread **link = &thread->recorder->threads;
    while (*link && *link != thread)
        link = &(*link)->next;
    if (*link)
        *link = thread->next;
}

/* Runs when the thread ends, after its last Python code, without the GIL. A recorder that
 * stops closes the writers of the threads in its list, then their file: hence the lock. */
static void
end_thread(void *Py_UNUSED(state))
{
    recorders_lock();
    struct thread *next;
    for (struct thread *thread = thread_mine; thread; thread = next) {
        next = thread->sibling;
        if (thread->recorder)
            unlink_thread(thread);
        free_thread(thread);
    }
    thread_mine = NULL;
    recorders_unlock();
    compat_forget_held();
}

static void
make_key(void)
{
    pthread_key_create(&ending, end_thread);
}

static uint64_t
native_id(void)
{
#if defined(SYS_gettid)
    return (uint64_t)syscall(SYS_gettid);
#else
    return (uint64_t)(uintptr_t)pthread_self();
#endif
}

static int
attach_writer(struct thread *thread)
{
    struct recorder *recorder = thread->recorder;
    uint32_t number = compat_next(&recorder->next_thread);
    if (writer_init(&thread->writer, recorder->file, recorder->process, recorder->pid, number) < 0)
        return -1;
    thread->writer.native_id = native_id();
    thread->writer.is_main = thread->writer.native_id == recorder->pid;
    if (thread->writer.is_main)
        strcpy(thread->writer.name, "MainThread");
    thread->writer.open_calls = list_open_calls;
    thread->writer.begun = chunk_begun;
    thread->writer.failed = writer_failed;
    thread->writer.context = thread;
    return 0;
}

/* Takes this thread's state for `recorder`, NULL for those that have none, out of its list. */
static struct thread *
take(const struct recorder *recorder)
{
    struct thread **link = &thread_mine;
    while (*link && (*link)->recorder != recorder)
        link = &(*link)->sibling;
    struct thread *thread = *link;
    if (thread)
        *link = thread->sibling;
    return thread;
}

static struct thread *
add_mine(struct thread *thread)
{
    if (thread) {
        thread->sibling = thread_mine;
        thread_mine = thread;
    }
    return thread;
}

/* Of interpreters that have ended meanwhile. */
static void
free_orphans(void)
{
    struct thread *orphan;
    while ((orphan = take(NULL)))
        free_thread(orphan);
}

static struct thread *
make_thread(struct recorder *recorder)
{
    pthread_once(&ending_once, make_key);
    struct thread *thread = calloc(1, sizeof *thread);
    if (!thread) {
        recorder_fault(recorder, NULL, ENOMEM);
        return NULL;
    }
    thread->recorder = recorder;
    thread->session = recorder->session - COMPAT_FREE_THREADED; /* the names it gets when it is in a callback */
    recorders_lock();
    bool stopped = !recorder->file; /* just now, by another thread */
    int ret = stopped ? -1 : attach_writer(thread);
    if (ret == 0) {
        thread->next = recorder->threads;
        recorder->threads = thread;
    }
    recorders_unlock();
    if (ret < 0) {
        free(thread);
        if (!stopped)
            recorder_fault(recorder, NULL, ENOMEM);
        return NULL;
    }
    greenlet_adopt(thread);
    pthread_setspecific(ending, thread);
    return thread;
}

struct thread *
thread_find_or_make(struct recorder *recorder)
{
    if (recorder->forked)
        recorder_after_fork(recorder);
    recorders_lock();
    free_orphans();
    struct thread *thread = take(recorder);
    recorders_unlock();
    return add_mine(thread ? thread : make_thread(recorder));
}

/* --- the shadow stack --------------------------------------------------- */

/* Room to list the calls is made here, where its lack can still be told. */
static bool
double_room(struct thread *thread)
{
    uint32_t room = thread->room ? 2 * thread->room : 64;
    void *stack = realloc(thread->stack, room * sizeof *thread->stack);
    if (stack)
        thread->stack = stack;
    if (!stack || !thread_make_open_room(thread, room)) {
        recorder_fault(thread->recorder, thread, ENOMEM);
        return false;
    }
    thread->room = room;
    return true;
}

bool
thread_grow_stack(struct thread *thread)
{
    if (COMPAT_FREE_THREADED) /* another thread may be looking for a function that has died */
        recorders_lock();
    bool grown = double_room(thread);
    if (COMPAT_FREE_THREADED)
        recorders_unlock();
    return grown;
}

bool
thread_make_open_room(struct thread *thread, uint32_t room)
{
    if (room <= thread->open_room)
        return true;
    void *open = realloc(thread->open, room * sizeof *thread->open);
    if (!open)
        return false;
    thread->open = open;
    thread->open_room = room;
    return true;
}

void
thread_drop(struct thread *thread, uint32_t count)
{
    uint8_t *p = writer_begin(&thread->writer, FLOW_DROP);
    if (p)
        writer_commit(&thread->writer, varint_put(p, count));
    region_let_go(thread, count);
    thread->depth -= count;
}

bool
thread_drop_above(struct thread *thread, const struct function *function, const void *frame, int suspension)
{
    uint32_t i = thread->depth;
    while (i > 0 && !activation_is(&thread->stack[i - 1], function, frame))
        i--;
    if (i > 0 && i < thread->depth && !region_step_aside(thread, i, suspension))
        thread_drop(thread, thread->depth - i);
    return i > 0;
}

void
thread_renew(struct thread *thread)
{
    if (!thread->writer.strings) { /* closed with the file before */
        region_let_go(thread, thread->depth);
        thread->depth = 0;
        greenlet_forget_all(thread);
        if (attach_writer(thread) < 0)
            recorder_fault(thread->recorder, NULL, ENOMEM);
    }
    else if (thread->depth) {
        thread_drop(thread, thread->depth);
    }
    thread_take_names(thread);
    thread->callback = 0;
    thread->creating = 0;
    thread->root_depth = 0;
    thread->hosted = false;
    thread->session = thread->recorder->session;
}

/* On a stack it stands only where the call's end was not seen. */
static void
take_from_stacks(struct recorder *recorder, const struct function *function)
{
    for (struct thread *thread = recorder->threads; thread; thread = thread->next) {
        for (uint32_t i = 0; i < thread->depth; i++)
            if (__atomic_load_n(&thread->stack[i].function, __ATOMIC_RELAXED) == function)
                __atomic_store_n(&thread->stack[i].function, NULL, __ATOMIC_RELAXED);
        greenlet_forget_function(thread, function);
    }
}

#ifdef Py_GIL_DISABLED

/* What this thread has written is seen by all others, and the other way round, as if each
 * had a barrier here: so that the callbacks themselves need none. */
static bool
barrier(void)
{
    static bool registered; /* guarded by recorders_lock() */
    if (!registered && syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
        return false;
    registered = true;
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static bool
all_are_out(const struct recorder *recorder, const struct thread *but)
{
    if (!barrier())
        return false;
    for (const struct thread *thread = recorder->threads; thread; thread = thread->next)
        if (thread != but && __atomic_load_n(&thread->busy, __ATOMIC_ACQUIRE)
            && !__atomic_load_n(&thread->in_hook, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

bool
thread_wait_for_all(struct recorder *recorder)
{
    for (int i = 0; i < 10000; i++) {
        recorders_lock();
        bool out = all_are_out(recorder, thread_known(recorder));
        recorders_unlock();
        if (out)
            return true;
        Py_BEGIN_ALLOW_THREADS
        usleep(i < 1000 ? 50 : 1000);
        Py_END_ALLOW_THREADS
    }
    return false;
}

#define RETIRED_MIN 64 /* it takes a system call to find out whether they can be freed */

void
thread_retire_function(struct recorder *recorder, struct function *function)
{
    if (function->code.flags & FLOW_CODE_SUSPENDS)
        shared_map_purge(&recorder->generators, function);
    recorders_lock();
    if (!recorder->greenlets) /* else there are stacks that can't be looked at from here */
        take_from_stacks(recorder, function);
    function->retired = recorder->retired;
    recorder->retired = function;
    bool free_them = ++recorder->retired_count >= RETIRED_MIN && !recorder->greenlets && all_are_out(recorder, NULL);
    struct function *first = free_them ? recorder->retired : NULL;
    if (free_them) {
        recorder->retired = NULL;
        recorder->retired_count = 0;
    }
    recorders_unlock();
    function_destroy_list(first);
}

#else

bool
thread_wait_for_all(struct recorder *Py_UNUSED(recorder))
{
    return true;
}

void
thread_retire_function(struct recorder *recorder, struct function *function)
{
    recorders_lock();
    take_from_stacks(recorder, function);
    recorders_unlock();
    if (function->code.flags & FLOW_CODE_SUSPENDS)
        shared_map_purge(&recorder->generators, function);
    function_destroy_list(function);
}

#endif

void
thread_free_retired(struct recorder *recorder)
{
    recorders_lock();
    struct function *first = recorder->retired;
    recorder->retired = NULL;
    recorder->retired_count = 0;
    recorders_unlock();
    function_destroy_list(first);
}

/* --- ends --------------------------------------------------------------- */

/* The thread states stay, for their threads to find and to free; their writers are done. */
void
thread_close_all(struct recorder *recorder)
{
    recorders_lock();
    for (struct thread *thread = recorder->threads; thread; thread = thread->next) {
        writer_close(&thread->writer);
        region_let_go(thread, thread->depth);
        thread->depth = 0;
    }
    recorders_unlock();
}

void
thread_release_all(struct recorder *recorder)
{
    recorders_lock();
    for (struct thread *thread = recorder->threads; thread; thread = thread->next)
        __atomic_store_n(&thread->recorder, NULL, __ATOMIC_RELAXED);
    recorder->threads = NULL;
    free_orphans();
    recorders_unlock();
}

void
thread_atfork_child(void)
{
    free_orphans();
    for (struct thread *thread = thread_mine; thread; thread = thread->sibling)
        thread->recorder->survivor = thread;
    thread_mine = NULL;
}

/* Only the thread that forked lives on; it keeps its stack and gets a writer of its own. */
void
thread_after_fork(struct recorder *recorder)
{
    struct thread *survivor = recorder->survivor;
    recorder->survivor = NULL;
    struct thread *next;
    for (struct thread *thread = recorder->threads; thread; thread = next) {
        next = thread->next;
        writer_forget(&thread->writer);
        if (thread != survivor) {
            greenlet_forget_all(thread);
            free(thread->stack);
            free(thread->open);
            free(thread);
        }
    }
    recorder->threads = survivor;
    if (!survivor)
        return;
    survivor->next = NULL;
    survivor->origin = 0; /* it is the main thread here, and what it was started by belongs to the parent */
    survivor->origin_pending = false;
    recorder->next_thread = 0;
    if (!recorder->file)
        survivor->depth = 0; /* thread_renew() gives it a writer */
    else if (attach_writer(survivor) < 0)
        recorder_fault(recorder, NULL, ENOMEM);
    greenlet_after_fork(survivor);
    add_mine(survivor);
}
