#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyed.h"

/* --- times -------------------------------------------------------------- */

uint64_t
timeline_start(const struct timeline *timeline, uint32_t number)
{
    const struct model *model = timeline->model;
    const struct call *call = &model->calls[number];
    uint64_t joined = model->processes[model->tracks[call->track].process].joined_ns;
    return call->origin == CALL_INHERITED && joined > call->start_ns ? joined : call->start_ns;
}

static bool
still_waits(const struct timeline *timeline, uint32_t number)
{
    uint32_t last = pauses_last(timeline->model, PAUSE_CALL, number);
    return last != MODEL_NONE && timeline->model->pauses.items[last].open_ns != PAUSE_OVER;
}

uint64_t
timeline_end(const struct timeline *timeline, uint32_t number)
{
    const struct call *call = &timeline->model->calls[number];
    bool waits = call->outcome == OUTCOME_RUNNING && still_waits(timeline, number);
    uint64_t start = timeline_start(timeline, number);
    uint64_t end = waits && timeline->end_ns > call->end_ns ? timeline->end_ns : call->end_ns;
    return end > start ? end : start;
}

static void
find_times(struct timeline *timeline, struct range within)
{
    const struct model *model = timeline->model;
    for (uint32_t i = 0; i < model->track_count; i++)
        timeline->end_ns = model->tracks[i].last_ns > timeline->end_ns ? model->tracks[i].last_ns : timeline->end_ns;
    for (uint32_t i = 0; i < model->process_count; i++) {
        uint64_t end = model->processes[i].end_ns;
        timeline->end_ns = end > timeline->end_ns ? end : timeline->end_ns;
    }
    timeline->from_ns = UINT64_MAX;
    for (uint32_t i = 0; i < model->call_count; i++) {
        if (model->calls[i].parent != MODEL_NONE)
            continue;
        uint64_t start = timeline_start(timeline, i), end = timeline_end(timeline, i);
        timeline->from_ns = start < timeline->from_ns ? start : timeline->from_ns;
        timeline->to_ns = end > timeline->to_ns ? end : timeline->to_ns;
    }
    timeline->from_ns = within.low > timeline->from_ns ? within.low : timeline->from_ns;
    timeline->to_ns = within.high < timeline->to_ns ? within.high : timeline->to_ns;
    if (timeline->from_ns == UINT64_MAX)
        timeline->from_ns = UINT64_MAX - 1;
    if (timeline->to_ns <= timeline->from_ns)
        timeline->to_ns = timeline->from_ns + 1;
}

/* --- what belongs to each track ----------------------------------------- */

static bool
stands_for_itself(const struct timeline *timeline, uint32_t number)
{
    const struct model *model = timeline->model;
    return model->calls[number].parent == MODEL_NONE || pauses_is_within(model, number);
}

/* By track, in order of their start. */
static void
list_roots(struct timeline *timeline)
{
    const struct model *model = timeline->model;
    uint32_t *from = timeline->roots_from;
    for (uint32_t i = 0; i < model->call_count; i++)
        from[model->calls[i].track + 1] += stands_for_itself(timeline, i);
    for (uint32_t i = 0; i < model->track_count; i++)
        from[i + 1] += from[i];
    uint32_t total = from[model->track_count];
    for (uint32_t i = model->call_count; i-- > 0;)
        if (stands_for_itself(timeline, i))
            timeline->roots[--from[model->calls[i].track + 1]] = i;
    /* Each has become where its own begin: they stand one place too far. */
    memmove(from, from + 1, model->track_count * sizeof *from);
    from[model->track_count] = total;
}

static uint32_t
count_roots(const struct timeline *timeline)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < timeline->model->call_count; i++)
        count += stands_for_itself(timeline, i);
    return count;
}

static void
list_marks(struct timeline *timeline)
{
    const struct model *model = timeline->model;
    for (uint32_t i = model->exception_count; i-- > 0;) {
        const struct exception *exception = &model->exceptions[i];
        bool shown = exception->calls_left
                     && (exception->meaning == FLOW_EXCEPTION_ERROR || exception_is_cancellation(exception));
        if (!shown || exception->first_call >= model->call_count)
            continue;
        uint32_t track = model->calls[exception->first_call].track;
        timeline->next_mark[i] = timeline->marks[track];
        timeline->marks[track] = i;
    }
}

