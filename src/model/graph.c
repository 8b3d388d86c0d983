#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "nesting.h"
#include "outline.h"

struct maker {
    struct graph *graph;
    const struct model *model;
    const bool *wanted;    /* by code */
    bool *chosen;          /* Owned; by call; NULL: all */
    uint32_t *edge_of;     /* Owned; by call */
    struct id_map known;   /* (link, caller and callee) -> edge */
};

/* --- which calls -------------------------------------------------------- */

static bool
is_wanted(const struct maker *maker, uint32_t call)
{
    return maker->wanted[maker->model->calls[call].code->index];
}

/* A parent comes before its children: two plain loops, however deep they are. */
static void
choose(struct maker *maker, enum graph_part part)
{
    const struct model *model = maker->model;
    if (part == GRAPH_ABOVE) {
        for (uint32_t i = model->call_count; i-- > 0;) {
            uint32_t parent = outline_parent(model, i);
            maker->chosen[i] |= is_wanted(maker, i);
            if (maker->chosen[i] && parent != MODEL_NONE)
                maker->chosen[parent] = true;
        }
        return;
    }
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t parent = outline_parent(model, i);
        maker->chosen[i] = parent != MODEL_NONE && (maker->chosen[parent] || is_wanted(maker, parent));
    }
}

static bool
is_chosen(const struct maker *maker, uint32_t call)
{
    return maker->model->calls[call].origin != CALL_INHERITED && (!maker->chosen || maker->chosen[call]);
}

/* --- edges -------------------------------------------------------------- */

/* What the caller created, of which this call is the beginning. */
static uint8_t
link_of(const struct model *model, const struct call *call)
{
    if (call->parent == MODEL_NONE)
        return call->origin;
    return model->calls[call->parent].origin == CALL_INHERITED ? FLOW_SPAWN_PROCESS : 0;
}

static uint32_t
edge_of(struct maker *maker, uint32_t caller, uint32_t callee, uint8_t link, uint32_t call)
{
    struct graph *graph = maker->graph;
    uint64_t key = (uint64_t)caller << 32 | callee;
    const uint32_t *known = id_map_get(&maker->known, link, key);
    if (known)
        return *known;
    void *edges = graph->edges;
    if (!array_make_room(&edges, graph->edge_count, &graph->edge_room, sizeof *graph->edges))
        return MODEL_NONE;
    graph->edges = edges;
    graph->edges[graph->edge_count] = (struct graph_edge){
        .caller = caller, .callee = callee, .link = link, .first = call};
    return id_map_put(&maker->known, link, key, graph->edge_count) ? graph->edge_count++ : MODEL_NONE;
}

static int
count_calls(struct maker *maker)
{
    const struct model *model = maker->model;
    struct graph *graph = maker->graph;
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        maker->edge_of[i] = MODEL_NONE;
        if (!is_chosen(maker, i))
            continue;
        uint32_t parent = outline_parent(model, i);
        uint32_t caller = parent == MODEL_NONE ? MODEL_NONE : functions_of(&graph->functions, &model->calls[parent]);
        uint32_t callee = functions_of(&graph->functions, call);
        uint32_t edge = edge_of(maker, caller, callee, link_of(model, call), i);
        if (edge == MODEL_NONE)
            return -ENOMEM;
        maker->edge_of[i] = edge;
        graph->edges[edge].calls.calls++;
        graph->nodes[callee].calls++;
        graph->calls++;
    }
    return 0;
}

static void
add_time(struct graph_node *node, const struct model *model, const struct call *call)
{
    node->total_ns += call_running_ns(model, call);
    if (!call_may_wait(model, call) || !call_suspensions(model, call))
        return;
    node->suspends = true;
    node->waits_ns += call_waiting_ns(model, call);
}

/* `active` of edges, then of functions: how many of their calls stand above the one that the walk is at. */
static void
enter(struct maker *maker, uint32_t call, uint32_t edge, uint32_t *active)
{
    struct graph *graph = maker->graph;
    uint32_t function = graph->edges[edge].callee;
    if (active[edge]++ == 0)
        add_time(&graph->edges[edge].calls, maker->model, &maker->model->calls[call]);
    if (active[graph->edge_count + function]++ == 0)
        add_time(&graph->nodes[function], maker->model, &maker->model->calls[call]);
}

static int
add_times(struct maker *maker)
{
    struct graph *graph = maker->graph;
    struct nesting nesting;
    uint32_t *active = calloc((size_t)graph->edge_count + graph->functions.count + 1, sizeof *active);
    int ret = active ? nesting_build(&nesting, maker->model) : -ENOMEM;
    while (ret == 0 && nesting_step(&nesting)) {
        uint32_t edge = maker->edge_of[nesting.call];
        if (edge == MODEL_NONE)
            continue;
        if (!nesting.left) {
            enter(maker, nesting.call, edge, active);
            continue;
        }
        active[edge]--;
        active[graph->edge_count + graph->edges[edge].callee]--;
    }
    if (ret == 0)
        nesting_free(&nesting);
    free(active);
    return ret;
}

static int
link_edges(struct graph *graph)
{
    size_t size = ((size_t)graph->functions.count + 1) * sizeof *graph->first_callee;
    graph->first_callee = malloc(size);
    graph->first_caller = malloc(size);
    if (!graph->first_callee || !graph->first_caller)
        return -ENOMEM;
    memset(graph->first_callee, 0xff, size); /* MODEL_NONE */
    memset(graph->first_caller, 0xff, size);
    for (uint32_t i = graph->edge_count; i-- > 0;) {
        struct graph_edge *edge = &graph->edges[i];
        uint32_t caller = edge->caller == MODEL_NONE ? graph->functions.count : edge->caller;
        edge->next_callee = graph->first_callee[caller];
        graph->first_callee[caller] = i;
        edge->next_caller = graph->first_caller[edge->callee];
        graph->first_caller[edge->callee] = i;
    }
    return 0;
}

int
graph_build(struct graph *out, const struct model *model, enum graph_part part, const bool *wanted)
{
    *out = (struct graph){0};
    size_t n = (size_t)model->call_count + 1;
    struct maker maker = {.graph = out, .model = model, .wanted = wanted};
    maker.edge_of = malloc(n * sizeof *maker.edge_of);
    maker.chosen = part == GRAPH_ALL ? NULL : calloc(n, sizeof *maker.chosen);
    int ret = maker.edge_of && (part == GRAPH_ALL || maker.chosen) ? 0 : -ENOMEM;
    if (ret == 0 && maker.chosen)
        choose(&maker, part);
    ret = ret == 0 ? functions_build(&out->functions, model->reader, FUNCTIONS_BY_NAME) : ret;
    if (ret == 0 && !(out->nodes = calloc((size_t)out->functions.count + 1, sizeof *out->nodes)))
        ret = -ENOMEM;
    ret = ret == 0 ? count_calls(&maker) : ret;
    ret = ret == 0 ? add_times(&maker) : ret;
    ret = ret == 0 ? link_edges(out) : ret;
    id_map_free(&maker.known);
    free(maker.edge_of);
    free(maker.chosen);
    if (ret < 0)
        graph_free(out);
    return ret;
}

void
graph_free(struct graph *graph)
{
    functions_free(&graph->functions);
    free(graph->nodes);
    free(graph->edges);
    free(graph->first_callee);
    free(graph->first_caller);
    *graph = (struct graph){0};
}
