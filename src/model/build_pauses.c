/* build_pauses.c - the list of pauses, where it is asked for: see pauses.h. */
#include <stdlib.h>
#include <string.h>

#include "build.h"

#define PARTS 4096 /* of the time that is seen: more than any terminal has columns */
#define PAUSES_MAX 0x7fffffff

/* --- one pause ---------------------------------------------------------- */

static void
set_last(struct builder *builder, enum pause_kind kind, uint32_t of, uint32_t pause)
{
    struct pauses *pauses = &builder->model->pauses;
    if (kind == PAUSE_CALL) {
        struct suspended *suspended = build_suspended(builder, &builder->model->calls[of]);
        if (suspended)
            suspended->last_pause = pause;
    }
    else {
        builder->failed |= !id_map_put(&pauses->last_of_track, kind, of, pause);
    }
}

static struct pause *
last_of(const struct builder *builder, enum pause_kind kind, uint32_t of)
{
    uint32_t last = pauses_last(builder->model, kind, of);
    return last != MODEL_NONE ? &builder->model->pauses.items[last] : NULL;
}

static struct pause *
add(struct builder *builder, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    struct pauses *pauses = &builder->model->pauses;
    struct pause *pause = build_append(builder, &pauses->items, pauses->count, &pauses->room, sizeof *pause);
    builder->failed |= pauses->count == PAUSES_MAX;
    if (builder->failed)
        return NULL;
    *pause = (struct pause){.start_ns = ns,
                            .end_ns = ns,
                            .open_ns = PAUSE_OVER,
                            .of = of,
                            .before = pauses_last(builder->model, kind, of),
                            .below = MODEL_NONE};
    set_last(builder, kind, of, pauses->count++);
    return builder->failed ? NULL : pause;
}

static void
begin(struct builder *builder, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    struct pause *last = last_of(builder, kind, of);
    if (last && last->open_ns != PAUSE_OVER)
        return;
    if (!last || ns < last->end_ns || ns - last->start_ns >= builder->model->pauses.resolution_ns)
        last = add(builder, kind, of, ns);
    if (last)
        last->open_ns = ns;
}

static void
end(struct builder *builder, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    struct pause *last = last_of(builder, kind, of);
    if (!last || last->open_ns == PAUSE_OVER)
        return;
    uint64_t begun = last->open_ns;
    last->open_ns = PAUSE_OVER;
    if (begun > last->end_ns && ns - last->start_ns >= builder->model->pauses.resolution_ns) /* not one with the last */
        last = add(builder, kind, of, begun);
    if (!last || ns < begun)
        return;
    last->ran_ns += begun - last->end_ns;
    last->end_ns = ns;
}

/* --- each, in order ------------------------------------------------------- */

static void
add_step(struct builder *builder, const struct pause *pause, bool goes_on)
{
    struct pauses *pauses = &builder->model->pauses;
    struct pause_step *step = build_append(builder, &pauses->steps, pauses->step_count, &pauses->step_room,
                                           sizeof *step);
    if (!step)
        return;
    *step = (struct pause_step){.next = builder->model->call_count,
                                .pause = (uint32_t)(pause - pauses->items) & PAUSES_MAX,
                                .goes_on = goes_on};
    pauses->step_count++;
}

/* What an awaiting call awaits has told just before it what for. */
static void
set_value(struct builder *builder, struct lane *lane, struct pause *pause, const struct record *record)
{
    bool awaits = record->yield == FLOW_YIELD_AWAIT;
    uint64_t place = build_place(builder, record->values);
    bool tells = place && *record->values.data != FLOW_VALUE_ABSENT;
    if (awaits)
        lane->awaited = tells ? place : lane->awaited;
    place = awaits ? lane->awaited : tells ? place : 0;
    pause->yield = (uint8_t)record->yield;
    pause->value_low = (uint32_t)place;
    pause->value_high = (uint8_t)(place >> 32);
}

static void
begin_each(struct builder *builder, struct lane *lane, uint32_t call, const struct record *record)
{
    const struct pause *last = last_of(builder, PAUSE_CALL, call);
    if (last && last->open_ns != PAUSE_OVER)
        return;
    struct pause *pause = add(builder, PAUSE_CALL, call, record->time_ns);
    if (!pause)
        return;
    pause->open_ns = record->time_ns;
    set_value(builder, lane, pause, record);
    add_step(builder, pause, false);
}

