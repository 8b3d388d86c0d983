/* calls.h - the CALL event, set locally on the few code objects that need it.
 *
 * A call of a C function is seen by nothing else. CALL fires before each call that
 * a code object makes, so it is never set for all of them: only where a task may
 * be cancelled (cancel.c).
 */
#ifndef FLOW_CALLS_H
#define FLOW_CALLS_H

#include "recorder.h"

#define CALL_EVENTS 1
extern const char *const call_event_names[CALL_EVENTS];
extern PyMethodDef call_callbacks[CALL_EVENTS];

/* Turns events on for this code, beside those that it has locally. -1 with an exception. */
int calls_add_local(struct recorder *recorder, PyCodeObject *code, int events);
/* Turns on what `code` needs, at first sight of it. */
void calls_watch(struct recorder *recorder, PyCodeObject *code);

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

#endif
