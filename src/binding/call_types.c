/* call_types.c - Call, Function, Track, ExceptionInfo, Value: an object is a trace and a number in it.
 *
 * Nothing is copied out of the model before it is asked for, so that iterating
 * over many millions of calls takes the memory of one.
 */
#include "../model/value_text.h"
#include "binding.h"

struct item {
    PyObject_HEAD
    struct trace *trace; /* Owned */
    uint32_t number;
};

struct value_object {
    PyObject_HEAD
    struct trace *trace; /* Owned */
    struct value value;
};

static PyObject *
new_item(PyTypeObject *type, struct trace *trace, uint32_t number)
{
    if (number == MODEL_NONE)
        Py_RETURN_NONE;
    struct item *item = PyObject_New(struct item, type);
    if (!item)
        return NULL;
    item->trace = (struct trace *)Py_NewRef(trace);
    item->number = number;
    return (PyObject *)item;
}

static void
free_item(PyObject *self) /* of a value_object as well: the trace stands in the same place */
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((struct item *)self)->trace);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *
compare_items(PyObject *self, PyObject *other, int op)
{
    if (Py_TYPE(other) != Py_TYPE(self) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    const struct item *a = (const struct item *)self;
    const struct item *b = (const struct item *)other;
    return PyBool_FromLong((a->trace == b->trace && a->number == b->number) == (op == Py_EQ));
}

static Py_hash_t
hash_item(PyObject *self)
{
    const struct item *item = (const struct item *)self;
    return (Py_hash_t)((uintptr_t)item->trace >> 4 ^ (uintptr_t)item->number << 8);
}

#define MODEL(self) (&((struct item *)(self))->trace->model)
#define TRACE(self) (((struct item *)(self))->trace)
#define NUMBER(self) (((struct item *)(self))->number)

/* --- Value -------------------------------------------------------------- */

static PyObject *
new_value(struct trace *trace, struct value value)
{
    if (!value.data)
        Py_RETURN_NONE;
    struct value_object *object = PyObject_New(struct value_object, trace->types->value);
    if (!object)
        return NULL;
    object->trace = (struct trace *)Py_NewRef(trace);
    object->value = value;
    return (PyObject *)object;
}

static PyObject *
value_type(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(value_type_name(&TRACE(self)->reader, ((struct value_object *)self)->value));
}

static PyObject *
value_identity(PyObject *self, void *Py_UNUSED(closure))
{
    struct value value = ((struct value_object *)self)->value;
    struct value_head head;
    if (value_read(&TRACE(self)->reader, &value, &head) < 0 || !head.identity)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(head.identity);
}

static PyObject *
value_str(PyObject *self)
{
    return binding_value_text(&TRACE(self)->reader, ((struct value_object *)self)->value);
}

static PyObject *
value_get_text(PyObject *self, void *Py_UNUSED(closure))
{
    return value_str(self);
}

static PyObject *
value_python(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return binding_value_python(TRACE(self), ((struct value_object *)self)->value);
}

static PyObject *
value_repr(PyObject *self)
{
    PyObject *text = value_str(self);
    PyObject *result = text ? PyUnicode_FromFormat("<Value %U>", text) : NULL;
    Py_XDECREF(text);
    return result;
}

static PyGetSetDef value_getset[] = {
    {"type_name", value_type, NULL, "str: name of the value's type, \"\" where unknown.", NULL},
    {"identity", value_identity, NULL,
     "int or None: the object's number among those of its type's name, the same as long as it lives. Only of\n"
     "recordings with identity=True or --identity, in one process.",
     NULL},
    {"text", value_get_text, NULL, "str: the value as it was recorded, much like its repr.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef value_methods[] = {
    {"python", value_python, METH_NOARGS,
     "python($self)\n--\n\nThe value itself, if it is plain data that was recorded whole: None, bool, int, float,\n"
     "complex, str, bytes, bytearray, and list, tuple, set, frozenset and dict of such.\n"
     "Raises FlowTraceError for anything else."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot value_slots[] = {
    {Py_tp_doc, "A recorded argument or result. str() gives its text."},
    {Py_tp_dealloc, free_item},
    {Py_tp_repr, value_repr},
    {Py_tp_str, value_str},
    {Py_tp_getset, value_getset},
    {Py_tp_methods, value_methods},
    {0, NULL},
};

/* --- Function ----------------------------------------------------------- */

static const struct code *
code_of(PyObject *self)
{
    return TRACE(self)->reader.codes[NUMBER(self)];
}

static PyObject *
function_qualname(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->qualname);
}

static PyObject *
function_module(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->module);
}

static PyObject *
function_file(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(code_of(self)->file);
}

static PyObject *
function_line(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(code_of(self)->first_line);
}

static PyObject *
function_parameters(PyObject *self, void *Py_UNUSED(closure))
{
    const struct code *code = code_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)code->parameter_count);
    for (uint32_t i = 0; tuple && i < code->parameter_count; i++) {
        PyObject *name = binding_str(code->parameters[i].name);
        if (!name)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, name);
    }
    return tuple;
}

