/* flame.h - what the files that write a flame page share: flame.c the page and its graph, flame_chart.c the timeline,
 * flame_before.c what an earlier trace had in the same places.
 */
#ifndef FLOW_FLAME_H
#define FLOW_FLAME_H

#include "export.h"
#include "stacks.h"

/* What a node had in the earlier trace. */
struct flame_was {
    uint64_t self_ns, waits_ns, calls;
};

struct flame_before {
    struct stacks stacks;
    uint32_t *match;       /* Owned; by node of the earlier trace: node of this one, or MODEL_NONE */
    struct flame_was *was; /* Owned; by node of this trace */
};

/* 0, -ENOMEM or -ECANCELED. */
int flame_before_build(struct flame_before *out, const struct stacks *now, const struct model *before,
                       const struct progress *progress);
/* "vanished":[[path, running, waiting, calls], ...], of the largest, and how many are left out. 0 or -ENOMEM. */
int flame_before_put_vanished(struct sink *sink, const struct flame_before *before);
void flame_before_free(struct flame_before *before);

/* "tracks":[...], ... of the chart: see flame_chart.c. 0, -ENOMEM, or what the sink and progress have. */
int flame_chart_put(struct export *export, const struct functions *functions);

#endif
