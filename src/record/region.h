/* region.h - flowtrace.region() and note(): named parts of the story.
 *
 * A region is a call on the shadow stack whose function has FLOW_CODE_REGION; it stands above the call that it was
 * entered in, its owner. Nothing is taken for granted about where it is left:
 *   - with its owner it is suspended and goes on, as a generator would;
 *   - when its owner ends it moves to the caller, or is dropped where that is no part of the same task or callback;
 *   - left while calls stand above it, it ends with the outermost of these;
 *   - left where it is not on the stack, by another thread or while its owner is suspended, it ends when it is met;
 *   - when the object that region() has made dies it is dropped.
 * None of this is seen by calls that have no region: flags in struct activation lead here.
 */
#ifndef FLOW_REGION_H
#define FLOW_REGION_H

#include "recorder.h"

/* What region() or note() was given. */
struct region_words {
    PyObject *name;          /* Borrowed, str */
    PyObject *keywords;      /* Borrowed, tuple of str; NULL: none */
    PyObject *const *values; /* Borrowed; one for each */
    PyObject *place;         /* Borrowed; tuple of module and file, str, and line, int; NULL: where it is called */
};

/* region_function.c: what the trace says of a region of that name, here. */

struct region_functions {
    struct region_function *known[1024]; /* Owned */
    uint32_t turn;
};

/* To be released. NULL without memory. */
struct function *region_function(struct thread *thread, const struct region_words *words, uint32_t flags);
void region_release(struct recorder *recorder, struct function *function);
void region_forget_functions(struct recorder *recorder);

/* region.c */

/* `id` tells whose region it is when it is left; unique in the process. False: nothing records. */
bool region_enter(struct recorder *recorder, uint64_t id, const struct region_words *words);
/* The one that was entered last by this id. `exception`: that leaves it, Borrowed, or NULL; `lost`: nobody left it. */
void region_leave(struct recorder *recorder, uint64_t id, PyObject *exception, bool lost);
void region_note(struct recorder *recorder, const struct region_words *words);

/* Regions may stand from stack[from] on, above a call that is left: for a while if `suspension`, enum flow_yield, is
 * not 0. They are taken aside, and what was lost is dropped. False: there are none. */
bool region_step_aside(struct thread *thread, uint32_t from, int suspension);
/* The call with these flags, enum at_end, is off the stack and its record written: for good, by `exception` if that
 * is not NULL; or suspended. */
void region_after_end(struct thread *thread, unsigned at_end, PyObject *exception);
void region_after_suspension(struct thread *thread, const struct activation *suspended);
/* The call on top of the stack has gone on, and has AT_END_WAKE. */
void region_wake(struct thread *thread);
/* `count` activations are taken off the stack for good. */
void region_let_go(struct thread *thread, uint32_t count);
/* The recording has ended. */
void region_forget_all(struct recorder *recorder);

#endif
