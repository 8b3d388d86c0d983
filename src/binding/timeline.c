/* timeline.c - show's view over time: its model keeps the pauses that it else only adds up. */
#include "../show/timeline.h"

#include <errno.h>

#include "binding.h"

static PyObject *
draw(const struct binding_types *types, const struct model *model, struct range within,
     const struct show_options *options)
{
    struct text text = {0};
    int ret = 0;
    Py_BEGIN_ALLOW_THREADS
    if (!binding_nothing_left(model, &text))
        ret = show_timeline(&text, model, within, options);
    Py_END_ALLOW_THREADS
    text.failed |= ret < 0 && ret != -ERANGE;
    if (ret != -ERANGE)
        return binding_text_bytes(&text);
    PyObject *sentence = binding_text_str(&text);
    if (sentence)
        PyErr_SetObject(types->error, sentence);
    Py_XDECREF(sentence);
    return NULL;
}

PyObject *
binding_timeline(PyObject *module, PyObject *path, PyObject *filters, const struct show_options *options)
{
    const struct binding_types *types = binding_types_of(module);
    struct reader reader;
    struct model model = {0};
    struct filter filter;
    PyObject *told = NULL;
    if (binding_filter(types, &filter, filters) < 0)
        return NULL;
    struct range within = filter_between(&filter);
    struct model_watcher watcher = {.pauses = PAUSES_FOLDED,
                                    .span_ns = within.high < UINT64_MAX ? within.high - within.low : 0};
    if (binding_load_watched(types, &reader, &model, PyBytes_AS_STRING(path), options->newest, &watcher) == 0) {
        if (binding_select(types, &model, &filter) == 0)
            told = draw(types, &model, within, options);
        model_free(&model);
        reader_close(&reader);
    }
    filter_free(&filter);
    return told;
}
