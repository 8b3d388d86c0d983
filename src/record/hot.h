/* hot.h - the steps that every event takes, as parts of the callbacks: a call would cost as much as most of them do.
 * What is rare in them is a function elsewhere. */
#ifndef FLOW_HOT_H
#define FLOW_HOT_H

#include "recorder.h"

/* --- the thread ----------------------------------------------------------- */

/* At the start of a callback. NULL: this event is not to be recorded. event_leave() must follow. `begins`: of a
 * frame that begins or goes on, so that it is no call on the stack yet. */
static inline struct thread *
thread_enter(struct recorder *recorder, struct thread *thread, bool begins)
{
    if (!thread)
        thread = thread_find_or_make(recorder);
    if (!thread || thread->busy)
        return NULL;
    __atomic_store_n(&thread->busy, true, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (COMPAT_FREE_THREADED && !recorder->recording) { /* it was, before we were busy: now nobody waits for us */
        thread->busy = false;
        return NULL;
    }
    if (thread->session != recorder->session)
        thread_renew(thread);
    if (recorder->greenlets && greenlet_changed(thread))
        greenlet_follow(thread, begins);
    return thread;
}

static inline struct thread *
event_enter(struct recorder *recorder, bool begins)
{
    return thread_enter(recorder, thread_known(recorder), begins);
}

static inline void
event_leave(struct thread *thread)
{
    compat_let_all_go();
    __atomic_store_n(&thread->busy, false, __ATOMIC_RELEASE);
}

/* --- the function ----------------------------------------------------------- */

/* The function of `code`, or NULL if it is not in scope. Decides at first sight. */
static inline struct function *
function_of(struct recorder *recorder, PyCodeObject *code)
{
    void *known = code_table_get(&recorder->codes, code);
    struct function *function = function_is_mark(known) ? NULL : known;
    if (function && function->generation == recorder->generation && (function->in_scope || function->link != LINK_NONE))
        return function;
    return function_decide(recorder, code, NULL);
}

/* The same of code that runs: mostly of the call on top of the stack. `thread`: as thread_known() has it. */
static inline struct function *
function_running(struct recorder *recorder, struct thread *thread, PyCodeObject *code)
{
    const struct activation *top = thread ? thread_top(thread) : NULL;
    struct function *function = top ? activation_function(top) : NULL;
    bool is_it = function && function->of == code && function->generation == recorder->generation;
    return is_it ? function : function_of(recorder, code);
}

/* --- the shadow stack ------------------------------------------------------- */

/* NULL without memory. It holds until the next push. */
static inline struct activation *
thread_push(struct thread *thread, struct activation activation)
{
    if (thread->depth == thread->room && !thread_grow_stack(thread))
        return NULL;
    struct activation *top = &thread->stack[thread->depth++];
    *top = activation;
    return top;
}

/* Pops the activation of `function` (and frame, if that is not NULL) and what was lost above it. It holds until the
 * next push; NULL if it is not on the stack. `suspension`: enum flow_yield, 0: the call ends. */
static inline const struct activation *
thread_pop(struct thread *thread, const struct function *function, const void *frame, int suspension)
{
    const struct activation *top = thread_top(thread);
    if (!(top && activation_is(top, function, frame)) && !thread_drop_above(thread, function, frame, suspension))
        return NULL;
    writer_make_room(&thread->writer); /* a chunk that begins with its end must still name it among the running */
    return &thread->stack[--thread->depth];
}

#endif
