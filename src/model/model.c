#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "drivers.h"
#include "id_map.h"
#include "merge.h"
#include "payload.h"

#define EXITS_MAX 65536
#define SUSPENDED 255 /* a call's outcome while it waits in yield or await */

/* A task, thread or job, as SPAWN and ORIGIN tell of it, in whichever order. */
struct spawn {
    uint32_t creator; /* call */
    uint32_t task;    /* spawn: the creator is this task's creator */
    uint32_t track;   /* of a task */
    uint32_t cancel;  /* in model->cancels: what asked first and is not felt yet; */
    uint32_t scope;   /* or, of a timeout() or TaskGroup, what that asks of others */
};

/* A process that library code started, as SPAWN tells. */
struct birth {
    uint64_t pid;
    uint64_t time_ns;
    uint32_t creator; /* call */
    uint32_t task;    /* spawn, as above */
};

/* What a greenlet, or its thread itself, leaves in the lane for when it runs again. */
struct strand {
    uint32_t lane;
    uint32_t track;
    uint32_t *stack;    /* Owned */
    uint32_t depth, room;
    uint32_t origin;
    enum flow_spawn origin_kind;
    uint32_t gaps;      /* of the lane, when this ran last */
};

/* What is going on in one stream: in the one of its strands that runs. */
struct lane {
    uint32_t process;   /* index */
    uint32_t thread;    /* track */
    uint32_t own;       /* strand of the thread itself */
    uint32_t strand;    /* that runs */
    uint32_t gaps;
    uint32_t track;
    uint32_t *stack;    /* Owned; calls, innermost last */
    uint32_t depth, room;
    uint32_t task;      /* spawn whose root the next call is, or MODEL_NONE */
    enum flow_spawn task_kind; /* or of a callback */
    uint32_t leaving;   /* exception that has just left the last call of a greenlet, or MODEL_NONE */
    uint32_t origin;    /* spawn that root calls come from, or MODEL_NONE */
    enum flow_spawn origin_kind;
    uint32_t thrown;    /* exception of the last THROW, or MODEL_NONE */
    bool rebuilding;    /* after a gap: OPEN records tell what runs; else they repeat it */
    uint64_t last_ns;
};

struct builder {
    struct model *model;
    const struct model_watcher *watcher; /* or NULL */
    struct lane *lanes; /* Owned; one a stream */
    struct strand *strands; /* Owned */
    uint32_t strand_count, strand_room;
    struct spawn *spawns; /* Owned */
    uint32_t spawn_count, spawn_room;
    struct birth *births; /* Owned; in order of time */
    uint32_t birth_count, birth_room;
    uint32_t *last_child; /* Owned; by call */
    struct id_map generators; /* -> call */
    struct id_map driver_pairs; /* (call, driver) */
    struct id_map greenlets;  /* (lane, id) -> strand */
    struct id_map spawn_ids;  /* -> spawn */
    struct id_map exception_ids;
    uint32_t call_room, last_child_room, track_room, exception_room, leg_room, process_room, cancel_room;
    uint32_t inherited; /* calls */
    uint32_t exits;     /* of processes, as their parents tell */
    uint64_t first_ns;  /* of all events */
    bool failed; /* no memory */
};

static void *
append(struct builder *builder, void *array, uint32_t count, uint32_t *room, size_t size)
{
    void **items = array;
    if (count >= *room) {
        uint32_t more = *room ? 2 * *room : 64;
        void *grown = realloc(*items, more * size);
        if (!grown) {
            builder->failed = true;
            return NULL;
        }
        *items = grown;
        *room = more;
    }
    return (char *)*items + count * size;
}

/* --- processes ---------------------------------------------------------- */

static uint32_t
process_of(struct builder *builder, uint32_t number, uint32_t pid)
{
    struct model *model = builder->model;
    for (uint32_t i = model->process_count; i-- > 0;)
        if (model->processes[i].number == number)
            return i;
    struct process *process = append(builder, &model->processes, model->process_count, &builder->process_room,
                                     sizeof *process);
    if (!process)
        return MODEL_NONE;
    *process = (struct process){.number = number, .pid = pid, .creator = MODEL_NONE};
    return model->process_count++;
}

static int
read_meta(struct builder *builder, uint32_t chunk)
{
    const struct flow_chunk_header *header = builder->model->reader->chunks[chunk].header;
    uint32_t index = process_of(builder, header->process, header->pid);
    if (index == MODEL_NONE)
        return -ENOMEM;
    int ret = process_read_meta(&builder->model->processes[index], builder->model->reader, chunk);
    return ret < 0 ? ret : model_read_modules(builder->model, chunk);
}

/* --- tracks and spawns -------------------------------------------------- */

