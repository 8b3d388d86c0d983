/* flame_chart.c - the calls of each track in order of time, as many as a page can hold.
 *
 * The longest stay; the shortest, where they lie side by side, are one slice that says how many it stands for.
 * How long is long enough is found in a first walk, so memory is bounded by what stays.
 *
 * A slice is: depth, name (-1: a wait, -2: shorter ones, -3: a generator's consumer works), start, duration, marks,
 * number (of the call, or how many slices it stands for). Marks: 1 left by an exception, 2 not ended, 4 goes on later; 8 times the number of its
 * exception's text, or of what it waits for or has yielded, from 1. Slices stand in the order of their ends.
 */
#include "flame.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "../trace/array.h"
#include "facts.h"
#include "pause_names.h"

#define SLICES_MAX 30000
#define FOLDED_MAX 15000 /* about */
#define TRACKS_MAX 100
#define TEXTS_MAX 2000   /* of exceptions */
#define SIZES 1024       /* 16 for each doubling */

enum { NAME_WAIT = -1, NAME_FOLDED = -2, NAME_SUSPENDED = -3 };
enum { MARK_RAISED = 1, MARK_OPEN = 2, MARK_GOES_ON = 4, MARK_TEXT = 8 };

/* An open span, or, at the bottom, the track. */
struct level {
    uint64_t from;
    uint64_t count;                /* of short ones that lie side by side, */
    uint64_t short_from, short_to; /* and from when to when they last */
};

struct chart {
    struct export *export;
    struct sink *sink;
    const struct functions *functions;
    bool *shown;           /* Owned; by track */
    uint32_t tracks_shown;
    uint32_t *text_of;     /* Owned; by exception: number of its text, from 1; 0: none yet */
    uint32_t *texts;       /* Owned; exceptions, by the number of their text */
    uint32_t text_count, text_room;
    struct pause_names pause_names;
    struct level *levels;  /* Owned */
    uint32_t depth, room;
    uint32_t of_size[SIZES];
    uint64_t shortest;     /* that stays */
    uint64_t nearest;      /* short ones that lie farther apart are two */
    uint64_t in_track, done, slices_folded;
    uint64_t begin_ns, last_ns, shown_ns; /* of this track; of all */
    bool is_shown, any_track;
};

static int
push(struct chart *chart, uint64_t ns)
{
    void *levels = chart->levels;
    bool fits = array_make_room(&levels, chart->depth, &chart->room, sizeof *chart->levels);
    chart->levels = levels;
    if (!fits)
        return -ENOMEM;
    chart->levels[chart->depth++] = (struct level){.from = ns};
    return 0;
}

/* --- how long is long enough ------------------------------------------------- */

static unsigned
size_of(uint64_t ns)
{
    unsigned bits = 0;
    while (ns >> bits >= 16)
        bits++;
    return 16 * bits + (unsigned)(ns >> bits & 15);
}

/* What is longer than all of this size. */
static uint64_t
longer_than(unsigned size)
{
    return ((uint64_t)(size & 15) + 1) << size / 16;
}

