/* reports.c - the views that sum a trace up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/filter.h"
#include "../show/graph_view.h"
#include "../show/report.h"
#include "tell.h"

/* --- report ------------------------------------------------------------- */

/* The index of `name` among `names`, which end with NULL; -1 with ValueError. */
static int
choose(const char *what, const char *name, const char *const *names)
{
    PyObject *list = PyUnicode_FromString("");
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            Py_XDECREF(list);
            return i;
        }
        if (list)
            Py_SETREF(list, PyUnicode_FromFormat(i ? "%U, %s" : "%U%s", list, names[i]));
    }
    if (list)
        PyErr_Format(PyExc_ValueError, "%s '%s'; there are %U", what, name, list);
    Py_XDECREF(list);
    return -1;
}

static int
check_column(const struct report_options *options)
{
    const char *names[32];
    uint32_t count;
    const struct report_column *columns = report_columns(options->by, &count);
    for (uint32_t i = 0; i < count; i++)
        names[i] = columns[i].name;
    names[count] = NULL;
    return options->sort && choose("--sort: no column", options->sort, names) < 0 ? -1 : 0;
}

static int
read_names(struct report_options *options, const char *by, const char *format)
{
    static const char *const groups[] = {"function", "file", "module", "track", "exception", NULL};
    static const char *const formats[] = {"text", "csv", "json", NULL};
    int group = choose("--by: no grouping", by, groups);
    int written = group < 0 ? -1 : choose("no format", format, formats);
    if (written < 0)
        return -1;
    options->by = (enum report_by)group;
    options->format = (enum report_format)written;
    return check_column(options);
}

static int
tell_report(struct text *out, const struct model *model, void *context)
{
    return show_report(out, model, context);
}

PyObject *
binding_report(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path",  "by",    "sort",  "reverse", "limit",   "format", "time",
                            "width", "color", "ascii", "newest",  "filters", NULL};
    PyObject *path, *filters = NULL;
    const char *by = "function", *format = "text";
    int reverse = 0, time = 1, color = 0, ascii = 0;
    struct report_options options = {.limit = 40, .show = {.width = 100, .newest = BINDING_NEWEST}};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$szpIspIppKO:report", names, PyUnicode_FSConverter, &path, &by,
                                     &options.sort, &reverse, &options.limit, &format, &time, &options.show.width,
                                     &color, &ascii, &options.show.newest, &filters))
        return NULL;
    options.reverse = reverse;
    options.show.time = time;
    options.show.color = color;
    options.show.ascii = ascii;
    PyObject *told = NULL;
    if (read_names(&options, by, format) == 0)
        told = binding_tell(module, path, options.show.newest, filters,
                            &(struct binding_view){.tell = tell_report,
                                                   .context = &options,
                                                   .tells_nothing = options.format != REPORT_TEXT});
    Py_DECREF(path);
    return told;
}

/* --- graph -------------------------------------------------------------- */

/* Marks the code of all functions of that name; a name that none has is a FlowTraceError. 0 or -1. */
static int
find_functions(const struct binding_types *types, const struct model *model, const char *name, bool *wanted)
{
    struct filter filter = {0};
    struct filter_names names = {0};
    struct text sentence = {0};
    int ret = filter_add(&filter, "--function", name, &sentence);
    if (ret == 0) {
        ret = filter_names_find(&names, &filter, model, &sentence);
        for (uint32_t i = 0; ret == 0 && i < model->reader->code_count; i++)
            wanted[i] = names.codes[i] & CODE_FUNCTION;
        filter_names_free(&names);
    }
    filter_free(&filter);
    PyObject *message = ret == 0 ? NULL : ret == -ENOMEM ? PyErr_NoMemory() : binding_text_str(&sentence);
    if (message)
        PyErr_SetObject(types->error, message);
    Py_XDECREF(message);
    text_free(&sentence);
    return ret < 0 ? -1 : 0;
}

struct drawing {
    const char *function; /* NULL: all */
    bool *wanted;         /* Owned */
    struct graph_options *options;
};

static int
prepare_graph(const struct binding_types *types, struct reader *reader, struct model *model, struct text *out,
              void *context)
{
    struct drawing *drawing = context;
    (void)out;
    if (!drawing->function)
        return 0;
    drawing->options->wanted = drawing->wanted = calloc((size_t)reader->code_count + 1, sizeof *drawing->wanted);
    if (drawing->wanted)
        return find_functions(types, model, drawing->function, drawing->wanted);
    PyErr_NoMemory();
    return -1;
}

static int
draw(struct text *out, const struct model *model, void *context)
{
    return show_graph(out, model, ((struct drawing *)context)->options);
}

PyObject *
binding_graph(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path",  "function", "lines",  "depth",   "time", "width",
                            "color", "ascii",    "newest", "filters", NULL};
    PyObject *path, *name = NULL, *given = Py_None, *filters = NULL;
    int time = 1, color = 0, ascii = 0;
    struct graph_options options = {.show = {.lines = 200, .width = 100, .newest = BINDING_NEWEST}};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$OIIpIppKO:graph", names, PyUnicode_FSConverter, &path, &given,
                                     &options.show.lines, &options.depth, &time, &options.show.width, &color, &ascii,
                                     &options.show.newest, &filters))
        return NULL;
    options.show.time = time;
    options.show.color = color;
    options.show.ascii = ascii;
    PyObject *result = NULL;
    if (given == Py_None || PyUnicode_FSConverter(given, &name)) {
        struct drawing drawing = {.function = name ? PyBytes_AS_STRING(name) : NULL, .options = &options};
        result = binding_tell(module, path, options.show.newest, filters,
                              &(struct binding_view){.prepare = prepare_graph, .tell = draw, .context = &drawing});
        free(drawing.wanted);
    }
    Py_XDECREF(name);
    Py_DECREF(path);
    return result;
}
