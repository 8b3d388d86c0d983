/* watch.c - @trace: calls of one function turn recording on while they run. */
#include <string.h>

#include "recorder.h"

/* Python code of FlowTrace's own: what it raises must not reach the program,
 * but for a Ctrl-C, which the program gets when it goes on. */
static void
call_hook(struct recorder *recorder, PyObject *hook)
{
    PyObject *pending = PyErr_GetRaisedException();
    struct thread *thread = thread_known(recorder);
    if (thread)
        __atomic_store_n(&thread->in_hook, true, __ATOMIC_RELEASE);
    PyObject *result = PyObject_CallNoArgs(hook);
    if (thread)
        __atomic_store_n(&thread->in_hook, false, __ATOMIC_RELEASE);
    if (!result && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        PyErr_SetInterrupt();
    }
    else if (!result) {
        PyErr_WriteUnraisable(hook);
    }
    Py_XDECREF(result);
    PyErr_SetRaisedException(pending);
}

bool
watch_begins(struct recorder *recorder, struct function *function)
{
    compat_lock(&recorder->shared);
    PyObject *begin = recorder->watched_active == 0 && !recorder->recording ? Py_NewRef(function->begin) : NULL;
    compat_unlock(&recorder->shared);
    PyObject *old_end = NULL;
    if (begin) {
        call_hook(recorder, begin);
        Py_DECREF(begin);
    }
    compat_lock(&recorder->shared);
    if (begin && recorder->recording) { /* another thread may have ended it already */
        recorder->session_is_watched = true;
        old_end = recorder->session_end;
        recorder->session_end = Py_NewRef(function->end);
    }
    bool counts = recorder->recording && recorder->session_is_watched;
    recorder->watched_active += counts;
    compat_unlock(&recorder->shared);
    Py_XDECREF(old_end);
    return counts;
}

void
watch_ends(struct recorder *recorder)
{
    compat_lock(&recorder->shared);
    bool last = recorder->session_is_watched && recorder->watched_active > 0 && --recorder->watched_active == 0;
    PyObject *end = last ? recorder->session_end : NULL;
    if (last) {
        recorder->session_is_watched = false;
        recorder->session_end = NULL;
        recorder->recording = false; /* while end() runs other threads may: what they begin is no part of this */
    }
    compat_unlock(&recorder->shared);
    if (end)
        call_hook(recorder, end);
    Py_XDECREF(end);
}

/* What the callback of the weak reference is bound to, as bytes: the garbage collector must not see it. */
struct watched_generator {
    struct recorder *recorder; /* Borrowed: it owns the reference */
    uint64_t id;
};

/* New reference, or NULL. */
static PyObject *
watched_generators(struct recorder *recorder)
{
    compat_lock(&recorder->shared);
    PyObject *generators = Py_XNewRef(recorder->watched_generators);
    compat_unlock(&recorder->shared);
    return generators;
}

static PyObject *
generator_died(PyObject *watched, PyObject *Py_UNUSED(reference))
{
    struct watched_generator who;
    memcpy(&who, PyBytes_AS_STRING(watched), sizeof who);
    PyObject *id = PyLong_FromUnsignedLongLong(who.id);
    PyObject *generators = watched_generators(who.recorder);
    if (id && generators && PyDict_DelItem(generators, id) == 0)
        watch_ends(who.recorder);
    Py_XDECREF(generators);
    Py_XDECREF(id);
    PyErr_Clear();
    Py_RETURN_NONE;
}

static PyMethodDef generator_died_method = {"generator_died", generator_died, METH_O, NULL};

/* A generator of @trace's is left where its death would make no event: a weak reference tells. */
void
watch_await_death(struct recorder *recorder, uint64_t id)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* Borrowed */
    PyObject *generator = frame ? PyFrame_GetGenerator(frame) : NULL;
    PyObject *key = PyLong_FromUnsignedLongLong(id);
    struct watched_generator who = {recorder, id};
    PyObject *bound = PyBytes_FromStringAndSize((const char *)&who, sizeof who);
    PyObject *callback = key && bound ? PyCFunction_New(&generator_died_method, bound) : NULL;
    PyObject *reference = generator && callback ? PyWeakref_NewRef(generator, callback) : NULL;
    compat_lock(&recorder->shared);
    if (!recorder->watched_generators)
        recorder->watched_generators = PyDict_New();
    PyObject *generators = Py_XNewRef(recorder->watched_generators);
    compat_unlock(&recorder->shared);
    if (reference && generators)
        PyDict_SetItem(generators, key, reference);
    PyErr_Clear();
    Py_XDECREF(generators);
    Py_XDECREF(reference);
    Py_XDECREF(callback);
    Py_XDECREF(bound);
    Py_XDECREF(key);
    Py_XDECREF(generator);
}

void
watch_await_no_death(struct recorder *recorder, uint64_t id)
{
    PyObject *pending = PyErr_GetRaisedException();
    PyObject *generators = watched_generators(recorder);
    PyObject *key = generators ? PyLong_FromUnsignedLongLong(id) : NULL;
    if (key)
        PyDict_DelItem(generators, key);
    Py_XDECREF(key);
    Py_XDECREF(generators);
    PyErr_SetRaisedException(pending);
}
