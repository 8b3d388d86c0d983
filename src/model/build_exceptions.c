#include "build.h"
#include "detail.h"
#include "payload.h"

/* --- exceptions --------------------------------------------------------- */

/* By its name, until a detail says more. */
static enum flow_exception
meaning_of(struct slice type)
{
    if (slice_is(type, "StopIteration") || slice_is(type, "StopAsyncIteration"))
        return FLOW_EXCEPTION_END;
    if (slice_is(type, "GeneratorExit") || slice_is(type, "GreenletExit"))
        return FLOW_EXCEPTION_CLOSE;
    return slice_is(type, "SystemExit")          ? FLOW_EXCEPTION_EXIT
           : slice_is(type, "KeyboardInterrupt") ? FLOW_EXCEPTION_INTERRUPT
           : slice_is(type, "CancelledError")    ? FLOW_EXCEPTION_CANCEL
                                                 : FLOW_EXCEPTION_ERROR;
}

uint32_t
build_exception(struct builder *builder, const struct lane *lane, const struct exception_record *record)
{
    struct model *model = builder->model;
    uint32_t *known = id_map_get(&builder->exception_ids, lane->process, record->id);
    if (known)
        return *known;
    struct exception *exception = build_append(builder, &model->exceptions, model->exception_count,
                                               &builder->exception_room, sizeof *exception);
    if (!exception || !id_map_put(&builder->exception_ids, lane->process, record->id, model->exception_count)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    *exception = (struct exception){.type = record->type,
                                    .message = record->message,
                                    .function = record->function,
                                    .file = record->file,
                                    .line = record->line,
                                    .cause = record->cause,
                                    .cause_exception = MODEL_NONE,
                                    .split_from = MODEL_NONE,
                                    .first_call = MODEL_NONE,
                                    .last_call = MODEL_NONE,
                                    .caught_by = MODEL_NONE,
                                    .cancel = MODEL_NONE,
                                    .landed_in = MODEL_NONE,
                                    .first_leg = MODEL_NONE,
                                    .last_leg = MODEL_NONE,
                                    .meaning = (uint8_t)meaning_of(record->type)};
    exception->benign = exception->meaning == FLOW_EXCEPTION_END || exception->meaning == FLOW_EXCEPTION_CLOSE;
    return model->exception_count++;
}

void
build_on_detail(struct builder *builder, const struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    uint64_t id, cause, split_from;
    payload_number(p, p + payload.length, &id);
    const uint32_t *index = id_map_get(&builder->exception_ids, lane->process, id);
    if (!index)
        return;
    struct exception *exception = &builder->model->exceptions[*index];
    detail_read(exception, payload, &cause, &split_from);
    const uint32_t *other = cause ? id_map_get(&builder->exception_ids, lane->process, cause) : NULL;
    exception->cause_exception = other && *other != *index ? *other : MODEL_NONE;
    other = split_from ? id_map_get(&builder->exception_ids, lane->process, split_from) : NULL;
    exception->split_from = other && *other != *index ? *other : MODEL_NONE;
}

static void
add_leg(struct builder *builder, uint32_t index, struct leg leg)
{
    struct model *model = builder->model;
    struct leg *slot = build_append(builder, &model->legs, model->leg_count, &builder->leg_room, sizeof *slot);
    if (!slot || !id_map_put(&model->legs_by_call, 0, leg.first_call, model->leg_count)) {
        builder->failed = true;
        return;
    }
    struct exception *exception = &model->exceptions[index];
    *slot = leg;
    if (exception->first_leg == MODEL_NONE)
        exception->first_leg = model->leg_count;
    else
        model->legs[exception->last_leg].next = model->leg_count;
    exception->last_leg = model->leg_count++;
}

/* It leaves a call into which it had not come: kept, and raised again. */
static void
begin_leg(struct builder *builder, uint32_t index, uint32_t call, uint32_t line)
{
    const struct exception *exception = &builder->model->exceptions[index];
    if (exception->first_leg == MODEL_NONE) {
        add_leg(builder, index, exception_as_leg(exception));
    }
    else {
        struct leg *last = &builder->model->legs[exception->last_leg];
        last->caught_by = exception->caught_by;
        last->caught_line = exception->caught_line;
        last->handler_line = exception->handler_line;
        last->caught_below = exception->caught_below;
    }
    add_leg(builder, index, (struct leg){.first_call = call, .raise_line = line, .next = MODEL_NONE});
}

/* The last leg's catcher is the exception's own. */
static void
lengthen_leg(struct builder *builder, const struct exception *exception)
{
    if (exception->last_leg == MODEL_NONE)
        return;
    struct leg *leg = &builder->model->legs[exception->last_leg];
    leg->last_call = exception->last_call;
    leg->calls_left++;
}

/* A CancelledError that appears in a task is what was asked for, if anything was. */
static void
explain_cancellation(struct builder *builder, const struct lane *lane, uint32_t index, const struct call *call)
{
    const struct track *track = &builder->model->tracks[call->track];
    struct exception *exception = &builder->model->exceptions[index];
    if (track->kind != TRACK_TASK || !exception_is_cancellation(exception) || exception->calls_left > 0
        || exception->cancel != MODEL_NONE)
        return;
    const uint32_t *known = id_map_get(&builder->spawn_ids, lane->process, track->native_id);
    if (!known)
        return;
    exception->cancel = builder->spawns[*known].cancel;
    builder->spawns[*known].cancel = MODEL_NONE;
}

/* A coroutine that another awaits is thrown into alone: what runs below it is not its caller. */
static bool
is_delegated(const struct model *model, const struct lane *lane, const struct call *call)
{
    if (call->parent == MODEL_NONE || model->tracks[call->track].kind != TRACK_TASK)
        return false;
    return !lane->depth || model->calls[lane->stack[lane->depth - 1]].track != call->track;
}

/* The line is one of what a region stands on, which may be in another file than the region says that it is. */
static bool
is_in_its_file(const struct model *model, uint32_t call)
{
    uint32_t owner = model_without_regions(model, call);
    return owner == call || owner == MODEL_NONE
           || slice_equals(model->calls[owner].code->file, model->calls[call].code->file);
}

/* Who stands below on the stack has caught it, unless it leaves that call too. */
void
build_unwind(struct builder *builder, struct lane *lane, const struct record *record)
{
    struct call *call = build_pop(builder, lane, record->time_ns);
    uint32_t index = build_exception(builder, lane, &record->exception);
    if (!call || index == MODEL_NONE)
        return;
    uint32_t number = (uint32_t)(call - builder->model->calls);
    struct exception *exception = &builder->model->exceptions[index];
    explain_cancellation(builder, lane, index, call);
    call->outcome = OUTCOME_RAISED;
    struct call_extra *extra = build_extra(builder, call);
    if (!extra)
        return;
    extra->exception = index;
    extra->left_line = record->line;
    extra->caller_line = is_delegated(builder->model, lane, call) ? 0 : record->caller_line;
    if (exception->calls_left > 0 && exception->caught_by != number)
        begin_leg(builder, index, number, record->line);
    if (exception->calls_left++ == 0)
        exception->first_call = number;
    exception->last_call = number;
    bool leaves_task = call->origin == FLOW_SPAWN_TASK || call->origin == FLOW_SPAWN_CALLBACK;
    exception->caught_by = leaves_task || !lane->depth ? MODEL_NONE : lane->stack[lane->depth - 1];
    bool has_line = exception->caught_by == MODEL_NONE || is_in_its_file(builder->model, exception->caught_by);
    exception->caught_line = has_line ? record->caller_line : 0;
    exception->handler_line = 0;
    exception->caught_below = record->indirect;
    if (lane->strand != lane->own && !lane->depth)
        lane->leaving = index;
    if (is_delegated(builder->model, lane, call)) {
        exception->caught_by = call->parent;
        exception->caught_line = 0;
    }
    lengthen_leg(builder, exception);
}

/* What left an awaited call comes up in the one that awaits, which may not have been on the stack. */
void
build_throw(struct builder *builder, struct lane *lane, const struct record *record)
{
    uint32_t index = build_exception(builder, lane, &record->exception);
    lane->thrown = index;
    if (index == MODEL_NONE || !lane->depth)
        return;
    explain_cancellation(builder, lane, index, &builder->model->calls[lane->stack[lane->depth - 1]]);
    if (builder->model->exceptions[index].calls_left == 0)
        return;
    struct exception *exception = &builder->model->exceptions[index];
    exception->caught_by = lane->stack[lane->depth - 1];
    exception->caught_line = exception->handler_line = 0;
    exception->caught_below = false;
}

void
build_throw_into_region(struct builder *builder, const struct lane *lane, uint32_t driver)
{
    bool known = lane->thrown != MODEL_NONE && lane->depth;
    struct exception *exception = known ? &builder->model->exceptions[lane->thrown] : NULL;
    if (known && exception->calls_left > 0 && exception->caught_by == driver)
        exception->caught_by = lane->stack[lane->depth - 1];
}

/* In the top call an exception was raised or came in, a handler has it, or had it and raised it again. */
void
build_come_up(struct builder *builder, const struct lane *lane, const struct record *record)
{
    uint32_t index = build_exception(builder, lane, &record->exception);
    if (index == MODEL_NONE || !lane->depth)
        return;
    struct exception *exception = &builder->model->exceptions[index];
    uint32_t top = lane->stack[lane->depth - 1];
    bool here = exception->caught_by == top;
    bool handled = record->type == FLOW_HANDLED;
    if (!here && exception->calls_left > 0)
        begin_leg(builder, index, top, record->line);
    exception->caught_by = top;
    exception->handler_line = handled ? record->line : 0;
    if (!here || (!handled && record->how != FLOW_RAISE_AGAIN))
        exception->caught_line = handled ? 0 : record->line;
    if (handled)
        exception->caught_below = false;
}

/* --- cancellation ------------------------------------------------------- */

static uint32_t
add_cancel(struct builder *builder, struct cancel cancel)
{
    struct model *model = builder->model;
    struct cancel *slot = build_append(builder, &model->cancels, model->cancel_count, &builder->cancel_room,
                                       sizeof *slot);
    if (!slot)
        return MODEL_NONE;
    *slot = cancel;
    return model->cancel_count++;
}

/* The innermost call of recorded code: what it called in a library does it for that. */
static uint32_t
own_top(const struct model *model, const struct lane *lane)
{
    for (uint32_t i = lane->depth; i-- > 0;)
        if (!(model->calls[lane->stack[i]].code->flags & FLOW_CODE_LIBRARY))
            return lane->stack[i];
    return MODEL_NONE;
}

/* What asks first counts: a task that is to be cancelled twice gets one exception. */
static void
on_cancel_request(struct builder *builder, const struct lane *lane, const uint8_t *p, const uint8_t *end)
{
    uint64_t task, scope, place;
    struct slice via;
    p = payload_number(p, end, &task);
    p = payload_number(p, end, &scope);
    p = payload_number(p, end, &place);
    payload_text(p, end, &via);
    uint32_t index = task ? build_spawn(builder, lane->process, task) : MODEL_NONE;
    if (index == MODEL_NONE || builder->spawns[index].cancel != MODEL_NONE)
        return;
    const uint32_t *known = scope ? id_map_get(&builder->spawn_ids, lane->process, scope) : NULL;
    uint32_t cancel = known ? builder->spawns[*known].scope : MODEL_NONE;
    uint32_t top = place & 1 ? own_top(builder->model, lane) : MODEL_NONE;
    if (cancel == MODEL_NONE)
        cancel = add_cancel(builder, (struct cancel){top, top != MODEL_NONE ? (uint32_t)(place >> 1) : 0, via});
    builder->spawns[index].cancel = cancel;
}

static void
on_cancel_scope(struct builder *builder, const struct lane *lane, const uint8_t *p, const uint8_t *end)
{
    uint64_t id, line;
    struct slice via;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &line);
    payload_text(p, end, &via);
    uint32_t top = own_top(builder->model, lane);
    uint32_t index = id && top != MODEL_NONE ? build_spawn(builder, lane->process, id) : MODEL_NONE;
    if (index != MODEL_NONE)
        builder->spawns[index].scope = add_cancel(builder, (struct cancel){top, (uint32_t)line, via});
}

static void
on_cancel_landed(struct builder *builder, const struct lane *lane, const uint8_t *p, const uint8_t *end)
{
    uint64_t line;
    payload_number(p, end, &line);
    if (lane->thrown == MODEL_NONE || !lane->depth)
        return;
    struct exception *exception = &builder->model->exceptions[lane->thrown];
    uint32_t call = lane->stack[lane->depth - 1];
    struct call_extra *extra = build_extra(builder, &builder->model->calls[call]);
    if (!extra)
        return;
    extra->cancelled = lane->thrown;
    if (exception->landed_in != MODEL_NONE)
        return;
    exception->landed_in = call;
    exception->landed_line = (uint32_t)line;
}

void
build_on_cancel(struct builder *builder, const struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t kind;
    p = payload_number(p, end, &kind);
    switch (kind) {
    case FLOW_CANCEL_REQUEST: on_cancel_request(builder, lane, p, end); break;
    case FLOW_CANCEL_SCOPE: on_cancel_scope(builder, lane, p, end); break;
    case FLOW_CANCEL_LANDED: on_cancel_landed(builder, lane, p, end); break;
    default: break;
    }
}
