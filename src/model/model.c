#include "model.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"
#include "build.h"
#include "drivers.h"
#include "merge.h"
#include "payload.h"

#define EXITS_MAX 65536

void *
build_append(struct builder *builder, void *array, uint32_t count, uint32_t *room, size_t size)
{
    void **items = array;
    if (!array_make_room(items, count, room, size)) {
        builder->failed = true;
        return NULL;
    }
    return (char *)*items + count * size;
}

/* --- calls -------------------------------------------------------------- */

static void
push(struct builder *builder, struct lane *lane, uint32_t call)
{
    uint32_t *slot = build_append(builder, &lane->stack, lane->depth, &lane->room, sizeof *slot);
    if (!slot)
        return;
    *slot = call;
    lane->depth++;
}

struct call_extra *
build_extra(struct builder *builder, struct call *call)
{
    struct model *model = builder->model;
    if (call->extra)
        return &model->extras[call->extra];
    struct call_extra *extra = build_append(builder, &model->extras, model->extra_count, &builder->extra_room,
                                            sizeof *extra);
    if (!extra)
        return NULL;
    *extra = CALL_EXTRA_NONE;
    call->extra = model->extra_count++;
    return extra;
}

/* Its index; 0, which is that of all that never were, without memory. */
static uint32_t
add_suspended(struct builder *builder)
{
    struct model *model = builder->model;
    struct suspended *suspended = build_append(builder, &model->suspended, model->suspended_count,
                                               &builder->suspended_room, sizeof *suspended);
    if (!suspended)
        return 0;
    *suspended = (struct suspended){.last_pause = MODEL_NONE};
    return model->suspended_count++;
}

struct suspended *
build_suspended(struct builder *builder, struct call *call)
{
    struct call_extra *extra = build_extra(builder, call);
    if (extra && !extra->suspended)
        extra->suspended = add_suspended(builder);
    return extra && extra->suspended ? &builder->model->suspended[extra->suspended] : NULL;
}

void
build_spawner(struct builder *builder, struct call *call, uint32_t spawner)
{
    struct call_extra *extra = build_extra(builder, call);
    if (extra)
        extra->spawned_by = spawner;
}

#define PLACES_END ((uint64_t)1 << 40)

uint64_t
build_place(const struct builder *builder, struct value value)
{
    uint64_t place = value.data ? (uint64_t)(value.data - builder->model->reader->map) : 0;
    return place < PLACES_END ? place : 0;
}

