/* compat_threads.h - builds without a GIL.
 *
 * What the recorder shares between threads is locked or atomic there, and what a
 * thread reads in an object that another may change it holds a reference to while
 * it does. With a GIL all of this is nothing, for callbacks don't overlap.
 */
#ifndef FLOW_COMPAT_THREADS_H
#define FLOW_COMPAT_THREADS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <string.h>

#ifdef Py_GIL_DISABLED
#define COMPAT_FREE_THREADED 1
#define COMPAT_SHARED _Atomic
/* What is written often shares no cache line with what is read often. */
#define COMPAT_APART(name) char name[64];
#else
#define COMPAT_FREE_THREADED 0
#define COMPAT_SHARED
#define COMPAT_APART(name)
#endif

struct compat_mutex {
#ifdef Py_GIL_DISABLED
    PyMutex mutex;
#endif
};

static inline void
compat_lock(struct compat_mutex *lock)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&lock->mutex);
#else
    (void)lock;
#endif
}

static inline void
compat_unlock(struct compat_mutex *lock)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&lock->mutex);
#else
    (void)lock;
#endif
}

/* In the child of a fork: whoever held it is not there. */
static inline void
compat_unlock_anyway(struct compat_mutex *lock)
{
    memset(lock, 0, sizeof *lock);
}

/* What stands between them has the object for itself, and calls no Python. */
#ifdef Py_GIL_DISABLED
#define COMPAT_LOCK_OBJECT(object) Py_BEGIN_CRITICAL_SECTION(object)
#define COMPAT_UNLOCK_OBJECT() Py_END_CRITICAL_SECTION()
#else
#define COMPAT_LOCK_OBJECT(object) ((void)(object))
#define COMPAT_UNLOCK_OBJECT() ((void)0)
#endif

/* A number that no other thread gets. */
#ifdef Py_GIL_DISABLED
#define compat_next(counter) (__atomic_add_fetch((counter), 1, __ATOMIC_RELAXED))
#else
#define compat_next(counter) (++*(counter))
#endif

/* --- what others may change while it is read ------------------------------ */

/* What is Borrowed from something that another thread may change is held until the event that is being recorded ends,
 * or what began with this mark. */
#ifdef Py_GIL_DISABLED

struct compat_held {
    PyObject **objects; /* Owned, as are these */
    size_t count, room;
};

extern _Thread_local struct compat_held compat_held __attribute__((tls_model("initial-exec")));

/* Steals the reference. Returns the object, or NULL without memory. */
PyObject *compat_hold_new(PyObject *object);
void compat_let_go(size_t mark);
/* The thread ends. */
void compat_forget_held(void);

static inline PyObject *
compat_hold(PyObject *object)
{
    return object ? compat_hold_new(Py_NewRef(object)) : NULL;
}

static inline size_t
compat_mark(void)
{
    return compat_held.count;
}

static inline void
compat_let_all_go(void)
{
    if (compat_held.count)
        compat_let_go(0);
}

#else
static inline PyObject *
compat_hold(PyObject *object)
{
    return object;
}

#define compat_mark() 0
#define compat_let_go(mark) ((void)(mark))
#define compat_let_all_go() ((void)0)
#define compat_forget_held() ((void)0)
#endif

/* New reference to a tuple, or NULL. */
static inline PyObject *
compat_exception_args(PyObject *exception)
{
    PyObject *args;
    COMPAT_LOCK_OBJECT(exception);
    args = Py_XNewRef(((PyBaseExceptionObject *)exception)->args);
    COMPAT_UNLOCK_OBJECT();
    if (args && !PyTuple_Check(args))
        Py_CLEAR(args);
    return args;
}

/* How many items there are; another thread may change that just now. */
static inline Py_ssize_t
compat_dict_length(PyObject *dict)
{
    return __atomic_load_n(&((PyDictObject *)dict)->ma_used, __ATOMIC_RELAXED);
}

