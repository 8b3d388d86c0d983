/* views.c - traces as text, and what is said about a process after its end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../export/sink.h"
#include "../show/show.h"
#include "../trace/varint.h"
#include "../trace/writer.h"
#include "tell.h"

/* --- what all files here use -------------------------------------------- */

void *
binding_fail(const struct binding_types *types, int error, const char *path, const char *message)
{
    if (error == -ENOMEM)
        PyErr_NoMemory();
    else if (error == -ECANCELED)
        return NULL;
    else if (error == -EINVAL && message[0])
        PyErr_Format(types->error, "%s: %s", path, message);
    else
        PyErr_Format(types->error, "can't read %s: %s", path, strerror(-error));
    return NULL;
}

int
binding_load(const struct binding_types *types, struct reader *reader, struct model *model, const char *path,
             uint64_t newest)
{
    return binding_load_watched(types, reader, model, path, newest, &(struct model_watcher){0});
}

int
binding_load_watched(const struct binding_types *types, struct reader *reader, struct model *model, const char *path,
                     uint64_t newest, struct model_watcher *watcher)
{
    char message[512] = "";
    int ret;
    struct binding_progress progress;
    binding_progress_begin(&progress, types);
    watcher->progress = &progress.progress;
    Py_BEGIN_ALLOW_THREADS
    ret = reader_open(reader, path, message, sizeof message);
    if (ret == 0) {
        ret = newest ? reader_keep_newest(reader, newest) : 0;
        if (ret < 0 || (ret = model_build_watched(model, reader, watcher)) < 0)
            reader_close(reader);
    }
    Py_END_ALLOW_THREADS
    if (ret < 0)
        binding_fail(types, ret, path, message);
    return ret < 0 ? -1 : 0;
}

/* As exports have it: U+FFFD for half of a pair of surrogates, where Python's own has three of them. */
PyObject *
binding_str(struct slice slice)
{
    PyObject *result = PyUnicode_DecodeUTF8(slice.data, (Py_ssize_t)slice.length, NULL);
    if (result || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return result;
    PyErr_Clear();
    struct text text = {0};
    text_utf8(&text, slice);
    result = text.failed ? PyErr_NoMemory() : PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.length, "replace");
    text_free(&text);
    return result;
}

PyObject *
binding_text_str(struct text *text)
{
    PyObject *result = text->failed ? PyErr_NoMemory() : binding_str(text_content(text));
    text_free(text);
    return result;
}

PyObject *
binding_text_bytes(struct text *text)
{
    PyObject *result = text->failed ? PyErr_NoMemory()
                                    : PyBytes_FromStringAndSize(text->data, (Py_ssize_t)text->length);
    text_free(text);
    return result;
}

/* --- show, info --------------------------------------------------------- */

typedef int view_function(struct text *, const struct model *, const struct show_options *);

struct shown {
    view_function *view;
    const struct show_options *options;
    PyObject *cells; /* Borrowed */
};

static int
name_cells(const struct binding_types *types, struct reader *reader, struct model *model, struct text *out,
           void *context)
{
    PyObject *cells = ((struct shown *)context)->cells;
    return binding_name_cells(types, reader, model, cells) < 0 ? -1 : binding_nothing_of_cells(model, cells, out);
}

static int
show(struct text *out, const struct model *model, void *context)
{
    const struct shown *shown = context;
    return shown->view(out, model, shown->options);
}

static PyObject *
print_view(PyObject *module, PyObject *path, PyObject *filters, PyObject *cells, view_function *view,
           const struct show_options *options)
{
    struct shown shown = {view, options, cells};
    return binding_tell(module, path, options->newest, filters,
                        &(struct binding_view){.prepare = name_cells, .tell = show, .context = &shown});
}

int
binding_fields(const char *names, struct show_options *options)
{
    for (const char *name = names; *name;) {
        size_t length = strcspn(name, ",");
        unsigned field = 0;
        while (field < SHOW_FIELDS
               && (strlen(show_field_names[field]) != length || memcmp(show_field_names[field], name, length) != 0))
            field++;
        if (field == SHOW_FIELDS || options->field_count == SHOW_FIELDS_MAX) {
            PyErr_Format(PyExc_ValueError, "no field %s", name);
            return -1;
        }
        options->fields[options->field_count++] = (uint8_t)field;
        name += length + (name[length] == ',');
    }
    return 0;
}

/* What the command line must know of views. 0 or -1. */
int
binding_add_constants(PyObject *module)
{
    PyObject *fields = PyTuple_New(SHOW_FIELDS);
    for (Py_ssize_t i = 0; fields && i < SHOW_FIELDS; i++) {
        PyObject *name = PyUnicode_FromString(show_field_names[i]);
        if (!name)
            Py_CLEAR(fields);
        else
            PyTuple_SET_ITEM(fields, i, name);
    }
    int ret = fields ? PyModule_AddObjectRef(module, "FIELDS", fields) : -1;
    Py_XDECREF(fields);
    if (ret < 0 || PyModule_AddIntConstant(module, "FIELDS_MAX", SHOW_FIELDS_MAX) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "NEWEST", BINDING_NEWEST);
}

