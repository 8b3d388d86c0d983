/* rewrite.c - traces that are written anew: recovered, and merged. */
#include <errno.h>

#include "../show/show.h"
#include "../trace/combine.h"
#include "../trace/varint.h"
#include "binding.h"

#define DAMAGE_SHOWN 10

/* "recovered" and what is missing, as PROCESS has it. How many bytes; 0 if nothing is missing. */
static size_t
encode_losses(uint8_t *out, size_t room, const struct text *losses)
{
    static const char key[] = "recovered";
    size_t length = losses->length < room ? losses->length : room;
    if (!length)
        return 0;
    uint8_t *p = varint_put(out, sizeof key - 1);
    memcpy(p, key, sizeof key - 1);
    p = varint_put(p + sizeof key - 1, length);
    memcpy(p, losses->data, length);
    return (size_t)(p - out) + length;
}

/* 0 or -errno; -EINVAL with a message: nothing can be recovered. */
static int
recover(struct reader *reader, const struct repair *repair, const char *path, struct text *told, char *message,
        size_t message_size)
{
    struct losses losses;
    struct text missing = {0};
    uint8_t texts[RECOVER_TEXTS_MAX];
    bool sound;
    int ret = show_damage(told, reader, DAMAGE_SHOWN, &sound);
    if (ret >= 0)
        ret = recover_measure(reader, &losses);
    if (ret >= 0 && !losses.records) {
        snprintf(message, message_size, "no chunk of it can be read");
        ret = -EINVAL;
    }
    if (ret >= 0) {
        show_losses(&missing, reader, repair, &losses);
        size_t length = encode_losses(texts, sizeof texts - 64, &missing);
        ret = recover_write(reader, path, texts, length);
    }
    if (ret >= 0)
        show_recovered(told, reader, repair, &losses);
    text_free(&missing);
    return ret < 0 ? ret : told->failed ? -ENOMEM : 0;
}

PyObject *
binding_recover(PyObject *module, PyObject *args)
{
    PyObject *in, *out;
    struct reader reader;
    struct repair repair;
    struct text told = {0};
    char message[512] = "";
    if (!PyArg_ParseTuple(args, "O&O&:recover", PyUnicode_FSConverter, &in, PyUnicode_FSConverter, &out))
        return NULL;
    int ret;
    bool opened;
    Py_BEGIN_ALLOW_THREADS
    ret = repair_open(&reader, PyBytes_AS_STRING(in), &repair, message, sizeof message);
    opened = ret >= 0;
    if (opened) {
        message[0] = 0;
        ret = recover(&reader, &repair, PyBytes_AS_STRING(out), &told, message, sizeof message);
        reader_close(&reader);
    }
    Py_END_ALLOW_THREADS
    if (ret == -ENOMEM)
        PyErr_NoMemory();
    else if (ret < 0 && (!opened || ret == -EINVAL || ret == -ENODATA))
        PyErr_Format(binding_types_of(module)->error, "nothing in %s can be recovered: %s", PyBytes_AS_STRING(in),
                     message[0] ? message : "it was cut off meanwhile; try again");
    else if (ret < 0) {
        errno = -ret;
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(out));
    }
    Py_DECREF(in);
    Py_DECREF(out);
    if (ret < 0)
        text_free(&told);
    return ret < 0 ? NULL : binding_text_bytes(&told);
}

/* --- merge ---------------------------------------------------------------- */

/* What the first process says of itself: its program and host. */
static PyObject *
start_dict(struct reader *reader, const struct repair *repair)
{
    struct process process = {0};
    uint32_t first = reader->event_chunk_count;
    for (uint32_t i = first; i < reader->chunk_count && reader->chunks[i].process == reader->chunks[first].process; i++)
        process_read_meta(&process, reader, i);
    const struct flow_file_header *header = reader->header;
    PyObject *program = binding_str(process_info(&process, "program"));
    PyObject *host = program ? binding_str(process_info(&process, "host")) : NULL;
    PyObject *dict = NULL;
    if (host)
        dict = Py_BuildValue(
            "{s:K, s:K, s:O, s:O, s:y#, s:O, s:O}", "start_unix_ns", (unsigned long long)header->start_unix_ns,
            "start_mono_ns", (unsigned long long)header->start_mono_ns, "time",
            header->clock == FLOW_CLOCK_NONE ? Py_False : Py_True, "values",
            header->flags & FLOW_FILE_NO_VALUES ? Py_False : Py_True, "trace_id", (const char *)header->trace_id,
            (Py_ssize_t)(repair->start_unknown ? 0 : sizeof header->trace_id), "program", program, "host", host);
    Py_XDECREF(program);
    Py_XDECREF(host);
    return dict;
}

