/* diff_side.c - one run as a tree, with a hash of each subtree. */
#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"
#include "diff.h"
#include "keyed.h"
#include "outline.h"

enum { IGNORED_FUNCTION = 1, IGNORED_PARAMETERS = 2 };

/* --- functions ---------------------------------------------------------- */

static uint64_t
hash_function(struct likeness *match, const struct code *code)
{
    const uint32_t kinds = FLOW_CODE_MODULE | FLOW_CODE_CLASS | FLOW_CODE_LIBRARY | FLOW_CODE_REGION | FLOW_CODE_NOTE;
    uint64_t hash = hash_mix(code->flags & kinds, 3);
    hash = hash_mix(hash, likeness_hash_text(match, code_module(code), false));
    return hash_mix(hash, likeness_hash_text(match, code->qualname, false));
}

static void
look_at_code(struct diff_side *side, const struct code *code)
{
    const struct names *ignored = &side->match.ignored;
    side->functions[code->index] = hash_function(&side->match, code);
    if (!ignored->count)
        return;
    if (names_hold_function(ignored, code->module, code->qualname))
        side->ignored[code->index] |= IGNORED_FUNCTION;
    for (uint32_t i = 0; i < code->parameter_count; i++)
        if (names_hold(ignored, code->parameters[i].name))
            side->ignored[code->index] |= IGNORED_PARAMETERS;
}

bool
diff_side_compares(const struct diff_side *side, const struct code *code, uint32_t parameter)
{
    return !(side->ignored[code->index] & IGNORED_PARAMETERS)
           || !names_hold(&side->match.ignored, code->parameters[parameter].name);
}

/* --- calls -------------------------------------------------------------- */

static uint64_t
hash_begin(struct diff_side *side, const struct call *call)
{
    uint64_t hash = side->functions[call->code->index];
    struct value value = call_arguments(side->model, call);
    for (uint32_t i = 0; side->values && i < call->code->parameter_count && value.data && value.data < value.end; i++) {
        uint64_t argument = likeness_hash(&side->match, &value);
        if (diff_side_compares(side, call->code, i))
            hash = hash_mix(hash, argument);
    }
    return hash;
}

static uint64_t
hash_end(struct diff_side *side, const struct call *call)
{
    uint64_t hash = hash_mix(call->outcome, 5);
    struct value result = call_result(side->model, call);
    if (side->values && call->outcome == OUTCOME_RETURNED)
        hash = hash_mix(hash, likeness_hash(&side->match, &result));
    if (code_yields(call->code))
        hash = hash_mix(hash, call_suspensions(side->model, call));
    uint32_t index = call_exception(side->model, call);
    if (index == MODEL_NONE)
        return hash;
    const struct exception *exception = &side->model->exceptions[index];
    struct value message = exception->message;
    hash = hash_mix(hash, likeness_hash_text(&side->match, exception->type, false));
    return side->values ? hash_mix(hash, likeness_hash(&side->match, &message)) : hash;
}

/* --- what was started --------------------------------------------------- */

/* Work is given to whichever thread or process of a pool is free: each piece stands for itself. */
static bool
is_alone(const struct diff_side *side, uint32_t root)
{
    const struct call *call = &side->model->calls[root];
    const struct track *track = &side->model->tracks[call->track];
    bool elsewhere = track->process != 0 && outline_parent(side->model, root) != MODEL_NONE
                     && (track->kind == TRACK_MAIN || call->parent != MODEL_NONE);
    return call->origin == FLOW_SPAWN_JOB || call->origin == FLOW_SPAWN_CALLBACK || elsewhere;
}

uint64_t
diff_side_unit(const struct diff_side *side, uint32_t root)
{
    return is_alone(side, root) ? (uint64_t)1 << 32 | root : side->model->calls[root].track;
}

uint64_t
diff_side_unit_name(struct diff_side *side, uint32_t root, bool named)
{
    const struct call *call = &side->model->calls[root];
    const struct track *track = &side->model->tracks[call->track];
    bool alone = is_alone(side, root);
    uint64_t hash = hash_mix(track->kind, alone ? call->origin : 0);
    return alone || !named ? hash : hash_mix(hash, likeness_hash_text(&side->match, track->name, true));
}

/* Roots by their units. */
struct spawned_list {
    struct keyed *items; /* Owned */
    uint32_t count, room;
};

static bool
collect(const struct diff_side *side, uint32_t first, struct spawned_list *list)
{
    list->count = 0;
    for (uint32_t root = first; root != MODEL_NONE; root = side->next[root]) {
        void *items = list->items;
        if (!array_make_room(&items, list->count, &list->room, sizeof *list->items))
            return false;
        list->items = items;
        list->items[list->count++] = (struct keyed){diff_side_unit(side, root), root};
    }
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, keyed_compare);
    return true;
}

