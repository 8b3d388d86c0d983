/* functions.h - the code of a trace put together: as functions, files or modules.
 *
 * Each process has code objects of its own for the same function; a function is
 * what has the same name at the same place. Groups are numbered in the order in
 * which the trace names them.
 */
#ifndef FLOW_FUNCTIONS_H
#define FLOW_FUNCTIONS_H

#include "model.h"

enum functions_by { FUNCTIONS_BY_NAME, FUNCTIONS_BY_FILE, FUNCTIONS_BY_MODULE };

struct functions {
    uint32_t *of_code;         /* Owned; the group of code->index */
    const struct code **codes; /* Owned; the first of each group */
    uint32_t count;
};

/* 0 or -ENOMEM. */
int functions_build(struct functions *out, const struct reader *reader, enum functions_by by);
void functions_free(struct functions *functions);

static inline uint32_t
functions_of(const struct functions *functions, const struct call *call)
{
    return functions->of_code[call->code->index];
}

#endif
