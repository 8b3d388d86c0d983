#include "spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"

#define CALLS_MASK 0x3fffffffu

/* --- suspensions ----------------------------------------------------------- */

void
suspensions_event(void *context, uint32_t call, uint32_t below, uint32_t exception, const struct record *record)
{
    struct suspensions *all = context;
    bool resumes = record->type == FLOW_RESUME || record->type == FLOW_THROW;
    bool is_new = call >= all->begun;
    (void)exception;
    if (is_new)
        all->begun = call + 1;
    if (all->failed || is_new || (!resumes && record->type != FLOW_YIELD))
        return;
    void *items = all->items;
    all->failed = !array_make_room(&items, all->count, &all->room, sizeof *all->items);
    all->items = items;
    if (all->failed)
        return;
    all->items[all->count++] = (struct suspension){
        .ns = record->time_ns, .call = call, .below = below, .next = all->begun & CALLS_MASK, .resumes = resumes};
}

/* The first call that is left of those from `call` on. */
static uint32_t
first_left(const struct model *model, uint32_t call)
{
    uint32_t low = 0, high = model->call_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model->numbers[middle] < call)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The call in its new number, or MODEL_NONE. */
static uint32_t
number_left(const struct model *model, uint32_t call)
{
    uint32_t left = call == MODEL_NONE ? model->call_count : first_left(model, call);
    return left < model->call_count && model->numbers[left] == call ? left : MODEL_NONE;
}

static void
renumber(struct suspensions *suspensions, const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < suspensions->count; i++) {
        struct suspension item = suspensions->items[i];
        uint32_t call = number_left(model, item.call);
        if (call == MODEL_NONE)
            continue;
        item.call = call;
        uint32_t below = number_left(model, item.below);
        bool is_hidden = below == MODEL_NONE && item.below != MODEL_NONE;
        item.below = is_hidden ? call : below; /* not open when it goes on: the walk looks at times then */
        item.next = first_left(model, item.next) & CALLS_MASK;
        suspensions->items[count++] = item;
    }
    suspensions->count = count;
}

int
suspensions_finish(struct suspensions *suspensions, const struct model *model)
{
    if (suspensions->failed)
        return -ENOMEM;
    if (model->numbers)
        renumber(suspensions, model);
    bool *goes_on = calloc(model->call_count + (size_t)1, sizeof *goes_on);
    if (!goes_on)
        return -ENOMEM;
    for (uint32_t i = suspensions->count; i-- > 0;) {
        struct suspension *item = &suspensions->items[i];
        item->resumed = !item->resumes && goes_on[item->call];
        goes_on[item->call] = item->resumes;
    }
    free(goes_on);
    return 0;
}

void
suspensions_free(struct suspensions *suspensions)
{
    free(suspensions->items);
    *suspensions = (struct suspensions){0};
}

/* --- the walk ---------------------------------------------------------------- */

#define NOT_YET UINT64_MAX

/* An open span. */
struct open_span {
    uint32_t call;
    uint64_t suspended_ns;       /* NOT_YET: it runs */
    bool goes_on;                /* suspended, it does later */
    uint64_t wait_from, wait_to; /* a wait that is over and not told yet; NOT_YET: none */
};

struct walk {
    const struct model *model;
    const struct span_visitor *visitor;
    void *context;
    struct open_span *stack; /* Owned */
    uint32_t depth, room;
    uint8_t *is_open;        /* Owned; by call */
    bool untimed;
    uint64_t ticks;          /* of an untimed trace, in ns */
    int ret;                 /* the first that was not 0 */
};

/* An untimed trace has a clock that goes on with each edge. */
static uint64_t
tick(struct walk *walk, uint64_t ns)
{
    if (!walk->untimed)
        return ns;
    walk->ticks += 1000;
    return walk->ticks;
}

static void
told(struct walk *walk, int ret)
{
    walk->ret = walk->ret ? walk->ret : ret;
}

static struct open_span *
top(const struct walk *walk)
{
    return walk->depth ? &walk->stack[walk->depth - 1] : NULL;
}