static uint32_t
add_track(struct builder *builder, enum track_kind kind, uint32_t process, uint64_t native_id, struct slice name)
{
    struct model *model = builder->model;
    struct track *track = append(builder, &model->tracks, model->track_count, &builder->track_room, sizeof *track);
    if (!track)
        return MODEL_NONE;
    *track = (struct track){.kind = kind,
                            .process = process,
                            .native_id = native_id,
                            .name = name,
                            .creator = MODEL_NONE,
                            .first_root = MODEL_NONE};
    return model->track_count++;
}

static uint32_t
spawn_of(struct builder *builder, uint32_t process, uint64_t id)
{
    uint32_t *known = id_map_get(&builder->spawn_ids, process, id);
    if (known)
        return *known;
    struct spawn *spawn = append(builder, &builder->spawns, builder->spawn_count, &builder->spawn_room, sizeof *spawn);
    if (!spawn || !id_map_put(&builder->spawn_ids, process, id, builder->spawn_count)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    *spawn = (struct spawn){MODEL_NONE, MODEL_NONE, MODEL_NONE, MODEL_NONE, MODEL_NONE};
    return builder->spawn_count++;
}

static void
on_thread(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t native_id, is_main;
    struct slice name;
    p = payload_number(p, end, &native_id);
    p = payload_number(p, end, &is_main);
    payload_text(p, end, &name);
    struct track *track = &builder->model->tracks[lane->thread];
    track->kind = is_main ? TRACK_MAIN : TRACK_THREAD;
    track->native_id = native_id;
    if (name.length)
        track->name = name;
}

static void
add_birth(struct builder *builder, struct birth birth)
{
    struct birth *slot = append(builder, &builder->births, builder->birth_count, &builder->birth_room, sizeof *slot);
    if (!slot)
        return;
    *slot = birth;
    builder->birth_count++;
}

static void
on_link(struct builder *builder, struct lane *lane, const struct record *record)
{
    const uint8_t *p = (const uint8_t *)record->payload.data;
    const uint8_t *end = p + record->payload.length;
    uint64_t id, kind, task;
    struct slice name;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &kind);
    p = payload_text(p, end, &name);
    payload_number(p, end, &task);
    bool spawns = record->extended == FLOW_EXTENDED_SPAWN;
    uint32_t caller = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    uint32_t via = spawns && task ? spawn_of(builder, lane->process, task) : MODEL_NONE;
    if (spawns && kind == FLOW_SPAWN_PROCESS) {
        add_birth(builder, (struct birth){id, record->time_ns, caller, via});
        return;
    }
    uint32_t index = id ? spawn_of(builder, lane->process, id) : MODEL_NONE;
    if (spawns) {
        if (index != MODEL_NONE) {
            builder->spawns[index].creator = caller;
            builder->spawns[index].task = via;
            /* An eager task has run before it got its name. */
            if (kind == FLOW_SPAWN_TASK && builder->spawns[index].track != MODEL_NONE && name.length)
                builder->model->tracks[builder->spawns[index].track].name = name;
        }
        return;
    }
    lane->task_kind = FLOW_SPAWN_TASK;
    if (kind == FLOW_SPAWN_CALLBACK) {
        lane->task = index;
        lane->task_kind = FLOW_SPAWN_CALLBACK;
        return;
    }
    if (kind != FLOW_SPAWN_TASK) {
        bool known = kind == FLOW_SPAWN_THREAD || kind == FLOW_SPAWN_JOB;
        lane->origin = known ? index : MODEL_NONE;
        lane->origin_kind = (enum flow_spawn)kind;
        if (kind == FLOW_SPAWN_THREAD && index != MODEL_NONE)
            builder->spawns[index].track = lane->track;
        return;
    }
    lane->task = index;
    if (index != MODEL_NONE && builder->spawns[index].track == MODEL_NONE)
        builder->spawns[index].track = add_track(builder, TRACK_TASK, lane->process, id, name);
}

static void
on_name(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t id;
    struct slice name;
    p = payload_number(p, end, &id);
    payload_text(p, end, &name);
    const uint32_t *known = id_map_get(&builder->spawn_ids, lane->process, id);
    uint32_t track = known ? builder->spawns[*known].track : MODEL_NONE;
    if (track != MODEL_NONE && builder->model->tracks[track].kind == TRACK_TASK)
        builder->model->tracks[track].name = name;
}

/* --- calls -------------------------------------------------------------- */

static void
push(struct builder *builder, struct lane *lane, uint32_t call)
{
    uint32_t *slot = append(builder, &lane->stack, lane->depth, &lane->room, sizeof *slot);
    if (!slot)
        return;
    *slot = call;
    lane->depth++;
}