PyObject *
binding_trace_start(PyObject *module, PyObject *given)
{
    PyObject *path;
    struct reader reader;
    struct repair repair;
    char message[512] = "";
    if (!PyUnicode_FSConverter(given, &path))
        return NULL;
    int ret = repair_open(&reader, PyBytes_AS_STRING(path), &repair, message, sizeof message);
    if (ret < 0)
        binding_fail(binding_types_of(module), message[0] && ret != -ENOMEM ? -EINVAL : ret, PyBytes_AS_STRING(path),
                     message);
    Py_DECREF(path);
    if (ret < 0)
        return NULL;
    PyObject *dict = start_dict(&reader, &repair);
    reader_close(&reader);
    return dict;
}

/* What is wrong with one of them is told; 0 or -errno. */
static int
add_run(struct combine *combine, const char *path, struct combine_run *run, struct text *told, bool *sound)
{
    struct reader reader;
    struct repair repair;
    struct losses losses;
    struct text missing = {0};
    uint8_t texts[RECOVER_TEXTS_MAX];
    char message[512];
    int ret = repair_open(&reader, path, &repair, message, sizeof message);
    if (ret < 0)
        return ret;
    ret = show_damage(told, &reader, DAMAGE_SHOWN, sound);
    *sound &= !repair.rebuilt;
    if (ret >= 0)
        ret = recover_measure(&reader, &losses);
    if (ret >= 0) {
        show_losses(&missing, &reader, &repair, &losses);
        run->texts = texts;
        run->text_length = encode_losses(texts, sizeof texts - 64, &missing);
        ret = combine_add(combine, &reader, run);
    }
    text_free(&missing);
    reader_close(&reader);
    return ret < 0 ? ret : told->failed ? -ENOMEM : 0;
}

/* Appends (text, sound) to `list`. */
static int
add_input(struct combine *combine, PyObject *input, PyObject *list)
{
    PyObject *path;
    struct combine_run run = {0};
    unsigned long long start;
    if (!PyArg_ParseTuple(input, "O&ssK:merge", PyUnicode_FSConverter, &path, &run.name, &run.clock, &start))
        return -1;
    run.start_ns = start;
    struct text told = {0};
    bool sound = true;
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = add_run(combine, PyBytes_AS_STRING(path), &run, &told, &sound);
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    PyObject *text = ret < 0 ? NULL : binding_text_bytes(&told);
    PyObject *pair = text ? Py_BuildValue("(NO)", text, sound ? Py_True : Py_False) : NULL;
    if (ret < 0)
        text_free(&told);
    if (ret < 0) {
        errno = -ret;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    int added = pair ? PyList_Append(list, pair) : -1;
    Py_XDECREF(pair);
    return added;
}

PyObject *
binding_merge(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *path, *inputs;
    int time, values;
    unsigned long long start_mono, start_unix;
    if (!PyArg_ParseTuple(args, "O&O!ppKK:merge", PyUnicode_FSConverter, &path, &PyList_Type, &inputs, &time, &values,
                          &start_mono, &start_unix))
        return NULL;
    struct combine_settings settings = {
        .time = time, .values = values, .start_mono_ns = start_mono, .start_unix_ns = start_unix};
    struct combine combine;
    PyObject *list = PyList_New(0);
    int ret = list ? combine_open(&combine, PyBytes_AS_STRING(path), &settings) : -ENOMEM;
    bool opened = ret == 0;
    for (Py_ssize_t i = 0; opened && list && i < PyList_GET_SIZE(inputs); i++)
        if (add_input(&combine, PyList_GET_ITEM(inputs, i), list) < 0)
            Py_CLEAR(list);
    if (opened && list)
        ret = combine_close(&combine);
    if (opened)
        combine_drop(&combine);
    if (list && ret < 0) {
        errno = -ret;
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(path));
        Py_CLEAR(list);
    }
    Py_DECREF(path);
    return list;
}
