#include "select.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"

/* The calls go through three states: as they were; with their links in new numbers, still all there; compacted. */
struct selection {
    struct model *model;
    uint32_t *renumbered; /* Owned; by call as they were; MODEL_NONE: it goes */
    uint32_t *spawners; /* Owned; by call as they were: of one that goes and has none above it that is kept, the call
                           * in whose place it was spawned, in new numbers */
    uint32_t kept;
    uint32_t extra_room;
};

static int
renumber(struct selection *selection, const struct filter *filter, struct text *error)
{
    struct model *model = selection->model;
    size_t room = model->call_count + (size_t)1;
    uint8_t *keep = malloc(room);
    selection->renumbered = malloc(room * sizeof *selection->renumbered);
    int ret = keep && selection->renumbered ? filter_mark(filter, model, keep, error) : -ENOMEM;
    for (uint32_t i = 0; i < model->call_count && ret == 0; i++)
        selection->renumbered[i] = keep[i] ? selection->kept++ : MODEL_NONE;
    if (ret == 0)
        model->whole_count = model_count_calls(model);
    free(keep);
    return ret;
}

/* --- links in new numbers ----------------------------------------------- */

/* The call itself, or the nearest that is kept above it in the story, where that has been relinked already. */
static uint32_t
nearest_in_story(const struct selection *selection, uint32_t call, uint32_t relinked)
{
    if (call == MODEL_NONE || selection->renumbered[call] != MODEL_NONE)
        return call == MODEL_NONE ? MODEL_NONE : selection->renumbered[call];
    if (call >= relinked)
        return MODEL_NONE;
    uint32_t parent = selection->model->calls[call].parent;
    return parent != MODEL_NONE ? parent : selection->spawners[call];
}

/* False without memory. */
static bool
set_spawner(struct selection *selection, struct call *call, uint32_t spawner)
{
    struct model *model = selection->model;
    void *extras = model->extras;
    if (call->extra || spawner == MODEL_NONE) {
        if (call->extra)
            model->extras[call->extra].spawned_by = spawner;
        return true;
    }
    if (!array_make_room(&extras, model->extra_count, &selection->extra_room, sizeof *model->extras))
        return false;
    model->extras = extras;
    model->extras[model->extra_count] = CALL_EXTRA_NONE;
    model->extras[model->extra_count].spawned_by = spawner;
    call->extra = model->extra_count++;
    return true;
}

/* Who is no root and has lost all above it comes from where the root came. What a fork copied stays with its original;
 * if it is gone, what it called comes from the process that was forked. False without memory. */
static bool
relink(struct selection *selection, uint32_t number)
{
    struct call *calls = selection->model->calls;
    struct call *call = &calls[number];
    uint32_t parent = call->parent;
    uint32_t spawner = call_spawned_by(selection->model, call);
    bool kept = selection->renumbered[number] != MODEL_NONE;
    if (parent != MODEL_NONE) {
        bool above = selection->renumbered[parent] != MODEL_NONE;
        call->parent = above ? selection->renumbered[parent] : calls[parent].parent;
    }
    if (call->origin == CALL_INHERITED) {
        call->origin = kept ? CALL_INHERITED : FLOW_SPAWN_PROCESS;
        spawner = nearest_in_story(selection, spawner, number);
    }
    else if (parent != MODEL_NONE && call->parent == MODEL_NONE) {
        call->origin = calls[parent].origin;
        spawner = selection->spawners[parent];
    }
    else {
        spawner = nearest_in_story(selection, spawner, number);
    }
    selection->spawners[number] = spawner;
    return !kept || set_spawner(selection, call, spawner);
}

/* --- what else knows of calls ------------------------------------------- */

static void
relink_tracks(const struct selection *selection)
{
    struct model *model = selection->model;
    for (uint32_t i = 0; i < model->track_count; i++) {
        struct track *track = &model->tracks[i];
        track->creator = nearest_in_story(selection, track->creator, model->call_count);
        track->first_root = MODEL_NONE;
        track->call_count = 0;
    }
    for (uint32_t i = 0; i < model->process_count; i++) {
        struct process *process = &model->processes[i];
        process->creator = nearest_in_story(selection, process->creator, model->call_count);
    }
    for (uint32_t i = 0; i < model->cancel_count; i++) {
        struct cancel *cancel = &model->cancels[i];
        cancel->by = cancel->by == MODEL_NONE ? MODEL_NONE : selection->renumbered[cancel->by];
    }
}

static void
keep_drivers(const struct selection *selection)
{
    struct model *model = selection->model;
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->driver_count; i++) {
        struct driver driver = model->drivers[i];
        driver.call = selection->renumbered[driver.call];
        driver.driver = selection->renumbered[driver.driver];
        if (driver.call != MODEL_NONE && driver.driver != MODEL_NONE)
            model->drivers[count++] = driver;
    }
    model->driver_count = count;
}

/* --- only the kept ones ------------------------------------------------- */

static int
compact(struct selection *selection)
{
    struct model *model = selection->model;
    uint32_t *numbers = malloc((selection->kept + (size_t)1) * sizeof *numbers);
    if (!numbers)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t to = selection->renumbered[i];
        if (to == MODEL_NONE)
            continue;
        model->calls[to] = model->calls[i];
        numbers[to] = model->numbers ? model->numbers[i] : i;
    }
    free(model->numbers);
    model->numbers = numbers;
    model->call_count = selection->kept;
    void *smaller = realloc(model->calls, (selection->kept + (size_t)1) * sizeof *model->calls);
    model->calls = smaller ? smaller : model->calls;
    return 0;
}

static void
count_calls(struct model *model)
{
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        struct track *track = &model->tracks[call->track];
        if (track->call_count++ == 0)
            track->first_ns = call->start_ns;
        if (call->parent == MODEL_NONE && track->first_root == MODEL_NONE)
            track->first_root = i;
    }
}

static int
apply(struct selection *selection)
{
    struct model *model = selection->model;
    selection->extra_room = model->extra_count;
    selection->spawners = malloc((model->call_count + (size_t)1) * sizeof *selection->spawners);
    int ret = selection->spawners ? select_exceptions(model, selection->renumbered) : -ENOMEM;
    if (ret < 0 || (ret = waits_renumber(&model->waits, selection->renumbered)) < 0)
        return ret;
    ret = pauses_renumber(&model->pauses, selection->renumbered, model->call_count, selection->kept);
    if (ret < 0)
        return ret;
    for (uint32_t i = 0; i < model->call_count; i++)
        if (!relink(selection, i))
            return -ENOMEM;
    relink_tracks(selection);
    keep_drivers(selection);
    ret = compact(selection);
    if (ret == 0)
        count_calls(model);
    return ret;
}

int
model_select(struct model *model, const struct filter *filter, struct text *error)
{
    struct selection selection = {.model = model};
    uint32_t before = model->whole_count;
    if (!filter->count)
        return 0;
    model->whole_count = 0;
    int ret = renumber(&selection, filter, error);
    if (ret == 0)
        ret = apply(&selection);
    if (ret < 0 || before)
        model->whole_count = before;
    free(selection.renumbered);
    free(selection.spawners);
    return ret;
}