static PyObject *
function_kind(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t flags = code_of(self)->flags;
    return PyUnicode_FromString(flags & FLOW_CODE_LIBRARY           ? "library"
                                : flags & FLOW_CODE_MODULE          ? "module"
                                : flags & FLOW_CODE_CLASS           ? "class"
                                : flags & FLOW_CODE_ASYNC_GENERATOR ? "async generator"
                                : flags & FLOW_CODE_COROUTINE       ? "coroutine"
                                : flags & FLOW_CODE_GENERATOR       ? "generator"
                                                                    : "function");
}

static PyObject *
function_repr(PyObject *self)
{
    const struct code *code = code_of(self);
    PyObject *name = binding_str(code->qualname);
    PyObject *file = binding_str(code->file);
    PyObject *result = name && file ? PyUnicode_FromFormat("<Function %U at %U:%u>", name, file, code->first_line)
                                    : NULL;
    Py_XDECREF(file);
    Py_XDECREF(name);
    return result;
}

static PyGetSetDef function_getset[] = {
    {"qualname", function_qualname, NULL, "str: qualified name, as in function.__qualname__.", NULL},
    {"module", function_module, NULL, "str: name of the module; \"__main__\" for the program itself.", NULL},
    {"file", function_file, NULL, "str: path of the source, as the code object had it.", NULL},
    {"line", function_line, NULL, "int: first line in the file, decorators included.", NULL},
    {"parameters", function_parameters, NULL, "tuple of str: names of the parameters, in order.", NULL},
    {"kind", function_kind, NULL,
     "str: \"function\", \"generator\", \"coroutine\", \"async generator\", \"module\" or \"class\" (a body),\n"
     "or \"library\": library or C code, recorded with boundary=True.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot function_slots[] = {
    {Py_tp_doc, "A function of the program, or the body of a module or class."},
    {Py_tp_dealloc, free_item},
    {Py_tp_repr, function_repr},
    {Py_tp_richcompare, compare_items},
    {Py_tp_hash, hash_item},
    {Py_tp_getset, function_getset},
    {0, NULL},
};

/* --- Track -------------------------------------------------------------- */

static const struct track *
track_of(PyObject *self)
{
    return &MODEL(self)->tracks[NUMBER(self)];
}

PyObject *
binding_track_name(const struct track *track)
{
    if (track->kind == TRACK_GREENLET && !track->name.length)
        return PyUnicode_FromFormat("greenlet %llu", (unsigned long long)track->native_id);
    return binding_str(track->name);
}

static PyObject *
track_kind(PyObject *self, void *Py_UNUSED(closure))
{
    static const char *const kinds[] = {"main", "thread", "task", "greenlet"};
    return PyUnicode_FromString(kinds[track_of(self)->kind]);
}

static PyObject *
track_name(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_track_name(track_of(self));
}

static PyObject *
track_pid(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(MODEL(self)->processes[track_of(self)->process].pid);
}

static PyObject *
track_creator(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), track_of(self)->creator);
}

static PyObject *
track_call_count(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(track_of(self)->call_count);
}

static PyObject *
track_repr(PyObject *self)
{
    PyObject *kind = track_kind(self, NULL);
    PyObject *name = track_name(self, NULL);
    PyObject *result = kind && name ? PyUnicode_FromFormat("<Track %U %R>", kind, name) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(kind);
    return result;
}

