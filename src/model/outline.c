#include "outline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

/* --- folding a sequence ------------------------------------------------- */

/* How often the block of `period` runs that begins at `start` stands there in a row. */
static uint32_t
count_repeats(const uint64_t *shapes, const uint32_t *runs, uint32_t run_count, uint32_t start, uint32_t period)
{
    uint32_t repeats = 1;
    for (uint32_t at = start + period; at + period <= run_count; at += period, repeats++)
        for (uint32_t i = 0; i < period; i++)
            if (shapes[runs[at + i]] != shapes[runs[start + i]])
                return repeats;
    return repeats;
}

/* A loop's rounds begin with the same call. Where another interrupted it, the rest of
 * that round is no beginning: would the block repeat from its opener on as well? */
static bool
opens_later(const uint64_t *shapes, const uint32_t *runs, uint32_t run_count, uint32_t run, uint32_t period,
            uint64_t opener)
{
    for (uint32_t i = 0; i < period; i++)
        if (shapes[runs[run + i]] == opener)
            return i > 0 && count_repeats(shapes, runs, run_count, run + i, period) > 1;
    return false;
}

uint32_t
fold_sequence(const uint64_t *shapes, uint32_t count, uint32_t *positions, uint32_t *scratch)
{
    uint32_t run_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || shapes[i] != shapes[i - 1])
            scratch[run_count++] = i;
        positions[i] = run_count - 1; /* the run, for now */
    }
    uint32_t lines = 0;
    uint32_t run = 0;
    uint32_t child = 0;
    uint32_t opener = count; /* the first of the last block's round */
    while (run < run_count) {
        uint32_t period = 1;
        uint32_t repeats = 1;
        for (uint32_t p = 2; p <= FOLD_PERIOD_MAX && run + 2 * p <= run_count; p++) {
            uint32_t n = count_repeats(shapes, scratch, run_count, run, p);
            if (n > 1 && n * p > repeats * period) {
                repeats = n;
                period = p;
            }
        }
        if (opener < count && opens_later(shapes, scratch, run_count, run, period, shapes[opener]))
            period = repeats = 1;
        else if (period > 1)
            opener = scratch[run];
        uint32_t end = run + period * repeats;
        for (; child < count && positions[child] < end; child++)
            positions[child] = lines + (positions[child] - run) % period;
        lines += period;
        run = end;
    }
    return lines;
}

/* --- the outline -------------------------------------------------------- */

uint32_t
outline_parent(const struct model *model, uint32_t number)
{
    const struct call *call = &model->calls[number];
    uint32_t parent = call->parent != MODEL_NONE ? call->parent : call_spawned_by(model, call);
    if (call->parent != MODEL_NONE && model->calls[parent].origin == CALL_INHERITED)
        parent = call_spawned_by(model, &model->calls[parent]);
    return parent < number ? parent : MODEL_NONE; /* MODEL_NONE is greater than any */
}

static bool
stands_beside(const struct outline *outline, uint32_t number)
{
    if (!outline->by_task)
        return false;
    const struct call *call = &outline->model->calls[number];
    return call->parent == MODEL_NONE && call->origin == FLOW_SPAWN_TASK;
}

uint32_t
outline_creator_beside(const struct outline *outline, uint32_t call)
{
    return stands_beside(outline, call) ? outline_parent(outline->model, call) : MODEL_NONE;
}

static uint64_t
hash_slice(struct slice slice)
{
    uint64_t hash = slice.length;
    for (size_t i = 0; i < slice.length; i++)
        hash = hash_mix(hash, (uint8_t)slice.data[i]);
    return hash;
}

/* The same code has a number of its own in each process and interpreter. */
static uint64_t
hash_code(const struct code *code)
{
    uint64_t hash = hash_mix(hash_slice(code->qualname), hash_slice(code->file));
    return hash_mix(hash_mix(hash, hash_slice(code->module)), (uint64_t)code->first_line << 32 | code->parameter_count);
}

struct children {
    uint64_t *codes;     /* Owned; their hashes */
    uint32_t *first_calls; /* Owned; by code */
    uint64_t *shapes;    /* Owned */
    uint32_t *positions; /* Owned */
    uint32_t *scratch;   /* Owned */
    uint32_t count, room;
};

