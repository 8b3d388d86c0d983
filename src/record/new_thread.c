/* new_thread.c - who started a thread by _thread.start_new_thread(): that is C and makes no event but its caller's
 * CALL, which has the function that the thread will begin with. */
#include <string.h>

#include "calls.h"

#define FRAMES_MAX 1000

bool
new_thread_is_mentioned(const struct recorder *recorder, PyCodeObject *code)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); i++)
        if (PyTuple_GET_ITEM(code->co_names, i) == recorder->new_thread_name) /* both are interned */
            return true;
    return false;
}

bool
new_thread_is_name_of(PyObject *callable)
{
    return PyCFunction_Check(callable)
           && strcmp(((PyCFunctionObject *)callable)->m_ml->ml_name, "start_new_thread") == 0;
}

/* What is known of `code` becomes `entry`; without threads that haven't begun yet it is forgotten. */
static void
keep(struct shared_map *starting, const void *code, struct pointer_entry entry)
{
    if (entry.extra)
        shared_map_put(starting, entry);
    else
        shared_map_remove(starting, code);
}

/* One thread of this code begins, or could not be started: what was known of it. */
static struct pointer_entry
take_one(struct recorder *recorder, const void *code)
{
    compat_lock(&recorder->starting_lock);
    struct pointer_entry entry = shared_map_get(&recorder->starting, code);
    struct pointer_entry rest = entry;
    rest.extra--;
    if (entry.key)
        keep(&recorder->starting, code, rest);
    compat_unlock(&recorder->starting_lock);
    return entry;
}

/* Threads that begin with the same function, and haven't begun yet, can't be told apart: they have one id if the same
 * call has started them, else none. entry->extra is how many they are, entry->data whose. */
void
new_thread_call(struct thread *thread, PyObject *function)
{
    struct shared_map *starting = &thread->recorder->starting;
    const void *code = link_code_of(thread->recorder, function);
    const struct activation *top = thread_top(thread);
    if (!code || !top)
        return;
    compat_lock(&thread->recorder->starting_lock);
    const void *creator = (const void *)(uintptr_t)(top->ordinal << 16 | (thread->writer.thread & 0xffff));
    struct pointer_entry entry = shared_map_get(starting, code);
    if (entry.key) {
        entry.extra++;
        entry.id = entry.data == creator ? entry.id : 0;
    }
    else {
        uint64_t id = link_announce(thread, starting, code, FLOW_SPAWN_THREAD);
        entry = (struct pointer_entry){.key = code, .data = creator, .id = id, .extra = id != 0};
    }
    keep(starting, code, entry);
    compat_unlock(&thread->recorder->starting_lock);
}

void
new_thread_failed(struct thread *thread, PyObject *function)
{
    const void *code = link_code_of(thread->recorder, function);
    if (code)
        take_one(thread->recorder, code);
}

/* The code that this thread began with: new reference, or NULL. */
static PyCodeObject *
first_code(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    for (int i = 0; frame && i < FRAMES_MAX; i++) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        if (!back)
            break;
        Py_SETREF(frame, back);
    }
    PyCodeObject *code = frame ? PyFrame_GetCode(frame) : NULL;
    Py_XDECREF(frame);
    return code;
}

void
new_thread_begin(struct thread *thread)
{
    PyCodeObject *code = first_code();
    struct pointer_entry entry = code ? take_one(thread->recorder, code) : (struct pointer_entry){0};
    if (entry.key) {
        thread->origin = entry.id;
        thread->origin_kind = FLOW_SPAWN_THREAD;
        thread->origin_pending = entry.id != 0;
        thread->origin_in_greenlet = false;
    }
    Py_XDECREF(code);
}