static PyGetSetDef track_getset[] = {
    {"kind", track_kind, NULL, "str: \"main\", \"thread\", \"task\" or \"greenlet\".", NULL},
    {"name", track_name, NULL, "str: name of the thread, task or greenlet.", NULL},
    {"pid", track_pid, NULL, "int: process that it ran in.", NULL},
    {"creator", track_creator, NULL, "Call or None: the call that started it, where that is known.", NULL},
    {"call_count", track_call_count, NULL, "int: calls that began on it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot track_slots[] = {
    {Py_tp_doc, "A line of execution: the main thread, another thread, an asyncio task, or a greenlet."},
    {Py_tp_dealloc, free_item},
    {Py_tp_repr, track_repr},
    {Py_tp_richcompare, compare_items},
    {Py_tp_hash, hash_item},
    {Py_tp_getset, track_getset},
    {0, NULL},
};

/* --- ExceptionInfo ------------------------------------------------------ */

static const struct exception *
exception_of(PyObject *self)
{
    return &MODEL(self)->exceptions[NUMBER(self)];
}

static PyObject *
exception_type(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_str(exception_of(self)->type);
}

static PyObject *
exception_message(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_message(&TRACE(self)->reader, exception_of(self)->message);
}

static PyObject *
exception_raised_at(PyObject *self, void *Py_UNUSED(closure))
{
    const struct exception *exception = exception_of(self);
    PyObject *location = PyStructSequence_New(TRACE(self)->types->location);
    if (!location)
        return NULL;
    PyStructSequence_SetItem(location, 0, binding_str(exception->file));
    PyStructSequence_SetItem(location, 1, PyLong_FromUnsignedLong(exception->line));
    PyStructSequence_SetItem(location, 2, binding_str(exception->function));
    if (PyErr_Occurred())
        Py_CLEAR(location);
    return location;
}

static PyObject *
exception_caught_by(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), exception_of(self)->caught_by);
}

static PyObject *
exception_caught_line(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(exception_of(self)->caught_line);
}

static PyObject *
exception_handler_line(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(exception_of(self)->handler_line);
}

static PyObject *
exception_caught_below(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(exception_of(self)->caught_below);
}

static PyObject *
exception_cause(PyObject *self, void *Py_UNUSED(closure))
{
    struct slice cause = exception_of(self)->cause;
    return cause.length ? binding_str(cause) : Py_NewRef(Py_None);
}

static PyObject *
exception_cause_kind(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_cause_kind(exception_of(self));
}

static PyObject *
exception_cause_exception(PyObject *self, void *Py_UNUSED(closure))
{
    return new_item(TRACE(self)->types->exception, TRACE(self), exception_of(self)->cause_exception);
}

static PyObject *
exception_split_from(PyObject *self, void *Py_UNUSED(closure))
{
    return new_item(TRACE(self)->types->exception, TRACE(self), exception_of(self)->split_from);
}

static PyObject *
exception_meaning(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_meaning(exception_of(self));
}

static PyObject *
exception_qualified_type(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_qualified_type(exception_of(self));
}

static PyObject *
exception_notes(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_notes(exception_of(self));
}

static PyObject *
exception_files(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_files(exception_of(self));
}

static PyObject *
exception_leaves(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_leaves(exception_of(self));
}

static PyObject *
exception_cancelled_by(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t cancel = exception_of(self)->cancel;
    return binding_call(TRACE(self), cancel != MODEL_NONE ? MODEL(self)->cancels[cancel].by : MODEL_NONE);
}

static PyObject *
exception_cancelled_line(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t cancel = exception_of(self)->cancel;
    return PyLong_FromUnsignedLong(cancel != MODEL_NONE ? MODEL(self)->cancels[cancel].line : 0);
}

static PyObject *
exception_cancelled_via(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t cancel = exception_of(self)->cancel;
    return binding_str(cancel != MODEL_NONE ? MODEL(self)->cancels[cancel].via : (struct slice){"", 0});
}

static PyObject *
exception_landed_in(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), exception_of(self)->landed_in);
}

static PyObject *
exception_landed_line(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(exception_of(self)->landed_line);
}

static PyObject *
exception_path(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_path(TRACE(self), exception_of(self));
}

static PyObject *
exception_journeys(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_exception_journeys(TRACE(self), exception_of(self));
}

static PyObject *
exception_repr(PyObject *self)
{
    PyObject *type = exception_type(self, NULL);
    PyObject *message = exception_message(self, NULL);
    PyObject *result = type && message ? PyUnicode_FromFormat("<ExceptionInfo %U: %U>", type, message) : NULL;
    Py_XDECREF(message);
    Py_XDECREF(type);
    return result;
}

