/* graph.h - who calls whom: the calls of a trace merged by function.
 *
 * An edge stands for all calls that one function made to another, or that were made in a task,
 * thread or process which it created. A call without a known caller is on an edge from nobody.
 * The tree of a graph shows each function's callees (or callers) once, where it stands highest;
 * wherever else it comes up a line refers to that. Takes 13 bytes a call while it is made.
 */
#ifndef FLOW_GRAPH_H
#define FLOW_GRAPH_H

#include "functions.h"

/* Calls of a function, or on an edge. */
struct graph_node {
    uint64_t calls;
    uint64_t total_ns, waits_ns; /* as in a tally: recursion counts once */
    bool suspends;               /* some of them were coroutines, which may wait */
};

struct graph_edge {
    uint32_t caller;  /* function, or MODEL_NONE */
    uint32_t callee;
    uint32_t next_callee; /* edges: of the same caller, in order of their first calls */
    uint32_t next_caller; /* to the same callee */
    uint32_t first;       /* call */
    uint8_t link;         /* enum flow_spawn of what the caller created; 0: it called */
    struct graph_node calls;
};

struct graph {
    struct functions functions;
    struct graph_node *nodes; /* Owned; by function */
    struct graph_edge *edges; /* Owned; in order of their first calls */
    uint32_t edge_count, edge_room;
    uint32_t *first_callee;   /* Owned; edges by function; the last is nobody's */
    uint32_t *first_caller;
    uint64_t calls;           /* on all edges */
};

enum graph_part {
    GRAPH_ALL,
    GRAPH_ABOVE, /* calls of the wanted functions, and those that led to one */
    GRAPH_BELOW, /* what calls of the wanted functions led to */
};

/* `wanted` by code; unused for all. 0 or -ENOMEM. */
int graph_build(struct graph *out, const struct model *model, enum graph_part part, const bool *wanted);
void graph_free(struct graph *graph);

enum graph_state {
    GRAPH_LEAF,
    GRAPH_OPEN,
    GRAPH_CLOSED, /* there are more: no room, or too deep */
    GRAPH_CYCLE,  /* it stands above, on the way to this line */
    GRAPH_BEFORE, /* it is opened in a line before this, */
    GRAPH_AFTER,  /* or in one that follows */
};

struct graph_line {
    uint32_t edge;     /* MODEL_NONE: the function that was asked for */
    uint32_t function; /* or MODEL_NONE: nobody */
    uint32_t parent, first_child, next_sibling; /* lines */
    uint32_t depth;    /* from 0 */
    uint32_t skipped;  /* children that are not shown */
    uint64_t skipped_calls;
    enum graph_state state;
    uint32_t enter, leave; /* its place in the order of lines, and that behind all below it */
};

struct graph_tree {
    const struct graph *graph;
    bool callers;             /* it goes up */
    struct graph_line *lines; /* Owned */
    uint32_t count, room;
    uint32_t first;
    uint32_t skipped_roots;
    uint64_t skipped;         /* lines left out, in all */
};

/* The callees of `function`, or its callers; of MODEL_NONE, of nobody: the roots. About `budget` lines, 0 for all;
 * no deeper than `depth`, 0 for all. 0 or -ENOMEM. */
int graph_tree_build(struct graph_tree *out, const struct graph *graph, uint32_t function, bool callers,
                     uint32_t budget, uint32_t depth);
void graph_tree_free(struct graph_tree *tree);

#endif
