/* call_type.c - Call: one activation of a function of a trace. */
#include "item.h"

static const struct call *
call_of(PyObject *self)
{
    return &MODEL(self)->calls[NUMBER(self)];
}

PyObject *
binding_call(struct trace *trace, uint32_t number)
{
    return item_new(trace->types->call, trace, number);
}

static PyObject *
get_number(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(model_call_number(MODEL(self), NUMBER(self)));
}

static PyObject *
get_function(PyObject *self, void *Py_UNUSED(closure))
{
    return item_new(TRACE(self)->types->function, TRACE(self), call_of(self)->code->index);
}

static PyObject *
get_track(PyObject *self, void *Py_UNUSED(closure))
{
    return item_new(TRACE(self)->types->track, TRACE(self), call_of(self)->track);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), call_caller(MODEL(self), call_of(self)));
}

static PyObject *
get_created_by(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), call_spawned_by(MODEL(self), call_of(self)));
}

static PyObject *
get_children(PyObject *self, void *Py_UNUSED(closure))
{
    const struct child_lists *lists = &TRACE(self)->children;
    PyObject *children = PyList_New(0);
    for (uint32_t i = lists->first[NUMBER(self)]; children && i != MODEL_NONE; i = lists->next[i]) {
        PyObject *child = binding_call(TRACE(self), i);
        if (!child || PyList_Append(children, child) < 0)
            Py_CLEAR(children);
        Py_XDECREF(child);
    }
    return children;
}

static PyObject *
get_drivers(PyObject *self, void *Py_UNUSED(closure))
{
    const struct call *call = call_of(self);
    PyObject *list = PyList_New(0);
    if (!(call->code->flags & FLOW_CODE_SUSPENDS))
        return list;
    uint32_t count;
    const struct driver *others = call_drivers(MODEL(self), NUMBER(self), &count);
    PyObject *parent = call->parent == MODEL_NONE ? NULL : get_parent(self, NULL);
    if (list && parent && PyList_Append(list, parent) < 0)
        Py_CLEAR(list);
    Py_XDECREF(parent);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *driver = binding_call(TRACE(self), others[i].driver);
        if (!driver || PyList_Append(list, driver) < 0)
            Py_CLEAR(list);
        Py_XDECREF(driver);
    }
    return list;
}

static PyObject *
get_arguments(PyObject *self, void *Py_UNUSED(closure))
{
    const struct call *call = call_of(self);
    struct value value = call_arguments(MODEL(self), call);
    PyObject *arguments = PyDict_New();
    for (uint32_t i = 0; arguments && value.data && i < call->code->parameter_count; i++) {
        PyObject *name = binding_str(call->code->parameters[i].name);
        PyObject *item = name ? value_type_new(TRACE(self), value) : NULL;
        if (!item || PyDict_SetItem(arguments, name, item) < 0)
            Py_CLEAR(arguments);
        Py_XDECREF(item);
        Py_XDECREF(name);
        if (value_skip(&TRACE(self)->reader, &value) < 0)
            break;
    }
    return arguments;
}

static PyObject *
get_outcome(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(label_outcome(call_of(self)));
}

static PyObject *
get_result(PyObject *self, void *Py_UNUSED(closure))
{
    return value_type_new(TRACE(self), call_result(MODEL(self), call_of(self)));
}

static PyObject *
get_caught(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t count;
    const struct caught *caught = exception_caught_in(MODEL(self), NUMBER(self), &count);
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *item = item_new(TRACE(self)->types->exception, TRACE(self), caught[i].exception);
        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *
get_exception(PyObject *self, void *Py_UNUSED(closure))
{
    return item_new(TRACE(self)->types->exception, TRACE(self), call_exception(MODEL(self), call_of(self)));
}

static PyObject *
get_start_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_of(self)->start_ns);
}

static PyObject *
get_duration_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_duration(call_of(self)));
}

static PyObject *
get_running_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_running_ns(MODEL(self), call_of(self)));
}

static PyObject *
get_waiting_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_waiting_ns(MODEL(self), call_of(self)));
}

