/* find.c - calls one by one, as lines of text. */
#include "../show/find.h"
#include "binding.h"

/* What the filters leave is listed, or the way of `produced` through it, unless that is NULL. */
static PyObject *
list(PyObject *module, PyObject *path, PyObject *filters, const char *produced, const struct show_options *options)
{
    struct reader reader;
    struct model model;
    struct text text = {0};
    uint32_t found = 0;
    if (binding_load_filtered(binding_types_of(module), &reader, &model, PyBytes_AS_STRING(path), options->newest,
                              filters)
        < 0)
        return NULL;
    uint32_t whole = model.whole_count ? model.whole_count : model.call_count;
    int ret;
    Py_BEGIN_ALLOW_THREADS
    if (produced) {
        struct value_pattern value = value_pattern(produced + (*produced == '~'), *produced == '~');
        ret = find_print_path(&text, &model, options, &value, &found);
    }
    else {
        ret = find_print(&text, &model, options, &found);
    }
    text.failed |= ret < 0;
    model_free(&model);
    reader_close(&reader);
    Py_END_ALLOW_THREADS
    PyObject *told = binding_text_bytes(&text);
    return told ? Py_BuildValue("(NII)", told, found, whole) : NULL;
}

PyObject *
binding_find(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "limit",  "width",   "color",    "ascii",  "arguments", "results",
                            "time", "newest", "filters", "produced", "fields", NULL};
    PyObject *path, *filters = NULL, *produced = NULL;
    const char *fields = "";
    int color = 0, ascii = 0, arguments = 1, results = 1, time = 1;
    struct show_options options = {.lines = 100, .width = 100, .newest = BINDING_NEWEST};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$IIpppppKOOs:find", names, PyUnicode_FSConverter, &path,
                                     &options.lines, &options.width, &color, &ascii, &arguments, &results, &time,
                                     &options.newest, &filters, &produced, &fields))
        return NULL;
    options.color = color;
    options.ascii = ascii;
    options.arguments = arguments;
    options.results = results;
    options.time = time;
    if (binding_fields(fields, &options) < 0) {
        Py_DECREF(path);
        return NULL;
    }
    bool wanted = produced && produced != Py_None;
    PyObject *value = wanted ? PyUnicode_AsEncodedString(produced, "utf-8", "surrogateescape") : NULL;
    PyObject *result = wanted && !value
                           ? NULL
                           : list(module, path, filters, value ? PyBytes_AS_STRING(value) : NULL, &options);
    Py_XDECREF(value);
    Py_DECREF(path);
    return result;
}