/* --- lanes -------------------------------------------------------------- */

/* A track that did something in that time has one. */
static void
add_lane(struct timeline *timeline, uint32_t track)
{
    const struct model *model = timeline->model;
    struct timeline_lane lane = {.track = track, .count = 1, .first_root = MODEL_NONE};
    for (uint32_t i = timeline->roots_from[track]; i < timeline->roots_from[track + 1]; i++) {
        uint32_t root = timeline->roots[i];
        bool seen = timeline_start(timeline, root) <= timeline->to_ns
                    && timeline_end(timeline, root) >= timeline->from_ns;
        if (!seen || model->calls[root].parent != MODEL_NONE)
            continue;
        lane.first_root = lane.first_root == MODEL_NONE ? root : lane.first_root;
        lane.ran_ns += call_running_ns(model, &model->calls[root]);
    }
    if (lane.first_root == MODEL_NONE)
        return;
    uint64_t created = model->tracks[track].created_ns;
    lane.place = (uint64_t)model->tracks[track].process << 1 | (model->tracks[track].kind != TRACK_MAIN);
    lane.begins_ns = created ? created : timeline_start(timeline, lane.first_root);
    timeline->lanes[timeline->count++] = lane;
}

static int
compare_lanes(const void *left, const void *right)
{
    const struct timeline_lane *a = left, *b = right;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (a->begins_ns != b->begins_ns)
        return a->begins_ns < b->begins_ns ? -1 : 1;
    return a->track < b->track ? -1 : a->track > b->track;
}

/* --- less lanes --------------------------------------------------------- */

/* Lanes whose first call is of one function, and which are of one kind and process. */
struct group {
    uint32_t first; /* lane */
    uint32_t size;
    bool folded;
};

struct folding {
    struct group *groups; /* Owned */
    uint32_t *group_of;   /* Owned; by lane */
    uint32_t count;
};

static int
find_groups(struct folding *folding, const struct timeline *timeline)
{
    const struct model *model = timeline->model;
    struct id_map known = {0};
    int ret = 0;
    for (uint32_t i = 0; i < timeline->count && ret == 0; i++) {
        const struct timeline_lane *lane = &timeline->lanes[i];
        const struct track *track = &model->tracks[lane->track];
        uint64_t code = model->calls[lane->first_root].code->index;
        uint64_t key = code << 2 | (uint64_t)track->kind;
        const uint32_t *group = id_map_get(&known, track->process, key);
        folding->group_of[i] = group ? *group : folding->count;
        if (!group) {
            folding->groups[folding->count] = (struct group){.first = i};
            ret = id_map_put(&known, track->process, key, folding->count++) ? 0 : -ENOMEM;
        }
        folding->groups[folding->group_of[i]].size++;
    }
    id_map_free(&known);
    return ret;
}

/* The biggest first, until the lanes fit. */
static int
choose_groups(struct folding *folding, uint32_t lanes, uint32_t most)
{
    struct keyed *order = malloc((folding->count + (size_t)1) * sizeof *order);
    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < folding->count; i++)
        order[i] = (struct keyed){UINT32_MAX - folding->groups[i].size, i};
    qsort(order, folding->count, sizeof *order, keyed_compare);
    for (uint32_t i = 0; i < folding->count && lanes > most; i++) {
        folding->groups[order[i].index].folded = true;
        lanes -= folding->groups[order[i].index].size - 1;
    }
    free(order);
    return 0;
}

static void
fold(struct timeline *timeline, const struct folding *folding)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < timeline->count; i++) {
        struct group *group = &folding->groups[folding->group_of[i]];
        struct timeline_lane lane = timeline->lanes[i];
        if (!group->folded || group->first == i) {
            group->first = kept; /* where it stands now */
            timeline->lanes[kept++] = lane;
            continue;
        }
        struct timeline_lane *into = &timeline->lanes[group->first];
        timeline->next[lane.track] = timeline->next[into->track];
        timeline->next[into->track] = lane.track;
        into->count++;
        into->ran_ns += lane.ran_ns;
    }
    timeline->count = kept;
}

