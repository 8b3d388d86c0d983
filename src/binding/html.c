/* html.c - traces for notebooks: as HTML, and with their cells by the names that a notebook has for them. */
#include "../show/html.h"

#include <errno.h>

#include "../model/select.h"
#include "item.h"

/* --- cells -------------------------------------------------------------- */

static void
rename_file(struct reader *reader, struct model *model, struct slice file, struct slice name)
{
    for (uint32_t i = 0; i < reader->code_count; i++)
        if (slice_equals(reader->codes[i]->file, file))
            reader->codes[i]->file = name;
    for (uint32_t i = 0; i < model->exception_count; i++)
        if (slice_equals(model->exceptions[i].file, file))
            model->exceptions[i].file = name;
}

static bool
has_statements(const struct reader *reader)
{
    for (uint32_t i = 0; i < reader->code_count; i++)
        if (slice_is(code_module(reader->codes[i]), "__main__") && slice_is(reader->codes[i]->qualname, "<module>"))
            return true;
    return false;
}

/* %timeit makes a function of a statement. */
static void
name_timed(struct reader *reader)
{
    for (uint32_t i = 0; i < reader->code_count; i++)
        if (slice_is(reader->codes[i]->file, "<magic-timeit>")) {
            reader->codes[i]->module = (struct slice){"__main__", 8};
            reader->codes[i]->qualname = (struct slice){"<module>", 8};
        }
}

/* IPython runs each statement of a cell as a module of its own: they say nothing that the notebook doesn't. */
static int
hide_statements(const struct binding_types *types, struct model *model)
{
    struct filter filter = {0};
    struct text sentence = {0};
    uint32_t whole = model->whole_count;
    int ret = filter_add(&filter, "--hide", "__main__.<module>", &sentence);
    if (ret == 0)
        ret = binding_select(types, model, &filter);
    else
        binding_fail(types, ret, "cells", "");
    model->whole_count = whole;
    filter_free(&filter);
    text_free(&sentence);
    return ret;
}

int
binding_name_cells(const struct binding_types *types, struct reader *reader, struct model *model, PyObject *cells)
{
    PyObject *file, *name; /* Borrowed */
    Py_ssize_t at = 0;
    if (!cells || cells == Py_None)
        return 0;
    while (PyDict_Next(cells, &at, &file, &name)) {
        Py_ssize_t file_length, name_length;
        const char *from = PyUnicode_AsUTF8AndSize(file, &file_length);
        const char *to = from ? PyUnicode_AsUTF8AndSize(name, &name_length) : NULL;
        if (!to)
            return -1;
        rename_file(reader, model, (struct slice){from, (size_t)file_length}, (struct slice){to, (size_t)name_length});
    }
    name_timed(reader);
    return has_statements(reader) ? hide_statements(types, model) : 0;
}

bool
binding_nothing_of_cells(const struct model *model, PyObject *cells, struct text *out)
{
    if (!cells || cells == Py_None || model->call_count || !model->process_count || model->processes[0].lost.length)
        return false;
    text_string(out, "No call of the notebook's own code was recorded. Its own are its cells, and modules beside it or "
                     "in its\nproject; %%flowtrace --include NAME takes an installed package in.\n");
    return true;
}

/* --- _core.html() --------------------------------------------------------- */

static PyObject *
html_of_nothing(struct text *sentence)
{
    struct text text = {0};
    html_note(&text, sentence);
    text.failed |= sentence->failed;
    text_free(sentence);
    return binding_text_str(&text);
}

/* The story, or, unless that is MODEL_NONE, all of `call`. */
static PyObject *
html_str(const struct model *model, uint32_t call, const struct html_options *options)
{
    struct text text = {0};
    int ret;
    Py_BEGIN_ALLOW_THREADS
    ret = call == MODEL_NONE ? html_story(&text, model, options) : html_call(&text, model, call, options);
    Py_END_ALLOW_THREADS
    text.failed |= ret < 0;
    return binding_text_str(&text);
}

PyObject *
binding_html(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "lines", "opened", "arguments", "results", "time", "cells", NULL};
    const struct binding_types *types = binding_types_of(module);
    PyObject *path, *cells = NULL, *told = NULL;
    int arguments = 1, results = 1, time = 1;
    struct html_options options = {
        .lines = SHOW_LINES_DEFAULT, .opened = HTML_OPENED_DEFAULT, .exceptions = 8, .hints = &show_hints_cell};
    struct reader reader;
    struct model model;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$IIpppO!:html", names, PyUnicode_FSConverter, &path,
                                     &options.lines, &options.opened, &arguments, &results, &time, &PyDict_Type,
                                     &cells))
        return NULL;
    options.arguments = arguments;
    options.results = results;
    options.time = time;
    if (binding_load(types, &reader, &model, PyBytes_AS_STRING(path), BINDING_NEWEST) == 0) {
        struct text nothing = {0};
        if (binding_name_cells(types, &reader, &model, cells) == 0)
            told = binding_nothing_of_cells(&model, cells, &nothing) ? html_of_nothing(&nothing)
                                                                     : html_str(&model, MODEL_NONE, &options);
        model_free(&model);
        reader_close(&reader);
    }
    Py_DECREF(path);
    return told;
}

/* --- Trace and Call ------------------------------------------------------- */

static PyObject *
usual_html(const struct model *model, uint32_t call, const struct show_hints *hints)
{
    struct html_options options = {.arguments = true,
                                   .results = true,
                                   .time = true,
                                   .lines = SHOW_LINES_DEFAULT,
                                   .opened = HTML_OPENED_DEFAULT,
                                   .exceptions = 8,
                                   .sources = call == MODEL_NONE,
                                   .hints = hints};
    return html_str(model, call, &options);
}

PyObject *
binding_trace_html(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return usual_html(&((struct trace *)self)->model, MODEL_NONE, &show_hints_trace);
}

PyObject *
binding_call_html(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return usual_html(MODEL(self), NUMBER(self), &show_hints_call);
}
