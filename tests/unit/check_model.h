/* check_model.h - what must hold of any model, of damaged traces too, and whatever filters have left of it. */
#ifndef FLOW_CHECK_MODEL_H
#define FLOW_CHECK_MODEL_H

#include "../../src/model/model.h"

#define CHECK_HOLDS(condition) \
    do {                       \
        if (!(condition))      \
            return #condition; \
    } while (0)

/* A number of something, or none. */
static inline bool
check_index(uint32_t index, uint32_t count)
{
    return index == MODEL_NONE || index < count;
}

static inline const char *
check_call_links(const struct model *model, uint32_t number)
{
    const struct call *call = &model->calls[number];
    CHECK_HOLDS(call->code);
    CHECK_HOLDS(call->parent == MODEL_NONE || call->parent < number);
    CHECK_HOLDS(call->track < model->track_count);
    CHECK_HOLDS(call->parent == MODEL_NONE || model->calls[call->parent].track == call->track);
    CHECK_HOLDS(call->extra < model->extra_count);
    CHECK_HOLDS(call_extra(model, call)->suspended < model->suspended_count);
    uint32_t pause = pauses_last(model, PAUSE_CALL, number);
    CHECK_HOLDS(check_index(pause, model->pauses.count));
    CHECK_HOLDS(pause == MODEL_NONE || model->pauses.kept != PAUSES_EACH || model->pauses.items[pause].of == number);
    CHECK_HOLDS(check_index(call_spawned_by(model, call), model->call_count));
    CHECK_HOLDS(check_index(call_exception(model, call), model->exception_count));
    CHECK_HOLDS(check_index(call_cancelled(model, call), model->exception_count));
    CHECK_HOLDS(call->outcome <= OUTCOME_ABANDONED);
    CHECK_HOLDS(call->end_ns >= call->start_ns);
    return NULL;
}

static inline const char *
check_tracks(const struct model *model)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; i < model->track_count; i++) {
        const struct track *track = &model->tracks[i];
        CHECK_HOLDS(track->process < model->process_count);
        CHECK_HOLDS(check_index(track->creator, model->call_count));
        CHECK_HOLDS(check_index(track->first_root, model->call_count));
        CHECK_HOLDS((track->first_root == MODEL_NONE) == (track->call_count == 0));
        CHECK_HOLDS(track->first_root == MODEL_NONE || model->calls[track->first_root].track == i);
        CHECK_HOLDS(track->first_root == MODEL_NONE || model->calls[track->first_root].parent == MODEL_NONE);
        calls += track->call_count;
    }
    CHECK_HOLDS(calls == model->call_count);
    for (uint32_t i = 0; i < model->process_count; i++)
        CHECK_HOLDS(check_index(model->processes[i].creator, model->call_count));
    return NULL;
}

static inline const char *
check_exceptions(const struct model *model)
{
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        CHECK_HOLDS(check_index(exception->first_call, model->call_count));
        CHECK_HOLDS(check_index(exception->last_call, model->call_count));
        CHECK_HOLDS(!exception->calls_left || exception->first_call != MODEL_NONE);
        CHECK_HOLDS(!exception->calls_left || exception->last_call != MODEL_NONE);
        CHECK_HOLDS(check_index(exception->caught_by, model->call_count));
        CHECK_HOLDS(exception->caught_by == MODEL_NONE || !exception->catcher);
        CHECK_HOLDS(check_index(exception->landed_in, model->call_count));
        CHECK_HOLDS(check_index(exception->cause_exception, model->exception_count));
        CHECK_HOLDS(check_index(exception->split_from, model->exception_count));
        CHECK_HOLDS(check_index(exception->cancel, model->cancel_count));
        CHECK_HOLDS(check_index(exception->first_leg, model->leg_count));
        CHECK_HOLDS(check_index(exception->last_leg, model->leg_count));
        uint32_t steps = 0;
        for (uint32_t leg = exception->first_leg; leg != MODEL_NONE; leg = model->legs[leg].next)
            CHECK_HOLDS(leg < model->leg_count && steps++ < model->leg_count);
    }
    for (uint32_t i = 0; i < model->leg_count; i++) {
        const struct leg *leg = &model->legs[i];
        CHECK_HOLDS(check_index(leg->first_call, model->call_count));
        CHECK_HOLDS(!leg->calls_left || leg->first_call != MODEL_NONE);
        CHECK_HOLDS(!leg->calls_left || leg->last_call < model->call_count);
        CHECK_HOLDS(check_index(leg->caught_by, model->call_count));
    }
    for (uint32_t i = 0; i < model->caught_count; i++) {
        CHECK_HOLDS(model->caught[i].call < model->call_count);
        CHECK_HOLDS(model->caught[i].exception < model->exception_count);
        CHECK_HOLDS(!i || model->caught[i].call >= model->caught[i - 1].call);
    }
    return NULL;
}

static inline const char *
check_lists(const struct model *model)
{
    for (uint32_t i = 0; i < model->driver_count; i++) {
        CHECK_HOLDS(model->drivers[i].call < model->call_count);
        CHECK_HOLDS(model->drivers[i].driver < model->call_count);
        CHECK_HOLDS(!i || model->drivers[i].call >= model->drivers[i - 1].call);
    }
    for (uint32_t i = 0; i < model->cancel_count; i++)
        CHECK_HOLDS(check_index(model->cancels[i].by, model->call_count));
    for (size_t i = 0; model->waits.by_call.slots && i <= model->waits.by_call.mask; i++) {
        const struct id_entry *entry = &model->waits.by_call.slots[i];
        CHECK_HOLDS(!entry->process || (entry->id < model->call_count && entry->value < model->waits.count));
    }
    return NULL;
}

static inline const char *
check_pauses(const struct model *model)
{
    const struct pauses *pauses = &model->pauses;
    for (uint32_t i = 0; i < pauses->count; i++) {
        const struct pause *pause = &pauses->items[i];
        CHECK_HOLDS(pause->before == MODEL_NONE || pause->before < i);
        CHECK_HOLDS(pause->end_ns >= pause->start_ns);
        CHECK_HOLDS(pauses->kept != PAUSES_EACH || check_index(pause->of, model->call_count));
        CHECK_HOLDS(pauses->kept != PAUSES_EACH || check_index(pause->below, model->call_count));
    }
    for (uint32_t i = 0; i < pauses->step_count; i++) {
        CHECK_HOLDS(pauses->steps[i].pause < pauses->count);
        CHECK_HOLDS(pauses->items[pauses->steps[i].pause].of != MODEL_NONE);
        CHECK_HOLDS(pauses->steps[i].next <= model->call_count);
    }
    return NULL;
}

/* What does not hold, in words of C; or NULL. */
static inline const char *
check_model(const struct model *model)
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < model->call_count && !broken; i++)
        broken = check_call_links(model, i);
    broken = broken ? broken : check_tracks(model);
    broken = broken ? broken : check_exceptions(model);
    broken = broken ? broken : check_pauses(model);
    return broken ? broken : check_lists(model);
}

#endif