static int
fold_alike(struct timeline *timeline, uint32_t most)
{
    struct folding folding = {
        .groups = malloc(timeline->count * sizeof *folding.groups),
        .group_of = malloc(timeline->count * sizeof *folding.group_of),
    };
    int ret = folding.groups && folding.group_of ? find_groups(&folding, timeline) : -ENOMEM;
    if (ret == 0)
        ret = choose_groups(&folding, timeline->count, most);
    if (ret == 0)
        fold(timeline, &folding);
    free(folding.groups);
    free(folding.group_of);
    return ret;
}

/* Main threads and what ran longest stay. */
static int
leave_out(struct timeline *timeline, uint32_t most)
{
    struct keyed *order = malloc(timeline->count * sizeof *order);
    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct timeline_lane *lane = &timeline->lanes[i];
        bool is_main = timeline->model->tracks[lane->track].kind == TRACK_MAIN;
        order[i] = (struct keyed){is_main ? 0 : UINT64_MAX - lane->ran_ns, i};
    }
    qsort(order, timeline->count, sizeof *order, keyed_compare);
    for (uint32_t i = most; i < timeline->count; i++) {
        struct timeline_lane *lane = &timeline->lanes[order[i].index];
        timeline->left_out[timeline->model->tracks[lane->track].kind] += lane->count;
        timeline->left_out_ns += lane->ran_ns;
        lane->count = 0;
    }
    free(order);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < timeline->count; i++)
        if (timeline->lanes[i].count)
            timeline->lanes[kept++] = timeline->lanes[i];
    timeline->count = kept;
    return 0;
}

/* How many lanes fit, if headings take their room. */
static uint32_t
room_for_lanes(const struct timeline *timeline, uint32_t most)
{
    uint32_t headings = 0;
    for (uint32_t i = 1; i < timeline->count; i++) {
        const struct track *tracks = timeline->model->tracks;
        headings += tracks[timeline->lanes[i].track].process != tracks[timeline->lanes[i - 1].track].process;
    }
    headings += headings > 0;
    uint32_t room = most > 2 * headings ? most - headings : most / 2;
    return room ? room : 1;
}

static int
build_lanes(struct timeline *timeline, uint32_t most)
{
    const struct model *model = timeline->model;
    int ret = 0;
    for (uint32_t i = 0; i < model->track_count; i++)
        add_lane(timeline, i);
    qsort(timeline->lanes, timeline->count, sizeof *timeline->lanes, compare_lanes);
    uint32_t room = most ? room_for_lanes(timeline, most) : UINT32_MAX;
    if (timeline->count > room)
        ret = fold_alike(timeline, room);
    room = most ? room_for_lanes(timeline, most) : UINT32_MAX;
    if (ret == 0 && timeline->count > room)
        ret = leave_out(timeline, room);
    return ret;
}

/* --- all of it ---------------------------------------------------------- */

int
timeline_build(struct timeline *out, const struct model *model, struct range within, uint32_t most)
{
    size_t tracks = (size_t)model->track_count + 1, exceptions = (size_t)model->exception_count + 1;
    *out = (struct timeline){.model = model};
    find_times(out, within);
    out->lanes = malloc(tracks * sizeof *out->lanes);
    out->next = malloc(tracks * sizeof *out->next);
    out->marks = malloc(tracks * sizeof *out->marks);
    out->next_mark = malloc(exceptions * sizeof *out->next_mark);
    out->roots_from = calloc(tracks + 1, sizeof *out->roots_from);
    out->roots = malloc((count_roots(out) + (size_t)1) * sizeof *out->roots);
    bool made = out->lanes && out->next && out->marks && out->next_mark && out->roots_from && out->roots;
    int ret = made ? child_lists_build(&out->children, model) : -ENOMEM;
    if (ret == 0) {
        memset(out->next, 0xff, tracks * sizeof *out->next); /* MODEL_NONE */
        memset(out->marks, 0xff, tracks * sizeof *out->marks);
        list_roots(out);
        list_marks(out);
        ret = build_lanes(out, most);
    }
    if (ret < 0)
        timeline_free(out);
    return ret;
}

void
timeline_free(struct timeline *timeline)
{
    free(timeline->lanes);
    free(timeline->next);
    free(timeline->marks);
    free(timeline->next_mark);
    free(timeline->roots);
    free(timeline->roots_from);
    child_lists_free(&timeline->children);
    *timeline = (struct timeline){0};
}