static view_function *
find_view(const char *name)
{
    static const struct {
        const char *name;
        view_function *view;
    } views[] = {{"tree", show_tree}, {"errors", show_errors}, {"call", show_call}, {"tasks", show_tasks}};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i].name, name) == 0)
            return views[i].view;
    PyErr_Format(PyExc_ValueError, "no view %s", name);
    return NULL;
}

PyObject *
binding_show(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "lines",      "width",  "color",   "ascii",  "arguments", "results",
                            "time", "exceptions", "newest", "filters", "view",   "call",      "fields",
                            "wide", "full",       "links",  "cells",   "chains", NULL};
    PyObject *path;
    const char *view = "tree";
    const char *fields = "";
    PyObject *filters = NULL, *cells = NULL;
    int color = 0, ascii = 0, arguments = 1, results = 1, time = 1, wide = 0, full = 0, links = 0, chains = 0;
    struct show_options options = {.lines = 200, .width = 100, .exceptions = 8, .newest = BINDING_NEWEST};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$IIpppppIKOsKspppO!p:show", names, PyUnicode_FSConverter, &path,
                                     &options.lines, &options.width, &color, &ascii, &arguments, &results, &time,
                                     &options.exceptions, &options.newest, &filters, &view, &options.call, &fields,
                                     &wide, &full, &links, &PyDict_Type, &cells, &chains))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    options.sources = !cells;
    options.hints = cells ? &show_hints_cell : NULL;
    options.arguments = arguments;
    options.results = results;
    options.time = time;
    options.wide = wide || full;
    options.full = full;
    options.links = links;
    options.chains = chains;
    bool timeline = strcmp(view, "timeline") == 0;
    view_function *function = timeline ? NULL : find_view(view);
    PyObject *result = timeline ? binding_timeline(module, path, filters, &options)
                       : function && binding_fields(fields, &options) == 0
                           ? print_view(module, path, filters, cells, function, &options)
                           : NULL;
    Py_DECREF(path);
    return result;
}

PyObject *
binding_info(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "width", "color", "ascii", "newest", NULL};
    PyObject *path;
    int color = 0, ascii = 0;
    struct show_options options = {.width = 100};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$IppK:info", names, PyUnicode_FSConverter, &path, &options.width,
                                     &color, &ascii, &options.newest))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    options.sources = true;
    PyObject *result = print_view(module, path, NULL, NULL, show_info, &options);
    Py_DECREF(path);
    return result;
}

PyObject *
binding_verify(PyObject *module, PyObject *path)
{
    PyObject *name;
    struct reader reader;
    struct text text = {0};
    char message[512] = "";
    bool sound = false;
    if (!PyUnicode_FSConverter(path, &name))
        return NULL;
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = reader_open(&reader, PyBytes_AS_STRING(name), message, sizeof message);
    if (ret == 0) {
        text.failed |= show_verify(&text, &reader, &sound) < 0;
        reader_close(&reader);
    }
    Py_END_ALLOW_THREADS
    if (ret < 0)
        binding_fail(binding_types_of(module), ret, PyBytes_AS_STRING(name), message);
    Py_DECREF(name);
    PyObject *told = ret < 0 ? NULL : binding_text_bytes(&text);
    return told ? Py_BuildValue("(NN)", told, PyBool_FromLong(sound)) : NULL;
}

/* 0, or -1 and an exception is set. */
static int
open_reader(PyObject *module, PyObject *given, struct reader *reader)
{
    PyObject *path;
    if (!PyUnicode_FSConverter(given, &path))
        return -1;
    char message[512] = "";
    int ret = reader_open(reader, PyBytes_AS_STRING(path), message, sizeof message);
    if (ret < 0)
        binding_fail(binding_types_of(module), ret, PyBytes_AS_STRING(path), message);
    Py_DECREF(path);
    return ret < 0 ? -1 : 0;
}

/* --- add_status --------------------------------------------------------- */

#define END_MAX (8 * VARINT_MAX)

/* Returns its length. */
static size_t
put_end(uint8_t record[END_MAX], const uint8_t *payload, size_t length)
{
    return (size_t)(writer_put_extended(record, FLOW_EXTENDED_PROCESS_END, payload, length) - record);
}

/* And, with a reader, the hashes of source files, so that all lies in one chunk. */
static int
add_wait_status(struct trace_file *file, const struct process *process, unsigned status, struct reader *reader)
{
    uint8_t payload[2 * VARINT_MAX];
    uint8_t record[END_MAX];
    uint8_t *end = varint_put(varint_put(payload, 2), status);
    size_t length = put_end(record, payload, (size_t)(end - payload));
    return reader ? binding_hash_sources(file, reader, process->number, process->pid, record, length)
                  : trace_file_add_meta(file, process->number, process->pid, record, length);
}

