/* exception_info.c - parts of an ExceptionInfo that are lists: its notes, what is in a group, its journeys. */
#include "../model/detail.h"
#include "binding.h"

/* Steals `item`. */
static PyObject *
append(PyObject *list, PyObject *item)
{
    if (!item || PyList_Append(list, item) < 0)
        Py_CLEAR(list);
    Py_XDECREF(item);
    return list;
}

static PyObject *
list_of_texts(struct detail_list texts)
{
    PyObject *list = PyList_New(0);
    for (struct slice text; list && detail_next_text(&texts, &text);)
        list = append(list, binding_str(text));
    return list;
}

PyObject *
binding_exception_notes(const struct exception *exception)
{
    return list_of_texts(detail_notes(exception));
}

PyObject *
binding_exception_files(const struct exception *exception)
{
    return list_of_texts(detail_files(exception));
}

PyObject *
binding_exception_leaves(const struct exception *exception)
{
    PyObject *list = PyList_New(0);
    struct detail_list leaves = detail_leaves(exception);
    for (struct leaf leaf; list && detail_next_leaf(&leaves, &leaf);)
        list = append(list, Py_BuildValue("(NN)", binding_str(leaf.type), binding_str(leaf.message)));
    return list;
}

static PyObject *
append_path(PyObject *path, struct trace *trace, const struct leg *leg)
{
    const struct model *model = &trace->model;
    const struct call *calls = model->calls;
    uint32_t index = call_exception(model, &calls[leg->first_call]);
    uint32_t call = leg->first_call;
    for (uint32_t i = 0; path && i < leg->calls_left && call != MODEL_NONE; i++) {
        if (call_exception(model, &calls[call]) != index)
            break;
        path = append(path, binding_call(trace, call));
        call = calls[call].parent;
    }
    return path;
}

static bool
first_leg(const struct model *model, const struct exception *exception, struct leg *out)
{
    return exception->calls_left > 0 && exception_leg_at(model, exception, exception->first_call, out);
}

PyObject *
binding_exception_path(struct trace *trace, const struct exception *exception)
{
    PyObject *path = PyList_New(0);
    struct leg leg;
    for (bool more = first_leg(&trace->model, exception, &leg); path && more;) {
        path = append_path(path, trace, &leg);
        more = leg.next != MODEL_NONE;
        if (more)
            leg = trace->model.legs[leg.next];
    }
    return path;
}

PyObject *
binding_exception_journeys(struct trace *trace, const struct exception *exception)
{
    PyObject *journeys = PyList_New(0);
    struct leg leg;
    for (bool more = first_leg(&trace->model, exception, &leg); journeys && more;) {
        PyObject *path = leg.calls_left ? PyList_New(0) : NULL;
        if (leg.calls_left)
            journeys = append(journeys, path ? append_path(path, trace, &leg) : NULL);
        more = leg.next != MODEL_NONE;
        if (more)
            leg = trace->model.legs[leg.next];
    }
    return journeys;
}

PyObject *
binding_exception_qualified_type(const struct exception *exception)
{
    PyObject *name = binding_str(exception->qualname.length ? exception->qualname : exception->type);
    if (!name || !exception->module.length || slice_is(exception->module, "builtins"))
        return name;
    PyObject *module = binding_str(exception->module);
    PyObject *result = module ? PyUnicode_FromFormat("%U.%U", module, name) : NULL;
    Py_XDECREF(module);
    Py_DECREF(name);
    return result;
}

PyObject *
binding_exception_meaning(const struct exception *exception)
{
    static const char *const names[] = {"error", "end", "close", "exit", "interrupt", "cancel"};
    return PyUnicode_FromString(names[exception->meaning <= FLOW_EXCEPTION_CANCEL ? exception->meaning : 0]);
}

PyObject *
binding_exception_cause_kind(const struct exception *exception)
{
    static const char *const names[] = {NULL, "cause", "context", "suppressed"};
    const char *name = names[exception->cause_kind <= FLOW_CAUSE_SUPPRESSED ? exception->cause_kind : 0];
    return name ? PyUnicode_FromString(name) : Py_NewRef(Py_None);
}
