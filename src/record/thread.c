#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "recorder.h"

/* This thread's state for each recorder that it has run under; the one used last comes first. */
static _Thread_local struct thread *mine __attribute__((tls_model("initial-exec")));
static pthread_key_t ending;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;

static size_t
list_open_calls(void *context, const struct writer_open_call **out)
{
    struct thread *thread = context;
    size_t count = 0;
    for (uint32_t i = 0; i < thread->depth; i++) {
        const struct activation *a = &thread->stack[i];
        if (a->function)
            thread->open[count++] = (struct writer_open_call){&a->function->code, a->generator, a->start_ticks,
                                                              a->ordinal};
    }
    *out = thread->open;
    return count;
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
    for (struct thread *thread = mine; thread; thread = next) {
        next = thread->sibling;
        if (thread->recorder)
            unlink_thread(thread);
        free_thread(thread);
    }
    mine = NULL;
    recorders_unlock();
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
    uint32_t number = ++recorder->next_thread;
    if (writer_init(&thread->writer, recorder->file, recorder->process, recorder->pid, number) < 0)
        return -1;
    thread->writer.native_id = native_id();
    thread->writer.is_main = thread->writer.native_id == recorder->pid;
    if (thread->writer.is_main)
        strcpy(thread->writer.name, "MainThread");
    thread->writer.open_calls = list_open_calls;
    thread->writer.failed = writer_failed;
    thread->writer.context = thread;
    return 0;
}

/* Takes this thread's state for `recorder`, NULL for those that have none, out of its list. */
static struct thread *
take(const struct recorder *recorder)
{
    struct thread **link = &mine;
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
        thread->sibling = mine;
        mine = thread;
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
    thread->session = recorder->session;
    if (attach_writer(thread) < 0) {
        free(thread);
        recorder_fault(recorder, NULL, ENOMEM);
        return NULL;
    }
    greenlet_adopt(thread);
    recorders_lock();
    thread->next = recorder->threads;
    recorder->threads = thread;
    recorders_unlock();
    pthread_setspecific(ending, thread);
    return thread;
}

struct thread *
thread_known(const struct recorder *recorder)
{
    return mine && mine->recorder == recorder ? mine : NULL;
}

static struct thread *
find_or_make(struct recorder *recorder)
{
    if (recorder->forked)
        recorder_after_fork(recorder);
    recorders_lock();
    free_orphans();
    struct thread *thread = take(recorder);
    recorders_unlock();
    return add_mine(thread ? thread : make_thread(recorder));
}

struct thread *
thread_get(struct recorder *recorder)
{
    struct thread *thread = mine;
    /* The field of another recorder's may turn to NULL just now. */
    if (thread && __atomic_load_n(&thread->recorder, __ATOMIC_RELAXED) == recorder)
        return thread;
    return find_or_make(recorder);
}

/* --- the shadow stack --------------------------------------------------- */

/* Room to list the calls is made here, where its lack can still be told. */
static bool
grow_stack(struct thread *thread)
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

struct activation *
thread_push(struct thread *thread, struct function *function)
{
    if (thread->depth == thread->room && !grow_stack(thread))
        return NULL;
    struct activation *activation = &thread->stack[thread->depth++];
    *activation = (struct activation){.function = function, .watched = function->watched};
    return activation;
}

static bool
matches(const struct activation *activation, const struct function *function, const void *frame)
{
    return activation->function == function && (!frame || !activation->frame || activation->frame == frame);
}

void
thread_drop(struct thread *thread, uint32_t count)
{
    uint8_t *p = writer_begin(&thread->writer, FLOW_DROP);
    if (p)
        writer_commit(&thread->writer, varint_put(p, count));
    thread->depth -= count;
}

bool
thread_pop(struct thread *thread, struct function *function, const void *frame, struct activation *out)
{
    uint32_t i = thread->depth;
    while (i > 0 && !matches(&thread->stack[i - 1], function, frame))
        i--;
    if (i == 0)
        return false;
    if (i < thread->depth)
        thread_drop(thread, thread->depth - i);
    writer_make_room(&thread->writer); /* a chunk that begins with its end must still name it among the running */
    *out = thread->stack[--thread->depth];
    return true;
}

void
thread_renew(struct thread *thread)
{
    if (!thread->writer.strings) { /* closed with the file before */
        thread->depth = 0;
        greenlet_forget_all(thread);
        if (attach_writer(thread) < 0)
            recorder_fault(thread->recorder, NULL, ENOMEM);
    }
    else if (thread->depth) {
        thread_drop(thread, thread->depth);
    }
    thread->callback = 0;
    thread->creating = 0;
    thread->root_depth = 0;
    thread->hosted = false;
    thread->session = thread->recorder->session;
}

void
thread_forget_function(struct recorder *recorder, const struct function *function)
{
    recorders_lock();
    for (struct thread *thread = recorder->threads; thread; thread = thread->next) {
        for (uint32_t i = 0; i < thread->depth; i++)
            if (thread->stack[i].function == function)
                thread->stack[i].function = NULL;
        greenlet_forget_function(thread, function);
    }
    recorders_unlock();
    if (function->code.flags & FLOW_CODE_SUSPENDS)
        pointer_map_purge(&recorder->generators, function);
}

/* --- ends --------------------------------------------------------------- */

/* The thread states stay, for their threads to find and to free; their writers are done. */
void
thread_close_all(struct recorder *recorder)
{
    recorders_lock();
    for (struct thread *thread = recorder->threads; thread; thread = thread->next) {
        writer_close(&thread->writer);
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
    for (struct thread *thread = mine; thread; thread = thread->sibling)
        thread->recorder->survivor = thread;
    mine = NULL;
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
