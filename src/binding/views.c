/* views.c - traces as text, and what is said about a process after its end. */
#include <errno.h>

#include "../show/show.h"
#include "../trace/varint.h"
#include "../trace/writer.h"
#include "binding.h"

/* --- what all files here use -------------------------------------------- */

void *
binding_fail(const struct binding_types *types, int error, const char *path, const char *message)
{
    if (error == -ENOMEM)
        PyErr_NoMemory();
    else if (error == -EINVAL && message[0])
        PyErr_Format(types->error, "%s: %s", path, message);
    else
        PyErr_Format(types->error, "can't read %s: %s", path, strerror(-error));
    return NULL;
}

int
binding_load(const struct binding_types *types, struct reader *reader, struct model *model, const char *path)
{
    char message[512] = "";
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = reader_open(reader, path, message, sizeof message);
    if (ret == 0 && (ret = model_build(model, reader)) < 0)
        reader_close(reader);
    Py_END_ALLOW_THREADS
    if (ret < 0)
        binding_fail(types, ret, path, message);
    return ret < 0 ? -1 : 0;
}

PyObject *
binding_str(struct slice slice)
{
    return PyUnicode_DecodeUTF8(slice.data, (Py_ssize_t)slice.length, "replace");
}

PyObject *
binding_text_str(struct text *text)
{
    PyObject *result = text->failed ? PyErr_NoMemory()
                                    : binding_str((struct slice){text->data ? text->data : "", text->length});
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

static PyObject *
print_view(PyObject *module, PyObject *path, view_function *view, const struct show_options *options)
{
    struct reader reader;
    struct model model;
    struct text text = {0};
    if (binding_load(binding_types_of(module), &reader, &model, PyBytes_AS_STRING(path)) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (view(&text, &model, options) < 0)
        text.failed = true;
    model_free(&model);
    reader_close(&reader);
    Py_END_ALLOW_THREADS
    return binding_text_bytes(&text);
}

PyObject *
binding_show(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path",      "lines",   "width", "color",      "ascii",
                            "arguments", "results", "time",  "exceptions", NULL};
    PyObject *path;
    int color = 0, ascii = 0, arguments = 1, results = 1, time = 1;
    struct show_options options = {.lines = 200, .width = 100, .exceptions = 8};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$IIpppppI:show", names, PyUnicode_FSConverter, &path,
                                     &options.lines, &options.width, &color, &ascii, &arguments, &results, &time,
                                     &options.exceptions))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    options.arguments = arguments;
    options.results = results;
    options.time = time;
    PyObject *result = print_view(module, path, show_tree, &options);
    Py_DECREF(path);
    return result;
}

PyObject *
binding_info(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "width", "color", "ascii", NULL};
    PyObject *path;
    int color = 0, ascii = 0;
    struct show_options options = {.width = 100};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$Ipp:info", names, PyUnicode_FSConverter, &path, &options.width,
                                     &color, &ascii))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    PyObject *result = print_view(module, path, show_info, &options);
    Py_DECREF(path);
    return result;
}

/* --- add_status --------------------------------------------------------- */

/* The number of the process in the trace, 0 if it never joined. */
static int
number_of(const struct binding_types *types, const char *path, uint32_t pid, uint32_t *number)
{
    struct reader reader;
    char message[512] = "";
    int ret = reader_open(&reader, path, message, sizeof message);
    *number = 0;
    if (ret < 0) {
        binding_fail(types, ret, path, message);
        return -1;
    }
    for (uint32_t i = 0; i < reader.chunk_count && !*number; i++)
        if (reader.chunks[i].header->pid == pid)
            *number = reader.chunks[i].process;
    reader_close(&reader);
    return 0;
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
    struct trace_file *file = NULL;
    uint32_t number;
    const struct binding_types *types = binding_types_of(module);
    int ret = number_of(types, PyBytes_AS_STRING(path), pid, &number);
    if (ret == 0 && number && (ret = trace_file_join(&file, PyBytes_AS_STRING(path))) < 0)
        binding_fail(types, ret, PyBytes_AS_STRING(path), "");
    if (file) {
        uint8_t payload[2 * VARINT_MAX], record[8 * VARINT_MAX];
        uint8_t *end = varint_put(varint_put(payload, 2), status);
        uint8_t *p = varint_put(varint_put(record, FLOW_EXTENDED), FLOW_EXTENDED_PROCESS_END);
        p = writer_text(p, (const char *)payload, (size_t)(end - payload));
        ret = trace_file_add_meta(file, number, pid, record, (size_t)(p - record));
        trace_file_close(file);
        if (ret < 0)
            binding_fail(types, ret, PyBytes_AS_STRING(path), "");
    }
    Py_DECREF(path);
    return ret < 0 ? NULL : PyBool_FromLong(number != 0);
}
