/* How a frame is laid out is known to the interpreter's own headers alone. */
#define Py_BUILD_CORE_MODULE 1
#include "frame.h"

#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe.h>
#endif
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>

const void *
frame_of(const PyFrameObject *object)
{
    return object->f_frame;
}

bool
frame_is_cell(PyCodeObject *code, int place)
{
    return PyBytes_AS_STRING(code->co_localspluskinds)[place] & CO_FAST_CELL;
}

static PyObject *
value_at(const struct _PyInterpreterFrame *frame, int place)
{
#if PY_VERSION_HEX >= 0x030e0000
    _PyStackRef value = frame->localsplus[place];
    return PyStackRef_IsNull(value) ? NULL : PyStackRef_AsPyObjectBorrow(value);
#else
    return frame->localsplus[place];
#endif
}

static PyObject *
in_cell(PyObject *cell)
{
#ifdef Py_GIL_DISABLED
    return compat_hold_new(PyCell_Get(cell));
#else
    return PyCell_GET(cell);
#endif
}

PyObject *
frame_local(const void *frame, int place, bool is_cell)
{
    PyObject *value = compat_hold(value_at(frame, place));
    return is_cell && value && PyCell_Check(value) ? in_cell(value) : value;
}
