#include "timeline.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "../trace/array.h"
#include "facts.h"

/* A slice that ended with the recording, as long as nothing follows it on its row. */
struct unended {
    uint32_t call;
    uint64_t ns;
};

struct timeline {
    const struct export *export;
    const struct timeline_visitor *visitor;
    void *context;
    uint32_t track;
    const struct flows *flows;
    uint32_t *open;          /* Owned; calls of open slices, those that are in `unended` too */
    uint32_t depth, open_room;
    uint32_t level, levels;  /* the row, and how many the track has */
    struct unended *unended; /* Owned; the innermost first */
    uint32_t unended_count, unended_room;
    uint64_t begun;
    uint64_t ns; /* what was told last: a row's time never goes back, which that of a damaged trace may */
    struct text room;
};

static uint64_t
not_before(struct timeline *timeline, uint64_t ns)
{
    timeline->ns = ns > timeline->ns ? ns : timeline->ns;
    return timeline->ns;
}

/* The row for a slice with so many below it. */
static int
go_to_row(struct timeline *timeline, uint32_t below)
{
    uint32_t level = below / TIMELINE_DEPTH;
    if (level == timeline->level && timeline->levels)
        return 0;
    bool is_new = level >= timeline->levels;
    timeline->level = level;
    timeline->levels = is_new ? level + 1 : timeline->levels;
    return timeline->visitor->row(timeline->context, timeline->track, level, is_new);
}

static int
end_innermost(struct timeline *timeline, uint64_t ns)
{
    int ret = go_to_row(timeline, --timeline->depth);
    return ret ? ret : timeline->visitor->end(timeline->context, not_before(timeline, ns));
}

/* Something follows: they ended, then. */
static int
end_unended(struct timeline *timeline)
{
    int ret = 0;
    for (uint32_t i = 0; ret == 0 && i < timeline->unended_count; i++)
        ret = end_innermost(timeline, timeline->unended[i].ns);
    timeline->unended_count = 0;
    return ret;
}

static int
begin_pause(struct timeline *timeline, uint32_t call, uint32_t index, uint64_t ns)
{
    const struct model *model = timeline->export->model;
    const struct pause *pause = &model->pauses.items[index];
    struct text *room = &timeline->room;
    int ret = timeline->depth ? go_to_row(timeline, timeline->depth - 1) : 0;
    text_truncate(room, 0);
    facts_pause(room, model, pause);
    struct slice what = text_content(room);
    return ret ? ret
               : timeline->visitor->pause(timeline->context, call, not_before(timeline, ns), what,
                                          facts_pause_waits(pause));
}

/* What the innermost call has created by then. */
static int
tell_created(struct timeline *timeline, uint64_t by_ns, uint64_t ns)
{
    uint32_t call = timeline->depth ? timeline->open[timeline->depth - 1] : MODEL_NONE;
    if (call == MODEL_NONE || !(timeline->flows->ends[call] & FLOWS_BEGIN))
        return 0;
    const struct flow *flow;
    int ret = 0;
    while (ret == 0 && (flow = flows_tell(timeline->flows, call, by_ns))) {
        uint64_t at = not_before(timeline, flow->ns < ns ? flow->ns : ns);
        text_truncate(&timeline->room, 0);
        text_string(&timeline->room, "creates ");
        flows_label(&timeline->room, timeline->export->model, flow);
        struct slice what = text_content(&timeline->room);
        ret = go_to_row(timeline, timeline->depth - 1);
        ret = ret ? ret : timeline->visitor->create(timeline->context, flow, what, at);
    }
    return ret;
}

static int
push(struct timeline *timeline, uint32_t call)
{
    void *open = timeline->open;
    bool fits = array_make_room(&open, timeline->depth, &timeline->open_room, sizeof *timeline->open);
    timeline->open = open;
    if (fits)
        timeline->open[timeline->depth++] = call;
    return fits ? 0 : -ENOMEM;
}

