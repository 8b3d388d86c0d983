/* progress.c - what takes long, seen by Python: signals are heard, and somebody may tell how far it is. */
#include <time.h>

#include "binding.h"

#define WORD_EVERY_NS 100000000 /* to the callable; signals are looked at each time */

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool
tell(void *context, const char *doing, uint64_t done, uint64_t total)
{
    struct binding_progress *progress = context;
    uint64_t now = now_ns();
    bool is_due = progress->types->progress && now - progress->last_ns >= WORD_EVERY_NS;
    PyEval_RestoreThread(progress->thread);
    int ret = PyErr_CheckSignals();
    if (ret == 0 && is_due) {
        progress->last_ns = now;
        PyObject *result = PyObject_CallFunction(progress->types->progress, "sKK", doing, (unsigned long long)done,
                                                 (unsigned long long)total);
        ret = result ? 0 : -1;
        Py_XDECREF(result);
    }
    PyEval_SaveThread();
    return ret < 0;
}

void
binding_progress_begin(struct binding_progress *out, const struct binding_types *types)
{
    *out = (struct binding_progress){{tell, out}, types, PyThreadState_Get(), now_ns()};
}

PyObject *
binding_set_progress(PyObject *module, PyObject *callable)
{
    struct binding_types *types = binding_types_of(module);
    PyObject *before = types->progress;
    types->progress = callable == Py_None ? NULL : Py_NewRef(callable);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}
