/* export.c - a trace written in another format. */
#include "../export/export.h"

#include <errno.h>
#include <string.h>

#include "binding.h"

struct trace_read {
    struct reader reader;
    struct model model;
};

static void
release(struct trace_read *read)
{
    model_free(&read->model);
    reader_close(&read->reader);
}

/* 0, or -1 with an exception set. */
static int
load(const struct binding_types *types, struct trace_read *out, PyObject *path, uint64_t newest, PyObject *filters,
     enum pauses_kept pauses)
{
    struct model_watcher watcher = {.pauses = pauses};
    return binding_load_filtered_watched(types, &out->reader, &out->model, PyBytes_AS_STRING(path), newest, filters,
                                         &watcher);
}

/* 0 or -errno; -ECANCELED with an exception set. */
static int
write_to(const struct binding_types *types, const struct export_format *format, struct export *export, int fd,
         uint64_t *written)
{
    struct sink sink;
    struct binding_progress progress;
    binding_progress_begin(&progress, types);
    export->progress = &progress.progress;
    export->sink = &sink;
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = sink_open(&sink, fd);
    if (ret == 0) {
        ret = format->write(export);
        int failed = sink_close(&sink);
        ret = ret < 0 ? ret : failed;
        *written = sink.written;
    }
    Py_END_ALLOW_THREADS
    return ret;
}

static PyObject *
export_trace(const struct binding_types *types, const struct export_format *format, struct export *export, int fd)
{
    uint64_t written = 0;
    int ret = write_to(types, format, export, fd, &written);
    if (ret == -ENOMEM)
        return PyErr_NoMemory();
    if (ret == -ECANCELED)
        return NULL;
    if (ret < 0) {
        errno = -ret;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_BuildValue("(KI)", (unsigned long long)written, model_count_calls(export->model));
}

PyObject *
binding_export(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path",   "format", "descriptor", "newest",      "filters", "before",
                            "weight", "lines",  "title",      "traceparent", "by",      NULL};
    const struct binding_types *types = binding_types_of(module);
    PyObject *path, *filters = NULL, *before_path = NULL;
    const char *name;
    int fd;
    unsigned weight = WEIGHT_RUNNING, by = BY_MODULE;
    unsigned long long newest = BINDING_NEWEST;
    struct export_options options = {.title = "", .traceparent = ""};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&si|$KOO&IIssI:export", names, PyUnicode_FSConverter, &path, &name,
                                     &fd, &newest, &filters, PyUnicode_FSConverter, &before_path, &weight,
                                     &options.lines, &options.title, &options.traceparent, &by))
        return NULL;
    options.weight = weight;
    options.by = by;
    bool page = strcmp(name, binding_page_format.name) == 0;
    const struct export_format *format = page ? &binding_page_format : export_format_find(name);
    struct trace_read read = {0}, before = {0};
    struct export export = {.model = &read.model, .options = &options};
    PyObject *result = NULL;
    if (!format)
        PyErr_Format(PyExc_ValueError, "no format %s", name);
    else if (load(types, &read, path, newest, filters, format->pauses) == 0) {
        if (!before_path)
            result = export_trace(types, format, &export, fd);
        else if (load(types, &before, before_path, newest, filters, PAUSES_NONE) == 0) {
            export.before = &before.model;
            result = export_trace(types, format, &export, fd);
            release(&before);
        }
        release(&read);
    }
    Py_XDECREF(before_path);
    Py_DECREF(path);
    return result;
}