static PyGetSetDef exception_getset[] = {
    {"type", exception_type, NULL, "str: name of its type.", NULL},
    {"message", exception_message, NULL, "str: what str() of it said, as far as its args were recorded.", NULL},
    {"raised_at", exception_raised_at, NULL, "Location(file, line, function): line 0 where unknown.", NULL},
    {"caught_by", exception_caught_by, NULL, "Call or None: the call in which it was caught.", NULL},
    {"caught_line", exception_caught_line, NULL, "int: line in caught_by where it came in; 0 where unknown.", NULL},
    {"handler_line", exception_handler_line, NULL,
     "int: line in caught_by of the handler that has it; 0 without --caught.", NULL},
    {"caught_below", exception_caught_below, NULL,
     "bool: library code stood between caught_by and the last of path, and may have caught it.", NULL},
    {"cause", exception_cause, NULL, "str or None: type of its __cause__, or else of its __context__.", NULL},
    {"cause_kind", exception_cause_kind, NULL,
     "str or None: 'cause' (raise ... from), 'context' (while that was handled), 'suppressed' (from None).", NULL},
    {"cause_exception", exception_cause_exception, NULL, "ExceptionInfo or None: that cause, if it left a call.", NULL},
    {"split_from", exception_split_from, NULL, "ExceptionInfo or None: the group of which except* left this.", NULL},
    {"meaning", exception_meaning, NULL, "str: 'error', 'end', 'close', 'exit', 'interrupt' or 'cancel'.", NULL},
    {"qualified_type", exception_qualified_type, NULL, "str: name of its type with its module.", NULL},
    {"notes", exception_notes, NULL, "list of str: its __notes__, the first few.", NULL},
    {"files", exception_files, NULL, "list of str: the files that an OSError is about.", NULL},
    {"leaves", exception_leaves, NULL, "list of (type, message): the first of what is in a group.", NULL},
    {"path", exception_path, NULL, "list of Call: the calls that it left, innermost first.", NULL},
    {"cancelled_by", exception_cancelled_by, NULL,
     "Call or None: of a CancelledError, the call that cancelled the task, where that is known.", NULL},
    {"cancelled_line", exception_cancelled_line, NULL, "int: line in cancelled_by; 0 where unknown.", NULL},
    {"cancelled_via", exception_cancelled_via, NULL,
     "str: the library code that did it for cancelled_by: \"timeout(0.5)\", \"TaskGroup\"; \"\" if none.", NULL},
    {"landed_in", exception_landed_in, NULL,
     "Call or None: of a CancelledError, the innermost call into which it was thrown.", NULL},
    {"landed_line", exception_landed_line, NULL, "int: line in landed_in that waited; 0 where unknown.", NULL},
    {"journeys", exception_journeys, NULL, "list of lists of Call: path, a list for each time it was raised anew.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot exception_slots[] = {
    {Py_tp_doc, "An exception that left at least one call of the program, or was caught where it was raised."},
    {Py_tp_dealloc, free_item},
    {Py_tp_repr, exception_repr},
    {Py_tp_richcompare, compare_items},
    {Py_tp_hash, hash_item},
    {Py_tp_getset, exception_getset},
    {0, NULL},
};

/* --- Call --------------------------------------------------------------- */

static const struct call *
call_of(PyObject *self)
{
    return &MODEL(self)->calls[NUMBER(self)];
}

PyObject *
binding_call(struct trace *trace, uint32_t number)
{
    return new_item(trace->types->call, trace, number);
}

static PyObject *
call_number(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(NUMBER(self));
}

static PyObject *
call_function(PyObject *self, void *Py_UNUSED(closure))
{
    return new_item(TRACE(self)->types->function, TRACE(self), call_of(self)->code->index);
}

static PyObject *
call_track(PyObject *self, void *Py_UNUSED(closure))
{
    return new_item(TRACE(self)->types->track, TRACE(self), call_of(self)->track);
}

static PyObject *
call_parent(PyObject *self, void *Py_UNUSED(closure))
{
    const struct model *model = MODEL(self);
    uint32_t parent = call_of(self)->parent;
    if (parent != MODEL_NONE && model->calls[parent].origin == CALL_INHERITED
        && model->calls[parent].spawned_by != MODEL_NONE)
        parent = model->calls[parent].spawned_by; /* the call of the parent process that the fork copied */
    return binding_call(TRACE(self), parent);
}

static PyObject *
call_created_by(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_call(TRACE(self), call_of(self)->spawned_by);
}

static PyObject *
call_children(PyObject *self, void *Py_UNUSED(closure))
{
    const struct model *model = MODEL(self);
    PyObject *children = PyList_New(0);
    for (uint32_t i = call_of(self)->first_child; children && i != MODEL_NONE; i = model->calls[i].next_sibling) {
        PyObject *child = binding_call(TRACE(self), i);
        if (!child || PyList_Append(children, child) < 0)
            Py_CLEAR(children);
        Py_XDECREF(child);
    }
    return children;
}

static PyObject *
call_get_drivers(PyObject *self, void *Py_UNUSED(closure))
{
    const struct call *call = call_of(self);
    PyObject *list = PyList_New(0);
    if (!(call->code->flags & FLOW_CODE_SUSPENDS))
        return list;
    uint32_t count;
    const struct driver *others = call_drivers(MODEL(self), NUMBER(self), &count);
    PyObject *parent = call->parent == MODEL_NONE ? NULL : call_parent(self, NULL);
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
call_arguments(PyObject *self, void *Py_UNUSED(closure))
{
    const struct call *call = call_of(self);
    struct value value = call->arguments;
    PyObject *arguments = PyDict_New();
    for (uint32_t i = 0; arguments && value.data && i < call->code->parameter_count; i++) {
        PyObject *name = binding_str(call->code->parameters[i].name);
        PyObject *item = name ? new_value(TRACE(self), value) : NULL;
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
call_outcome(PyObject *self, void *Py_UNUSED(closure))
{
    static const char *const outcomes[] = {"running", "returned", "raised", "abandoned"};
    return PyUnicode_FromString(outcomes[call_of(self)->outcome]);
}

static PyObject *
call_result(PyObject *self, void *Py_UNUSED(closure))
{
    return new_value(TRACE(self), call_of(self)->result);
}

static PyObject *
call_caught(PyObject *self, void *Py_UNUSED(closure))
{
    uint32_t count;
    const struct caught *caught = exception_caught_in(MODEL(self), NUMBER(self), &count);
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *item = new_item(TRACE(self)->types->exception, TRACE(self), caught[i].exception);
        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *
call_exception(PyObject *self, void *Py_UNUSED(closure))
{
    return new_item(TRACE(self)->types->exception, TRACE(self), call_of(self)->exception);
}

static PyObject *
call_start_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_of(self)->start_ns);
}

static PyObject *
call_duration_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_duration(call_of(self)));
}

static PyObject *
call_running_ns(PyObject *self, void *Py_UNUSED(closure))
{
    const struct call *call = call_of(self);
    uint64_t duration = call_duration(call);
    return PyLong_FromUnsignedLongLong(duration > call->waiting_ns ? duration - call->waiting_ns : 0);
}

static PyObject *
call_waiting_ns(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(call_of(self)->waiting_ns);
}

static PyObject *
call_longest_wait(PyObject *self, void *Py_UNUSED(closure))
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
call_depth(PyObject *self, void *Py_UNUSED(closure))
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
    PyObject *outcome = call_outcome(self, NULL);
    PyObject *result = name && outcome ? PyUnicode_FromFormat("<Call %u %U %U>", NUMBER(self), name, outcome) : NULL;
    Py_XDECREF(outcome);
    Py_XDECREF(name);
    return result;
}

