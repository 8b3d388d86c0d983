/* greenlet.c - each greenlet of a thread has a stack of calls of its own.
 *
 * A switch makes no event, and greenlet can't be asked at each: its getcurrent()
 * may finalize what other threads have dropped. But each greenlet has a data stack of
 * its own, which the thread state names: where that has changed, so has the greenlet.
 *
 * Data stacks are reused as soon as a greenlet has ended, so a number is given
 * for each root call: whoever runs the next one may be another greenlet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define UNNUMBERED UINT64_MAX /* none of its calls has begun yet */

/* What a greenlet that is switched away from leaves in struct thread. */
struct sleeper {
    struct activation *stack; /* Owned */
    uint32_t depth, room;
    uint32_t session;
    uint32_t epoch;           /* of the writer's: its chunk knows these calls */
    uint64_t greenlet;
    const void *object;       /* greenlet's; compared only */
    bool origin_pending, origin_in_greenlet;
    enum flow_spawn origin_kind;
    uint64_t origin, callback;
    uint32_t root_depth;
    char name[sizeof((struct thread *)0)->greenlet_name];
};

static bool
is_imported(const char *name)
{
    size_t mark = compat_mark();
    PyObject *key = PyUnicode_FromString(name);
    bool found = key && compat_module(key);
    compat_let_go(mark);
    Py_XDECREF(key);
    PyErr_Clear();
    return found;
}

void
greenlet_look(struct recorder *recorder)
{
    recorder->greenlets |= is_imported("greenlet");
    recorder->hub |= is_imported("gevent") || is_imported("eventlet");
}

/* --- sleeping and waking ------------------------------------------------ */

/* One that runs a generator and nothing else has no data stack yet. */
static const void *
running_stack(const struct thread *thread)
{
    const void *first = compat_first_chunk(thread->data_chunk);
    return first ? first : thread;
}

/* Thousands may sleep, each in a few calls. */
static void
shrink_stack(struct thread *thread)
{
    uint32_t room = 2 * thread->depth;
    void *stack = room < thread->room / 2 ? realloc(thread->stack, room * sizeof *thread->stack) : NULL;
    if (!stack)
        return;
    thread->stack = stack;
    thread->room = room;
}

static void
put_to_sleep(struct thread *thread)
{
    if (!thread->depth)
        return;
    struct sleeper *sleeper = malloc(sizeof *sleeper);
    struct pointer_entry *entry = sleeper ? pointer_map_put(&thread->sleepers, thread->data_stack) : NULL;
    if (entry) {
        shrink_stack(thread);
        *sleeper = (struct sleeper){.stack = thread->stack,
                                    .depth = thread->depth,
                                    .room = thread->room,
                                    .session = thread->session,
                                    .epoch = thread->writer.epoch,
                                    .greenlet = thread->greenlet,
                                    .object = thread->greenlet_object,
                                    .origin_pending = thread->origin_pending,
                                    .origin_in_greenlet = thread->origin_in_greenlet,
                                    .origin_kind = thread->origin_kind,
                                    .origin = thread->origin,
                                    .callback = thread->callback,
                                    .root_depth = thread->root_depth};
        memcpy(sleeper->name, thread->greenlet_told, sizeof sleeper->name);
        entry->data = sleeper;
        thread->stack = NULL;
        thread->room = 0;
        thread->origin_pending = false;
        thread->origin = 0;
    }
    else {
        free(sleeper);
        recorder_fault(thread->recorder, thread, ENOMEM);
    }
    thread->depth = 0;
}

/* The sleeper of this data stack, Owned; NULL if there is none. */
static struct sleeper *
take_sleeper(struct thread *thread, const void *stack)
{
    const struct pointer_entry *entry = pointer_map_get(&thread->sleepers, stack);
    struct sleeper *sleeper = entry ? (struct sleeper *)(uintptr_t)entry->data : NULL;
    pointer_map_remove(&thread->sleepers, stack);
    return sleeper;
}

