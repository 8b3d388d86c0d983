/* filters.c - the conditions of a verb's command line, and the model that they leave. */
#include <errno.h>

#include "../model/select.h"
#include "binding.h"

/* Raises FlowTraceError with the sentence, or MemoryError. */
static int
fail(const struct binding_types *types, int error, struct text *sentence)
{
    PyObject *message = error == -ENOMEM ? PyErr_NoMemory() : binding_text_str(sentence);
    if (message) {
        PyErr_SetObject(types->error, message);
        Py_DECREF(message);
    }
    return -1;
}

/* An option's name and its text, which may hold bytes that are no UTF-8, as the command line had them. */
static int
add(const struct binding_types *types, struct filter *filter, PyObject *given)
{
    PyObject *option, *text;
    struct text sentence = {0};
    if (!PyArg_ParseTuple(given, "UU;filters are tuples of an option and its text", &option, &text))
        return -1;
    PyObject *name = PyUnicode_AsUTF8String(option);
    PyObject *bytes = name ? PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape") : NULL;
    char *string;
    int ret = bytes ? PyBytes_AsStringAndSize(bytes, &string, NULL) : -1;
    if (ret == 0 && (ret = filter_add(filter, PyBytes_AS_STRING(name), string, &sentence)) < 0)
        ret = fail(types, ret, &sentence);
    text_free(&sentence);
    Py_XDECREF(bytes);
    Py_XDECREF(name);
    return ret;
}

int
binding_filter(const struct binding_types *types, struct filter *out, PyObject *filters)
{
    *out = (struct filter){0};
    if (!filters || filters == Py_None)
        return 0;
    PyObject *list = PySequence_Fast(filters, "filters must be a list of tuples");
    int ret = list ? 0 : -1;
    for (Py_ssize_t i = 0; ret == 0 && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *given = PySequence_Fast_GET_ITEM(list, i); /* Borrowed */
        ret = PyTuple_Check(given) ? add(types, out, given) : -1;
        if (ret < 0 && !PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "filters must be a list of tuples");
    }
    Py_XDECREF(list);
    if (ret < 0)
        filter_free(out);
    return ret;
}

int
binding_select(const struct binding_types *types, struct model *model, const struct filter *filter)
{
    struct text sentence = {0};
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = model_select(model, filter, &sentence);
    Py_END_ALLOW_THREADS
    if (ret < 0)
        fail(types, ret, &sentence);
    text_free(&sentence);
    return ret < 0 ? -1 : 0;
}

int
binding_load_filtered(const struct binding_types *types, struct reader *reader, struct model *model, const char *path,
                      uint64_t newest, PyObject *filters)
{
    return binding_load_filtered_watched(types, reader, model, path, newest, filters, &(struct model_watcher){0});
}

int
binding_load_filtered_watched(const struct binding_types *types, struct reader *reader, struct model *model,
                              const char *path, uint64_t newest, PyObject *filters, struct model_watcher *watcher)
{
    struct filter filter;
    if (binding_filter(types, &filter, filters) < 0)
        return -1;
    int ret = binding_load_watched(types, reader, model, path, newest, watcher);
    if (ret == 0 && (ret = binding_select(types, model, &filter)) < 0) {
        model_free(model);
        reader_close(reader);
    }
    filter_free(&filter);
    return ret;
}

bool
binding_nothing_left(const struct model *model, struct text *out)
{
    if (model->call_count || !model->whole_count)
        return false;
    text_format(out, "The filters leave none of %u calls.\n", model->whole_count);
    return true;
}