static bool
collect(struct children *children, const struct outline *outline, uint32_t call)
{
    children->count = 0;
    for (uint32_t c = outline->first_child[call]; c != MODEL_NONE; c = outline->next_sibling[c]) {
        if (children->count == children->room) {
            uint32_t room = children->room ? 2 * children->room : 64;
            uint64_t *shapes = realloc(children->shapes, room * sizeof *shapes);
            children->shapes = shapes ? shapes : children->shapes;
            uint32_t *positions = realloc(children->positions, room * sizeof *positions);
            children->positions = positions ? positions : children->positions;
            uint32_t *scratch = realloc(children->scratch, room * sizeof *scratch);
            children->scratch = scratch ? scratch : children->scratch;
            if (!shapes || !positions || !scratch)
                return false;
            children->room = room;
        }
        children->shapes[children->count++] = outline->shape[c];
    }
    return true;
}

static uint64_t
shape_of(const struct outline *outline, const struct children *children, uint32_t number)
{
    const struct call *call = &outline->model->calls[number];
    uint64_t hash = hash_mix(children->codes[call->code->index], (uint64_t)call->outcome << 8 | call->origin);
    uint32_t exception = call_exception(outline->model, call);
    const struct exception *left = exception != MODEL_NONE ? &outline->model->exceptions[exception] : NULL;
    if (left)
        hash = hash_mix(hash, hash_slice(left->type));
    if (left && left->ambiguous)
        hash = hash_mix(hash_mix(hash, hash_slice(left->module)), hash_slice(left->qualname));
    uint32_t count;
    const struct caught *caught = exception_caught_in(outline->model, number, &count);
    for (uint32_t i = 0; i < count && i < CAUGHT_SHOWN; i++)
        hash = hash_mix(hash, hash_slice(outline->model->exceptions[caught[i].exception].type));
    /* How deep a recursion went does not make it another shape. */
    unsigned flags = outline->flags[number];
    if (flags & OUTLINE_RECURSION && !(flags & (OUTLINE_ERROR | OUTLINE_RUNNING)))
        return hash;
    uint32_t lines = fold_sequence(children->shapes, children->count, children->positions, children->scratch);
    uint32_t line = 0;
    for (uint32_t i = 0; i < children->count && line < lines; i++)
        if (children->positions[i] == line) { /* the first of each line */
            hash = hash_mix(hash, children->shapes[i]);
            line++;
        }
    return hash_mix(hash, lines);
}

/* What its children add up to. They are done: they come later in the trace. */
static void
sum_up(struct outline *outline, uint32_t number, const uint32_t *first_calls)
{
    const struct model *model = outline->model;
    const struct call *call = &model->calls[number];
    uint32_t calls = 1;
    uint32_t depth = 0;
    uint8_t flags = OUTLINE_RECURSION;
    for (uint32_t c = outline->first_child[number]; c != MODEL_NONE; c = outline->next_sibling[c]) {
        calls += outline->calls[c];
        depth = outline->depth[c] > depth ? outline->depth[c] : depth;
        flags |= outline->flags[c] & (OUTLINE_ERROR | OUTLINE_RUNNING | OUTLINE_NEW);
        flags |= outline->flags[c] & OUTLINE_NEW ? OUTLINE_NEW_INSIDE : 0;
        if (model->calls[c].code != call->code || !(outline->flags[c] & OUTLINE_RECURSION) || model->calls[c].origin)
            flags &= (uint8_t)~OUTLINE_RECURSION;
    }
    if (call->outcome == OUTCOME_RUNNING)
        flags |= OUTLINE_RUNNING;
    if (first_calls[call->code->index] == number)
        flags |= OUTLINE_NEW;
    uint32_t index = call_exception(model, call);
    const struct exception *exception = index != MODEL_NONE ? &model->exceptions[index] : NULL;
    if (exception && !exception->benign && !exception_is_cancellation(exception))
        flags |= OUTLINE_ERROR;
    outline->calls[number] = calls;
    outline->depth[number] = depth + 1;
    outline->flags[number] = flags;
}

static bool
is_idle_definition(const struct outline *outline, uint32_t number)
{
    return call_is_definition(&outline->model->calls[number]) && outline->first_child[number] == MODEL_NONE;
}

