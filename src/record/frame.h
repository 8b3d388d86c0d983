/* frame.h - the running frame as the interpreter has it: no frame object is made to look at it. */
#ifndef FLOW_FRAME_H
#define FLOW_FRAME_H

#include "compat.h"

/* What tells calls of one function apart while they run, and a generator's frame as long as that lives. Compared only,
 * or for frame_local(). */
static inline const void *
frame_running(void)
{
#if PY_VERSION_HEX >= 0x030d0000
    return PyThreadState_Get()->current_frame;
#else
    return PyThreadState_Get()->cframe->current_frame;
#endif
}

/* The same of a frame object's. */
const void *frame_of(const PyFrameObject *object);
/* Is the local variable at this place among the code's used by nested functions too? */
bool frame_is_cell(PyCodeObject *code, int place);
/* The value of the local variable at this place among the code's, in the running `frame`; `is_cell`: as
 * frame_is_cell() says. Borrowed; NULL if it has none. */
PyObject *frame_local(const void *frame, int place, bool is_cell);

#endif