/* Whose call is it: the caller's, or, for a root, whoever made the task, thread or job. */
static void
place(struct builder *builder, struct lane *lane, struct call *call)
{
    call->parent = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    call->track = lane->track;
    if (lane->task != MODEL_NONE) {
        call->parent = MODEL_NONE;
        call->origin = (uint8_t)lane->task_kind;
        if (call->origin == FLOW_SPAWN_TASK)
            call->track = builder->spawns[lane->task].track;
        else
            build_spawner(builder, call, lane->task); /* until build_finish() knows its creator */
        lane->task = MODEL_NONE;
    }
    else if (call->parent != MODEL_NONE) {
        call->track = builder->model->calls[call->parent].track;
    }
    else if (lane->origin != MODEL_NONE) {
        call->origin = (uint8_t)lane->origin_kind;
        build_spawner(builder, call, lane->origin); /* until build_finish() knows its creator */
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
    struct call *call = build_append(builder, &model->calls, number, &builder->call_room, sizeof *call);
    if (!call || number == MODEL_NONE - 1)
        return MODEL_NONE;
    *call = (struct call){.code = record->code, .start_ns = start_ns, .end_ns = record->time_ns};
    uint64_t values = record->type == FLOW_CALL_VALUES ? build_place(builder, record->values) : 0;
    call->arguments_low = (uint32_t)values;
    call->arguments_high = (uint8_t)(values >> 32);
    place(builder, lane, call);
    if (call->track == MODEL_NONE)
        return MODEL_NONE;
    model->call_count++;
    struct track *track = &model->tracks[call->track];
    if (track->call_count++ == 0)
        track->first_ns = start_ns;
    if (call->parent == MODEL_NONE && track->first_root == MODEL_NONE)
        track->first_root = number;
    if (record->generator)
        builder->failed |= !id_map_put(&builder->generators, lane->process, record->generator, number);
    return number;
}

static void
begin(struct builder *builder, struct lane *lane, const struct record *record, uint64_t start_ns)
{
    const uint32_t *task = record->generator ? id_map_get(&builder->first_calls, lane->process, record->generator)
                                             : NULL;
    if (task) {
        lane->task = *task;
        lane->task_kind = FLOW_SPAWN_TASK;
    }
    uint32_t number = record->code ? add_call(builder, lane, record, start_ns) : MODEL_NONE;
    if (number != MODEL_NONE)
        push(builder, lane, number);
}

struct call *
build_pop(struct builder *builder, struct lane *lane, uint64_t now)
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

/* False if it begins, as far as is known. */
static bool
go_on(struct builder *builder, struct lane *lane, const struct record *record)
{
    uint32_t *known = id_map_get(&builder->generators, lane->process, record->generator);
    if (!known) { /* its start was not recorded */
        begin(builder, lane, record, record->time_ns);
        return false;
    }
    uint32_t driver = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    bool thrown = record->type == FLOW_THROW;
    if (drivers_add(builder->model, &builder->driver_pairs, *known, driver, thrown, SUSPENDED) < 0)
        builder->failed = true;
    struct call *call = &builder->model->calls[*known];
    if (call->outcome == SUSPENDED) {
        struct suspended *suspended = build_suspended(builder, call);
        if (suspended)
            suspended->waiting_ns += record->time_ns - call->end_ns;
        waits_end(&builder->model->waits, *known, record->time_ns - call->end_ns, false);
    }
    call->outcome = OUTCOME_RUNNING;
    push(builder, lane, *known);
    if (lane->just_thrown && call->code->flags & FLOW_CODE_REGION)
        build_throw_into_region(builder, lane, driver);
    return true;
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

/* The first chunk of a thread tells only of what it has from the fork. Where that was let go the start tells. */
static bool
is_inherited(const struct builder *builder, const struct lane *lane, const struct cursor *cursor,
             const struct record *record)
{
    const struct reader *reader = builder->model->reader;
    const struct process *process = &builder->model->processes[lane->process];
    if (reader->chunks[cursor->chunk].sequence == 0)
        return true;
    return reader->header->clock != FLOW_CLOCK_NONE && record->start_ns < process->joined_ns
           && process_info(process, "forked_from").length > 0;
}

static void
suspend(struct builder *builder, struct lane *lane, const struct record *record)
{
    struct call *call = build_pop(builder, lane, record->time_ns);
    if (!call)
        return;
    if (record->yield == FLOW_YIELD_ASIDE) /* it goes on at once, on what is below */
        return;
    call->outcome = SUSPENDED;
    struct value value = record->values;
    bool tells = record->yield == FLOW_YIELD_AWAIT && value.data && *value.data == FLOW_VALUE_TUPLE;
    if (tells && waits_begin(&builder->model->waits, (uint32_t)(call - builder->model->calls), value) < 0)
        builder->failed = true;
    struct suspended *suspended = build_suspended(builder, call);
    if (suspended && suspended->times < UINT32_MAX)
        suspended->times++;
}

void
build_drop(struct builder *builder, struct lane *lane, uint64_t count, uint64_t now)
{
    for (; count > 0 && lane->depth; count--)
        build_pop(builder, lane, now)->outcome = OUTCOME_ABANDONED;
}

/* --- the pass, record by record ----------------------------------------- */

/* The parent has heard how a process ended. */
static void
on_process_exit(struct builder *builder, const struct lane *lane, const struct record *record)
{
    uint32_t run = builder->model->processes[lane->process].run;
    const uint8_t *p = (const uint8_t *)record->payload.data;
    const uint8_t *end = p + record->payload.length;
    uint64_t reason, status, pid;
    p = payload_number(p, end, &reason);
    p = payload_number(p, end, &status);
    p = payload_number(p, end, &pid);
    bool holds = p && reason == 2 && builder->exits++ < EXITS_MAX;
    uint32_t index = holds ? model_process_at(builder->model, run, pid, record->time_ns, MODEL_NONE) : MODEL_NONE;
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
    case FLOW_EXTENDED_THREAD: build_on_thread(builder, lane, record->payload); break;
    case FLOW_EXTENDED_SPAWN:
    case FLOW_EXTENDED_ORIGIN: build_on_link(builder, lane, record); break;
    case FLOW_EXTENDED_PROCESS_END: on_process_exit(builder, lane, record); break;
    case FLOW_EXTENDED_SCOPE: builder->failed |= model_add_module(builder->model, record->payload) < 0; break;
    case FLOW_EXTENDED_NAME: build_on_name(builder, lane, record->payload); break;
    case FLOW_EXTENDED_GREENLET: build_on_greenlet(builder, lane, record->payload); break;
    case FLOW_EXTENDED_CANCEL: build_on_cancel(builder, lane, record->payload); break;
    case FLOW_EXTENDED_EXCEPTION: build_on_detail(builder, lane, record->payload); break;
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
tell(struct builder *builder, struct lane *lane, const struct record *record, bool begins)
{
    const struct model_watcher *watcher = builder->watcher;
    if (!watcher || !lane->depth)
        return;
    if (watcher->pauses != PAUSES_NONE)
        build_pause(builder, lane, record, begins);
    if (!watcher->event)
        return;
    bool raises = record->type == FLOW_THROW || record->type == FLOW_UNWIND;
    uint32_t exception = raises ? build_exception(builder, lane, &record->exception) : MODEL_NONE;
    uint32_t below = lane->depth > 1 ? lane->stack[lane->depth - 2] : MODEL_NONE;
    watcher->event(watcher->context, lane->stack[lane->depth - 1], below, exception, record);
}

static void
on_record(struct builder *builder, struct lane *lane, const struct cursor *cursor, const struct record *record)
{
    struct call *call;
    bool went_on;
    lane->last_ns = record->time_ns;
    if (record->type != FLOW_EXTENDED)
        lane->leaving = MODEL_NONE;
    lane->just_thrown &= record->type == FLOW_EXTENDED || record->type == FLOW_RESUME;
    if (cursor->gap) {
        build_drop(builder, lane, UINT64_MAX, record->time_ns);
        build_switch(builder, lane, lane->own);
        build_drop(builder, lane, UINT64_MAX, record->time_ns);
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
        tell(builder, lane, record, true);
        break;
    case FLOW_RETURN:
    case FLOW_RETURN_VALUE:
        tell(builder, lane, record, false);
        if ((call = build_pop(builder, lane, record->time_ns))) {
            uint64_t result = build_place(builder, record->values);
            call->outcome = OUTCOME_RETURNED;
            call->result_low = (uint32_t)result;
            call->result_high = (uint8_t)(result >> 32);
        }
        break;
    case FLOW_YIELD:
        tell(builder, lane, record, false);
        suspend(builder, lane, record);
        break;
    case FLOW_RESUME:
        went_on = go_on(builder, lane, record);
        tell(builder, lane, record, !went_on);
        break;
    case FLOW_THROW:
        went_on = go_on(builder, lane, record);
        build_throw(builder, lane, record);
        lane->just_thrown = true;
        tell(builder, lane, record, !went_on);
        break;
    case FLOW_UNWIND:
        tell(builder, lane, record, false);
        build_unwind(builder, lane, record);
        break;
    case FLOW_RAISE:
    case FLOW_HANDLED: build_come_up(builder, lane, record); break;
    case FLOW_DROP: build_drop(builder, lane, record->count, record->time_ns); break;
    case FLOW_OPEN:
        if (lane->rebuilding)
            reopen(builder, lane, record, is_inherited(builder, lane, cursor, record));
        break;
    case FLOW_EXTENDED: on_extended(builder, lane, record); break;
    }
}

static int
read_meta(struct builder *builder, uint32_t chunk)
{
    const struct flow_chunk_header *header = builder->model->reader->chunks[chunk].header;
    uint32_t index = build_process(builder, header->process, header->pid);
    if (index == MODEL_NONE)
        return -ENOMEM;
    struct model *model = builder->model;
    struct cursor cursor;
    struct record record;
    int ret = 0;
    cursor_open_chunk(&cursor, model->reader, chunk);
    while (!builder->failed && (ret = cursor_next(&cursor, &record)) > 0) {
        space_add(&model->space, &record);
        process_take(&model->processes[index], model->reader, chunk, &record);
        if (record.extended == FLOW_EXTENDED_RUN)
            build_run(builder, record.payload);
        else if (record.extended == FLOW_EXTENDED_SCOPE)
            builder->failed |= model_add_module(model, record.payload) < 0;
        else if (record.extended == FLOW_EXTENDED_SOURCE)
            builder->failed |= model_add_source(model, record.payload) < 0;
    }
    return builder->failed ? -ENOMEM : ret;
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
        lane->process = build_process(builder, stream->process, stream->pid);
        lane->thread = lane->track = build_track(builder, TRACK_THREAD, lane->process, 0, (struct slice){"", 0});
        lane->own = lane->strand = build_strand(builder, lane, lane->track);
        builder->failed |= lane->process == MODEL_NONE
                           || !id_map_put(&builder->threads, lane->process, stream->thread, i);
        lane->task = lane->origin = lane->thrown = lane->leaving = lane->seen_track = MODEL_NONE;
    }
    build_assign_runs(builder->model);
    return builder->failed ? -ENOMEM : 0;
}

/* In bytes of records, of those that the chunks hold. */
static int
tell_progress(const struct builder *builder)
{
    const struct reader *reader = builder->model->reader;
    uint64_t done = 0, total = 0;
    if (!builder->watcher || !builder->watcher->progress)
        return 0;
    for (size_t i = 0; i < SPACE_KINDS; i++)
        done += builder->model->space.bytes[i];
    for (uint32_t i = 0; i < reader->chunk_count; i++)
        total += (uint64_t)(reader->chunks[i].end - (const uint8_t *)reader->chunks[i].header);
    return progress_tell(builder->watcher->progress, "reading", done, total);
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
    for (uint64_t records = 0; !builder->failed && (ret = merge_next(&merge, &stream, &record)) > 0; records++) {
        if (records % PROGRESS_STEP == PROGRESS_STEP - 1 && (ret = tell_progress(builder)) < 0)
            break;
        space_add(&builder->model->space, record);
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
    build_extra(&builder, &(struct call){0}); /* of all that have none */
    add_suspended(&builder);
    if (watcher)
        build_keep_pauses(&builder, watcher->pauses, watcher->span_ns);
    int ret = builder.failed ? -ENOMEM : read_all(&builder);
    reader_look_again(reader);
    if (ret >= 0) {
        build_finish(&builder);
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
    id_map_free(&builder.generators);
    id_map_free(&builder.driver_pairs);
    id_map_free(&builder.greenlets);
    id_map_free(&builder.processes);
    id_map_free(&builder.threads);
    id_map_free(&builder.spawn_ids);
    id_map_free(&builder.first_calls);
    id_map_free(&builder.exception_ids);
    if (ret < 0)
        model_free(out);
    return ret < 0 ? ret : 0;
}

void
model_free(struct model *model)
{
    free(model->processes);
    free(model->runs);
    free(model->tracks);
    free(model->calls);
    free(model->extras);
    free(model->suspended);
    free(model->exceptions);
    free(model->modules);
    free(model->sources);
    free(model->cancels);
    free(model->drivers);
    free(model->legs);
    free(model->caught);
    free(model->numbers);
    id_map_free(&model->legs_by_call);
    waits_free(&model->waits);
    pauses_free(&model->pauses);
    *model = (struct model){0};
}

/* Ends with its chunk: how long a value is it tells itself. */
static struct value
value_at(const struct model *model, uint64_t place)
{
    const struct reader *reader = model->reader;
    uint32_t index = place ? reader->chunk_at[place / FLOW_UNIT_SIZE] : MODEL_NONE;
    if (index == MODEL_NONE)
        return (struct value){0};
    return (struct value){reader->map + place, reader->chunks[index].end, index};
}

uint32_t
model_count_calls(const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->call_count; i++)
        count += model->calls[i].origin != CALL_INHERITED;
    return count;
}

struct value
call_arguments(const struct model *model, const struct call *call)
{
    return value_at(model, (uint64_t)call->arguments_high << 32 | call->arguments_low);
}

struct value
pause_value(const struct model *model, const struct pause *pause)
{
    return value_at(model, (uint64_t)pause->value_high << 32 | pause->value_low);
}

struct value
call_result(const struct model *model, const struct call *call)
{
    return value_at(model, (uint64_t)call->result_high << 32 | call->result_low);
}

struct value
call_argument(const struct model *model, const struct call *call, uint32_t index)
{
    if (index >= call->code->parameter_count)
        return (struct value){0};
    struct value value = call_arguments(model, call);
    for (uint32_t i = 0; i < index && value.data; i++)
        if (value_skip(model->reader, &value) < 0)
            return (struct value){0};
    return value.data < value.end ? value : (struct value){0};
}