/* The same in whichever order they were started. */
static uint64_t
hash_spawned(struct diff_side *side, const struct spawned_list *list)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < list->count;) {
        uint64_t unit = list->items[i].key;
        uint64_t hash = diff_side_unit_name(side, list->items[i].index, true);
        for (; i < list->count && list->items[i].key == unit; i++)
            hash = hash_mix(hash, side->whole[list->items[i].index]);
        sum += hash_mix(13, hash);
    }
    return sum;
}

/* --- the tree ----------------------------------------------------------- */

/* All in it is known: it came later in the trace. */
static bool
sum_up(struct diff_side *side, uint32_t number, uint64_t hash, struct spawned_list *list)
{
    uint32_t calls = number < side->model->call_count;
    side->last[number] = number;
    for (uint32_t child = side->first_child[number]; child != MODEL_NONE; child = side->next[child]) {
        hash = hash_mix(hash, side->whole[child]);
        calls += side->calls[child];
        side->last[number] = side->last[child];
    }
    if (side->first_spawned[number] != MODEL_NONE) {
        if (!collect(side, side->first_spawned[number], list))
            return false;
        for (uint32_t i = 0; i < list->count; i++)
            calls += side->calls[list->items[i].index];
        hash = hash_mix(hash, hash_spawned(side, list));
    }
    side->calls[number] = calls;
    side->whole[number] = hash;
    return true;
}

static bool
is_callee(const struct model *model, uint32_t number)
{
    uint32_t parent = model->calls[number].parent;
    return parent != MODEL_NONE && parent == outline_parent(model, number);
}

/* Ignored functions take all that they called along. */
static void
leave_out(struct diff_side *side)
{
    const struct model *model = side->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t parent = outline_parent(model, i);
        bool out = side->ignored[model->calls[i].code->index] & IGNORED_FUNCTION
                   || (parent != MODEL_NONE && !side->calls[parent] && model->calls[parent].origin != CALL_INHERITED);
        side->calls[i] = !out && model->calls[i].origin != CALL_INHERITED;
        side->compared += side->calls[i];
    }
}

static int
fill(struct diff_side *side)
{
    const struct model *model = side->model;
    struct spawned_list list = {0};
    bool ok = true;
    leave_out(side);
    for (uint32_t i = model->call_count; ok && i-- > 0;) {
        if (!side->calls[i])
            continue;
        side->begin[i] = hash_begin(side, &model->calls[i]);
        ok = sum_up(side, i, hash_mix(side->begin[i], hash_end(side, &model->calls[i])), &list);
        uint32_t parent = outline_parent(model, i);
        uint32_t *heads = is_callee(model, i) ? side->first_child : side->first_spawned;
        uint32_t *head = &heads[parent == MODEL_NONE ? model->call_count : parent];
        side->next[i] = *head;
        *head = i;
    }
    ok = ok && sum_up(side, model->call_count, 0, &list);
    free(list.items);
    return ok ? 0 : -ENOMEM;
}

int
diff_side_open(struct diff_side *out, const struct model *model, bool values, const struct names *ignored)
{
    size_t n = (size_t)model->call_count + 1;
    size_t codes = (size_t)model->reader->code_count + 1;
    *out = (struct diff_side){.model = model, .values = values};
    out->functions = malloc(codes * sizeof *out->functions);
    out->ignored = calloc(codes, sizeof *out->ignored);
    out->first_child = malloc(n * sizeof *out->first_child);
    out->first_spawned = malloc(n * sizeof *out->first_spawned);
    out->next = malloc(n * sizeof *out->next);
    out->last = malloc(n * sizeof *out->last);
    out->calls = calloc(n, sizeof *out->calls);
    out->begin = malloc(n * sizeof *out->begin);
    out->whole = malloc(n * sizeof *out->whole);
    int ret = likeness_open(&out->match, model, ignored);
    if (ret == 0
        && (!out->functions || !out->ignored || !out->first_child || !out->first_spawned || !out->next || !out->last
            || !out->calls || !out->begin || !out->whole))
        ret = -ENOMEM;
    if (ret == 0) {
        memset(out->first_child, 0xff, n * sizeof *out->first_child); /* MODEL_NONE */
        memset(out->first_spawned, 0xff, n * sizeof *out->first_spawned);
        memset(out->next, 0xff, n * sizeof *out->next);
        for (uint32_t i = 0; i < model->reader->code_count; i++)
            look_at_code(out, model->reader->codes[i]);
        ret = fill(out);
    }
    if (ret < 0)
        diff_side_close(out);
    return ret;
}

void
diff_side_close(struct diff_side *side)
{
    likeness_close(&side->match);
    free(side->functions);
    free(side->ignored);
    free(side->first_child);
    free(side->first_spawned);
    free(side->next);
    free(side->last);
    free(side->calls);
    free(side->begin);
    free(side->whole);
    *side = (struct diff_side){0};
}