static uint64_t
length_of(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

static int
measure_track(void *context, uint32_t track)
{
    struct chart *chart = context;
    chart->shown_ns += chart->last_ns - chart->begin_ns;
    chart->is_shown = chart->shown[track];
    chart->begin_ns = chart->last_ns = 0;
    chart->depth = 0;
    return 0;
}

static int
measure_begin(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct chart *chart = context;
    (void)call;
    (void)edge;
    if (!chart->is_shown)
        return 0;
    if (!chart->depth && !chart->last_ns)
        chart->begin_ns = ns;
    return push(chart, ns);
}

static int
measure_end(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct chart *chart = context;
    (void)call;
    if (!chart->is_shown)
        return 0;
    uint64_t from = chart->levels[--chart->depth].from;
    chart->of_size[size_of(length_of(from, ns))]++;
    chart->last_ns = ns > chart->last_ns ? ns : chart->last_ns;
    chart->done += edge != SPAN_SUSPENDED;
    return export_step(chart->export, chart->done, 2 * (uint64_t)chart->export->model->call_count);
}

static int
measure_wait(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns)
{
    struct chart *chart = context;
    (void)call;
    (void)pause;
    if (chart->is_shown)
        chart->of_size[size_of(length_of(from_ns, to_ns))]++;
    return 0;
}

static int
measure(struct chart *chart)
{
    static const struct span_visitor visitor = {measure_track, measure_begin, measure_end, measure_wait};
    int ret = spans_walk(chart->export->model, &visitor, chart);
    chart->shown_ns += chart->last_ns - chart->begin_ns;
    uint64_t kept = 0;
    unsigned size = SIZES;
    while (size > 0 && kept + chart->of_size[size - 1] <= SLICES_MAX)
        kept += chart->of_size[--size];
    chart->shortest = size ? longer_than(size - 1) : 0;
    chart->nearest = chart->shown_ns / FOLDED_MAX + 1;
    chart->nearest = chart->nearest < chart->shortest ? chart->shortest : chart->nearest;
    return ret;
}

/* --- slices ------------------------------------------------------------------- */

static void
put_slice(struct chart *chart, uint32_t depth, int64_t name, uint64_t from, uint64_t to, uint64_t marks,
          uint64_t number)
{
    sink_format(chart->sink, "%s%u,%lld,%llu,%llu,%llu,%llu", chart->in_track++ ? ",\n" : "", depth, (long long)name,
                (unsigned long long)from, (unsigned long long)length_of(from, to), (unsigned long long)marks,
                (unsigned long long)number);
}

/* Those that wait on this level for more of their kind. Where they are short all together they are counted and no more:
 * within each call that stays there may be some. */
static void
put_short(struct chart *chart, uint32_t depth)
{
    struct level *level = &chart->levels[depth];
    if (level->count && length_of(level->short_from, level->short_to) >= chart->shortest)
        put_slice(chart, depth, NAME_FOLDED, level->short_from, level->short_to, 0, level->count);
    chart->slices_folded += level->count;
    level->count = 0;
}

/* Within one that is short itself no two lie farther apart than `nearest`, so nothing of it has been put. */
static void
add_short(struct chart *chart, uint32_t depth, uint64_t from, uint64_t to, uint64_t count)
{
    struct level *level = &chart->levels[depth];
    if (level->count && from > level->short_to + chart->nearest)
        put_short(chart, depth);
    if (!level->count)
        level->short_from = from;
    level->short_to = to;
    level->count += count;
}

static uint64_t
text_number(struct chart *chart, uint32_t exception)
{
    if (chart->text_of[exception])
        return chart->text_of[exception];
    void *texts = chart->texts;
    if (chart->text_count >= TEXTS_MAX
        || !array_make_room(&texts, chart->text_count, &chart->text_room, sizeof *chart->texts))
        return 0;
    chart->texts = texts;
    chart->texts[chart->text_count++] = exception;
    return chart->text_of[exception] = chart->text_count;
}

static uint64_t
marks_of(struct chart *chart, uint32_t number, enum span_edge edge)
{
    const struct model *model = chart->export->model;
    const struct call *call = &model->calls[number];
    if (edge == SPAN_SUSPENDED)
        return MARK_GOES_ON;
    if (call->outcome == OUTCOME_RUNNING)
        return MARK_OPEN;
    uint32_t exception = call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE;
    if (exception == MODEL_NONE || model->exceptions[exception].benign)
        return 0;
    return MARK_RAISED | MARK_TEXT * text_number(chart, exception);
}

static void
end_track(struct chart *chart)
{
    if (!chart->any_track)
        return;
    put_short(chart, 0);
    sink_string(chart->sink, "]]");
}

static int
on_track(void *context, uint32_t number)
{
    struct chart *chart = context;
    const struct model *model = chart->export->model;
    chart->is_shown = chart->shown[number];
    if (!chart->is_shown)
        return 0;
    end_track(chart);
    struct text name = {0};
    if (model->process_count > 1) {
        label_process(&name, model, &model->processes[model->tracks[number].process]);
        text_string(&name, " ");
    }
    label_track(&name, &model->tracks[number]);
    sink_string(chart->sink, chart->any_track ? ",\n[" : "[");
    sink_json(chart->sink, (struct slice){name.data ? name.data : "", name.failed ? 0 : name.length});
    sink_string(chart->sink, ",[");
    text_free(&name);
    chart->any_track = true;
    chart->in_track = 0;
    chart->depth = 0;
    return push(chart, 0);
}

static int
on_begin(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct chart *chart = context;
    (void)call;
    (void)edge;
    return chart->is_shown ? push(chart, ns) : 0;
}

static int
on_end(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct chart *chart = context;
    if (!chart->is_shown)
        return 0;
    struct level level = chart->levels[chart->depth - 1];
    uint32_t depth = chart->depth - 2;
    if (length_of(level.from, ns) < chart->shortest) {
        chart->depth--;
        add_short(chart, depth, level.from, ns, level.count + 1);
    }
    else {
        put_short(chart, depth + 1);
        chart->depth--;
        put_short(chart, depth);
        uint32_t name = functions_of(chart->functions, &chart->export->model->calls[call]);
        put_slice(chart, depth, name, level.from, ns, marks_of(chart, call, edge),
                  model_call_number(chart->export->model, call));
    }
    chart->done += edge != SPAN_SUSPENDED;
    return export_step(chart->export, chart->done, 2 * (uint64_t)chart->export->model->call_count);
}

static int
on_wait(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns)
{
    struct chart *chart = context;
    if (!chart->is_shown || length_of(from_ns, to_ns) < chart->shortest)
        return 0;
    put_short(chart, chart->depth - 1);
    const struct model *model = chart->export->model;
    int64_t name = facts_pause_waits(&model->pauses.items[pause]) ? NAME_WAIT : NAME_SUSPENDED;
    uint64_t marks = MARK_TEXT * (uint64_t)pause_names_number(&chart->pause_names, model, pause);
    put_slice(chart, chart->depth - 1, name, from_ns, to_ns, marks, model_call_number(model, call));
    return 0;
}

/* --- all of it ------------------------------------------------------------------ */

struct ranked {
    uint32_t track, calls;
};

static int
by_calls(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->calls != b->calls)
        return a->calls < b->calls ? 1 : -1;
    return (a->track > b->track) - (a->track < b->track);
}

