#include "pauses.h"

#include <string.h>

#include "../trace/array.h"

#define PARTS 4096 /* of the time that is seen: more than any terminal has columns */

/* --- one pause ---------------------------------------------------------- */

static struct pause *
last_of(const struct pauses *pauses, enum pause_kind kind, uint32_t of)
{
    const uint32_t *last = id_map_get(&pauses->last, kind, of);
    return last ? &pauses->items[*last] : NULL;
}

static struct pause *
add(struct pauses *pauses, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    void *items = pauses->items;
    uint32_t before = pauses_last(pauses, kind, of);
    if (!array_make_room(&items, pauses->count, &pauses->room, sizeof *pauses->items)
        || !id_map_put(&pauses->last, kind, of, pauses->count)) {
        pauses->items = items;
        pauses->failed = true;
        return NULL;
    }
    pauses->items = items;
    struct pause *pause = &pauses->items[pauses->count++];
    *pause = (struct pause){.start_ns = ns, .end_ns = ns, .open_ns = PAUSE_OVER, .before = before, .by = MODEL_NONE};
    return pause;
}

static void
begin(struct pauses *pauses, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    struct pause *last = last_of(pauses, kind, of);
    if (last && last->open_ns != PAUSE_OVER)
        return;
    if (!last || ns < last->end_ns || ns - last->start_ns >= pauses->resolution_ns)
        last = add(pauses, kind, of, ns);
    if (last)
        last->open_ns = ns;
}

static void
end(struct pauses *pauses, enum pause_kind kind, uint32_t of, uint64_t ns)
{
    struct pause *last = last_of(pauses, kind, of);
    if (!last || last->open_ns == PAUSE_OVER)
        return;
    uint64_t begun = last->open_ns;
    last->open_ns = PAUSE_OVER;
    if (begun > last->end_ns && ns - last->start_ns >= pauses->resolution_ns) /* too long to be one with the last */
        last = add(pauses, kind, of, begun);
    if (!last || ns < begun)
        return;
    last->ran_ns += begun - last->end_ns;
    last->end_ns = ns;
}

/* --- what runs in the place of what ------------------------------------- */

/* A task runs upon `by`, a call of the thread's own. */
static void
lend(struct pauses *pauses, uint32_t by, uint64_t ns)
{
    const uint32_t *known = id_map_get(&pauses->loops, 0, by);
    if (!known) {
        struct pause *pause = add(pauses, PAUSE_LENT, pauses->model->calls[by].track, ns);
        if (!pause)
            return;
        pause->by = by;
        pauses->failed |= !id_map_put(&pauses->loops, 0, by, pauses->count - 1);
        return;
    }
    pauses->items[*known].end_ns = ns;
}

static void
note_within(struct pauses *pauses, uint32_t call)
{
    size_t needed = call / 8 + (size_t)1;
    if (needed > pauses->within_size) {
        size_t size = needed > 2 * pauses->within_size ? needed + 64 : 2 * pauses->within_size;
        uint8_t *within = realloc(pauses->within, size);
        pauses->failed |= !within;
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

/* Greenlets are switched in the midst of their calls. */
static void
switch_track(struct pauses *pauses, struct pause_stream *stream, uint32_t track, uint64_t ns)
{
    if (stream->track != track) {
        if (stream->track != MODEL_NONE)
            begin(pauses, PAUSE_AWAY, stream->track, stream->last_ns);
        end(pauses, PAUSE_AWAY, track, ns);
        stream->track = track;
    }
    stream->last_ns = ns;
}

/* --- the watcher -------------------------------------------------------- */

/* The reader is open when the first event comes. */
static bool
prepare(struct pauses *pauses)
{
    const struct reader *reader = pauses->model->reader;
    uint64_t span = pauses->span_ns;
    if (pauses->streams)
        return true;
    pauses->streams = malloc((reader->stream_count + (size_t)1) * sizeof *pauses->streams);
    pauses->failed |= !pauses->streams;
    for (uint32_t i = 0; pauses->streams && i < reader->stream_count; i++)
        pauses->streams[i] = (struct pause_stream){MODEL_NONE, 0};
    for (uint32_t i = 0; !pauses->span_ns && i < reader->event_chunk_count; i++) {
        const struct flow_chunk_header *header = reader->chunks[i].header;
        uint64_t last = atomic_load(&header->last_ns);
        uint64_t ns = last > reader->header->start_mono_ns ? last - reader->header->start_mono_ns : 0;
        span = ns > span ? ns : span;
    }
    pauses->resolution_ns = span / PARTS;
    return !pauses->failed;
}

static void
on_place(void *context, uint32_t stream, uint32_t track, uint64_t ns)
{
    struct pauses *pauses = context;
    if (prepare(pauses))
        switch_track(pauses, &pauses->streams[stream], track, ns);
}

static bool
is_lent(const struct model *model, uint32_t call, uint32_t below)
{
    if (below == MODEL_NONE || model->tracks[model->calls[call].track].kind != TRACK_TASK)
        return false;
    enum track_kind kind = model->tracks[model->calls[below].track].kind;
    return kind == TRACK_MAIN || kind == TRACK_THREAD;
}

static void
on_event(void *context, uint32_t call, uint32_t below, uint32_t exception, const struct record *record)
{
    struct pauses *pauses = context;
    (void)exception;
    if (is_lent(pauses->model, call, below))
        lend(pauses, below, record->time_ns);
    switch (record->type) {
    case FLOW_CALL:
    case FLOW_CALL_VALUES:
        if (runs_loop(pauses, pauses->model->calls[call].parent))
            note_within(pauses, call);
        break;
    case FLOW_YIELD: begin(pauses, PAUSE_CALL, call, record->time_ns); break;
    case FLOW_RESUME:
    case FLOW_THROW: end(pauses, PAUSE_CALL, call, record->time_ns); break;
    default: break;
    }
}

struct model_watcher
pauses_watch(struct pauses *out, const struct model *model, uint64_t span_ns)
{
    *out = (struct pauses){.model = model, .span_ns = span_ns};
    return (struct model_watcher){.event = on_event, .place = on_place, .context = out};
}

/* --- asking ------------------------------------------------------------- */

uint32_t
pauses_last(const struct pauses *pauses, enum pause_kind kind, uint32_t of)
{
    const uint32_t *last = id_map_get(&pauses->last, kind, of);
    return last ? *last : MODEL_NONE;
}

bool
pauses_is_within(const struct pauses *pauses, uint32_t call)
{
    return call / 8 < pauses->within_size && pauses->within[call / 8] >> call % 8 & 1;
}

void
pauses_free(struct pauses *pauses)
{
    free(pauses->items);
    free(pauses->within);
    free(pauses->streams);
    id_map_free(&pauses->last);
    id_map_free(&pauses->loops);
    *pauses = (struct pauses){0};
}