/* What META chunks say: the model of a long trace would take its time. NULL without memory. */
static struct process *
read_processes(struct reader *reader, uint32_t *count)
{
    struct process *processes = calloc(reader->chunk_count + (size_t)1, sizeof *processes);
    *count = 0;
    for (uint32_t i = reader->event_chunk_count; processes && i < reader->chunk_count; i++) {
        const struct flow_chunk_header *header = reader->chunks[i].header;
        uint32_t known = 0;
        while (known < *count && processes[known].number != header->process)
            known++;
        if (known == *count)
            processes[(*count)++] = (struct process){.number = header->process, .pid = header->pid};
        process_read_meta(&processes[known], reader, i);
    }
    return processes;
}

PyObject *
binding_live(PyObject *module, PyObject *path)
{
    struct reader reader;
    uint32_t count = 0;
    if (open_reader(module, path, &reader) < 0)
        return NULL;
    struct process *processes = read_processes(&reader, &count);
    PyObject *list = processes ? PyList_New(0) : PyErr_NoMemory();
    for (uint32_t i = 0; list && i < count; i++) {
        const struct process *process = &processes[i];
        if (process->ended || process->gone || process->has_status || process->interpreter.length)
            continue;
        PyObject *pid = PyLong_FromUnsignedLong(process->pid);
        if (!pid || PyList_Append(list, pid) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pid);
    }
    free(processes);
    reader_close(&reader);
    return list;
}

/* The status of all that had this pid, one after the other; and which of the others are no more. */
static int
add_ends(struct trace_file *file, struct reader *reader, const struct process *processes, uint32_t count, unsigned pid,
         unsigned status)
{
    static const uint8_t gone[] = {3};
    int ret = 0;
    for (uint32_t i = 0; i < count && ret == 0; i++) {
        const struct process *process = &processes[i];
        if (process->interpreter.length)
            continue;
        if (process->pid == pid)
            ret = add_wait_status(file, process, status, i == 0 ? reader : NULL);
        else if (!process->ended && process->pid <= INT32_MAX && kill((pid_t)process->pid, 0) < 0 && errno == ESRCH) {
            uint8_t record[END_MAX];
            ret = trace_file_add_meta(file, process->number, process->pid, record, put_end(record, gone, sizeof gone));
        }
    }
    return ret;
}

static int
add_to(const struct binding_types *types, const char *path, unsigned pid, unsigned status, bool *found)
{
    struct reader reader;
    char message[512] = "";
    int ret = reader_open(&reader, path, message, sizeof message);
    if (ret < 0) {
        binding_fail(types, ret, path, message);
        return ret;
    }
    uint32_t count;
    struct process *processes = read_processes(&reader, &count);
    struct trace_file *file = NULL;
    ret = processes ? 0 : -ENOMEM;
    for (uint32_t i = 0; processes && i < count; i++)
        *found |= processes[i].pid == pid;
    if (processes && count && (ret = trace_file_join(&file, path)) == 0) {
        ret = add_ends(file, &reader, processes, count, pid, status);
        trace_file_close(file);
        if (ret < 0 && ret != -ENOMEM) {
            errno = -ret;
            PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
        }
    }
    if (ret < 0 && !PyErr_Occurred())
        binding_fail(types, ret, path, "");
    free(processes);
    reader_close(&reader);
    return ret;
}

PyObject *
binding_add_status(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "pid", "wait_status", NULL};
    PyObject *path;
    unsigned pid, status;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&II:add_status", names, PyUnicode_FSConverter, &path, &pid,
                                     &status))
        return NULL;
    bool found = false;
    int ret = add_to(binding_types_of(module), PyBytes_AS_STRING(path), pid, status, &found);
    Py_DECREF(path);
    return ret < 0 ? NULL : PyBool_FromLong(found);
}

/* --- why a recording ended ---------------------------------------------- */

/* What the first process that stopped before its end says of it: in META, or where a thread's last chunk ends. */
static struct slice
why_stopped(struct reader *reader)
{
    struct process process = {0};
    for (uint32_t i = reader->event_chunk_count; i < reader->chunk_count && !process.lost.length; i++)
        process_read_meta(&process, reader, i);
    for (uint32_t i = 0; i < reader->stream_count && !process.lost.length; i++) {
        const struct stream *stream = &reader->streams[i];
        process_read_meta(&process, reader, stream->first_chunk + stream->chunk_count - 1);
    }
    return process.lost;
}

PyObject *
binding_why_stopped(PyObject *module, PyObject *given)
{
    struct reader reader;
    if (open_reader(module, given, &reader) < 0)
        return NULL;
    struct slice lost = why_stopped(&reader);
    unsigned unrecorded = reader.header->unrecorded;
    bool any = reader.chunk_count > 0; /* else the program itself has said so */
    PyObject *reason = NULL;
    if (lost.length || !any || !unrecorded)
        reason = binding_str(lost);
    else
        reason = PyUnicode_FromFormat("no room for %u of its processes, on disk or in memory", unrecorded);
    reader_close(&reader);
    return reason;
}

PyObject *
binding_limit_reached(PyObject *module, PyObject *given)
{
    struct reader reader;
    if (open_reader(module, given, &reader) < 0)
        return NULL;
    const struct flow_bound *bound = reader_bound(&reader);
    bool reached = bound && reader.header->flags & FLOW_FILE_LIMIT && bound->refused;
    reader_close(&reader);
    return PyBool_FromLong(reached);
}
