/* flows.h - which calls are the first of a task, thread, job or process that another call created. */
#ifndef FLOW_FLOWS_H
#define FLOW_FLOWS_H

#include "../model/model.h"

struct flow {
    uint32_t creator, created;
};

struct flows {
    struct flow *items; /* Owned; by creator, then in order */
    uint32_t count;
    uint8_t *ends;      /* Owned; by call, FLOWS_... */
};

#define FLOWS_BEGIN 1 /* it has created something */
#define FLOWS_END 2   /* it was created */

/* 0 or -ENOMEM. */
int flows_find(struct flows *out, const struct model *model);
/* Those that a call has created: the first, and how many. */
const struct flow *flows_from(const struct flows *flows, uint32_t call, uint32_t *count);
void flows_free(struct flows *flows);

/* A flow goes by what it leads to. */
static inline uint64_t
flow_id(uint32_t created)
{
    return (uint64_t)created + 1;
}

#endif
