/* diff.c - two traces compared, as text. */
#include <errno.h>
#include <stdlib.h>

#include "../model/glob.h"
#include "../show/html.h"
#include "binding.h"

/* The texts of a list of str, which keeps them. -1 with an exception set. */
static int
read_names(const struct binding_types *types, PyObject *list, struct names *out, const char ***patterns, bool **used)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    *patterns = calloc((size_t)count + 1, sizeof **patterns);
    *used = calloc((size_t)count + 1, sizeof **used);
    if (!*patterns || !*used) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyList_GET_ITEM(list, i); /* Borrowed */
        if (!((*patterns)[i] = PyUnicode_AsUTF8(item)))
            return -1;
        size_t fault = glob_fault((*patterns)[i]);
        if (fault) {
            PyErr_Format(types->error, "--ignore %U: nothing closes the [ at character %u; [[] stands for one itself",
                         item, glob_fault_character((*patterns)[i], fault));
            return -1;
        }
    }
    *out = (struct names){*patterns, *used, (uint32_t)count};
    return 0;
}

/* Can the times be compared that were asked for? Else FlowTraceError. */
static bool
check_times(const struct binding_types *types, const struct show_diff_options *options, const struct model models[2])
{
    const char *names[] = {options->name_a, options->name_b};
    for (int i = 0; i < 2 && options->time; i++) {
        const struct flow_file_header *header = models[i].reader->header;
        if (header->clock != FLOW_CLOCK_NONE && !(header->flags & FLOW_FILE_NO_TIME))
            continue;
        PyErr_Format(types->error, "--time can't be asked of %s: it was recorded with --no-time", names[i]);
        return false;
    }
    return true;
}

/* (text, the same?), or with `html` (text, the same?, the tree) */
static PyObject *
told(struct text *text, struct text *tree, bool same, bool html)
{
    text->failed |= tree->failed;
    PyObject *bytes = binding_text_bytes(text);
    PyObject *markup = bytes && html ? binding_text_str(tree) : NULL;
    text_free(tree);
    if (!bytes || (html && !markup)) {
        Py_XDECREF(bytes);
        return NULL;
    }
    return html ? Py_BuildValue("(NNN)", bytes, PyBool_FromLong(same), markup)
                : Py_BuildValue("(NN)", bytes, PyBool_FromLong(same));
}

static PyObject *
compare(const struct binding_types *types, const struct show_options *show, const struct show_diff_options *options,
        PyObject *filters, bool html)
{
    struct reader readers[2];
    struct model models[2];
    struct text text = {0}, tree = {0};
    bool same = false;
    if (binding_load_filtered(types, &readers[0], &models[0], options->name_a, 0, filters) < 0)
        return NULL;
    int ret = binding_load_filtered(types, &readers[1], &models[1], options->name_b, 0, filters);
    bool timed = ret == 0 && check_times(types, options, models);
    Py_BEGIN_ALLOW_THREADS
    if (ret == 0) {
        if (timed && html)
            text.failed |= html_diff(&text, &tree, &models[0], &models[1], show, options, &same) < 0;
        else if (timed)
            text.failed |= show_diff(&text, &models[0], &models[1], show, options, &same) < 0;
        model_free(&models[1]);
        reader_close(&readers[1]);
    }
    model_free(&models[0]);
    reader_close(&readers[0]);
    Py_END_ALLOW_THREADS
    return ret < 0 || !timed ? NULL : told(&text, &tree, same, html);
}

PyObject *
binding_diff(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"path_a", "path_b", "lines",   "width", "color", "ascii",
                            "values", "ignore", "filters", "html",  "time",  NULL};
    const struct binding_types *types = binding_types_of(module);
    PyObject *path_a = NULL, *path_b = NULL, *ignore = NULL, *filters = NULL, *result = NULL;
    int color = 0, ascii = 0, values = 1, html = 0, time = 0;
    struct show_options show = {.lines = 200, .width = 100, .exceptions = 0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|$IIpppO!Opp:diff", words, PyUnicode_FSConverter, &path_a,
                                     PyUnicode_FSConverter, &path_b, &show.lines, &show.width, &color, &ascii, &values,
                                     &PyList_Type, &ignore, &filters, &html, &time))
        return NULL;
    struct show_diff_options options = {
        .name_a = PyBytes_AS_STRING(path_a), .name_b = PyBytes_AS_STRING(path_b), .values = values, .time = time};
    const char **patterns = NULL;
    bool *used = NULL;
    show.hints = html ? &show_hints_diff : NULL;
    show.color = color;
    show.ascii = ascii;
    if (!ignore || read_names(types, ignore, &options.ignored, &patterns, &used) == 0)
        result = compare(types, &show, &options, filters, html);
    free((void *)patterns);
    free(used);
    Py_DECREF(path_a);
    Py_DECREF(path_b);
    return result;
}