static PyGetSetDef call_getset[] = {
    {"number", call_number, NULL, "int: calls count from 0 in order of their start, over the whole trace.", NULL},
    {"function", call_function, NULL, "Function: what was called.", NULL},
    {"track", call_track, NULL, "Track: where it ran.", NULL},
    {"parent", call_parent, NULL, "Call or None: the call that called it, or drove it first; None for a root.", NULL},
    {"created_by", call_created_by, NULL,
     "Call or None: for the root of a task, thread, job, callback or greenlet, the call that started that;\n"
     "of what runs in a sub-interpreter, the call that called into it.",
     NULL},
    {"children", call_children, NULL, "list of Call: the calls that it made, in order.", NULL},
    {"drivers", call_get_drivers, NULL,
     "list of Call: those that resumed it, the first being its parent; empty for what can't be suspended.", NULL},
    {"arguments", call_arguments, NULL,
     "dict of str to Value: by parameter, in order; empty where values were not recorded.", NULL},
    {"outcome", call_outcome, NULL, "str: \"returned\", \"raised\", \"running\" or \"abandoned\".", NULL},
    {"result", call_result, NULL, "Value or None: what it returned; None also where values were not recorded.", NULL},
    {"caught", call_caught, NULL,
     "list of ExceptionInfo: raised and caught in it; recorded with --caught or caught=True.", NULL},
    {"exception", call_exception, NULL, "ExceptionInfo or None: what left it.", NULL},
    {"start_ns", call_start_ns, NULL, "int: nanoseconds from the trace's start; 0 with --no-time.", NULL},
    {"duration_ns", call_duration_ns, NULL, "int: nanoseconds from start to end, waiting included.", NULL},
    {"running_ns", call_running_ns, NULL, "int: nanoseconds of it that it was not suspended.", NULL},
    {"waiting_ns", call_waiting_ns, NULL, "int: nanoseconds that it was suspended in yield or await.", NULL},
    {"longest_wait", call_longest_wait, NULL,
     "Wait(duration_ns, line, type, task) or None: of a coroutine that awaited no other call that was recorded.", NULL},
    {"depth", call_depth, NULL, "int: calls above it on its track.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "One activation of a function."},
    {Py_tp_dealloc, free_item},
    {Py_tp_repr, call_repr},
    {Py_tp_richcompare, compare_items},
    {Py_tp_hash, hash_item},
    {Py_tp_getset, call_getset},
    {0, NULL},
};

/* --- what trace_types.c needs ------------------------------------------- */

PyObject *
binding_items(PyTypeObject *type, struct trace *trace, uint32_t count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; tuple && i < count; i++) {
        PyObject *item = new_item(type, trace, i);
        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

uint32_t
binding_number_of(PyTypeObject *type, const struct trace *trace, PyObject *object)
{
    return Py_TYPE(object) == type && TRACE(object) == trace ? NUMBER(object) : MODEL_NONE;
}

#define ITEM(item_name, object, item_slots)                           \
    {.name = "flowtrace." item_name,                                  \
     .basicsize = sizeof(struct object),                              \
     .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, \
     .slots = item_slots}

static PyType_Spec call_spec = ITEM("Call", item, call_slots);
static PyType_Spec function_spec = ITEM("Function", item, function_slots);
static PyType_Spec track_spec = ITEM("Track", item, track_slots);
static PyType_Spec exception_spec = ITEM("ExceptionInfo", item, exception_slots);
static PyType_Spec value_spec = ITEM("Value", value_object, value_slots);

static PyStructSequence_Field location_fields[] = {
    {"file", "str: path of the source"},
    {"line", "int: line in it, 0 where unknown"},
    {"function", "str: qualified name"},
    {NULL, NULL},
};

static PyStructSequence_Field wait_fields[] = {
    {"duration_ns", "int: nanoseconds that it lasted"},
    {"line", "int: line of the await, 0 where unknown"},
    {"type", "str: type of what was awaited; \"\" for nothing but another turn, as in sleep(0)"},
    {"task", "str or None: name of the task that was awaited"},
    {NULL, NULL},
};

static PyStructSequence_Desc wait_description = {
    .name = "flowtrace.Wait", .doc = "What a call waited for.", .fields = wait_fields, .n_in_sequence = 4};

static PyStructSequence_Desc location_description = {
    .name = "flowtrace.Location", .doc = "A place in the source.", .fields = location_fields, .n_in_sequence = 3};

int
binding_add_call_types(PyObject *module)
{
    struct binding_types *own = binding_types_of(module);
    struct {
        PyTypeObject **type;
        PyType_Spec *spec;
    } types[] = {{&own->call, &call_spec},
                 {&own->function, &function_spec},
                 {&own->track, &track_spec},
                 {&own->exception, &exception_spec},
                 {&own->value, &value_spec}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *types[i].type = (PyTypeObject *)PyType_FromModuleAndSpec(module, types[i].spec, NULL);
        if (!*types[i].type || PyModule_AddType(module, *types[i].type) < 0)
            return -1;
    }
    own->location = PyStructSequence_NewType(&location_description);
    own->wait = PyStructSequence_NewType(&wait_description);
    if (!own->location || !own->wait || PyModule_AddType(module, own->location) < 0)
        return -1;
    return PyModule_AddType(module, own->wait);
}