/* The innermost of those that have no end may be a call that waits. */
static int
finish_track(struct timeline *timeline)
{
    const struct model *model = timeline->export->model;
    uint32_t call = timeline->unended_count ? timeline->unended[0].call : MODEL_NONE;
    uint32_t pause = call != MODEL_NONE ? pauses_last(model, PAUSE_CALL, call) : MODEL_NONE;
    int ret = 0;
    if (pause != MODEL_NONE && model->pauses.items[pause].open_ns != PAUSE_OVER
        && facts_pause_waits(&model->pauses.items[pause]))
        ret = begin_pause(timeline, call, pause, timeline->unended[0].ns);
    timeline->unended_count = 0;
    timeline->depth = 0;
    return ret;
}

/* --- as a visitor of spans -------------------------------------------------- */

static int
on_track(void *context, uint32_t track)
{
    struct timeline *timeline = context;
    int ret = finish_track(timeline);
    timeline->track = track;
    timeline->levels = 0;
    timeline->ns = 0;
    return ret;
}

static int
on_begin(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct timeline *timeline = context;
    int ret = end_unended(timeline);
    if (ret == 0)
        ret = tell_created(timeline, ns, ns);
    if (ret == 0)
        ret = export_step(timeline->export, timeline->begun++, timeline->export->model->call_count);
    if (ret == 0)
        ret = push(timeline, call);
    if (ret == 0)
        ret = go_to_row(timeline, timeline->depth - 1);
    return ret ? ret
               : timeline->visitor->begin(timeline->context, call, not_before(timeline, ns), edge == SPAN_SUSPENDED);
}

/* What it ended with; NULL for what is no more than control flow. */
static const struct exception *
exception_of(const struct model *model, const struct call *call)
{
    uint32_t index = call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE;
    return index != MODEL_NONE && !model->exceptions[index].benign ? &model->exceptions[index] : NULL;
}

static int
put_mark(struct timeline *timeline, enum timeline_mark_kind kind, uint32_t call, const struct exception *exception,
         uint64_t ns)
{
    int ret = go_to_row(timeline, timeline->depth - 1);
    return ret ? ret : timeline->visitor->mark(timeline->context, kind, call, exception, ns);
}

static int
on_end(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct timeline *timeline = context;
    if (edge == SPAN_OPEN) {
        int told = timeline->unended_count ? 0 : tell_created(timeline, UINT64_MAX, ns);
        if (told)
            return told;
        void *items = timeline->unended;
        bool fits = array_make_room(&items, timeline->unended_count, &timeline->unended_room,
                                    sizeof *timeline->unended);
        timeline->unended = items;
        if (fits)
            timeline->unended[timeline->unended_count++] = (struct unended){call, ns};
        return fits ? 0 : -ENOMEM;
    }
    const struct call *ended = &timeline->export->model->calls[call];
    const struct exception *exception = edge == SPAN_CALL ? exception_of(timeline->export->model, ended) : NULL;
    int ret = end_unended(timeline);
    if (ret == 0)
        ret = tell_created(timeline, edge == SPAN_CALL ? UINT64_MAX : ns, ns);
    if (ret == 0 && exception && exception->first_call == call)
        ret = put_mark(timeline, MARK_RAISED, call, exception, ns);
    if (ret == 0)
        ret = end_innermost(timeline, ns);
    bool caught = exception && ended->parent != MODEL_NONE && exception->caught_by == ended->parent;
    if (ret == 0 && caught && timeline->depth)
        ret = put_mark(timeline, MARK_CAUGHT, ended->parent, exception, ns);
    return ret;
}

static int
on_wait(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns)
{
    struct timeline *timeline = context;
    int ret = end_unended(timeline);
    if (ret == 0)
        ret = tell_created(timeline, from_ns, from_ns);
    if (ret == 0)
        ret = begin_pause(timeline, call, pause, from_ns);
    return ret ? ret : timeline->visitor->end(timeline->context, not_before(timeline, to_ns));
}

