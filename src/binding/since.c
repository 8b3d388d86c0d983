/* since.c - what a program that is being recorded has done since somebody last asked. */
#include <errno.h>
#include <stdio.h>

#include "../show/show.h"
#include "binding.h"

/* The time of the last event of all. */
static uint64_t
last_of(const struct model *model)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < model->track_count; i++)
        last = model->tracks[i].last_ns > last ? model->tracks[i].last_ns : last;
    return last;
}

/* Leaves the calls that ran between these times. 0, or -1 with an exception set. */
static int
leave_between(const struct binding_types *types, struct model *model, uint64_t from, uint64_t to)
{
    struct filter filter = {0};
    struct text sentence = {0};
    char range[64];
    snprintf(range, sizeof range, "%lluns..%lluns", (unsigned long long)from, (unsigned long long)to);
    int ret = filter_add(&filter, "--between", range, &sentence);
    if (ret < 0)
        binding_fail(types, ret, "", "a range of time");
    else
        ret = binding_select(types, model, &filter);
    filter_free(&filter);
    text_free(&sentence);
    return ret < 0 ? -1 : 0;
}

static int
tell(const struct binding_types *types, struct model *model, struct text *text, struct show_options *options)
{
    int ret = 0;
    if (options->live_to_ns <= options->live_from_ns || !model->call_count)
        return 0;
    if (leave_between(types, model, options->live_from_ns + 1, options->live_to_ns) < 0)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    if (model->call_count)
        ret = show_tree(text, model, options);
    Py_END_ALLOW_THREADS
    text->failed |= ret < 0;
    return 0;
}

PyObject *
binding_show_since(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path",  "since",     "lines",   "width",  "color", "ascii",
                            "links", "arguments", "results", "newest", NULL};
    const struct binding_types *types = binding_types_of(module);
    PyObject *path;
    int color = 0, ascii = 0, links = 0, arguments = 1, results = 1;
    unsigned long long since;
    struct show_options options = {.lines = 16, .width = 100, .time = true, .newest = 200000, .exceptions = 8};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&K|$IIpppppK:show_since", names, PyUnicode_FSConverter, &path,
                                     &since, &options.lines, &options.width, &color, &ascii, &links, &arguments,
                                     &results, &options.newest))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    options.links = links;
    options.arguments = arguments;
    options.results = results;
    struct reader reader;
    struct model model;
    struct text text = {0};
    int ret = binding_load(types, &reader, &model, PyBytes_AS_STRING(path), options.newest);
    Py_DECREF(path);
    if (ret < 0)
        return NULL;
    options.live_from_ns = since;
    options.live_to_ns = last_of(&model);
    ret = tell(types, &model, &text, &options);
    model_free(&model);
    reader_close(&reader);
    if (ret < 0) {
        text_free(&text);
        return NULL;
    }
    PyObject *told = binding_text_bytes(&text);
    return told ? Py_BuildValue("(KN)", (unsigned long long)options.live_to_ns, told) : NULL;
}