/* Of one that is lost there is the end alone. */
static void
end_each(struct builder *builder, uint32_t call, uint32_t below, uint64_t ns)
{
    struct pause *pause = last_of(builder, PAUSE_CALL, call);
    if (!pause || pause->open_ns == PAUSE_OVER)
        pause = add(builder, PAUSE_CALL, call, ns);
    if (!pause)
        return;
    pause->open_ns = PAUSE_OVER;
    pause->end_ns = ns > pause->start_ns ? ns : pause->start_ns;
    pause->below = below;
    add_step(builder, pause, true);
}

/* --- what runs in the place of what ------------------------------------- */

/* A task runs upon `by`, a call of the thread's own. */
static void
lend(struct builder *builder, uint32_t by, uint64_t ns)
{
    struct pauses *pauses = &builder->model->pauses;
    const uint32_t *known = id_map_get(&pauses->loops, 0, by);
    if (known)
        pauses->items[*known].end_ns = ns;
    else if (add(builder, PAUSE_LENT, builder->model->calls[by].track, ns))
        builder->failed |= !id_map_put(&pauses->loops, 0, by, pauses->count - 1);
}

static void
note_within(struct builder *builder, uint32_t call)
{
    struct pauses *pauses = &builder->model->pauses;
    size_t needed = call / 8 + (size_t)1;
    if (needed > pauses->within_size) {
        size_t size = needed > 2 * pauses->within_size ? needed + 64 : 2 * pauses->within_size;
        uint8_t *within = realloc(pauses->within, size);
        builder->failed |= !within;
        if (!within)
            return;
        memset(within + pauses->within_size, 0, size - pauses->within_size);
        pauses->within = within;
        pauses->within_size = size;
    }
    pauses->within[call / 8] |= (uint8_t)(1 << call % 8);
}

static bool
runs_loop(const struct pauses *pauses, uint32_t call)
{
    return call != MODEL_NONE && pauses->loops.count && id_map_get(&pauses->loops, 0, call);
}

static bool
is_lent(const struct model *model, uint32_t call, uint32_t below)
{
    if (below == MODEL_NONE || model->tracks[model->calls[call].track].kind != TRACK_TASK)
        return false;
    enum track_kind kind = model->tracks[model->calls[below].track].kind;
    return kind == TRACK_MAIN || kind == TRACK_THREAD;
}

/* Greenlets are switched in the midst of their calls. */
static void
switch_track(struct builder *builder, struct lane *lane, uint64_t ns)
{
    if (lane->seen_track != lane->track) {
        if (lane->seen_track != MODEL_NONE)
            begin(builder, PAUSE_AWAY, lane->seen_track, lane->seen_ns);
        end(builder, PAUSE_AWAY, lane->track, ns);
        lane->seen_track = lane->track;
    }
    lane->seen_ns = ns;
}

/* --- events --------------------------------------------------------------- */

static void
fold(struct builder *builder, struct lane *lane, uint32_t call, uint32_t below, const struct record *record)
{
    const struct model *model = builder->model;
    switch_track(builder, lane, record->time_ns);
    if (is_lent(model, call, below))
        lend(builder, below, record->time_ns);
    switch (record->type) {
    case FLOW_CALL:
    case FLOW_CALL_VALUES:
        if (runs_loop(&model->pauses, model->calls[call].parent))
            note_within(builder, call);
        break;
    case FLOW_YIELD: begin(builder, PAUSE_CALL, call, record->time_ns); break;
    case FLOW_RESUME:
    case FLOW_THROW: end(builder, PAUSE_CALL, call, record->time_ns); break;
    default: break;
    }
}

void
build_pause(struct builder *builder, struct lane *lane, const struct record *record, bool begins)
{
    uint32_t call = lane->stack[lane->depth - 1];
    uint32_t below = lane->depth > 1 ? lane->stack[lane->depth - 2] : MODEL_NONE;
    if (builder->model->pauses.kept == PAUSES_FOLDED)
        fold(builder, lane, call, below, record);
    else if (record->type == FLOW_YIELD)
        begin_each(builder, lane, call, record);
    else if (!begins && (record->type == FLOW_RESUME || record->type == FLOW_THROW))
        end_each(builder, call, below, record->time_ns);
}

void
build_keep_pauses(struct builder *builder, enum pauses_kept kept, uint64_t span_ns)
{
    const struct reader *reader = builder->model->reader;
    uint64_t span = span_ns;
    for (uint32_t i = 0; !span_ns && i < reader->event_chunk_count; i++) {
        const struct flow_chunk_header *header = reader->chunks[i].header;
        uint64_t last = atomic_load(&header->last_ns);
        uint64_t ns = last > reader->header->start_mono_ns ? last - reader->header->start_mono_ns : 0;
        span = ns > span ? ns : span;
    }
    builder->model->pauses.kept = kept;
    builder->model->pauses.resolution_ns = span / PARTS;
}