/* A wait is told once nothing is open within it. */
static void
tell_wait(struct walk *walk, uint64_t not_before)
{
    struct open_span *span = top(walk);
    if (!span || span->wait_from == NOT_YET)
        return;
    if (walk->visitor->wait && span->wait_from >= not_before)
        told(walk, walk->visitor->wait(walk->context, span->call, span->wait_from, span->wait_to));
    span->wait_from = NOT_YET;
}

static void
pop(struct walk *walk, uint64_t now)
{
    struct open_span span = *top(walk);
    const struct call *call = &walk->model->calls[span.call];
    bool suspended = span.suspended_ns != NOT_YET;
    uint64_t ns = suspended ? span.suspended_ns : tick(walk, call->end_ns < now ? call->end_ns : now);
    enum span_edge edge = suspended && span.goes_on          ? SPAN_SUSPENDED
                          : call->outcome == OUTCOME_RUNNING ? SPAN_OPEN
                                                             : SPAN_CALL;
    told(walk, walk->visitor->end(walk->context, span.call, ns, edge));
    walk->is_open[span.call] = 0;
    walk->depth--;
    tell_wait(walk, ns);
}

static void
push(struct walk *walk, uint32_t call, uint64_t ns, enum span_edge edge)
{
    void *stack = walk->stack;
    bool fits = array_make_room(&stack, walk->depth, &walk->room, sizeof *walk->stack);
    walk->stack = stack;
    if (!fits) {
        told(walk, -ENOMEM);
        return;
    }
    walk->stack[walk->depth++] = (struct open_span){call, NOT_YET, false, NOT_YET, NOT_YET};
    walk->is_open[call] = 1;
    told(walk, walk->visitor->begin(walk->context, call, tick(walk, ns), edge));
}

static void
pop_down_to(struct walk *walk, uint32_t call, uint64_t now)
{
    while (walk->depth && !walk->ret && top(walk)->call != call)
        pop(walk, now);
}

/* What is above a call that has ended, or is suspended, ended too. */
static void
pop_finished(struct walk *walk, uint64_t now)
{
    while (walk->depth && !walk->ret) {
        const struct open_span *span = top(walk);
        const struct call *call = &walk->model->calls[span->call];
        bool finished = !walk->untimed && call->outcome != OUTCOME_RUNNING && call->end_ns <= now;
        if (span->suspended_ns == NOT_YET && !finished)
            return;
        pop(walk, now);
    }
}

static void
begin(struct walk *walk, uint32_t number)
{
    const struct call *call = &walk->model->calls[number];
    if (call->parent != MODEL_NONE && walk->is_open[call->parent])
        pop_down_to(walk, call->parent, call->start_ns);
    else if (call->parent == MODEL_NONE)
        pop_down_to(walk, MODEL_NONE, call->start_ns);
    else
        pop_finished(walk, call->start_ns);
    push(walk, number, call->start_ns, SPAN_CALL);
}

static void
suspend(struct walk *walk, const struct suspension *suspension)
{
    if (!walk->is_open[suspension->call])
        return;
    while (walk->depth && !walk->ret && top(walk)->call != suspension->call && top(walk)->suspended_ns == NOT_YET)
        pop(walk, suspension->ns);
    for (uint32_t i = walk->depth; i-- > 0;) {
        struct open_span *span = &walk->stack[i];
        if (span->call != suspension->call)
            continue;
        span->suspended_ns = tick(walk, suspension->ns);
        span->goes_on = suspension->resumed;
        return;
    }
}

static void
resume(struct walk *walk, const struct suspension *suspension)
{
    uint32_t call = suspension->call;
    if (!walk->is_open[call]) {
        if (suspension->below != MODEL_NONE && !walk->is_open[suspension->below])
            pop_finished(walk, suspension->ns);
        else
            pop_down_to(walk, suspension->below, suspension->ns);
        push(walk, call, suspension->ns, SPAN_SUSPENDED);
        return;
    }
    for (uint32_t i = walk->depth; i-- > 0;) {
        struct open_span *span = &walk->stack[i];
        if (span->call != call)
            continue;
        span->wait_from = span->suspended_ns;
        span->wait_to = span->suspended_ns == NOT_YET ? NOT_YET : tick(walk, suspension->ns);
        span->suspended_ns = NOT_YET;
        if (i == walk->depth - 1)
            tell_wait(walk, 0);
        return;
    }
}