static inline Py_ssize_t
compat_size(PyObject *object)
{
    Py_ssize_t size;
    COMPAT_LOCK_OBJECT(object);
    size = Py_SIZE(object);
    COMPAT_UNLOCK_OBJECT();
    return size;
}

#define WALK_MAX 127 /* items of a container that are ever looked at */

#ifdef Py_GIL_DISABLED

struct list_walk {
    PyObject *items[WALK_MAX]; /* Owned */
    Py_ssize_t count;
    Py_ssize_t length; /* of the list */
};

static inline void
list_walk_begin(struct list_walk *walk, PyObject *list, Py_ssize_t room)
{
    walk->count = 0;
    Py_BEGIN_CRITICAL_SECTION(list);
    walk->length = PyList_GET_SIZE(list);
    for (; walk->count < walk->length && walk->count < room && walk->count < WALK_MAX; walk->count++)
        walk->items[walk->count] = Py_NewRef(PyList_GET_ITEM(list, walk->count));
    Py_END_CRITICAL_SECTION();
}

static inline void
list_walk_end(struct list_walk *walk)
{
    while (walk->count > 0)
        Py_DECREF(walk->items[--walk->count]);
}

struct dict_walk {
    PyObject *keys[WALK_MAX], *values[WALK_MAX]; /* Owned */
    Py_ssize_t count, position;
};

static inline void
dict_walk_begin(struct dict_walk *walk, PyObject *dict, Py_ssize_t room)
{
    Py_ssize_t place = 0;
    PyObject *key, *value; /* Borrowed */
    walk->count = walk->position = 0;
    Py_BEGIN_CRITICAL_SECTION(dict);
    for (; walk->count < room && walk->count < WALK_MAX && PyDict_Next(dict, &place, &key, &value); walk->count++) {
        walk->keys[walk->count] = Py_NewRef(key);
        walk->values[walk->count] = Py_NewRef(value);
    }
    Py_END_CRITICAL_SECTION();
}

static inline bool
dict_walk_next(struct dict_walk *walk, PyObject **key, PyObject **value)
{
    if (walk->position >= walk->count)
        return false;
    *key = walk->keys[walk->position];
    *value = walk->values[walk->position++];
    return true;
}

static inline void
dict_walk_end(struct dict_walk *walk)
{
    for (; walk->count > 0; walk->count--) {
        Py_DECREF(walk->keys[walk->count - 1]);
        Py_DECREF(walk->values[walk->count - 1]);
    }
}

#else

struct list_walk {
    PyObject **items; /* Borrowed, as are the items */
    Py_ssize_t length;
};

static inline void
list_walk_begin(struct list_walk *walk, PyObject *list, Py_ssize_t Py_UNUSED(room))
{
    *walk = (struct list_walk){((PyListObject *)list)->ob_item, PyList_GET_SIZE(list)};
}

static inline void
list_walk_end(struct list_walk *Py_UNUSED(walk))
{
}

struct dict_walk {
    PyObject *keys[WALK_MAX], *values[WALK_MAX]; /* Borrowed */
    Py_ssize_t count, position;
};

/* The first `room` entries. Returns how many there are of them. */
Py_ssize_t compat_dict_entries(PyObject *dict, PyObject **keys, PyObject **values, Py_ssize_t room);

static inline void
dict_walk_begin(struct dict_walk *walk, PyObject *dict, Py_ssize_t room)
{
    walk->count = compat_dict_entries(dict, walk->keys, walk->values, room < WALK_MAX ? room : WALK_MAX);
    walk->position = 0;
}

static inline bool
dict_walk_next(struct dict_walk *walk, PyObject **key, PyObject **value)
{
    if (walk->position >= walk->count)
        return false;
    *key = walk->keys[walk->position];
    *value = walk->values[walk->position++];
    return true;
}

static inline void
dict_walk_end(struct dict_walk *Py_UNUSED(walk))
{
}

#endif

#endif