int
timeline_walk(const struct export *export, const struct flows *flows, const struct timeline_visitor *visitor,
              void *context)
{
    static const struct span_visitor spans = {on_track, on_begin, on_end, on_wait};
    struct timeline timeline = {.export = export, .flows = flows, .visitor = visitor, .context = context};
    int ret = spans_walk(export->model, &spans, &timeline);
    if (ret == 0)
        ret = finish_track(&timeline);
    if (ret == 0 && timeline.room.failed)
        ret = -ENOMEM;
    free(timeline.unended);
    free(timeline.open);
    text_free(&timeline.room);
    return ret;
}

/* --- names ------------------------------------------------------------------- */

void
timeline_process_name(struct text *out, const struct model *model, const struct process *process)
{
    struct slice program = process_info(process, "program");
    if (program.length)
        text_name(out, program);
    else
        text_string(out, "process");
    if (process->interpreter.length) {
        text_string(out, ", interpreter ");
        text_name(out, process->interpreter);
    }
    if (process->run && process->run <= model->run_count) {
        text_string(out, ", of ");
        text_name(out, model->runs[process->run - 1].name);
    }
}

void
timeline_row_name(struct text *out, const struct track *track, uint32_t level)
{
    if (track->kind == TRACK_MAIN)
        text_string(out, "main thread");
    else if (track->kind == TRACK_THREAD && track->name.length)
        label_track_name(out, track);
    else {
        text_format(out, "%s ", label_track_kind(track));
        label_track_name(out, track);
    }
    if (level)
        text_format(out, ", deeper than %u", level * TIMELINE_DEPTH);
}

void
timeline_mark_name(struct text *out, const struct model *model, enum timeline_mark_kind kind,
                   const struct exception *exception)
{
    text_string(out, kind == MARK_CAUGHT ? "caught " : "raised ");
    label_exception(out, model, exception, false, 0);
}

#define OWN_NUMBERS (UINT32_C(1) << 30) /* no system has as many processes and threads */
/* Viewers may sort by them, so the further rows of a track follow it. */
#define OWN_LEVELS (UINT32_C(1) << 11)
#define OWN_TRACKS (OWN_NUMBERS / OWN_LEVELS)

uint32_t
timeline_pid(const struct model *model, uint32_t index)
{
    uint32_t pid = model->processes[index].pid;
    for (uint32_t i = 0; i < index; i++)
        if (model->processes[i].pid == pid)
            return OWN_NUMBERS | index;
    return pid & 0x7fffffff;
}

#define TRACKS_COMPARED 2000

/* Is there no thread before it in its process that has the same id? */
static bool
has_own_id(const struct model *model, uint32_t index)
{
    const struct track *track = &model->tracks[index];
    bool is_thread = track->kind == TRACK_MAIN || track->kind == TRACK_THREAD;
    bool own = is_thread && index < TRACKS_COMPARED && track->native_id && track->native_id < OWN_NUMBERS
               && !model->processes[track->process].interpreter.length;
    for (uint32_t i = 0; own && i < index; i++)
        own = model->tracks[i].process != track->process || model->tracks[i].native_id != track->native_id;
    return own;
}

uint64_t
timeline_tid(const struct model *model, uint32_t index, uint32_t level)
{
    const struct track *track = &model->tracks[index];
    if (level == 0 && track->kind == TRACK_MAIN && !model->processes[track->process].interpreter.length)
        return timeline_pid(model, track->process);
    if (level == 0 && has_own_id(model, index))
        return track->native_id;
    if (index < OWN_TRACKS && level < OWN_LEVELS)
        return OWN_NUMBERS + (uint64_t)index * OWN_LEVELS + level;
    return 2 * (uint64_t)OWN_NUMBERS + (uint64_t)level * model->track_count + index;
}
