#include "stacks.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/hash.h"
#include "../model/id_map.h"
#include "../model/label.h"
#include "../trace/array.h"

#define TRACK_KINDS 4

struct maker {
    struct stacks *stacks;
    const struct model *model;
    uint32_t *node_of;        /* Owned; by call */
    uint32_t *root_of;        /* Owned; by track; MODEL_NONE: not yet */
    uint32_t *tracks_of_kind; /* Owned; by process and kind */
    struct id_map children;   /* (kind, node and what is below) -> node */
    struct id_map roots;      /* (process, hash of the name) -> node */
    struct text scratch;
};

static uint32_t
add_node(struct maker *maker, enum stack_kind kind, uint32_t parent, uint32_t of, uint32_t call)
{
    struct stacks *stacks = maker->stacks;
    void *nodes = stacks->nodes;
    bool fits = array_make_room(&nodes, stacks->count, &stacks->room, sizeof *stacks->nodes);
    stacks->nodes = nodes;
    if (!fits)
        return MODEL_NONE;
    uint16_t depth = parent == MODEL_NONE ? 0 : (uint16_t)(stacks->nodes[parent].depth + 1);
    stacks->nodes[stacks->count] = (struct stack_node){
        .parent = parent, .of = of, .kind = (uint16_t)kind, .depth = depth, .first = call};
    return stacks->count++;
}

static uint32_t
child_of(struct maker *maker, enum stack_kind kind, uint32_t parent, uint32_t of, uint32_t call)
{
    uint64_t key = (uint64_t)parent << 32 | of;
    const uint32_t *known = id_map_get(&maker->children, kind, key);
    if (known)
        return *known;
    uint32_t node = add_node(maker, kind, parent, of, call);
    return node != MODEL_NONE && id_map_put(&maker->children, kind, key, node) ? node : MODEL_NONE;
}

/* --- roots -------------------------------------------------------------- */

static bool
has_numbers(const struct maker *maker, const struct track *track)
{
    return maker->tracks_of_kind[track->process * TRACK_KINDS + track->kind] <= STACKS_TRACKS_MAX;
}

static void
put_without_numbers(struct text *out, struct slice name)
{
    bool in_number = false;
    for (size_t i = 0; i < name.length; i++) {
        bool digit = name.data[i] >= '0' && name.data[i] <= '9';
        if (digit && !in_number)
            text_string(out, "#");
        else if (!digit)
            text_bytes(out, name.data + i, 1);
        in_number = digit;
    }
}

static void
put_track(struct text *out, const struct track *track, bool numbers)
{
    struct text name = {0};
    label_track(numbers ? out : &name, track);
    put_without_numbers(out, (struct slice){name.data, name.length});
    out->failed |= name.failed;
    text_free(&name);
}

static uint32_t
root_of(struct maker *maker, uint32_t number, uint32_t call)
{
    const struct track *track = &maker->model->tracks[number];
    if (maker->root_of[number] != MODEL_NONE)
        return maker->root_of[number];
    enum stack_kind kind = has_numbers(maker, track) ? STACK_TRACK : STACK_TRACKS;
    maker->scratch.length = 0;
    put_track(&maker->scratch, track, kind == STACK_TRACK);
    uint64_t key = hash_name(track->kind, (struct slice){maker->scratch.data, maker->scratch.length});
    const uint32_t *known = id_map_get(&maker->roots, track->process, key);
    if (known)
        return maker->root_of[number] = *known;
    uint32_t parent = MODEL_NONE;
    if (maker->stacks->many_processes
        && (parent = child_of(maker, STACK_PROCESS, MODEL_NONE, track->process, call)) == MODEL_NONE)
        return MODEL_NONE;
    uint32_t node = add_node(maker, kind, parent, number, call);
    if (node == MODEL_NONE || !id_map_put(&maker->roots, track->process, key, node))
        return MODEL_NONE;
    return maker->root_of[number] = node;
}

/* --- calls -------------------------------------------------------------- */

static uint32_t
node_of(struct maker *maker, uint32_t number)
{
    const struct call *call = &maker->model->calls[number];
    uint32_t parent = call->parent == MODEL_NONE ? root_of(maker, call->track, number) : maker->node_of[call->parent];
    if (parent == MODEL_NONE)
        return MODEL_NONE;
    const struct stack_node *above = &maker->stacks->nodes[parent];
    if (above->kind == STACK_DEEPER)
        return parent;
    if (above->depth >= STACKS_DEPTH_MAX)
        return child_of(maker, STACK_DEEPER, parent, 0, number);
    return child_of(maker, STACK_FUNCTION, parent, functions_of(&maker->stacks->functions, call), number);
}

static void
count_end(struct stack_node *node, const struct model *model, const struct call *call)
{
    node->open += call->outcome == OUTCOME_RUNNING;
    uint32_t index = call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE;
    node->raised += index != MODEL_NONE && !model->exceptions[index].benign;
}

