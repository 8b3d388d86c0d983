/* exception_type.c - ExceptionInfo: an exception of a trace. exception_info.c finds out the larger part of it. */
#include "item.h"

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
    return item_new(TRACE(self)->types->exception, TRACE(self), exception_of(self)->cause_exception);
}

static PyObject *
exception_split_from(PyObject *self, void *Py_UNUSED(closure))
{
    return item_new(TRACE(self)->types->exception, TRACE(self), exception_of(self)->split_from);
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
    {Py_tp_dealloc, item_free},
    {Py_tp_repr, exception_repr},
    {Py_tp_richcompare, item_compare},
    {Py_tp_hash, item_hash},
    {Py_tp_getset, exception_getset},
    {0, NULL},
};

PyType_Spec exception_type_spec = ITEM_SPEC("ExceptionInfo", item, exception_slots);