/* A chunk that begins with this record repeats the calls by itself. */
static void
tell_return(struct thread *thread, uint32_t known_epoch)
{
    struct writer *writer = &thread->writer;
    uint32_t before = writer->epoch;
    writer_greenlet(writer, thread->greenlet, 0, thread->greenlet_told, thread->recorder->hub);
    if (writer->epoch == before && writer->epoch != known_epoch)
        writer_open_calls(writer);
}

static void
wake(struct thread *thread, const void *stack)
{
    struct sleeper *sleeper = take_sleeper(thread, stack);
    thread->data_stack = stack;
    thread->greenlet = stack == thread->own_data_stack ? 0 : UNNUMBERED;
    thread->greenlet_object = NULL;
    thread->greenlet_name[0] = thread->greenlet_told[0] = '\0';
    thread->callback = 0;
    thread->root_depth = 0;
    if (!sleeper)
        return;
    free(thread->stack);
    thread->stack = sleeper->stack;
    thread->depth = sleeper->depth;
    thread->room = sleeper->room;
    thread->greenlet = sleeper->greenlet;
    thread->greenlet_object = sleeper->object;
    thread->origin_pending = sleeper->origin_pending;
    thread->origin_in_greenlet = sleeper->origin_in_greenlet;
    thread->origin_kind = sleeper->origin_kind;
    thread->origin = sleeper->origin;
    thread->callback = sleeper->callback;
    thread->root_depth = sleeper->root_depth;
    memcpy(thread->greenlet_told, sleeper->name, sizeof sleeper->name);
    if (!thread_make_open_room(thread, thread->room)) {
        recorder_fault(thread->recorder, thread, ENOMEM);
        thread->depth = 0;
    }
    tell_return(thread, sleeper->epoch);
    if (sleeper->session != thread->session)
        thread_drop(thread, thread->depth);
    free(sleeper);
}

/* Is the call on top of the stack the current frame's, or does it stand below? Else its greenlet
 * has been abandoned, and this is another on the same place. */
static bool
is_alive(const struct thread *thread, bool begins)
{
    const struct activation *top = thread_top_call(thread);
    if (!top)
        return true; /* of regions alone nothing can be said */
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    bool found = false;
    while (frame && !found) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        found = !begins && top->function && function_known(thread->recorder, code) == top->function
                && top->frame == frame_of(frame);
        Py_DECREF(code);
        begins = false;
        if (!found)
            Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF(frame);
    return found;
}

/* --- following ---------------------------------------------------------- */

void
greenlet_adopt(struct thread *thread)
{
    if (thread->depth)
        thread_drop(thread, thread->depth);
    greenlet_forget_all(thread);
    thread->state_id = PyThreadState_Get()->id;
    thread->data_chunk = compat_data_chunk();
    thread->data_stack = thread->own_data_stack = running_stack(thread);
    thread->greenlet = 0;
}

void
greenlet_follow(struct thread *thread, bool begins)
{
    thread->data_chunk = compat_data_chunk();
    const void *stack = running_stack(thread);
    if (stack == thread->data_stack)
        return;
    if (PyThreadState_Get()->id != thread->state_id) { /* a thread of C's, which Python sees anew each time */
        greenlet_adopt(thread);
        return;
    }
    bool known = pointer_map_get(&thread->sleepers, stack) != NULL;
    if (thread->data_stack == thread && !known && thread->depth && is_alive(thread, begins)) {
        if (thread->own_data_stack == thread)
            thread->own_data_stack = stack;
        thread->data_stack = stack;
        return;
    }
    put_to_sleep(thread);
    wake(thread, stack);
    if (thread->depth && !is_alive(thread, begins))
        thread_drop(thread, thread->depth);
}

/* --- who began it ------------------------------------------------------- */

/* Functions of greenlet's C API, as its header numbers them. */
enum { GET_CURRENT = 4, GET_PARENT = 11 };

/* NULL where it can't be had, or mustn't be asked: what another thread has dropped may wait to be finalized here.
 * A hub has made all greenlets. */