static void
link_child(struct builder *builder, uint32_t parent, uint32_t child)
{
    struct call *calls = builder->model->calls;
    if (builder->last_child[parent] == MODEL_NONE)
        calls[parent].first_child = child;
    else
        calls[builder->last_child[parent]].next_sibling = child;
    builder->last_child[parent] = child;
}

/* Whose call is it: the caller's, or, for a root, whoever made the task, thread or job. */
static void
place(struct builder *builder, struct lane *lane, struct call *call)
{
    call->parent = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    call->track = lane->track;
    call->spawned_by = MODEL_NONE;
    if (lane->task != MODEL_NONE) {
        call->parent = MODEL_NONE;
        call->origin = (uint8_t)lane->task_kind;
        if (call->origin == FLOW_SPAWN_TASK)
            call->track = builder->spawns[lane->task].track;
        else
            call->spawned_by = lane->task; /* until finish() knows its creator */
        lane->task = MODEL_NONE;
    }
    else if (call->parent != MODEL_NONE) {
        call->track = builder->model->calls[call->parent].track;
    }
    else if (lane->origin != MODEL_NONE) {
        call->origin = (uint8_t)lane->origin_kind;
        call->spawned_by = lane->origin; /* until finish() knows its creator */
    }
    else if (builder->model->tracks[lane->track].creator != MODEL_NONE) {
        call->origin = FLOW_SPAWN_GREENLET;
    }
}

static uint32_t
add_call(struct builder *builder, struct lane *lane, const struct record *record, uint64_t start_ns)
{
    struct model *model = builder->model;
    uint32_t number = model->call_count;
    uint32_t *last = append(builder, &builder->last_child, number, &builder->last_child_room, sizeof *last);
    struct call *call = append(builder, &model->calls, number, &builder->call_room, sizeof *call);
    if (!last || !call || number == MODEL_NONE - 1)
        return MODEL_NONE;
    *last = MODEL_NONE;
    *call = (struct call){.code = record->code,
                          .start_ns = start_ns,
                          .end_ns = record->time_ns,
                          .exception = MODEL_NONE,
                          .cancelled = MODEL_NONE,
                          .first_child = MODEL_NONE,
                          .next_sibling = MODEL_NONE};
    if (record->type == FLOW_CALL_VALUES)
        call->arguments = record->values;
    place(builder, lane, call);
    if (call->track == MODEL_NONE)
        return MODEL_NONE;
    model->call_count++;
    struct track *track = &model->tracks[call->track];
    if (track->call_count++ == 0)
        track->first_ns = start_ns;
    if (call->parent != MODEL_NONE)
        link_child(builder, call->parent, number);
    else if (track->first_root == MODEL_NONE)
        track->first_root = number;
    if (record->generator)
        builder->failed |= !id_map_put(&builder->generators, lane->process, record->generator, number);
    return number;
}

static void
begin(struct builder *builder, struct lane *lane, const struct record *record, uint64_t start_ns)
{
    uint32_t number = record->code ? add_call(builder, lane, record, start_ns) : MODEL_NONE;
    if (number != MODEL_NONE)
        push(builder, lane, number);
}

/* The innermost running call, taken off the stack; NULL if none is known. */
static struct call *
pop(struct builder *builder, struct lane *lane, uint64_t now)
{
    if (!lane->depth)
        return NULL;
    struct call *call = &builder->model->calls[lane->stack[--lane->depth]];
    if (now > call->end_ns)
        call->end_ns = now;
    struct track *track = &builder->model->tracks[call->track];
    if (now > track->last_ns)
        track->last_ns = now;
    return call;
}

static void
go_on(struct builder *builder, struct lane *lane, const struct record *record)
{
    uint32_t *known = id_map_get(&builder->generators, lane->process, record->generator);
    if (!known) { /* its start was not recorded */
        begin(builder, lane, record, record->time_ns);
        return;
    }
    uint32_t driver = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    bool thrown = record->type == FLOW_THROW;
    if (drivers_add(builder->model, &builder->driver_pairs, *known, driver, thrown, SUSPENDED) < 0)
        builder->failed = true;
    struct call *call = &builder->model->calls[*known];
    if (call->outcome == SUSPENDED) {
        call->waiting_ns += record->time_ns - call->end_ns;
        waits_end(&builder->model->waits, *known, record->time_ns - call->end_ns, false);
    }
    call->outcome = OUTCOME_RUNNING;
    push(builder, lane, *known);
}

