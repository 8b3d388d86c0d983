/* find.c - calls one by one, as lines of text. */
#include "../show/find.h"
#include "tell.h"

struct search {
    const struct show_options *options;
    const char *produced; /* NULL: what the filters leave is listed, else the way of this value through it */
    uint32_t found, whole;
};

static int
list(struct text *out, const struct model *model, void *context)
{
    struct search *search = context;
    search->whole = model->whole_count ? model->whole_count : model->call_count;
    if (!search->produced)
        return find_print(out, model, search->options, &search->found);
    bool part = *search->produced == '~';
    struct value_pattern value = value_pattern(search->produced + part, part);
    return find_print_path(out, model, search->options, &value, &search->found);
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
    struct search search = {.options = &options, .produced = value ? PyBytes_AS_STRING(value) : NULL};
    PyObject *told = NULL;
    if (!wanted || value)
        told = binding_tell(module, path, options.newest, filters,
                            &(struct binding_view){.tell = list, .context = &search, .tells_nothing = true});
    Py_XDECREF(value);
    Py_DECREF(path);
    return told ? Py_BuildValue("(NII)", told, search.found, search.whole) : NULL;
}
