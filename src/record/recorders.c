#include <stdatomic.h>
#include <string.h>

#include "recorder.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;
static struct recorder *first; /* Borrowed from their modules */
static uint64_t last_serial;
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
    for (struct recorder *recorder = first; recorder; recorder = recorder->next)
        recorder->forked = true;
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
    recorder->serial = ++last_serial;
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
recorders_find(uint64_t serial)
{
    recorders_lock();
    struct recorder *recorder = first;
    while (recorder && recorder->serial != serial)
        recorder = recorder->next;
    recorders_unlock();
    return recorder;
}

uint32_t
recorders_new_generation(void)
{
    return atomic_fetch_add(&last_generation, 1) + 1;
}

/* --- indices of co_extra ------------------------------------------------ */

/* Borrowed list of those of this interpreter that no recorder uses, or NULL. It is kept
 * by the interpreter: the module may be unloaded and loaded again, and none is ever freed. */
static PyObject *
free_indices(void)
{
    static const char key[] = "flowtrace._core free co_extra indices";
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get()); /* Borrowed */
    PyObject *list = dict ? PyDict_GetItemString(dict, key) : NULL;        /* Borrowed */
    if (dict && !list) {
        PyObject *made = PyList_New(0);
        if (made && PyDict_SetItemString(dict, key, made) == 0)
            list = made; /* the dict owns it */
        Py_XDECREF(made);
    }
    PyErr_Clear();
    return list;
}

Py_ssize_t
recorders_take_extra_index(void)
{
    PyObject *list = free_indices();
    Py_ssize_t count = list ? PyList_GET_SIZE(list) : 0;
    if (count == 0)
        return PyUnstable_Eval_RequestCodeExtraIndex(function_free);
    Py_ssize_t index = PyLong_AsSsize_t(PyList_GET_ITEM(list, count - 1));
    PyList_SetSlice(list, count - 1, count, NULL);
    return index;
}

void
recorders_give_extra_index(Py_ssize_t index)
{
    PyObject *list = free_indices();
    PyObject *number = list ? PyLong_FromSsize_t(index) : NULL;
    if (number)
        PyList_Append(list, number);
    Py_XDECREF(number);
    PyErr_Clear();
}
