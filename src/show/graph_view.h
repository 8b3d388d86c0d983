/* graph_view.h - what `flowtrace graph` prints: who calls whom. */
#ifndef FLOW_GRAPH_VIEW_H
#define FLOW_GRAPH_VIEW_H

#include "show.h"

struct graph_options {
    struct show_options show;
    const bool *wanted; /* by code: the functions whose callers and callees are told; NULL: all, from the roots on */
    unsigned depth;     /* levels; 0: all */
};

/* 0 or -ENOMEM. */
int show_graph(struct text *out, const struct model *model, const struct graph_options *options);

#endif
