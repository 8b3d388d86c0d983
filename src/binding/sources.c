/* sources.c - the files that functions come from: their hashes, made when a program has ended, and Trace.sources. */
#include "../model/sources.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/writer.h"
#include "binding.h"

/* --- hashes --------------------------------------------------------------- */

/* What META chunks say, and no more. 0 or -ENOMEM. */
static int
read_sources(struct model *model, struct reader *reader)
{
    int ret = 0;
    *model = (struct model){.reader = reader};
    for (uint32_t i = reader->event_chunk_count; ret >= 0 && i < reader->chunk_count; i++)
        ret = model_read_sources(model, i);
    model_sort_sources(model);
    return ret < 0 ? ret : 0;
}

int
binding_hash_sources(struct trace_file *file, struct reader *reader, uint32_t process, uint32_t pid,
                     const uint8_t *records, size_t length)
{
    enum { CHUNKS_MAX = 32 };
    size_t room = FLOW_UNIT_SIZE - sizeof(struct flow_chunk_header);
    uint8_t *all = malloc(room);
    struct model model = {0};
    uint32_t next = 0;
    int ret = all && length <= room ? read_sources(&model, reader) : -ENOMEM;
    if (ret < 0) { /* they are worth more than hashes */
        free(model.sources);
        free(all);
        return length ? trace_file_add_meta(file, process, pid, records, length) : ret;
    }
    if (length)
        memcpy(all, records, length);
    for (int i = 0; ret == 0 && i < (file->bound ? 1 : CHUNKS_MAX); i++) {
        uint8_t *end = sources_put_hashes(&model, &next, all + length, all + room);
        if (end == all) /* no more, or one that fits no chunk */
            break;
        ret = trace_file_add_meta(file, process, pid, all, (size_t)(end - all));
        length = 0;
    }
    free(model.sources);
    free(all);
    return ret;
}

static int
hash_sources(const char *path)
{
    struct reader reader;
    struct trace_file *file;
    char message[512] = "";
    int ret = reader_open(&reader, path, message, sizeof message);
    if (ret < 0)
        return ret;
    const struct flow_chunk_header *first = NULL; /* what the first process says */
    for (uint32_t i = reader.event_chunk_count; i < reader.chunk_count; i++)
        if (!first || reader.chunks[i].header->process < first->process)
            first = reader.chunks[i].header;
    if (first && (ret = trace_file_join(&file, path)) == 0) {
        ret = binding_hash_sources(file, &reader, first->process, first->pid, NULL, 0);
        trace_file_close(file);
    }
    reader_close(&reader);
    return ret;
}

void
binding_hash_quietly(const char *path)
{
    (void)!hash_sources(path);
}

PyObject *
binding_hash(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *path;
    if (!PyUnicode_FSConverter(given, &path))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    binding_hash_quietly(PyBytes_AS_STRING(path));
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    Py_RETURN_NONE;
}

/* --- Trace.sources ---------------------------------------------------------- */

static PyObject *
hex_of(struct slice hash)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * SHA1_SIZE];
    if (hash.length != SHA1_SIZE)
        return Py_NewRef(Py_None);
    for (size_t i = 0; i < SHA1_SIZE; i++) {
        text[2 * i] = digits[(uint8_t)hash.data[i] >> 4];
        text[2 * i + 1] = digits[(uint8_t)hash.data[i] & 15];
    }
    return PyUnicode_FromStringAndSize(text, sizeof text);
}

static PyObject *
source_dict(const struct model *model, const struct source *source)
{
    static const char *const states[] = {
        [SOURCE_SAME] = "same", [SOURCE_CHANGED] = "changed",     [SOURCE_TOUCHED] = "touched",
        [SOURCE_GONE] = "gone", [SOURCE_ELSEWHERE] = "elsewhere",
    };
    enum source_state state;
    Py_BEGIN_ALLOW_THREADS
    state = source_look(model, source);
    Py_END_ALLOW_THREADS
    PyObject *file = binding_str(source->file);
    PyObject *path = file ? binding_str(source_path(source)) : NULL;
    PyObject *hash = path ? hex_of(source->hash) : NULL;
    PyObject *dict = hash ? Py_BuildValue("{s:O, s:O, s:K, s:L, s:O, s:s}", "file", file, "path", path, "size",
                                          (unsigned long long)source->size, "mtime_ns", (long long)source->mtime_ns,
                                          "hash", hash, "state", states[state])
                          : NULL;
    Py_XDECREF(hash);
    Py_XDECREF(path);
    Py_XDECREF(file);
    return dict;
}

PyObject *
binding_sources(const struct model *model)
{
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < model->source_count; i++) {
        if (!model->sources[i].used)
            continue;
        PyObject *dict = source_dict(model, &model->sources[i]);
        if (!dict || PyList_Append(list, dict) < 0)
            Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    return list;
}
