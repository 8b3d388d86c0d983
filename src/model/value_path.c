#include "value_path.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"

struct finder {
    struct value_path *path;
    const struct model *model;
    const struct value_pattern *pattern;
    uint64_t *ends; /* Owned; when calls ended where there are no times, else NULL */
    struct text scratch;
    bool failed;
};

static bool
is_timed(const struct model *model)
{
    return model->reader->header->clock != FLOW_CLOCK_NONE;
}

/* Without times a call begins at twice its number, and ends behind the last that it has called. */
static bool
number_ends(struct finder *finder)
{
    const struct model *model = finder->model;
    finder->ends = malloc((model->call_count + (size_t)1) * sizeof *finder->ends);
    if (!finder->ends)
        return false;
    for (uint32_t i = 0; i < model->call_count; i++)
        finder->ends[i] = 2 * (uint64_t)i + 1;
    for (uint32_t i = model->call_count; i-- > 0;) {
        uint32_t parent = model->calls[i].parent;
        if (parent != MODEL_NONE && finder->ends[parent] < finder->ends[i])
            finder->ends[parent] = finder->ends[i];
    }
    return true;
}

static uint64_t
begin_of(const struct finder *finder, uint32_t call)
{
    return finder->ends ? 2 * (uint64_t)call : finder->model->calls[call].start_ns;
}

static uint64_t
end_of(const struct finder *finder, uint32_t call)
{
    return finder->ends ? finder->ends[call] : finder->model->calls[call].end_ns;
}

static void
note_object(struct finder *finder, uint32_t call, struct value value)
{
    struct value_path *path = finder->path;
    struct value_head head;
    uint32_t process = finder->model->tracks[finder->model->calls[call].track].process;
    if (value_read(finder->model->reader, &value, &head) < 0 || !head.identity)
        return;
    for (uint32_t i = 0; i < path->object_count; i++)
        if (path->objects[i].process == process && path->objects[i].identity == head.identity)
            return;
    if (path->object_count == VALUE_OBJECTS_MAX)
        return;
    path->objects[path->object_count].process = process;
    path->objects[path->object_count++].identity = head.identity;
}

static void
look_at(struct finder *finder, uint32_t call, uint32_t parameter, struct value value)
{
    const struct reader *reader = finder->model->reader;
    struct value_path *path = finder->path;
    bool itself = value_matches(reader, value, finder->pattern, &finder->scratch);
    if (!itself && !value_contains(reader, value, finder->pattern, &finder->scratch))
        return;
    void *sightings = path->sightings;
    if (!array_make_room(&sightings, path->count, &path->room, sizeof *path->sightings)) {
        finder->failed = true;
        return;
    }
    path->sightings = sightings;
    uint64_t when = parameter == MODEL_NONE ? end_of(finder, call) : begin_of(finder, call);
    path->sightings[path->count++] = (struct sighting){when, call, parameter, !itself};
    if (itself)
        note_object(finder, call, value);
}

static void
look_at_call(struct finder *finder, uint32_t number)
{
    const struct model *model = finder->model;
    const struct call *call = &model->calls[number];
    struct value value = call_arguments(model, call);
    for (uint32_t i = 0; i < call->code->parameter_count && value.data; i++) {
        look_at(finder, number, i, value);
        if (value_skip(model->reader, &value) < 0)
            break;
    }
    if (call->outcome == OUTCOME_RETURNED)
        look_at(finder, number, MODEL_NONE, call_result(model, call));
}

/* At one moment inner calls come first where they end, and last where they begin. */
static int
compare(const void *left, const void *right)
{
    const struct sighting *a = left, *b = right;
    bool a_ends = a->parameter == MODEL_NONE, b_ends = b->parameter == MODEL_NONE;
    if (a->when != b->when)
        return a->when < b->when ? -1 : 1;
    if (a_ends != b_ends)
        return a->call == b->call ? (a_ends ? 1 : -1) : a_ends ? -1 : 1;
    if (a->call != b->call)
        return (a->call < b->call) == a_ends ? 1 : -1;
    return a->parameter < b->parameter ? -1 : a->parameter > b->parameter;
}

/* Made by a call: it has returned it, or has made the object that it was called on. */
static bool
is_origin(const struct model *model, const struct sighting *sighting)
{
    const struct code *code = model->calls[sighting->call].code;
    if (sighting->parameter == MODEL_NONE)
        return true;
    return sighting->parameter == 0 && !sighting->within && slice_ends_with(code->qualname, ".__init__");
}

/* What was there before the first call that returned it came from somewhere else. */
static void
begin_with_origin(struct value_path *path, const struct model *model)
{
    uint32_t first = 0;
    while (first < path->count && !is_origin(model, &path->sightings[first]))
        first++;
    path->returned = first < path->count;
    if (!path->returned)
        return;
    path->before = first;
    path->count -= first;
    memmove(path->sightings, path->sightings + first, path->count * sizeof *path->sightings);
}

int
value_path_find(struct value_path *out, const struct model *model, const struct value_pattern *pattern)
{
    struct finder finder = {.path = out, .model = model, .pattern = pattern};
    *out = (struct value_path){0};
    finder.failed = !is_timed(model) && !number_ends(&finder);
    for (uint32_t i = 0; i < model->call_count && !finder.failed; i++)
        if (model->calls[i].origin != CALL_INHERITED)
            look_at_call(&finder, i);
    free(finder.ends);
    finder.failed |= finder.scratch.failed;
    text_free(&finder.scratch);
    if (finder.failed) {
        value_path_free(out);
        return -ENOMEM;
    }
    if (out->count) {
        qsort(out->sightings, out->count, sizeof *out->sightings, compare);
        begin_with_origin(out, model);
    }
    return 0;
}

void
value_path_free(struct value_path *path)
{
    free(path->sightings);
    *path = (struct value_path){0};
}
