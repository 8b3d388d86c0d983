/* graph_tree.c - a graph as lines: each function opened once, level by level, until the budget is used up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "graph.h"

enum { SHARE = 3, SHARE_MIN = 10 }; /* a function takes no more than a third of the lines that are left, or 10 */

static uint32_t
first_edge(const struct graph_tree *tree, uint32_t function)
{
    const struct graph *graph = tree->graph;
    if (tree->callers)
        return function == MODEL_NONE ? MODEL_NONE : graph->first_caller[function];
    return graph->first_callee[function == MODEL_NONE ? graph->functions.count : function];
}

static uint32_t
next_edge(const struct graph_tree *tree, uint32_t edge)
{
    return tree->callers ? tree->graph->edges[edge].next_caller : tree->graph->edges[edge].next_callee;
}

/* Lines below each function; the last is nobody. What is called by nobody alone has nothing above it. */
static uint32_t *
count_edges(const struct graph_tree *tree)
{
    const struct graph *graph = tree->graph;
    uint32_t *counts = calloc((size_t)graph->functions.count + 1, sizeof *counts);
    for (uint32_t i = 0; counts && i < graph->edge_count; i++) {
        const struct graph_edge *edge = &graph->edges[i];
        if (!tree->callers)
            counts[edge->caller == MODEL_NONE ? graph->functions.count : edge->caller]++;
        else if (edge->caller != MODEL_NONE)
            counts[edge->callee]++;
    }
    for (uint32_t i = 0; counts && tree->callers && i < graph->edge_count; i++)
        if (graph->edges[i].caller == MODEL_NONE && counts[graph->edges[i].callee])
            counts[graph->edges[i].callee]++;
    return counts;
}

static uint32_t
add_line(struct graph_tree *tree, uint32_t parent, uint32_t edge, uint32_t function)
{
    void *lines = tree->lines;
    if (!array_make_room(&lines, tree->count, &tree->room, sizeof *tree->lines))
        return MODEL_NONE;
    tree->lines = lines;
    tree->lines[tree->count] = (struct graph_line){.edge = edge,
                                                   .function = function,
                                                   .parent = parent,
                                                   .first_child = MODEL_NONE,
                                                   .next_sibling = MODEL_NONE,
                                                   .depth = parent == MODEL_NONE ? 0 : tree->lines[parent].depth + 1};
    return tree->count++;
}

/* `shown` lines for the callees or callers of `function`; 0 or -ENOMEM. */
static int
add_edges(struct graph_tree *tree, uint32_t parent, uint32_t function, uint32_t shown)
{
    uint32_t last = MODEL_NONE;
    for (uint32_t edge = first_edge(tree, function); edge != MODEL_NONE; edge = next_edge(tree, edge)) {
        const struct graph_edge *to = &tree->graph->edges[edge];
        if (shown == 0) {
            tree->skipped++;
            tree->skipped_roots += parent == MODEL_NONE;
            if (parent != MODEL_NONE) {
                tree->lines[parent].skipped++;
                tree->lines[parent].skipped_calls += to->calls.calls;
            }
            continue;
        }
        uint32_t line = add_line(tree, parent, edge, tree->callers ? to->caller : to->callee);
        if (line == MODEL_NONE)
            return -ENOMEM;
        shown--;
        if (last != MODEL_NONE)
            tree->lines[last].next_sibling = line;
        else if (parent != MODEL_NONE)
            tree->lines[parent].first_child = line;
        else
            tree->first = line;
        last = line;
    }
    return 0;
}

/* How many of `count` lines there is room for, the note on the others included; 0: not even for some. */
static uint32_t
share(uint32_t used, uint32_t count, uint32_t budget)
{
    uint32_t room = budget > used ? budget - used : 0;
    uint32_t most = room / SHARE > SHARE_MIN ? room / SHARE : room < SHARE_MIN ? room : SHARE_MIN;
    if (!budget || count <= most)
        return count;
    return most >= 3 ? most - 1 : 0;
}

/* Lines are opened in the order in which they were added: those of a level before the next one's. */
static int
open_lines(struct graph_tree *tree, const uint32_t *counts, uint32_t *opened, uint32_t budget, uint32_t depth)
{
    uint32_t used = tree->count;
    for (uint32_t i = 0; i < tree->count; i++) {
        struct graph_line *line = &tree->lines[i];
        uint32_t count = line->function == MODEL_NONE ? 0 : counts[line->function];
        if (count == 0)
            continue;
        if (opened[line->function] != MODEL_NONE) {
            line->state = GRAPH_AFTER; /* for now */
            continue;
        }
        uint32_t shown = depth && line->depth + 1 >= depth ? 0 : share(used, count, budget);
        line->state = shown ? GRAPH_OPEN : GRAPH_CLOSED;
        line->skipped = shown ? 0 : count;
        tree->skipped += shown ? 0 : count;
        if (!shown)
            continue;
        opened[line->function] = i;
        used += shown < count ? shown + 1 : shown;
        if (add_edges(tree, i, line->function, shown) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* The order in which they are printed: a line, all below it, the next. */
static void
number_lines(struct graph_tree *tree)
{
    uint32_t number = 0;
    uint32_t line = tree->first;
    while (line != MODEL_NONE) {
        tree->lines[line].enter = number++;
        if (tree->lines[line].first_child != MODEL_NONE) {
            line = tree->lines[line].first_child;
            continue;
        }
        while (line != MODEL_NONE) {
            tree->lines[line].leave = number;
            if (tree->lines[line].next_sibling != MODEL_NONE) {
                line = tree->lines[line].next_sibling;
                break;
            }
            line = tree->lines[line].parent;
        }
    }
}

static void
refer(struct graph_tree *tree, const uint32_t *opened)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        struct graph_line *line = &tree->lines[i];
        if (line->state != GRAPH_AFTER)
            continue;
        const struct graph_line *to = &tree->lines[opened[line->function]];
        if (to->enter < line->enter)
            line->state = line->enter < to->leave ? GRAPH_CYCLE : GRAPH_BEFORE;
    }
}

static int
add_roots(struct graph_tree *tree, uint32_t function, uint32_t count, uint32_t budget)
{
    if (function == MODEL_NONE)
        return add_edges(tree, MODEL_NONE, MODEL_NONE, budget && count > budget ? budget : count);
    tree->first = add_line(tree, MODEL_NONE, MODEL_NONE, function);
    return tree->first == MODEL_NONE ? -ENOMEM : 0;
}

int
graph_tree_build(struct graph_tree *out, const struct graph *graph, uint32_t function, bool callers, uint32_t budget,
                 uint32_t depth)
{
    *out = (struct graph_tree){.graph = graph, .callers = callers, .first = MODEL_NONE};
    size_t size = ((size_t)graph->functions.count + 1) * sizeof(uint32_t);
    uint32_t *counts = count_edges(out);
    uint32_t *opened = malloc(size); /* lines by function */
    int ret = counts && opened ? 0 : -ENOMEM;
    if (opened)
        memset(opened, 0xff, size); /* MODEL_NONE */
    ret = ret == 0 ? add_roots(out, function, counts[graph->functions.count], budget) : ret;
    ret = ret == 0 ? open_lines(out, counts, opened, budget, depth) : ret;
    if (ret == 0) {
        number_lines(out);
        refer(out, opened);
    }
    free(counts);
    free(opened);
    if (ret < 0)
        graph_tree_free(out);
    return ret;
}

void
graph_tree_free(struct graph_tree *tree)
{
    free(tree->lines);
    *tree = (struct graph_tree){0};
}
