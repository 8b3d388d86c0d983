/* identity.h - Order#3: a small number that tells an object from others of its type (--identity).
 *
 * No object is kept: the interpreter tells of each that is made or goes
 * (PyRefTracer_SetTracer(), CPython 3.13), so that a number ends with its object.
 * There is one such listener in a process. Once another tool has taken ours off
 * (tracemalloc.start() does), deaths may have gone unseen: no more numbers then.
 * One that takes it off and puts it back goes unnoticed before 3.15.
 */
#ifndef FLOW_IDENTITY_H
#define FLOW_IDENTITY_H

#include "compat.h"
#include "identity_table.h"

struct recorder;

struct identity {
    bool on;                         /* numbers are given */
    bool listening;                  /* the interpreter was told to report to us */
    bool removed;                    /* ... and has said that it no longer does */
    const char *reason;              /* why there are no more numbers, or fewer; NULL if there are */
    PyInterpreterState *interpreter; /* Borrowed; whose objects have numbers: others run at the same time */
    struct identity_table table;
};

/* Why there can be no numbers in this process now, or NULL. */
const char *identity_obstacle(void);
void identity_start(struct recorder *recorder);
void identity_stop(struct recorder *recorder);
/* In the child of a fork, which has its parent's objects and numbers. */
void identity_after_fork(struct recorder *recorder);
/* Writes the number of `object` (Borrowed), which its value is to follow, if it has one. */
uint8_t *identity_put(struct recorder *recorder, uint8_t *p, PyObject *object);

#endif
