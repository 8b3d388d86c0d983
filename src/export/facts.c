#include "facts.h"

#include "../model/label.h"
#include "../model/value_text.h"

const char *const fact_names[FACT_COUNT] = {
    [FACT_CALL] = "call",           [FACT_GOES_ON] = "goes_on",         [FACT_CREATED_BY] = "created_by",
    [FACT_OUTCOME] = "outcome",     [FACT_RESULT] = "result",           [FACT_RAISED] = "raised",
    [FACT_RAISED_AT] = "raised_at", [FACT_CAUGHT_BY] = "caught_by",     [FACT_CAUGHT] = "caught",
    [FACT_CANCELLED] = "cancelled", [FACT_SUSPENSIONS] = "suspensions", [FACT_WAITING_NS] = "waiting_ns",
    [FACT_AWAITED] = "awaited",
};

struct telling {
    const struct model *model;
    struct text *room;
    const struct fact_visitor *visitor;
    void *context;
};

static void
tell(const struct telling *telling, enum fact fact, struct plain value)
{
    telling->visitor->fact(telling->context, fact, &value);
}

static void
tell_number(const struct telling *telling, enum fact fact, uint64_t number)
{
    tell(telling, fact, plain_number((int64_t)number));
}

static void
tell_room(const struct telling *telling, enum fact fact)
{
    if (telling->room->length)
        tell(telling, fact, plain_text((struct slice){telling->room->data, telling->room->length}));
    text_truncate(telling->room, 0);
}

static void
tell_call(const struct telling *telling, enum fact fact, uint32_t call)
{
    uint32_t number = model_call_reference(telling->model, call);
    if (number != MODEL_NONE)
        tell_number(telling, fact, number);
}

static void
tell_exception(const struct telling *telling, enum fact fact, uint32_t index)
{
    label_exception(telling->room, telling->model, &telling->model->exceptions[index], true, 0);
    tell_room(telling, fact);
}

static void
tell_arguments(const struct telling *telling, const struct call *call)
{
    const struct fact_visitor *visitor = telling->visitor;
    struct value value = call_arguments(telling->model, call);
    struct plain plain;
    bool any = false;
    for (uint32_t i = 0; value.data && i < call->code->parameter_count; i++) {
        if (!plain_read(&plain, telling->model->reader, &value, telling->room))
            continue;
        if (!any)
            visitor->begin_arguments(telling->context);
        any = true;
        visitor->argument(telling->context, call->code, i, &plain);
    }
    if (any)
        visitor->end_arguments(telling->context);
    text_truncate(telling->room, 0);
}

static void
tell_raised(const struct telling *telling, const struct call *call)
{
    uint32_t index = call_exception(telling->model, call);
    if (index == MODEL_NONE)
        return;
    const struct exception *exception = &telling->model->exceptions[index];
    tell_exception(telling, FACT_RAISED, index);
    if (exception->line) {
        text_name(telling->room, label_file(exception->file));
        text_format(telling->room, ":%u", exception->line);
        tell_room(telling, FACT_RAISED_AT);
    }
    tell_call(telling, FACT_CAUGHT_BY, exception->caught_by);
}

static void
tell_outcome(const struct telling *telling, const struct call *call)
{
    if (call->outcome == OUTCOME_RAISED)
        tell_raised(telling, call);
    if (call->outcome != OUTCOME_RETURNED) {
        text_string(telling->room, label_outcome(call));
        tell_room(telling, FACT_OUTCOME);
        return;
    }
    struct value value = call_result(telling->model, call);
    struct plain plain;
    if (plain_read(&plain, telling->model->reader, &value, telling->room))
        tell(telling, FACT_RESULT, plain);
    text_truncate(telling->room, 0);
}