static void **
greenlet_api(struct recorder *recorder)
{
    PyThreadState *head = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    if (recorder->hub || recorder->next_thread > 1 || PyThreadState_Next(head))
        return NULL;
    PyObject *name = PyUnicode_FromString("greenlet");
    PyObject *capsule = name ? compat_module_find(compat_module(name), "_C_API") : NULL; /* Borrowed */
    void **api = capsule ? PyCapsule_GetPointer(capsule, "greenlet._C_API") : NULL;
    Py_XDECREF(name);
    PyErr_Clear();
    return api;
}

/* The first sleeper from *slot on, and the slot behind it; NULL after the last. */
static struct sleeper *
next_sleeper(const struct thread *thread, size_t *slot)
{
    const struct pointer_map *map = &thread->sleepers;
    while (map->slots && *slot <= map->mask) {
        const struct pointer_entry *entry = &map->slots[(*slot)++];
        if (entry->key)
            return (struct sleeper *)(uintptr_t)entry->data;
    }
    return NULL;
}

/* The number of the greenlet that is this object, if it waits in a call of the user's; else 0. */
static uint64_t
number_of(const struct thread *thread, const void *object)
{
    size_t slot = 0;
    for (const struct sleeper *sleeper; (sleeper = next_sleeper(thread, &slot));)
        if (sleeper->object == object)
            return sleeper->greenlet;
    return 0;
}

/* The greenlet that made the one that runs, or that made that: the nearest that calls of the user's
 * wait in. 0, the thread's own, where it is none. */
static uint64_t
find_spawner(struct thread *thread)
{
    void **api = greenlet_api(thread->recorder);
    if (!api)
        return 0;
    PyObject *(*get_current)(void) = (PyObject * (*)(void)) api[GET_CURRENT];
    PyObject *(*get_parent)(PyObject *) = (PyObject * (*)(PyObject *)) api[GET_PARENT];
    uint64_t spawner = 0;
    PyObject *object = get_current();
    thread->greenlet_object = object;
    while (object && !spawner) {
        Py_SETREF(object, get_parent(object));
        spawner = object ? number_of(thread, object) : 0;
    }
    Py_XDECREF(object);
    PyErr_Clear();
    return spawner;
}

/* A generator that goes on at the root is no new call. */
void
greenlet_begin(struct thread *thread, bool call)
{
    bool own = thread->data_stack == thread->own_data_stack;
    bool hub = thread->recorder->hub;
    if (!own && (call || thread->greenlet == UNNUMBERED)) {
        thread->greenlet = compat_next(&thread->recorder->next_greenlet);
        memcpy(thread->greenlet_told, thread->greenlet_name, sizeof thread->greenlet_told);
        writer_greenlet(&thread->writer, thread->greenlet, 1 + find_spawner(thread), thread->greenlet_name, hub);
    }
    else if (thread->writer.greenlet != thread->greenlet) {
        writer_greenlet(&thread->writer, thread->greenlet, 0, thread->greenlet_told, hub);
    }
    thread->greenlet_name[0] = '\0';
}

/* --- ends --------------------------------------------------------------- */

void
greenlet_forget_function(struct thread *thread, const struct function *function)
{
    size_t slot = 0;
    for (struct sleeper *sleeper; (sleeper = next_sleeper(thread, &slot));)
        for (uint32_t i = 0; i < sleeper->depth; i++)
            if (sleeper->stack[i].function == function)
                sleeper->stack[i].function = NULL;
}

void
greenlet_forget_all(struct thread *thread)
{
    size_t slot = 0;
    for (struct sleeper *sleeper; (sleeper = next_sleeper(thread, &slot));) {
        free(sleeper->stack);
        free(sleeper);
    }
    pointer_map_clear(&thread->sleepers);
}

void
greenlet_after_fork(struct thread *thread)
{
    size_t slot = 0;
    for (struct sleeper *sleeper; (sleeper = next_sleeper(thread, &slot));)
        sleeper->epoch = 0;
    thread->writer.greenlet = thread->depth ? thread->greenlet : 0;
}
