/* fate.h - what came of an exception that was caught, as far as the recorded calls tell.
 *
 * "Swallowed" is a claim about what was recorded, not about the program: the call
 * that caught it raised nothing for it, no call that it made next is named like
 * one that reports errors or got the exception, and its result doesn't name it.
 * What it kept in an object or wrote by library code can't be seen.
 */
#ifndef FLOW_FATE_H
#define FLOW_FATE_H

#include "child_lists.h"
#include "model.h"

enum fate_kind {
    FATE_LOST,      /* nobody caught it: it left the last recorded call of its track */
    FATE_UNKNOWN,   /* library code caught it, or there was too much to look at */
    FATE_TURNED,    /* the call that caught it was left by another one: `other` */
    FATE_TOLD,      /* it made a call, `other`, that is named like those that log, print or report */
    FATE_HANDED,    /* it made a call, `other`, with the exception or its message in an argument */
    FATE_RETURNED,  /* its result has the exception or its message in it */
    FATE_SWALLOWED, /* none of these */
};

struct fate {
    enum fate_kind kind;
    uint32_t other; /* exception or call, as said above; else MODEL_NONE */
    uint32_t next;  /* SWALLOWED: the call that the catcher made next, or MODEL_NONE */
    bool linked;    /* TURNED: the other says so itself, by its causes */
};

/* `work`: so many values may be looked at yet; it is counted down. */
struct fate fate_of(const struct model *model, const struct child_lists *lists, uint32_t exception, uint64_t *work);
/* Is this function named like one that logs, prints or reports? */
bool fate_tells(const struct code *code);

#endif
