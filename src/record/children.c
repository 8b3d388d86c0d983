/* children.c - how processes that the program started have ended, as the standard library learns it. */
#include "recorder.h"

static PyObject *
local(PyFrameObject *frame, const char *name)
{
    PyObject *value = frame ? PyFrame_GetVarString(frame, name) : NULL;
    if (!value)
        PyErr_Clear();
    return value;
}

/* -1 where it is no int, or none that fits. */
static long
number_of(PyObject *value)
{
    int overflow;
    long number = value && PyLong_CheckExact(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    return number;
}

/* The pid that an object of subprocess, multiprocessing or asyncio holds, or -1. */
static long
pid_of(struct recorder *recorder, PyObject *object, enum link link)
{
    PyObject *name = link == LINK_TRANSPORT_EXIT ? recorder->transport_pid_name : recorder->pid_name;
    PyObject *pid = object ? value_read_field(object, name) : NULL;
    long number = number_of(pid);
    Py_XDECREF(pid);
    return number;
}

static void
write_status(struct thread *thread, long pid, long status)
{
    if (pid <= 0 || status < 0)
        return;
    uint8_t payload[3 * VARINT_MAX];
    uint8_t *p = varint_put(payload, 2);
    p = varint_put(p, (uint64_t)status);
    p = varint_put(p, (uint64_t)pid);
    writer_extended(&thread->writer, FLOW_EXTENDED_PROCESS_END, payload, (size_t)(p - payload));
}

/* As wait(2) has it; -n stands for signal n. None, while it runs, and what is no status give -1. */
static long
status_of(PyObject *exit_code)
{
    int overflow = 0;
    if (!exit_code || !PyLong_CheckExact(exit_code))
        return -1;
    long code = PyLong_AsLongAndOverflow(exit_code, &overflow);
    if (overflow || code < -127 || code > 255)
        return -1;
    return code < 0 ? -code : code << 8;
}

void
child_start(struct thread *thread, const struct function *function)
{
    if (function->link != LINK_EXIT_STATUS && function->link != LINK_TRANSPORT_EXIT)
        return;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *self = local(frame, "self");
    PyObject *value = local(frame, function->link == LINK_EXIT_STATUS ? "sts" : "returncode");
    long status = function->link == LINK_EXIT_STATUS ? number_of(value) : status_of(value);
    write_status(thread, pid_of(thread->recorder, self, function->link), status);
    Py_XDECREF(value);
    Py_XDECREF(self);
    Py_XDECREF(frame);
}

/* `value` is what the function returns. */
void
child_return(struct thread *thread, const struct function *function, PyObject *value)
{
    if (function->link == LINK_BOOTSTRAP) {
        write_status(thread, thread->recorder->pid, status_of(value));
        return;
    }
    if (function->link != LINK_POLL || value == Py_None)
        return;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *self = local(frame, "self");
    write_status(thread, pid_of(thread->recorder, self, function->link), status_of(value));
    Py_XDECREF(self);
    Py_XDECREF(frame);
}

/* os.spawnv() and its like fork in Python: the pid is in a local variable. */
PyObject *
child_spawned(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *pid = local(frame, "pid");
    Py_XDECREF(frame);
    return pid;
}