/* Those with the most calls. */
static int
choose_tracks(struct chart *chart, uint32_t *left_out)
{
    const struct model *model = chart->export->model;
    struct ranked *ranked = malloc(((size_t)model->track_count + 1) * sizeof *ranked);
    chart->shown = calloc((size_t)model->track_count + 1, sizeof *chart->shown);
    chart->text_of = calloc((size_t)model->exception_count + 1, sizeof *chart->text_of);
    int ret = ranked && chart->shown && chart->text_of ? 0 : -ENOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; ret == 0 && i < model->track_count; i++)
        if (model->tracks[i].call_count)
            ranked[count++] = (struct ranked){i, model->tracks[i].call_count};
    if (count)
        qsort(ranked, count, sizeof *ranked, by_calls);
    for (uint32_t i = 0; i < count && i < TRACKS_MAX; i++)
        chart->shown[ranked[i].track] = true;
    *left_out = count > TRACKS_MAX ? count - TRACKS_MAX : 0;
    free(ranked);
    return ret;
}

static void
put_texts(struct chart *chart)
{
    const struct model *model = chart->export->model;
    struct text text = {0};
    sink_string(chart->sink, ",\n\"exceptions\":[");
    for (uint32_t i = 0; i < chart->text_count; i++) {
        label_exception(&text, model, &model->exceptions[chart->texts[i]], true, 200);
        sink_string(chart->sink, i ? ",\n" : "");
        sink_json(chart->sink, (struct slice){text.data ? text.data : "", text.failed ? 0 : text.length});
        text.length = 0;
    }
    sink_string(chart->sink, "],\n\"pauses\":[");
    for (uint32_t i = 0; i < chart->pause_names.count; i++) {
        text_truncate(&text, 0);
        facts_pause_for(&text, model, &model->pauses.items[chart->pause_names.pauses[i]]);
        sink_string(chart->sink, i ? ",\n" : "");
        sink_json(chart->sink, (struct slice){text.data ? text.data : "", text.failed ? 0 : text.length});
    }
    sink_string(chart->sink, "]");
    text_free(&text);
}

int
flame_chart_put(struct export *export, const struct functions *functions)
{
    static const struct span_visitor visitor = {on_track, on_begin, on_end, on_wait};
    struct chart *chart = calloc(1, sizeof *chart);
    uint32_t left_out = 0;
    if (!chart)
        return -ENOMEM;
    chart->export = export;
    chart->sink = export->sink;
    chart->functions = functions;
    int ret = choose_tracks(chart, &left_out);
    ret = ret == 0 ? measure(chart) : ret;
    if (ret == 0) {
        sink_string(chart->sink, ",\n\"tracks\":[");
        ret = spans_walk(export->model, &visitor, chart);
        if (ret == 0)
            end_track(chart);
        sink_format(chart->sink, "],\n\"tracks_left_out\":%u,\"shortest_ns\":%llu,\"slices_folded\":%llu", left_out,
                    (unsigned long long)chart->shortest, (unsigned long long)chart->slices_folded);
        put_texts(chart);
    }
    free(chart->shown);
    free(chart->text_of);
    free(chart->texts);
    free(chart->levels);
    ret = pause_names_close(&chart->pause_names) || ret < 0 ? ret : -ENOMEM;
    free(chart);
    return ret;
}
