#include "diff_time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers ------------------------------------------------------------ */

static int
by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts them. */
static uint64_t
median_of(uint64_t *numbers, uint32_t count)
{
    qsort(numbers, count, sizeof *numbers, by_size);
    uint64_t low = numbers[(count - 1) / 2];
    return low + (numbers[count / 2] - low) / 2;
}

/* The median of how far they are from it; they are overwritten by that. */
static uint64_t
spread_of(uint64_t *numbers, uint32_t count, uint64_t median)
{
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = numbers[i] > median ? numbers[i] - median : median - numbers[i];
    return median_of(numbers, count);
}

bool
diff_time_differs(uint64_t *before, uint64_t *after, uint32_t count_before, uint32_t count_after, struct diff_time *out)
{
    if (!count_before || !count_after)
        return false;
    uint32_t calls = count_before < count_after ? count_before : count_after;
    out->calls = calls;
    out->before = median_of(before, count_before);
    out->after = median_of(after, count_after);
    uint64_t larger = out->before > out->after ? out->before : out->after;
    uint64_t change = larger - (out->before + out->after - larger);
    uint64_t noise = larger / 2;
    if (calls >= DIFF_TIME_CALLS_MIN)
        noise = DIFF_TIME_SPREADS
                * (spread_of(before, count_before, out->before) + spread_of(after, count_after, out->after));
    return change > noise && change >= larger / DIFF_TIME_SHARE && change * calls >= DIFF_TIME_FLOOR_NS;
}

/* --- the calls of one run ----------------------------------------------- */

struct sample {
    uint64_t function; /* hash */
    uint64_t running, waiting;
    uint32_t code;
    bool waits;
};

struct samples {
    struct sample *items; /* Owned; by function */
    uint32_t count;
};

/* Marks what is in the other run not there: `call` and all in it. */
static void
mark_below(const struct diff_side *side, uint32_t call, uint8_t *unmatched, uint32_t *stack)
{
    uint32_t depth = 0;
    stack[depth++] = call;
    unmatched[call] = 1;
    while (depth) {
        uint32_t top = stack[--depth];
        const uint32_t lists[] = {side->first_child[top], side->first_spawned[top]};
        for (unsigned i = 0; i < 2; i++)
            for (uint32_t child = lists[i]; child != MODEL_NONE; child = side->next[child])
                if (!unmatched[child]) {
                    unmatched[child] = 1;
                    stack[depth++] = child;
                }
    }
}

static void
mark_unmatched(const struct diff *diff, const struct diff_side *side, uint8_t *unmatched, uint32_t *stack)
{
    bool first = side == &diff->a;
    for (uint32_t i = 1; i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        if (node->kind == (first ? DIFF_GONE : DIFF_ADDED))
            mark_below(side, first ? node->a : node->b, unmatched, stack);
    }
}

/* What each call ran itself. */
static void
find_self(const struct model *model, uint64_t *self)
{
    for (uint32_t i = 0; i < model->call_count; i++)
        self[i] = call_running_ns(model, &model->calls[i]);
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        if (call->parent == MODEL_NONE || model->calls[call->parent].track != call->track)
            continue;
        uint64_t running = call_running_ns(model, call);
        self[call->parent] -= running < self[call->parent] ? running : self[call->parent];
    }
}

static int
by_function(const void *a, const void *b)
{
    uint64_t left = ((const struct sample *)a)->function;
    uint64_t right = ((const struct sample *)b)->function;
    return (left > right) - (left < right);
}

static void
fill(struct samples *out, const struct diff_side *side, const uint8_t *unmatched, const uint64_t *self)
{
    const struct model *model = side->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        bool ended = call->outcome == OUTCOME_RETURNED || call->outcome == OUTCOME_RAISED;
        bool body = call->code->flags & (FLOW_CODE_MODULE | FLOW_CODE_CLASS);
        if (!side->calls[i] || unmatched[i] || !ended || body)
            continue;
        out->items[out->count++] = (struct sample){.function = side->functions[call->code->index],
                                                   .running = self[i],
                                                   .waiting = call_waiting_ns(model, call),
                                                   .waits = call->code->flags & FLOW_CODE_COROUTINE,
                                                   .code = i};
    }
    qsort(out->items, out->count, sizeof *out->items, by_function);
}

