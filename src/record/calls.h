/* calls.h - the CALL event, set locally on the few code objects that need it.
 *
 * A call of a C function is seen by nothing else. CALL fires before each call that
 * a code object makes, so it is never set for all of them: only where a task may
 * be cancelled (cancel.c).
 */
#ifndef FLOW_CALLS_H
#define FLOW_CALLS_H

#include "recorder.h"

#define CALL_EVENTS 3
extern const char *const call_event_names[CALL_EVENTS];
extern const vectorcallfunc call_callbacks[CALL_EVENTS];

/* Turns events on for this code, beside those that it has locally. -1 with an exception. */
int calls_add_local(struct recorder *recorder, PyCodeObject *code, int events);
/* RAISE: a call of C code may end by it. */
bool calls_raise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count);
/* What a callback of an event that was set locally returns while nothing is recorded. New reference. */
PyObject *calls_idle(struct recorder *recorder);
/* Turns on what `code` needs, at first sight of it. */
void calls_watch(struct recorder *recorder, PyCodeObject *code, bool in_scope, enum link link);
/* PY_RETURN and PY_YIELD, which are not on for all code where library calls are recorded. */
void calls_watch_returns(struct recorder *recorder, PyCodeObject *code);
/* The same for the functions that run in this thread: their starts are over. */
void calls_watch_running(struct recorder *recorder);

/* boundary.c */

/* The program's own `caller`, which runs, is about to call something. */
void boundary_begin(struct thread *thread, const struct function *caller, PyObject *callable);
/* C code has come back to it. */
void boundary_c_return(struct thread *thread, PyObject *callable);
/* An exception has come into the running frame, at this place. */
bool boundary_raise(struct thread *thread, PyObject *exception, PyCodeObject *code, int offset);
/* A function that the library may have called itself returns. */
void boundary_return(struct thread *thread, struct function *function);
/* An exception leaves it: true if a recorded call ends by that, which is then off the stack;
 * what region_after_end() is to be told. */
bool boundary_unwind(struct thread *thread, struct function *function, unsigned *at_end);
/* Library code that suspends begins to run: its function if the program's own code drives it, else NULL. */
struct function *boundary_driven(struct recorder *recorder, PyCodeObject *code);
/* Was the start of the running one of them recorded? */
bool boundary_is_recorded(struct recorder *recorder, const struct function *function);

/* cancel.c */

/* Does this code mention something of the name "cancel"? */
bool cancel_is_mentioned(const struct recorder *recorder, PyCodeObject *code);
/* Is it a function of the name "cancel"? */
bool cancel_is_name_of(PyObject *callable);
/* `callable` is about to be called by `code`: tells the task that it cancels, if it does. */
void cancel_call(struct thread *thread, PyCodeObject *code, int offset, PyObject *callable, PyObject *first);
/* An asyncio.timeout() or TaskGroup was made, which may cancel the task that it is used in. */
void cancel_scope(struct thread *thread, PyObject *scope, enum link link);
/* An exception was thrown into the call on top of the stack. */
void cancel_landed(struct thread *thread, PyObject *exception, PyCodeObject *code, int offset);

/* new_thread.c */

/* May this code call _thread.start_new_thread()? */
bool new_thread_is_mentioned(const struct recorder *recorder, PyCodeObject *code);
bool new_thread_is_name_of(PyObject *callable);
/* It is about to be called, to begin a thread with `function`. */
void new_thread_call(struct thread *thread, PyObject *function);
/* It has raised. */
void new_thread_failed(struct thread *thread, PyObject *function);
/* Before the first call of a thread that nobody has told of. */
void new_thread_begin(struct thread *thread);

#endif
