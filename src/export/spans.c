#include "spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"

/* --- the walk ---------------------------------------------------------------- */

#define NOT_YET UINT64_MAX

/* An open span. */
struct open_span {
    uint32_t call;
    uint64_t suspended_ns;       /* NOT_YET: it runs */
    bool goes_on;                /* suspended, it does later */
    uint64_t wait_from, wait_to; /* a wait that is over and not told yet; NOT_YET: none */
    uint32_t pause;              /* the last */
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
        told(walk, walk->visitor->wait(walk->context, span->call, span->pause, span->wait_from, span->wait_to));
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
    walk->stack[walk->depth++] = (struct open_span){call, NOT_YET, false, NOT_YET, NOT_YET, MODEL_NONE};
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

static struct open_span *
find_open(const struct walk *walk, uint32_t call)
{
    for (uint32_t i = walk->is_open[call] ? walk->depth : 0; i-- > 0;)
        if (walk->stack[i].call == call)
            return &walk->stack[i];
    return NULL;
}

static void
suspend(struct walk *walk, uint32_t index)
{
    const struct pause *pause = &walk->model->pauses.items[index];
    if (!walk->is_open[pause->of])
        return;
    while (walk->depth && !walk->ret && top(walk)->call != pause->of && top(walk)->suspended_ns == NOT_YET)
        pop(walk, pause->start_ns);
    struct open_span *span = find_open(walk, pause->of);
    if (!span)
        return;
    span->suspended_ns = tick(walk, pause->start_ns);
    span->goes_on = pause->open_ns == PAUSE_OVER;
    span->pause = index;
}

static void
go_on(struct walk *walk, uint32_t index)
{
    const struct pause *pause = &walk->model->pauses.items[index];
    struct open_span *span = find_open(walk, pause->of);
    if (!span) {
        if (pause->below != MODEL_NONE && !walk->is_open[pause->below])
            pop_finished(walk, pause->end_ns);
        else
            pop_down_to(walk, pause->below, pause->end_ns);
        push(walk, pause->of, pause->end_ns, SPAN_SUSPENDED);
        return;
    }
    span->wait_from = span->suspended_ns;
    span->wait_to = span->suspended_ns == NOT_YET ? NOT_YET : tick(walk, pause->end_ns);
    span->suspended_ns = NOT_YET;
    if (pause->yield == FLOW_YIELD_ASIDE)
        span->wait_from = NOT_YET;
    if (span == top(walk))
        tell_wait(walk, 0);
}

/* --- by track ----------------------------------------------------------------- */

/* The numbers from 0 to `count`, by what `of` says of them, which is below `kinds`, in their order; `firsts` of each
 * kind, and one more. Both Owned by the caller. */
static int
sort_by(const struct model *model, uint32_t count, uint32_t kinds, uint32_t (*of)(const struct model *, uint32_t),
        uint32_t **order, uint32_t **firsts)
{
    *order = malloc((count + (size_t)1) * sizeof **order);
    *firsts = calloc(kinds + (size_t)2, sizeof **firsts);
    if (!*order || !*firsts)
        return -ENOMEM;
    uint32_t *next = *firsts + 1;
    for (uint32_t i = 0; i < count; i++)
        next[of(model, i) + 1]++;
    for (uint32_t i = 1; i <= kinds; i++)
        next[i] += next[i - 1];
    for (uint32_t i = 0; i < count; i++)
        (*order)[next[of(model, i)]++] = i;
    return 0;
}

static uint32_t
process_of_track(const struct model *model, uint32_t i)
{
    return model->tracks[i].process;
}

static uint32_t
track_of_call(const struct model *model, uint32_t i)
{
    return model->calls[i].track;
}

static uint32_t
track_of_step(const struct model *model, uint32_t i)
{
    return model->calls[model->pauses.items[model->pauses.steps[i].pause].of].track;
}

struct by_track {
    uint32_t *calls, *first_call;
    uint32_t *steps, *first_step;
    uint32_t *tracks, *first_track; /* by process */
};

static void
walk_track(struct walk *walk, const struct by_track *by, uint32_t track)
{
    const struct pauses *pauses = &walk->model->pauses;
    uint32_t i = by->first_call[track], calls_end = by->first_call[track + 1];
    uint32_t j = by->first_step[track], steps_end = by->first_step[track + 1];
    walk->ticks = 0;
    if (i < calls_end && walk->visitor->track)
        told(walk, walk->visitor->track(walk->context, track));
    while (!walk->ret && (i < calls_end || j < steps_end)) {
        const struct pause_step *step = j < steps_end ? &pauses->steps[by->steps[j]] : NULL;
        if (i < calls_end && (!step || by->calls[i] < step->next)) {
            uint32_t call = by->calls[i++];
            if (walk->model->calls[call].origin != CALL_INHERITED)
                begin(walk, call);
            continue;
        }
        if (step->goes_on)
            go_on(walk, step->pause);
        else
            suspend(walk, step->pause);
        j++;
    }
    pop_down_to(walk, MODEL_NONE, UINT64_MAX);
    walk->depth = 0;
}

int
spans_walk(const struct model *model, const struct span_visitor *visitor, void *context)
{
    struct by_track by = {0};
    struct walk walk = {.model = model, .visitor = visitor, .context = context};
    walk.untimed = model->reader->header->clock == FLOW_CLOCK_NONE;
    walk.is_open = calloc(model->call_count + (size_t)1, 1);
    int ret = walk.is_open ? 0 : -ENOMEM;
    if (ret == 0)
        ret = sort_by(model, model->call_count, model->track_count, track_of_call, &by.calls, &by.first_call);
    if (ret == 0)
        ret = sort_by(model, model->pauses.step_count, model->track_count, track_of_step, &by.steps, &by.first_step);
    if (ret == 0)
        ret = sort_by(model, model->track_count, model->process_count, process_of_track, &by.tracks, &by.first_track);
    for (uint32_t i = 0; ret == 0 && i < model->track_count; i++) {
        walk_track(&walk, &by, by.tracks[i]);
        ret = walk.ret;
    }
    free(by.calls);
    free(by.first_call);
    free(by.steps);
    free(by.first_step);
    free(by.tracks);
    free(by.first_track);
    free(walk.is_open);
    free(walk.stack);
    return ret;
}