static int
samples_open(struct samples *out, const struct diff *diff, const struct diff_side *side)
{
    size_t count = side->model->call_count + (size_t)1;
    uint8_t *unmatched = calloc(count, sizeof *unmatched);
    uint32_t *stack = malloc(count * sizeof *stack);
    uint64_t *self = malloc(count * sizeof *self);
    out->items = malloc(count * sizeof *out->items);
    bool ok = unmatched && stack && self && out->items;
    if (ok) {
        mark_unmatched(diff, side, unmatched, stack);
        find_self(side->model, self);
        fill(out, side, unmatched, self);
    }
    free(unmatched);
    free(stack);
    free(self);
    return ok ? 0 : -ENOMEM;
}

/* --- both --------------------------------------------------------------- */

static uint32_t
end_of_function(const struct samples *samples, uint32_t begin)
{
    uint32_t end = begin;
    while (end < samples->count && samples->items[end].function == samples->items[begin].function)
        end++;
    return end;
}

static void
copy(uint64_t *out, const struct sample *samples, uint32_t count, bool waiting)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = waiting ? samples[i].waiting : samples[i].running;
}

struct matcher {
    struct diff_times *out;
    const struct model *model;  /* of the first run */
    struct samples a, b;
    uint64_t *before, *after;   /* Owned; of one function */
    uint32_t room;
};

static void
compare(struct matcher *matcher, const struct sample *a, uint32_t count_a, const struct sample *b, uint32_t count_b)
{
    matcher->out->functions++;
    for (int waiting = 0; waiting <= a->waits; waiting++) {
        struct diff_time time = {.code = matcher->model->calls[a->code].code, .waiting = waiting};
        copy(matcher->before, a, count_a, waiting);
        copy(matcher->after, b, count_b, waiting);
        if (diff_time_differs(matcher->before, matcher->after, count_a, count_b, &time)
            && matcher->out->count < matcher->room)
            matcher->out->items[matcher->out->count++] = time;
    }
}

/* Both are in order of their functions. */
static void
match(struct matcher *matcher)
{
    const struct samples *a = &matcher->a;
    const struct samples *b = &matcher->b;
    for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
        uint32_t end_a = end_of_function(a, i);
        uint32_t end_b = end_of_function(b, k);
        uint64_t left = a->items[i].function;
        uint64_t right = b->items[k].function;
        if (left == right)
            compare(matcher, a->items + i, end_a - i, b->items + k, end_b - k);
        i = left <= right ? end_a : i;
        k = right <= left ? end_b : k;
    }
}

static uint64_t
weight(const struct diff_time *time)
{
    return (time->before > time->after ? time->before - time->after : time->after - time->before) * time->calls;
}

static int
by_weight(const void *a, const void *b)
{
    uint64_t left = weight(a);
    uint64_t right = weight(b);
    return (left < right) - (left > right);
}

int
diff_times_build(struct diff_times *out, const struct diff *diff)
{
    struct matcher matcher = {.out = out, .model = diff->a.model};
    *out = (struct diff_times){0};
    matcher.room = 2 * diff->a.model->reader->code_count + 2;
    int ret = samples_open(&matcher.a, diff, &diff->a);
    if (ret == 0)
        ret = samples_open(&matcher.b, diff, &diff->b);
    out->items = malloc(matcher.room * sizeof *out->items);
    matcher.before = malloc((matcher.a.count + (size_t)1) * sizeof *matcher.before);
    matcher.after = malloc((matcher.b.count + (size_t)1) * sizeof *matcher.after);
    if (ret < 0 || !out->items || !matcher.before || !matcher.after)
        ret = -ENOMEM;
    if (ret == 0) {
        match(&matcher);
        qsort(out->items, out->count, sizeof *out->items, by_weight);
    }
    free(matcher.a.items);
    free(matcher.b.items);
    free(matcher.before);
    free(matcher.after);
    if (ret < 0)
        diff_times_free(out);
    return ret;
}

void
diff_times_free(struct diff_times *times)
{
    free(times->items);
    *times = (struct diff_times){0};
}
