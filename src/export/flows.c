#include "flows.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "../trace/array.h"
#include "facts.h"

static int
compare(const void *left, const void *right)
{
    const struct flow *a = left;
    const struct flow *b = right;
    if (a->creator != b->creator)
        return a->creator < b->creator ? -1 : 1;
    if (a->ns != b->ns)
        return a->ns < b->ns ? -1 : 1;
    return (a->created > b->created) - (a->created < b->created);
}

/* Of a process that was forked, what its copied calls call: only the first of them on each track comes from elsewhere. */
static bool
is_further_of_fork(const struct model *model, uint32_t number, bool *forked)
{
    const struct call *call = &model->calls[number];
    if (call->parent == MODEL_NONE)
        return false;
    bool before = forked[call->track];
    forked[call->track] = true;
    return before;
}

/* A thread may have begun before its creator could say that it has made it. */
static uint64_t
time_of(const struct model *model, uint32_t number)
{
    const struct call *created = &model->calls[number];
    const struct track *track = &model->tracks[created->track];
    bool known = track->created_ns && track->first_root == number && track->created_ns < created->start_ns;
    return known ? track->created_ns : created->start_ns;
}

/* A call that waits creates nothing: what began meanwhile was created before. Its pauses are listed from the last. */
static void
leave_pauses(struct flows *flows, const struct model *model)
{
    const struct pause *pauses = model->pauses.items;
    uint32_t at = MODEL_NONE;
    for (uint32_t i = flows->count; i-- > 0;) {
        struct flow *flow = &flows->items[i];
        if (i + 1 == flows->count || flows->items[i + 1].creator != flow->creator)
            at = pauses_last(model, PAUSE_CALL, flow->creator);
        while (at != MODEL_NONE && pauses[at].start_ns >= flow->ns)
            at = pauses[at].before;
        if (at != MODEL_NONE && (flow->ns < pauses[at].end_ns || pauses[at].open_ns != PAUSE_OVER))
            flow->ns = pauses[at].start_ns;
    }
}

int
flows_find(struct flows *out, const struct model *model)
{
    uint32_t room = 0;
    void *items = NULL;
    bool *forked = calloc(model->track_count + (size_t)1, sizeof *forked);
    *out = (struct flows){.ends = calloc(model->call_count + (size_t)1, 1)};
    bool failed = !forked || !out->ends;
    for (uint32_t i = 0; !failed && i < model->call_count; i++) {
        uint32_t creator = facts_creator(model, i);
        if (creator == MODEL_NONE || creator >= i || is_further_of_fork(model, i, forked))
            continue;
        failed = !array_make_room(&items, out->count, &room, sizeof *out->items);
        out->items = items;
        if (failed)
            break;
        out->items[out->count++] = (struct flow){.creator = creator, .created = i, .ns = time_of(model, i)};
        out->ends[creator] |= FLOWS_BEGIN;
        out->ends[i] |= FLOWS_END;
    }
    free(forked);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, compare);
    leave_pauses(out, model);
    return failed ? -ENOMEM : 0;
}

const struct flow *
flows_tell(const struct flows *flows, uint32_t call, uint64_t by_ns)
{
    uint32_t low = array_lower_bound(flows->items, flows->count, sizeof *flows->items, call);
    if (low == flows->count)
        return NULL;
    uint32_t next = low + flows->items[low].told;
    if (next == flows->count || flows->items[next].creator != call || flows->items[next].ns > by_ns)
        return NULL;
    flows->items[low].told++;
    return &flows->items[next];
}

void
flows_label(struct text *out, const struct model *model, const struct flow *flow)
{
    const struct call *created = &model->calls[flow->created];
    const struct track *track = &model->tracks[created->track];
    if (track->process != model->tracks[model->calls[flow->creator].track].process)
        text_format(out, "process %u", model->processes[track->process].pid);
    else if (track->first_root == flow->created)
        label_track(out, track);
    else
        label_function(out, created->code);
}

void
flows_free(struct flows *flows)
{
    free(flows->items);
    free(flows->ends);
    *flows = (struct flows){0};
}
