/* track_type.c - Track: a line of execution of a trace. */
#include "item.h"

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
    return PyUnicode_FromString(label_kind_of_track(track_of(self)));
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
    {Py_tp_dealloc, item_free},
    {Py_tp_repr, track_repr},
    {Py_tp_richcompare, item_compare},
    {Py_tp_hash, item_hash},
    {Py_tp_getset, track_getset},
    {0, NULL},
};

PyType_Spec track_type_spec = ITEM_SPEC("Track", item, track_slots);