/* What is the callee's is not the caller's. */
static void
add_times(struct maker *maker, uint32_t number)
{
    const struct model *model = maker->model;
    const struct call *call = &model->calls[number];
    struct stack_node *node = &maker->stacks->nodes[maker->node_of[number]];
    int64_t awaiting = (int64_t)call_awaiting_ns(model, call);
    node->self_ns += (int64_t)call_running_ns(model, call);
    node->waits_ns += awaiting;
    if (call->parent == MODEL_NONE || model->calls[call->parent].origin == CALL_INHERITED)
        return;
    const struct call *above = &model->calls[call->parent];
    node = &maker->stacks->nodes[maker->node_of[call->parent]];
    node->self_ns -= (int64_t)call_running_within(model, above, call);
    if (call_awaiting_ns(model, above))
        node->waits_ns -= awaiting;
}

/* Calls that a fork copied are in the stacks of the child's, and count in the process that made them. */
static int
add_call(struct maker *maker, uint32_t number)
{
    const struct call *call = &maker->model->calls[number];
    uint32_t index = node_of(maker, number);
    if (index == MODEL_NONE)
        return -ENOMEM;
    maker->node_of[number] = index;
    if (call->origin == CALL_INHERITED)
        return 0;
    maker->stacks->nodes[index].calls++;
    count_end(&maker->stacks->nodes[index], maker->model, call);
    add_times(maker, number);
    return 0;
}

static bool
prepare(struct maker *maker)
{
    const struct model *model = maker->model;
    size_t roots = ((size_t)model->track_count + 1) * sizeof *maker->root_of;
    maker->node_of = malloc(((size_t)model->call_count + 1) * sizeof *maker->node_of);
    maker->root_of = malloc(roots);
    maker->tracks_of_kind = calloc(((size_t)model->process_count + 1) * TRACK_KINDS, sizeof *maker->tracks_of_kind);
    if (!maker->node_of || !maker->root_of || !maker->tracks_of_kind)
        return false;
    memset(maker->root_of, 0xff, roots); /* MODEL_NONE */
    uint32_t first = MODEL_NONE;
    for (uint32_t i = 0; i < model->track_count; i++) {
        const struct track *track = &model->tracks[i];
        if (track->first_root == MODEL_NONE)
            continue;
        maker->tracks_of_kind[track->process * TRACK_KINDS + track->kind]++;
        first = first == MODEL_NONE ? track->process : first;
        maker->stacks->many_processes |= track->process != first;
    }
    return true;
}

static int
add_calls(struct maker *maker, const struct progress *progress)
{
    const struct model *model = maker->model;
    int ret = prepare(maker) ? 0 : -ENOMEM;
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++) {
        ret = add_call(maker, i);
        if (ret == 0 && i % PROGRESS_STEP == 0)
            ret = progress_tell(progress, "stacking", i, model->call_count);
    }
    for (uint32_t i = 0; i < maker->stacks->count; i++) {
        struct stack_node *node = &maker->stacks->nodes[i];
        node->self_ns = node->self_ns < 0 ? 0 : node->self_ns;
        node->waits_ns = node->waits_ns < 0 ? 0 : node->waits_ns;
    }
    return ret;
}

int
stacks_build(struct stacks *out, const struct model *model, const struct progress *progress)
{
    *out = (struct stacks){.model = model};
    struct maker maker = {.stacks = out, .model = model};
    int ret = functions_build(&out->functions, model->reader, FUNCTIONS_BY_NAME);
    ret = ret == 0 ? add_calls(&maker, progress) : ret;
    ret = ret == 0 && maker.scratch.failed ? -ENOMEM : ret;
    free(maker.node_of);
    free(maker.root_of);
    free(maker.tracks_of_kind);
    id_map_free(&maker.children);
    id_map_free(&maker.roots);
    text_free(&maker.scratch);
    if (ret < 0)
        stacks_free(out);
    return ret;
}

void
stacks_free(struct stacks *stacks)
{
    free(stacks->nodes);
    functions_free(&stacks->functions);
    *stacks = (struct stacks){0};
}

void
stacks_label(struct text *out, const struct stacks *stacks, const struct stack_node *node)
{
    const struct model *model = stacks->model;
    switch ((enum stack_kind)node->kind) {
    case STACK_PROCESS: label_process(out, model, &model->processes[node->of]); break;
    case STACK_TRACK: put_track(out, &model->tracks[node->of], true); break;
    case STACK_TRACKS: put_track(out, &model->tracks[node->of], false); break;
    case STACK_FUNCTION: label_function(out, stacks->functions.codes[node->of]); break;
    case STACK_DEEPER: text_string(out, "(deeper)"); break;
    }
}