static void
tell_caught(const struct telling *telling, uint32_t number)
{
    uint32_t count;
    const struct caught *caught = exception_caught_in(telling->model, number, &count);
    for (uint32_t i = 0; i < count && i < CAUGHT_SHOWN; i++) {
        text_string(telling->room, i ? ", " : "");
        label_exception(telling->room, telling->model, &telling->model->exceptions[caught[i].exception], true, 0);
    }
    if (count > CAUGHT_SHOWN)
        text_format(telling->room, ", and %u more", count - CAUGHT_SHOWN);
    tell_room(telling, FACT_CAUGHT);
    if (call_kept_cancellation(telling->model, number))
        tell_exception(telling, FACT_CANCELLED, call_cancelled(telling->model, &telling->model->calls[number]));
}

static void
tell_waits(const struct telling *telling, uint32_t number)
{
    const struct call *call = &telling->model->calls[number];
    if (!call_suspensions(telling->model, call))
        return;
    tell_number(telling, FACT_SUSPENSIONS, call_suspensions(telling->model, call));
    tell_number(telling, FACT_WAITING_NS, call_waiting_ns(telling->model, call));
    const struct wait *wait = waits_find(&telling->model->waits, number);
    if (wait) {
        facts_awaited(telling->room, telling->model, wait->longest);
        tell_room(telling, FACT_AWAITED);
    }
}

void
facts_tell(const struct model *model, uint32_t number, struct text *room, const struct fact_visitor *visitor,
           void *context)
{
    const struct telling telling = {model, room, visitor, context};
    const struct call *call = &model->calls[number];
    text_truncate(room, 0);
    tell_call(&telling, FACT_CALL, number);
    tell_call(&telling, FACT_CREATED_BY, facts_creator(model, number));
    tell_arguments(&telling, call);
    tell_outcome(&telling, call);
    if (call->extra || model->caught_count)
        tell_caught(&telling, number);
    tell_waits(&telling, number);
}

void
facts_tell_number(const struct model *model, uint32_t number, const struct fact_visitor *visitor, void *context)
{
    const struct telling telling = {model, NULL, visitor, context};
    tell_call(&telling, FACT_CALL, number);
    tell(&telling, FACT_GOES_ON, (struct plain){.kind = PLAIN_TRUTH, .truth = true, .text = {"True", 4}});
}

void
facts_awaited(struct text *out, const struct model *model, struct value value)
{
    struct awaited awaited = wait_read(model->reader, value);
    if (awaited.task.length) {
        text_string(out, "task ");
        text_name(out, awaited.task);
    }
    else {
        text_name(out, awaited.type);
    }
}

#define YIELDED_COLUMNS 60

void
facts_pause_for(struct text *out, const struct model *model, const struct pause *pause)
{
    struct value value = pause_value(model, pause);
    struct value_limits limits = {.width = YIELDED_COLUMNS, .depth = 2};
    size_t length = out->length;
    if (!value.data)
        return;
    if (facts_pause_waits(pause))
        facts_awaited(out, model, value);
    else if (value_text(out, model->reader, &value, &limits) < 0)
        text_truncate(out, length);
}

void
facts_pause(struct text *out, const struct model *model, const struct pause *pause)
{
    bool waits = facts_pause_waits(pause);
    text_string(out, waits ? "wait: " : "yield ");
    size_t length = out->length;
    facts_pause_for(out, model, pause);
    if (out->length == length)
        text_truncate(out, length - (waits ? 2 : 1));
}

uint32_t
facts_caller(const struct model *model, const struct call *call)
{
    uint32_t caller = call_caller(model, call);
    return caller != MODEL_NONE && model->calls[caller].origin == CALL_INHERITED ? MODEL_NONE : caller;
}

uint32_t
facts_catcher(const struct exception *exception)
{
    bool was_kept = exception->caught_by == MODEL_NONE && exception->calls_left == 0;
    return was_kept ? exception->landed_in : exception->caught_by;
}

uint32_t
facts_creator(const struct model *model, uint32_t number)
{
    const struct call *call = &model->calls[number];
    if (call->origin == CALL_INHERITED)
        return MODEL_NONE;
    uint32_t caller = call_caller(model, call);
    if (caller != call->parent)
        return caller;
    return call->parent == MODEL_NONE && call->origin ? call_spawned_by(model, call) : MODEL_NONE;
}