static int
fill(struct outline *outline, struct children *children, bool hide)
{
    const struct model *model = outline->model;
    const struct reader *reader = model->reader;
    children->codes = malloc((reader->code_count + (size_t)1) * sizeof *children->codes);
    children->first_calls = malloc((reader->code_count + (size_t)1) * sizeof *children->first_calls);
    if (!children->codes || !children->first_calls)
        return -ENOMEM;
    for (uint32_t i = model->call_count; i-- > 0;)
        children->first_calls[model->calls[i].code->index] = i;
    for (uint32_t i = 0; i < reader->code_count; i++)
        children->codes[i] = hash_code(reader->codes[i]);
    for (uint32_t i = model->call_count; i-- > 0;) {
        sum_up(outline, i, children->first_calls);
        if (!collect(children, outline, i))
            return -ENOMEM;
        outline->shape[i] = shape_of(outline, children, i);
        if (model->calls[i].origin == CALL_INHERITED) {
            outline->inherited++;
            continue;
        }
        if (hide && is_idle_definition(outline, i)) {
            outline->flags[i] |= OUTLINE_HIDDEN;
            outline->hidden++;
            continue;
        }
        uint32_t parent = outline_parent(model, i);
        if (stands_beside(outline, i)) { /* those that one function has created may fold */
            uint64_t by = parent == MODEL_NONE ? 0 : children->codes[model->calls[parent].code->index];
            outline->shape[i] = hash_mix(outline->shape[i], by);
            parent = MODEL_NONE;
        }
        if (parent == MODEL_NONE && model->run_count) /* what other runs did alike is not told in one line */
            outline->shape[i] = hash_mix(outline->shape[i], model_run_of(model, i));
        uint32_t *head = parent == MODEL_NONE ? &outline->first_root : &outline->first_child[parent];
        outline->next_sibling[i] = *head;
        *head = i;
    }
    return 0;
}

/* What one run did stands together, run by run. */
static int
group_roots(struct outline *outline)
{
    const struct model *model = outline->model;
    uint32_t count = model->run_count + 1;
    uint32_t *ends = malloc(2 * (size_t)count * sizeof *ends);
    if (!ends)
        return -ENOMEM;
    uint32_t *last = ends, *first = ends + count;
    memset(ends, 0xff, 2 * (size_t)count * sizeof *ends); /* MODEL_NONE */
    for (uint32_t root = outline->first_root; root != MODEL_NONE; root = outline->next_sibling[root]) {
        uint32_t run = model_run_of(model, root);
        if (last[run] == MODEL_NONE)
            first[run] = root;
        else
            outline->next_sibling[last[run]] = root;
        last[run] = root;
    }
    uint32_t before = MODEL_NONE;
    outline->first_root = MODEL_NONE;
    for (uint32_t run = 0; run < count; run++) {
        if (last[run] == MODEL_NONE)
            continue;
        *(before == MODEL_NONE ? &outline->first_root : &outline->next_sibling[before]) = first[run];
        before = last[run];
        outline->next_sibling[before] = MODEL_NONE;
    }
    free(ends);
    return 0;
}

static int
build(struct outline *out, const struct model *model, bool hide, bool by_task)
{
    size_t n = (size_t)model->call_count + 1;
    *out = (struct outline){.model = model, .first_root = MODEL_NONE, .by_task = by_task};
    out->first_child = malloc(n * sizeof *out->first_child);
    out->next_sibling = malloc(n * sizeof *out->next_sibling);
    out->calls = malloc(n * sizeof *out->calls);
    out->depth = malloc(n * sizeof *out->depth);
    out->shape = malloc(n * sizeof *out->shape);
    out->flags = calloc(n, sizeof *out->flags);
    int ret = -ENOMEM;
    if (out->first_child && out->next_sibling && out->calls && out->depth && out->shape && out->flags) {
        memset(out->first_child, 0xff, n * sizeof *out->first_child); /* MODEL_NONE */
        memset(out->next_sibling, 0xff, n * sizeof *out->next_sibling);
        struct children children = {0};
        ret = fill(out, &children, hide);
        if (ret == 0 && model->run_count)
            ret = group_roots(out);
        free(children.codes);
        free(children.first_calls);
        free(children.shapes);
        free(children.positions);
        free(children.scratch);
    }
    if (ret < 0)
        outline_free(out);
    return ret;
}

int
outline_build(struct outline *out, const struct model *model, bool hide)
{
    return build(out, model, hide, false);
}

int
outline_build_by_task(struct outline *out, const struct model *model, bool hide)
{
    return build(out, model, hide, true);
}

void
outline_free(struct outline *outline)
{
    free(outline->first_child);
    free(outline->next_sibling);
    free(outline->calls);
    free(outline->depth);
    free(outline->shape);
    free(outline->flags);
    *outline = (struct outline){0};
}
