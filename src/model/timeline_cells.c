#include <errno.h>
#include <stdlib.h>

#include "timeline.h"

#define DESCENT_MAX 64 /* calls within each other, from a track's first one on, to find those that divide its time */
#define NAMED_MIN 3    /* cells that a call must fill for a name between two others */

/* Pauses of a track in order of time. */
struct spans {
    uint32_t *items; /* Owned; in pauses->items */
    uint32_t count;
};

struct filling {
    const struct timeline *timeline;
    struct timeline_cell *cells;
    uint32_t count;
    double cell_ns;
    struct spans away, lent;
};

/* --- spans -------------------------------------------------------------- */

static int
list_spans(struct spans *out, const struct model *model, enum pause_kind kind, uint32_t track)
{
    uint32_t count = 0;
    const struct pauses *pauses = &model->pauses;
    uint32_t last = pauses_last(model, kind, track);
    for (uint32_t i = last; i != MODEL_NONE; i = pauses->items[i].before)
        count++;
    *out = (struct spans){malloc((count + (size_t)1) * sizeof *out->items), count};
    if (!out->items)
        return -ENOMEM;
    for (uint32_t i = last; i != MODEL_NONE; i = pauses->items[i].before)
        out->items[--count] = i;
    return 0;
}

/* The first that begins at `ns` or later. */
static uint32_t
first_span(const struct spans *spans, const struct pauses *pauses, uint64_t ns)
{
    uint32_t low = 0, high = spans->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pauses->items[spans->items[middle]].start_ns < ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- time in cells ------------------------------------------------------ */

static double
place_of(const struct filling *filling, uint64_t ns)
{
    const struct timeline *timeline = filling->timeline;
    if (ns <= timeline->from_ns)
        return 0;
    double place = (double)(ns - timeline->from_ns) / filling->cell_ns;
    return place < filling->count ? place : filling->count;
}

/* What happens at the very end stands in the last cell. */
static uint32_t
cell_of(const struct filling *filling, uint64_t ns)
{
    uint32_t cell = (uint32_t)place_of(filling, ns);
    return cell < filling->count ? cell : filling->count - 1;
}

enum what { RUNS, WAITS, CREATED };

/* Adds `share` of the time between to what each cell has of it. */
static void
add(const struct filling *filling, enum what what, uint64_t from, uint64_t to, double share)
{
    double begin = place_of(filling, from), end = place_of(filling, to);
    for (uint32_t i = (uint32_t)begin; i < filling->count && i < end; i++) {
        double low = begin > i ? begin : i, high = end < i + 1.0 ? end : i + 1.0;
        struct timeline_cell *cell = &filling->cells[i];
        double *sum = what == RUNS ? &cell->runs : what == WAITS ? &cell->waits : &cell->created;
        *sum += (high - low) * filling->cell_ns * share;
    }
}

static void
wait_between(const struct filling *filling, uint64_t from, uint64_t to, double share)
{
    add(filling, RUNS, from, to, -share);
    add(filling, WAITS, from, to, share);
}

/* What of a pause lies between. */
static void
take_pause(const struct filling *filling, const struct pause *pause, uint64_t start, uint64_t end)
{
    uint64_t from = pause->start_ns > start ? pause->start_ns : start;
    uint64_t to = pause->end_ns < end ? pause->end_ns : end;
    uint64_t length = pause->end_ns - pause->start_ns;
    if (to > from)
        wait_between(filling, from, to, 1 - (double)pause->ran_ns / (double)length);
    from = pause->open_ns > start ? pause->open_ns : start;
    if (pause->open_ns != PAUSE_OVER && end > from)
        wait_between(filling, from, end, 1);
}

static void
take_pauses(const struct filling *filling, uint32_t call, uint64_t start, uint64_t end)
{
    const struct pauses *pauses = &filling->timeline->model->pauses;
    uint32_t i = pauses_last(filling->timeline->model, PAUSE_CALL, call);
    for (; i != MODEL_NONE; i = pauses->items[i].before)
        take_pause(filling, &pauses->items[i], start, end);
}

/* Those that overlap with it, or, of a thread that runs an event loop, begin in it. */
static void
take_spans(const struct filling *filling, const struct spans *spans, bool beginning, uint64_t start, uint64_t end)
{
    const struct pauses *pauses = &filling->timeline->model->pauses;
    uint32_t first = first_span(spans, pauses, start);
    first -= first > 0 && !beginning;
    for (uint32_t i = first; i < spans->count && pauses->items[spans->items[i]].start_ns < end; i++)
        take_pause(filling, &pauses->items[spans->items[i]], start, end);
}

/* Within an event loop a call that this has made does run. */
static void
add_within(const struct filling *filling, uint32_t call)
{
    const struct pauses *pauses = &filling->timeline->model->pauses;
    uint64_t start = timeline_start(filling->timeline, call), end = timeline_end(filling->timeline, call);
    uint32_t i = first_span(&filling->lent, pauses, start + 1);
    if (!i)
        return;
    const struct pause *loop = &pauses->items[filling->lent.items[i - 1]];
    end = loop->end_ns < end ? loop->end_ns : end;
    if (end <= start)
        return;
    add(filling, RUNS, start, end, 1);
    add(filling, WAITS, start, end, -1);
    take_pauses(filling, call, start, end);
}

static void
add_root(const struct filling *filling, uint32_t call)
{
    const struct timeline *timeline = filling->timeline;
    if (timeline->model->calls[call].parent != MODEL_NONE) {
        add_within(filling, call);
        return;
    }
    uint64_t start = timeline_start(timeline, call), end = timeline_end(timeline, call);
    if (end < timeline->from_ns || start > timeline->to_ns)
        return;
    add(filling, RUNS, start, end, 1);
    take_pauses(filling, call, start, end);
    take_spans(filling, &filling->lent, true, start, end);
    take_spans(filling, &filling->away, false, start, end);
    /* What is shorter than its clock's tick has run all the same. */
    if (start == end)
        filling->cells[cell_of(filling, start)].runs += filling->cell_ns / 64;
}

/* --- names -------------------------------------------------------------- */

/* The cells that a call fills are its own, until one within it is painted over it. */
static void
paint(const struct filling *filling, uint32_t call)
{
    double begin = place_of(filling, timeline_start(filling->timeline, call));
    double end = place_of(filling, timeline_end(filling->timeline, call));
    if (end - begin < NAMED_MIN - 0.5)
        return;
    for (uint32_t i = (uint32_t)(begin + 0.5); i < filling->count && i + 0.5 <= end; i++)
        filling->cells[i].call = call;
}

static double
length_of(const struct filling *filling, uint32_t call)
{
    return place_of(filling, timeline_end(filling->timeline, call))
           - place_of(filling, timeline_start(filling->timeline, call));
}

/* Paints them; returns the longest, or MODEL_NONE. */
static uint32_t
paint_children(const struct filling *filling, uint32_t call)
{
    const struct child_lists *lists = &filling->timeline->children;
    uint32_t longest = MODEL_NONE;
    double most = 0;
    for (uint32_t c = lists->first[call]; c != MODEL_NONE; c = lists->next[c]) {
        paint(filling, c);
        if (length_of(filling, c) > most) {
            most = length_of(filling, c);
            longest = c;
        }
    }
    return longest;
}

/* A call that takes most of its track's time is divided into those that it made. */
static void
paint_track(const struct filling *filling, uint32_t track)
{
    const struct timeline *timeline = filling->timeline;
    uint32_t longest = MODEL_NONE;
    double first = filling->count, last = 0, most = 0;
    for (uint32_t i = timeline->roots_from[track]; i < timeline->roots_from[track + 1]; i++) {
        uint32_t root = timeline->roots[i];
        double begin = place_of(filling, timeline_start(timeline, root));
        double end = place_of(filling, timeline_end(timeline, root));
        paint(filling, root);
        first = begin < first ? begin : first;
        last = end > last ? end : last;
        if (end - begin > most) {
            most = end - begin;
            longest = root;
        }
    }
    for (unsigned depth = 0; depth < DESCENT_MAX && longest != MODEL_NONE; depth++) {
        if (length_of(filling, longest) * 2 <= last - first)
            return;
        longest = paint_children(filling, longest);
    }
}

/* --- a lane ------------------------------------------------------------- */

static void
set_marks(const struct filling *filling, uint32_t track)
{
    const struct timeline *timeline = filling->timeline;
    const struct model *model = timeline->model;
    for (uint32_t i = timeline->marks[track]; i != MODEL_NONE; i = timeline->next_mark[i]) {
        uint64_t ns = timeline_end(timeline, model->exceptions[i].first_call);
        if (ns < timeline->from_ns || ns > timeline->to_ns)
            continue;
        uint8_t *mark = &filling->cells[cell_of(filling, ns)].mark;
        uint8_t new = exception_is_cancellation(&model->exceptions[i]) ? TIMELINE_CANCELLED : TIMELINE_RAISED;
        *mark = new > *mark ? new : *mark;
    }
}

static int
add_track(struct filling *filling, uint32_t track)
{
    const struct timeline *timeline = filling->timeline;
    const struct track *of = &timeline->model->tracks[track];
    filling->away = filling->lent = (struct spans){0};
    int ret = list_spans(&filling->away, timeline->model, PAUSE_AWAY, track);
    if (ret == 0)
        ret = list_spans(&filling->lent, timeline->model, PAUSE_LENT, track);
    for (uint32_t i = timeline->roots_from[track]; ret == 0 && i < timeline->roots_from[track + 1]; i++)
        add_root(filling, timeline->roots[i]);
    if (of->created_ns && of->begun_ns > of->created_ns)
        add(filling, CREATED, of->created_ns, of->begun_ns, 1);
    set_marks(filling, track);
    free(filling->away.items);
    free(filling->lent.items);
    return ret;
}

static uint8_t
state_of(const struct filling *filling, const struct timeline_cell *cell)
{
    double least = filling->cell_ns / 100 < 0.5 ? filling->cell_ns / 100 : 0.5; /* what adding up makes of nothing */
    if (cell->runs >= filling->cell_ns / 2)
        return TIMELINE_RUNS;
    if (cell->runs > least)
        return TIMELINE_SHORT;
    if (cell->waits > least)
        return TIMELINE_WAITS;
    return cell->created > least ? TIMELINE_CREATED : TIMELINE_NOTHING;
}

int
timeline_fill(const struct timeline *timeline, const struct timeline_lane *lane, struct timeline_cell *cells,
              uint32_t count)
{
    struct filling filling = {.timeline = timeline, .cells = cells, .count = count};
    filling.cell_ns = (double)(timeline->to_ns - timeline->from_ns) / count;
    for (uint32_t i = 0; i < count; i++)
        cells[i] = (struct timeline_cell){.call = MODEL_NONE};
    for (uint32_t track = lane->track; track != MODEL_NONE; track = timeline->next[track]) {
        int ret = add_track(&filling, track);
        if (ret < 0)
            return ret;
    }
    if (lane->count == 1)
        paint_track(&filling, lane->track);
    for (uint32_t i = 0; i < count; i++)
        cells[i].state = state_of(&filling, &cells[i]);
    return 0;
}
