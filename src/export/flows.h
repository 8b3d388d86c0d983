/* flows.h - which calls are the first of a task, thread, job or process that another call created. */
#ifndef FLOW_FLOWS_H
#define FLOW_FLOWS_H

#include "../model/model.h"
#include "../model/text.h"

struct flow {
    uint32_t creator, created;
    uint64_t ns;   /* when, as far as that is known: else when the created call began */
    uint32_t told; /* of the first of a creator: how many of its flows are told already */
};

struct flows {
    struct flow *items; /* Owned; by creator, then in order of time */
    uint32_t count;
    uint8_t *ends;      /* Owned; by call, FLOWS_... */
};

#define FLOWS_BEGIN 1 /* it has created something */
#define FLOWS_END 2   /* it was created */

/* 0 or -ENOMEM. */
int flows_find(struct flows *out, const struct model *model);
/* The first of a call's that is not told yet and is of that time or before; it is told then. NULL: there is none. */
const struct flow *flows_tell(const struct flows *flows, uint32_t call, uint64_t by_ns);
/* "task fetch", "thread worker", "process 1204", "price" of a job */
void flows_label(struct text *out, const struct model *model, const struct flow *flow);
void flows_free(struct flows *flows);

/* A flow goes by what it leads to. */
static inline uint64_t
flow_id(uint32_t created)
{
    return (uint64_t)created + 1;
}

#endif