/* A call that began before a gap, or in the process that this one was forked from. */
static void
reopen(struct builder *builder, struct lane *lane, const struct record *record, bool forked)
{
    uint32_t *known = record->generator ? id_map_get(&builder->generators, lane->process, record->generator) : NULL;
    if (!known) {
        uint32_t depth = lane->depth;
        begin(builder, lane, record, record->start_ns);
        if (forked && lane->depth > depth) {
            builder->model->calls[lane->stack[depth]].origin = CALL_INHERITED;
            builder->inherited++;
        }
        return;
    }
    builder->model->calls[*known].outcome = OUTCOME_RUNNING;
    push(builder, lane, *known);
}

static void
suspend(struct builder *builder, struct lane *lane, const struct record *record)
{
    struct call *call = pop(builder, lane, record->time_ns);
    if (!call)
        return;
    call->outcome = SUSPENDED;
    struct value value = record->values;
    bool tells = record->yield == FLOW_YIELD_AWAIT && value.data && *value.data == FLOW_VALUE_TUPLE;
    if (tells && waits_begin(&builder->model->waits, (uint32_t)(call - builder->model->calls), value) < 0)
        builder->failed = true;
    if (call->suspensions < UINT16_MAX)
        call->suspensions++;
}

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

static uint32_t
exception_of(struct builder *builder, const struct lane *lane, const struct exception_record *record)
{
    struct model *model = builder->model;
    uint32_t *known = id_map_get(&builder->exception_ids, lane->process, record->id);
    if (known)
        return *known;
    struct exception *exception = append(builder, &model->exceptions, model->exception_count, &builder->exception_room,
                                         sizeof *exception);
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

static void
on_detail(struct builder *builder, const struct lane *lane, struct slice payload)
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
    struct leg *slot = append(builder, &model->legs, model->leg_count, &builder->leg_room, sizeof *slot);
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

static struct leg
leg_so_far(const struct exception *exception)
{
    return (struct leg){.first_call = exception->first_call,
                        .last_call = exception->last_call,
                        .calls_left = exception->calls_left,
                        .caught_by = exception->caught_by,
                        .caught_line = exception->caught_line,
                        .handler_line = exception->handler_line,
                        .caught_below = exception->caught_below,
                        .next = MODEL_NONE};
}

/* It leaves a call into which it had not come: kept, and raised again. */
static void
begin_leg(struct builder *builder, uint32_t index, uint32_t call, uint32_t line)
{
    const struct exception *exception = &builder->model->exceptions[index];
    if (exception->first_leg == MODEL_NONE) {
        add_leg(builder, index, leg_so_far(exception));
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

/* Who stands below on the stack has caught it, unless it leaves that call too. */
static void
unwind(struct builder *builder, struct lane *lane, const struct record *record)
{
    struct call *call = pop(builder, lane, record->time_ns);
    uint32_t index = exception_of(builder, lane, &record->exception);
    if (!call || index == MODEL_NONE)
        return;
    uint32_t number = (uint32_t)(call - builder->model->calls);
    struct exception *exception = &builder->model->exceptions[index];
    explain_cancellation(builder, lane, index, call);
    call->outcome = OUTCOME_RAISED;
    call->exception = index;
    if (exception->calls_left > 0 && exception->caught_by != number)
        begin_leg(builder, index, number, record->line);
    if (exception->calls_left++ == 0)
        exception->first_call = number;
    exception->last_call = number;
    bool leaves_task = call->origin == FLOW_SPAWN_TASK || call->origin == FLOW_SPAWN_CALLBACK;
    exception->caught_by = leaves_task || !lane->depth ? MODEL_NONE : lane->stack[lane->depth - 1];
    exception->caught_line = record->caller_line;
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
static void
throw_into(struct builder *builder, struct lane *lane, const struct record *record)
{
    uint32_t index = exception_of(builder, lane, &record->exception);
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

/* --- cancellation ------------------------------------------------------- */

static uint32_t
add_cancel(struct builder *builder, struct cancel cancel)
{
    struct model *model = builder->model;
    struct cancel *slot = append(builder, &model->cancels, model->cancel_count, &builder->cancel_room, sizeof *slot);
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
    uint32_t index = task ? spawn_of(builder, lane->process, task) : MODEL_NONE;
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
    uint32_t index = id && top != MODEL_NONE ? spawn_of(builder, lane->process, id) : MODEL_NONE;
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
    builder->model->calls[call].cancelled = lane->thrown;
    if (exception->landed_in != MODEL_NONE)
        return;
    exception->landed_in = call;
    exception->landed_line = (uint32_t)line;
}

static void
on_cancel(struct builder *builder, const struct lane *lane, struct slice payload)
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

/* --- calls that ended unseen ----------------------------------------------------------- */

static void
drop(struct builder *builder, struct lane *lane, uint64_t count, uint64_t now)
{
    for (; count > 0 && lane->depth; count--)
        pop(builder, lane, now)->outcome = OUTCOME_ABANDONED;
}

/* --- greenlets ---------------------------------------------------------- */

static uint32_t
add_strand(struct builder *builder, const struct lane *lane, uint32_t track)
{
    struct strand *strand = append(builder, &builder->strands, builder->strand_count, &builder->strand_room,
                                   sizeof *strand);
    if (!strand || track == MODEL_NONE)
        return MODEL_NONE;
    *strand = (struct strand){.lane = (uint32_t)(lane - builder->lanes), .track = track, .origin = MODEL_NONE};
    return builder->strand_count++;
}

static void
switch_to(struct builder *builder, struct lane *lane, uint32_t next)
{
    if (next == lane->strand)
        return;
    struct strand *strand = &builder->strands[lane->strand];
    strand->stack = lane->stack;
    strand->depth = lane->depth;
    strand->room = lane->room;
    strand->origin = lane->origin;
    strand->origin_kind = lane->origin_kind;
    strand->gaps = lane->gaps - (lane->rebuilding && !lane->depth); /* where nothing ran since, it is to be told yet */
    strand = &builder->strands[next];
    lane->stack = strand->stack;
    lane->depth = strand->depth;
    lane->room = strand->room;
    lane->origin = strand->origin;
    lane->origin_kind = strand->origin_kind;
    lane->track = strand->track;
    lane->strand = next;
    strand->stack = NULL;
    lane->rebuilding = strand->gaps != lane->gaps;
    if (lane->rebuilding)
        drop(builder, lane, UINT64_MAX, lane->last_ns);
}

/* The call on top of a greenlet's stack, or the thread's own; MODEL_NONE if none runs there. */
static uint32_t
top_of(const struct builder *builder, const struct lane *lane, uint64_t id)
{
    const uint32_t *known = id ? id_map_get(&builder->greenlets, (uint32_t)(lane - builder->lanes), id) : &lane->own;
    if (!known)
        return MODEL_NONE;
    const struct strand *strand = &builder->strands[*known];
    bool runs = *known == lane->strand;
    uint32_t depth = runs ? lane->depth : strand->depth;
    return depth ? (runs ? lane->stack : strand->stack)[depth - 1] : MODEL_NONE;
}

static uint32_t
new_greenlet(struct builder *builder, struct lane *lane, uint64_t id, struct slice name)
{
    uint32_t index = add_strand(builder, lane, add_track(builder, TRACK_GREENLET, lane->process, id, name));
    if (index == MODEL_NONE)
        return MODEL_NONE;
    if (!id_map_put(&builder->greenlets, (uint32_t)(lane - builder->lanes), id, index)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    builder->strands[index].gaps = lane->gaps - 1; /* OPEN records tell what runs, if anything does */
    return index;
}

/* Its creator is told where it begins. Without one it comes from where its thread does. */
static void
on_greenlet(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t id, by, hub;
    struct slice name;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &by);
    p = payload_text(p, end, &name);
    payload_number(p, end, &hub);
    uint32_t *known = id ? id_map_get(&builder->greenlets, (uint32_t)(lane - builder->lanes), id) : &lane->own;
    uint32_t next = known ? *known : new_greenlet(builder, lane, id, name);
    if (next == MODEL_NONE)
        return;
    uint32_t creator = by ? top_of(builder, lane, by - 1) : MODEL_NONE;
    switch_to(builder, lane, next);
    if (lane->leaving != MODEL_NONE && !hub && lane->depth)
        builder->model->exceptions[lane->leaving].caught_by = lane->stack[lane->depth - 1];
    struct track *track = &builder->model->tracks[lane->track];
    if (!id || !by || track->call_count)
        return;
    track->creator = creator;
    track->name = name;
    if (creator == MODEL_NONE) {
        lane->origin = builder->strands[lane->own].origin;
        lane->origin_kind = builder->strands[lane->own].origin_kind;
    }
}

/* In the top call an exception was raised or came in, a handler has it, or had it and raised it again. */
static void
come_up(struct builder *builder, const struct lane *lane, const struct record *record)
{
    uint32_t index = exception_of(builder, lane, &record->exception);
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

/* --- the pass, record by record ----------------------------------------- */

/* The parent has heard how a process ended. */
static void
on_process_exit(struct builder *builder, const struct record *record)
{
    const uint8_t *p = (const uint8_t *)record->payload.data;
    const uint8_t *end = p + record->payload.length;
    uint64_t reason, status, pid;
    p = payload_number(p, end, &reason);
    p = payload_number(p, end, &status);
    p = payload_number(p, end, &pid);
    bool holds = p && reason == 2 && builder->exits++ < EXITS_MAX;
    uint32_t index = holds ? model_process_at(builder->model, pid, record->time_ns, MODEL_NONE) : MODEL_NONE;
    if (index == MODEL_NONE || builder->model->processes[index].has_status)
        return;
    struct process *process = &builder->model->processes[index];
    process->has_status = true;
    process->wait_status = (int32_t)(status & 0xffff);
    process->end_ns = process->end_ns ? process->end_ns : record->time_ns;
}

static void
on_extended(struct builder *builder, struct lane *lane, const struct record *record)
{
    switch (record->extended) {
    case FLOW_EXTENDED_THREAD: on_thread(builder, lane, record->payload); break;
    case FLOW_EXTENDED_SPAWN:
    case FLOW_EXTENDED_ORIGIN: on_link(builder, lane, record); break;
    case FLOW_EXTENDED_PROCESS_END: on_process_exit(builder, record); break;
    case FLOW_EXTENDED_SCOPE: builder->failed |= model_add_module(builder->model, record->payload) < 0; break;
    case FLOW_EXTENDED_NAME: on_name(builder, lane, record->payload); break;
    case FLOW_EXTENDED_GREENLET: on_greenlet(builder, lane, record->payload); break;
    case FLOW_EXTENDED_CANCEL: on_cancel(builder, lane, record->payload); break;
    case FLOW_EXTENDED_EXCEPTION: on_detail(builder, lane, record->payload); break;
    case FLOW_EXTENDED_LOST:
        payload_text((const uint8_t *)record->payload.data,
                     (const uint8_t *)record->payload.data + record->payload.length,
                     &builder->model->processes[lane->process].lost);
        break;
    default: break;
    }
}

/* A call has begun when its watcher hears of it, and ends only after. */
static void
tell(struct builder *builder, const struct lane *lane, const struct record *record)
{
    if (!builder->watcher || !lane->depth)
        return;
    bool raises = record->type == FLOW_THROW || record->type == FLOW_UNWIND;
    uint32_t exception = raises ? exception_of(builder, lane, &record->exception) : MODEL_NONE;
    builder->watcher->event(builder->watcher->context, lane->stack[lane->depth - 1], exception, record);
}

static void
on_record(struct builder *builder, struct lane *lane, const struct cursor *cursor, const struct record *record)
{
    struct call *call;
    lane->last_ns = record->time_ns;
    if (record->type != FLOW_EXTENDED)
        lane->leaving = MODEL_NONE;
    if (cursor->gap) {
        drop(builder, lane, UINT64_MAX, record->time_ns);
        switch_to(builder, lane, lane->own);
        drop(builder, lane, UINT64_MAX, record->time_ns);
        lane->gaps++;
        lane->rebuilding = true;
        lane->task = MODEL_NONE;
    }
    else if (record->type != FLOW_OPEN && record->type != FLOW_EXTENDED) {
        lane->rebuilding = false;
    }
    switch (record->type) {
    case FLOW_CALL:
    case FLOW_CALL_VALUES:
        begin(builder, lane, record, record->time_ns);
        tell(builder, lane, record);
        break;
    case FLOW_RETURN:
    case FLOW_RETURN_VALUE:
        tell(builder, lane, record);
        if ((call = pop(builder, lane, record->time_ns))) {
            call->outcome = OUTCOME_RETURNED;
            call->result = record->values;
        }
        break;
    case FLOW_YIELD:
        tell(builder, lane, record);
        suspend(builder, lane, record);
        break;
    case FLOW_RESUME:
        go_on(builder, lane, record);
        tell(builder, lane, record);
        break;
    case FLOW_THROW:
        go_on(builder, lane, record);
        throw_into(builder, lane, record);
        tell(builder, lane, record);
        break;
    case FLOW_UNWIND:
        tell(builder, lane, record);
        unwind(builder, lane, record);
        break;
    case FLOW_RAISE:
    case FLOW_HANDLED: come_up(builder, lane, record); break;
    case FLOW_DROP: drop(builder, lane, record->count, record->time_ns); break;
    case FLOW_OPEN:
        if (lane->rebuilding)
            reopen(builder, lane, record, builder->model->reader->chunks[cursor->chunk].sequence == 0);
        break;
    case FLOW_EXTENDED: on_extended(builder, lane, record); break;
    }
}

static int
open_lanes(struct builder *builder)
{
    struct reader *reader = builder->model->reader;
    builder->lanes = calloc(reader->stream_count + 1, sizeof *builder->lanes);
    if (!builder->lanes)
        return -ENOMEM;
    for (uint32_t i = 0; i < reader->stream_count; i++) {
        const struct stream *stream = &reader->streams[i];
        struct lane *lane = &builder->lanes[i];
        lane->process = process_of(builder, stream->process, stream->pid);
        lane->thread = lane->track = add_track(builder, TRACK_THREAD, lane->process, 0, (struct slice){"", 0});
        lane->own = lane->strand = add_strand(builder, lane, lane->track);
        lane->task = lane->origin = lane->thrown = lane->leaving = MODEL_NONE;
    }
    return builder->failed ? -ENOMEM : 0;
}

static int
read_all(struct builder *builder)
{
    struct reader *reader = builder->model->reader;
    for (uint32_t i = reader->event_chunk_count; i < reader->chunk_count; i++)
        if (read_meta(builder, i) < 0)
            return -ENOMEM;
    int ret = open_lanes(builder);
    if (ret < 0)
        return ret;
    struct merge merge;
    if ((ret = merge_open(&merge, reader)) < 0)
        return ret;
    uint32_t stream;
    const struct record *record;
    uint64_t first = 0, last = 0;
    bool any = false;
    while (!builder->failed && (ret = merge_next(&merge, &stream, &record)) > 0) {
        on_record(builder, &builder->lanes[stream], &merge.cursors[stream], record);
        first = any ? first : record->time_ns;
        last = record->time_ns;
        any = true;
    }
    merge_close(&merge);
    builder->first_ns = first;
    builder->model->duration_ns = last - first;
    return builder->failed ? -ENOMEM : ret;
}

/* Made by library code in a task: whoever created that task did it, or the task that created that ... */
static void
find_creator(struct builder *builder, uint32_t index)
{
    struct spawn *spawn = &builder->spawns[index];
    uint32_t task = spawn->task;
    for (uint32_t steps = 0; task != MODEL_NONE && steps < 64; steps++) {
        spawn->creator = builder->spawns[task].creator;
        task = builder->spawns[task].task;
    }
}

static uint32_t
creator_at_birth(const struct builder *builder, const struct birth *birth)
{
    return birth->task != MODEL_NONE ? builder->spawns[birth->task].creator : birth->creator;
}

/* The last that was told of this pid by then, since pids are used again; or NULL. A child may be
 * up before its parent has told of it: then the call that started it has begun before, and still ran. */
static const struct birth *
birth_of(const struct builder *builder, uint64_t pid, uint64_t start_ns)
{
    const struct birth *late = NULL;
    for (uint32_t i = builder->birth_count; i-- > 0;) {
        const struct birth *birth = &builder->births[i];
        if (birth->pid == pid && birth->time_ns <= start_ns)
            return birth;
        if (birth->pid == pid)
            late = birth;
    }
    uint32_t creator = late ? creator_at_birth(builder, late) : MODEL_NONE;
    return creator != MODEL_NONE && builder->model->calls[creator].start_ns <= start_ns ? late : NULL;
}

/* Nobody told of it: whatever ran in its parent, or whoever started the shell between. */
static uint32_t
creator_by_ancestors(const struct builder *builder, const struct process *process)
{
    const struct model *model = builder->model;
    struct ancestor ancestors[ANCESTORS_MAX];
    size_t count = process_ancestors(process, ancestors);
    for (size_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)(process - model->processes);
        uint32_t parent = model_process_at(model, ancestors[i].pid, process->joined_ns, index);
        const struct birth *birth = birth_of(builder, ancestors[i].pid, process->joined_ns);
        if (parent != MODEL_NONE)
            return model_running(model, parent, ancestors[i].thread, process_start_limit(process), process->joined_ns);
        if (birth)
            return creator_at_birth(builder, birth);
    }
    return MODEL_NONE;
}

/* The call that started the process which made its first call at `start_ns`. */
static uint32_t
creator_of_process(const struct builder *builder, uint32_t index, uint64_t start_ns)
{
    struct model *model = builder->model;
    struct process *process = &model->processes[index];
    const struct birth *birth = birth_of(builder, process->pid, start_ns);
    uint32_t before = model_process_at(model, process->pid, process->joined_ns, index);
    if (before != MODEL_NONE && before < index && !model->processes[before].ended
        && (!birth || birth->time_ns <= model->processes[before].joined_ns)) {
        model->processes[before].replaced = true;
        return model_unfinished(model, before, process->joined_ns);
    }
    return birth ? creator_at_birth(builder, birth) : creator_by_ancestors(builder, process);
}

/* Calls of a process without a caller there come from the call that started it. */
static void
hang_processes(struct builder *builder)
{
    struct model *model = builder->model;
    bool *asked = calloc(model->process_count + (size_t)1, sizeof *asked);
    builder->failed |= !asked;
    for (uint32_t i = 0; asked && i < model->call_count; i++) {
        struct call *call = &model->calls[i];
        struct track *track = &model->tracks[call->track];
        struct process *process = &model->processes[track->process];
        if (call->parent != MODEL_NONE || call->origin)
            continue;
        if (!asked[track->process])
            process->creator = creator_of_process(builder, track->process, call->start_ns);
        asked[track->process] = true;
        if (process->creator == MODEL_NONE || process->creator >= i)
            continue;
        call->origin = FLOW_SPAWN_PROCESS;
        call->spawned_by = process->creator;
        if (track->kind == TRACK_MAIN)
            track->creator = process->creator;
    }
    free(asked);
}

/* Tasks may run before their creator is told; what still runs has lasted until its process's end. */
static void
finish(struct builder *builder)
{
    struct model *model = builder->model;
    for (uint32_t i = 0; i < builder->spawn_count; i++)
        find_creator(builder, i);
    for (uint32_t i = 0; i < builder->spawn_count; i++)
        if (builder->spawns[i].track != MODEL_NONE)
            model->tracks[builder->spawns[i].track].creator = builder->spawns[i].creator;
    for (uint32_t i = 0; i < model->reader->stream_count; i++) {
        struct lane *lane = &builder->lanes[i];
        uint64_t told_ns = model->processes[lane->process].end_ns;
        uint64_t end_ns = told_ns > lane->last_ns ? told_ns : lane->last_ns;
        if (lane->depth && end_ns > builder->first_ns + model->duration_ns)
            model->duration_ns = end_ns - builder->first_ns;
        while (lane->depth)
            pop(builder, lane, end_ns);
        lane->last_ns = end_ns;
    }
    for (uint32_t i = 0; i < builder->strand_count; i++) {
        struct lane *lane = &builder->lanes[builder->strands[i].lane];
        switch_to(builder, lane, i);
        while (lane->depth)
            pop(builder, lane, lane->last_ns);
    }
    for (uint32_t i = 0; i < model->call_count; i++) {
        struct call *call = &model->calls[i];
        const struct process *process = &model->processes[model->tracks[call->track].process];
        if (call->outcome == SUSPENDED)
            waits_end(&model->waits, i, builder->first_ns + model->duration_ns - call->end_ns, true);
        if (call->outcome == SUSPENDED)
            call->outcome = process->ended ? OUTCOME_ABANDONED : OUTCOME_RUNNING;
        if (call->origin == FLOW_SPAWN_TASK || call->origin == FLOW_SPAWN_GREENLET)
            call->spawned_by = model->tracks[call->track].creator;
        else if (call->origin && call->origin != CALL_INHERITED)
            call->spawned_by = builder->spawns[call->spawned_by].creator;
    }
    model_find_ambiguous(model);
    builder->failed |= model_find_caught(model) < 0;
    if (model->process_count > 1)
        hang_processes(builder);
    if (builder->inherited && model->reader->header->clock != FLOW_CLOCK_NONE)
        builder->failed |= model_find_originals(model) < 0;
    model_sort_modules(model);
    drivers_sort(model);
    for (uint32_t i = 0; i < model->reader->event_chunk_count; i++)
        model->lost_records += model->reader->chunks[i].header->lost_before;
}

int
model_build(struct model *out, struct reader *reader)
{
    return model_build_watched(out, reader, NULL);
}

int
model_build_watched(struct model *out, struct reader *reader, const struct model_watcher *watcher)
{
    *out = (struct model){.reader = reader};
    struct builder builder = {.model = out, .watcher = watcher};
    int ret = read_all(&builder);
    if (ret >= 0) {
        finish(&builder);
        ret = builder.failed ? -ENOMEM : ret;
    }
    for (uint32_t i = 0; builder.lanes && i < reader->stream_count; i++)
        free(builder.lanes[i].stack);
    for (uint32_t i = 0; i < builder.strand_count; i++)
        free(builder.strands[i].stack);
    free(builder.strands);
    free(builder.lanes);
    free(builder.spawns);
    free(builder.births);
    free(builder.last_child);
    id_map_free(&builder.generators);
    id_map_free(&builder.driver_pairs);
    id_map_free(&builder.greenlets);
    id_map_free(&builder.spawn_ids);
    id_map_free(&builder.exception_ids);
    if (ret < 0)
        model_free(out);
    return ret < 0 ? ret : 0;
}

void
model_free(struct model *model)
{
    free(model->processes);
    free(model->tracks);
    free(model->calls);
    free(model->exceptions);
    free(model->modules);
    free(model->cancels);
    free(model->drivers);
    free(model->legs);
    free(model->caught);
    id_map_free(&model->legs_by_call);
    waits_free(&model->waits);
    *model = (struct model){0};
}

struct value
call_argument(const struct model *model, const struct call *call, uint32_t index)
{
    struct value value = call->arguments;
    for (uint32_t i = 0; i < index && value.data; i++)
        if (value_skip(model->reader, &value) < 0)
            return (struct value){0};
    return value.data < value.end ? value : (struct value){0};
}