static PyObject *
get_longest_wait(PyObject *self, void *Py_UNUSED(closure))
{
    const struct wait *wait = waits_find(&MODEL(self)->waits, NUMBER(self));
    if (!wait)
        Py_RETURN_NONE;
    struct awaited awaited = wait_read(&TRACE(self)->reader, wait->longest);
    PyObject *item = PyStructSequence_New(TRACE(self)->types->wait);
    if (!item)
        return NULL;
    PyStructSequence_SetItem(item, 0, PyLong_FromUnsignedLongLong(wait->longest_ns));
    PyStructSequence_SetItem(item, 1, PyLong_FromUnsignedLong(awaited.line));
    PyStructSequence_SetItem(item, 2, binding_str(awaited.type));
    PyStructSequence_SetItem(item, 3, awaited.task.length ? binding_str(awaited.task) : Py_NewRef(Py_None));
    if (PyErr_Occurred())
        Py_CLEAR(item);
    return item;
}

static PyObject *
get_depth(PyObject *self, void *Py_UNUSED(closure))
{
    const struct model *model = MODEL(self);
    unsigned long depth = 0;
    for (uint32_t i = call_of(self)->parent; i != MODEL_NONE; i = model->calls[i].parent)
        depth++;
    return PyLong_FromUnsignedLong(depth);
}

static PyObject *
call_repr(PyObject *self)
{
    PyObject *name = binding_str(call_of(self)->code->qualname);
    PyObject *outcome = get_outcome(self, NULL);
    PyObject *result = name && outcome ? PyUnicode_FromFormat("<Call %u %U %U>", NUMBER(self), name, outcome) : NULL;
    Py_XDECREF(outcome);
    Py_XDECREF(name);
    return result;
}

static PyGetSetDef call_getset[] = {
    {"number", get_number, NULL,
     "int: calls count from 1 in order of their start, over the whole trace, as #12 in stories.", NULL},
    {"function", get_function, NULL, "Function: what was called.", NULL},
    {"track", get_track, NULL, "Track: where it ran.", NULL},
    {"parent", get_parent, NULL, "Call or None: the call that called it, or drove it first; None for a root.", NULL},
    {"created_by", get_created_by, NULL,
     "Call or None: for the root of a task, thread, job, callback or greenlet, the call that started that;\n"
     "of what runs in a sub-interpreter, the call that called into it.",
     NULL},
    {"children", get_children, NULL, "list of Call: the calls that it made, in order.", NULL},
    {"drivers", get_drivers, NULL,
     "list of Call: those that resumed it, the first being its parent; empty for what can't be suspended.", NULL},
    {"arguments", get_arguments, NULL,
     "dict of str to Value: by parameter, in order; empty where values were not recorded.", NULL},
    {"outcome", get_outcome, NULL, "str: \"returned\", \"raised\", \"running\" or \"abandoned\".", NULL},
    {"result", get_result, NULL, "Value or None: what it returned; None also where values were not recorded.", NULL},
    {"caught", get_caught, NULL,
     "list of ExceptionInfo: raised and caught in it; recorded with --caught or caught=True.", NULL},
    {"exception", get_exception, NULL, "ExceptionInfo or None: what left it.", NULL},
    {"start_ns", get_start_ns, NULL, "int: nanoseconds from the trace's start; 0 with --no-time.", NULL},
    {"duration_ns", get_duration_ns, NULL, "int: nanoseconds from start to end, waiting included.", NULL},
    {"running_ns", get_running_ns, NULL, "int: nanoseconds of it that it was not suspended.", NULL},
    {"waiting_ns", get_waiting_ns, NULL, "int: nanoseconds that it was suspended in yield or await.", NULL},
    {"longest_wait", get_longest_wait, NULL,
     "Wait(duration_ns, line, type, task) or None: of a coroutine that awaited no other call that was recorded.", NULL},
    {"depth", get_depth, NULL, "int: calls above it on its track.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef call_methods[] = {
    {"_repr_html_", binding_call_html, METH_NOARGS,
     "_repr_html_($self)\n--\n\nIt and all in it as HTML, as notebooks show it: a tree that opens by click."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "One activation of a function."},
    {Py_tp_dealloc, item_free},
    {Py_tp_repr, call_repr},
    {Py_tp_richcompare, item_compare},
    {Py_tp_hash, item_hash},
    {Py_tp_getset, call_getset},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

PyType_Spec call_type_spec = ITEM_SPEC("Call", item, call_slots);