/* --- by track ----------------------------------------------------------------- */

/* The numbers from 0 to `count`, by track, in their order; `firsts` of each track, and one more. Both Owned by the
 * caller. */
static int
sort_by_track(const struct model *model, uint32_t count,
              uint32_t (*track_of)(const struct model *, const void *, uint32_t), const void *context, uint32_t **order,
              uint32_t **firsts)
{
    *order = malloc((count + (size_t)1) * sizeof **order);
    *firsts = calloc(model->track_count + (size_t)2, sizeof **firsts);
    if (!*order || !*firsts)
        return -ENOMEM;
    uint32_t *next = *firsts + 1;
    for (uint32_t i = 0; i < count; i++)
        next[track_of(model, context, i) + 1]++;
    for (uint32_t i = 1; i <= model->track_count; i++)
        next[i] += next[i - 1];
    for (uint32_t i = 0; i < count; i++)
        (*order)[next[track_of(model, context, i)]++] = i;
    return 0;
}

static uint32_t
track_of_call(const struct model *model, const void *context, uint32_t i)
{
    (void)context;
    return model->calls[i].track;
}

static uint32_t
track_of_suspension(const struct model *model, const void *context, uint32_t i)
{
    const struct suspensions *suspensions = context;
    return model->calls[suspensions->items[i].call].track;
}

struct by_track {
    uint32_t *calls, *first_call;
    uint32_t *suspensions, *first_suspension;
};

static void
walk_track(struct walk *walk, const struct suspensions *all, const struct by_track *by, uint32_t track)
{
    uint32_t i = by->first_call[track], calls_end = by->first_call[track + 1];
    uint32_t j = by->first_suspension[track], suspensions_end = by->first_suspension[track + 1];
    walk->ticks = 0;
    if (i < calls_end && walk->visitor->track)
        told(walk, walk->visitor->track(walk->context, track));
    while (!walk->ret && (i < calls_end || j < suspensions_end)) {
        const struct suspension *suspension = j < suspensions_end ? &all->items[by->suspensions[j]] : NULL;
        if (i < calls_end && (!suspension || by->calls[i] < suspension->next)) {
            uint32_t call = by->calls[i++];
            if (walk->model->calls[call].origin != CALL_INHERITED)
                begin(walk, call);
            continue;
        }
        if (suspension->resumes)
            resume(walk, suspension);
        else
            suspend(walk, suspension);
        j++;
    }
    pop_down_to(walk, MODEL_NONE, UINT64_MAX);
    walk->depth = 0;
}

int
spans_walk(const struct model *model, const struct suspensions *suspensions, const struct span_visitor *visitor,
           void *context)
{
    struct by_track by = {0};
    struct walk walk = {.model = model, .visitor = visitor, .context = context};
    walk.untimed = model->reader->header->clock == FLOW_CLOCK_NONE;
    walk.is_open = calloc(model->call_count + (size_t)1, 1);
    int ret = walk.is_open ? 0 : -ENOMEM;
    if (ret == 0)
        ret = sort_by_track(model, model->call_count, track_of_call, NULL, &by.calls, &by.first_call);
    if (ret == 0)
        ret = sort_by_track(model, suspensions->count, track_of_suspension, suspensions, &by.suspensions,
                            &by.first_suspension);
    for (uint32_t track = 0; ret == 0 && track < model->track_count; track++) {
        walk_track(&walk, suspensions, &by, track);
        ret = walk.ret;
    }
    free(by.calls);
    free(by.first_call);
    free(by.suspensions);
    free(by.first_suspension);
    free(walk.is_open);
    free(walk.stack);
    return ret;
}
