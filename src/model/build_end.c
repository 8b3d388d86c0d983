#include <stdlib.h>

#include "build.h"
#include "drivers.h"

/* Made by library code in a task: whoever created that task did it, or the task that created that ... */
static void
find_creator(struct builder *builder, uint32_t index)
{
    struct spawn *spawn = &builder->spawns[index];
    uint32_t task = spawn->task;
    for (uint32_t steps = 0; task != MODEL_NONE && steps < 64; steps++) {
        spawn->creator = builder->spawns[task].creator;
        task = builder->spawns[task].task;
    }
}

static uint32_t
creator_at_birth(const struct builder *builder, const struct birth *birth)
{
    return birth->task != MODEL_NONE ? builder->spawns[birth->task].creator : birth->creator;
}

/* The last that was told of this pid by then, since pids are used again; or NULL. A child may be
 * up before its parent has told of it: then the call that started it has begun before, and still ran. */
static const struct birth *
birth_of(const struct builder *builder, uint32_t run, uint64_t pid, uint64_t start_ns)
{
    const struct birth *late = NULL;
    for (uint32_t i = builder->birth_count; i-- > 0;) {
        const struct birth *birth = &builder->births[i];
        bool same = birth->pid == pid && birth->run == run;
        if (same && birth->time_ns <= start_ns)
            return birth;
        if (same)
            late = birth;
    }
    uint32_t creator = late ? creator_at_birth(builder, late) : MODEL_NONE;
    return creator != MODEL_NONE && builder->model->calls[creator].start_ns <= start_ns ? late : NULL;
}

/* Nobody told of it: whatever ran in its parent, or whoever started the shell between. */
static uint32_t
creator_by_ancestors(const struct builder *builder, const struct process *process)
{
    const struct model *model = builder->model;
    struct ancestor ancestors[ANCESTORS_MAX];
    size_t count = process_ancestors(process, ancestors);
    for (size_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)(process - model->processes);
        uint32_t parent = model_process_at(model, process->run, ancestors[i].pid, process->joined_ns, index);
        const struct birth *birth = birth_of(builder, process->run, ancestors[i].pid, process->joined_ns);
        if (parent != MODEL_NONE)
            return model_running(model, parent, ancestors[i].thread, process_start_limit(process), process->joined_ns);
        if (birth)
            return creator_at_birth(builder, birth);
    }
    return MODEL_NONE;
}

/* The call that started the process which made its first call at `start_ns`. */
static uint32_t
creator_of_process(const struct builder *builder, uint32_t index, uint64_t start_ns)
{
    struct model *model = builder->model;
    struct process *process = &model->processes[index];
    if (process->interpreter.length)
        return MODEL_NONE;
    const struct birth *birth = birth_of(builder, process->run, process->pid, start_ns);
    uint32_t before = model_process_at(model, process->run, process->pid, process->joined_ns, index);
    if (before != MODEL_NONE && before < index && !model->processes[before].ended
        && (!birth || birth->time_ns <= model->processes[before].joined_ns)) {
        model->processes[before].replaced = true;
        return model_unfinished(model, before, process->joined_ns);
    }
    return birth ? creator_at_birth(builder, birth) : creator_by_ancestors(builder, process);
}

/* Calls of a process without a caller there come from the call that started it. */
static void
hang_processes(struct builder *builder)
{
    struct model *model = builder->model;
    bool *asked = calloc(model->process_count + (size_t)1, sizeof *asked);
    builder->failed |= !asked;
    for (uint32_t i = 0; asked && i < model->call_count; i++) {
        struct call *call = &model->calls[i];
        struct track *track = &model->tracks[call->track];
        struct process *process = &model->processes[track->process];
        if (call->parent != MODEL_NONE || call->origin)
            continue;
        if (!asked[track->process])
            process->creator = creator_of_process(builder, track->process, call->start_ns);
        asked[track->process] = true;
        if (process->creator == MODEL_NONE || process->creator >= i)
            continue;
        call->origin = FLOW_SPAWN_PROCESS;
        build_spawner(builder, call, process->creator);
        if (track->kind == TRACK_MAIN)
            track->creator = process->creator;
    }
    free(asked);
}

/* Where a part of a program was recorded its end isn't that of tasks. */
static bool
goes_on(const struct model *model, const struct process *process, const struct call *call)
{
    return model->tracks[call->track].kind == TRACK_TASK && process_info(process, "part").length > 0;
}

/* Tasks may run before their creator is told; what still runs has lasted until its process's end. */
void
build_finish(struct builder *builder)
{
    struct model *model = builder->model;
    for (uint32_t i = 0; i < builder->spawn_count; i++)
        find_creator(builder, i);
    for (uint32_t i = 0; i < model->track_count; i++)
        model->tracks[i].begun_ns = model->tracks[i].first_ns;
    for (uint32_t i = 0; i < builder->spawn_count; i++) {
        struct track *track = builder->spawns[i].track != MODEL_NONE ? &model->tracks[builder->spawns[i].track] : NULL;
        if (!track)
            continue;
        track->creator = builder->spawns[i].creator;
        track->created_ns = builder->spawns[i].created_ns;
    }
    for (uint32_t i = 0; i < model->reader->stream_count; i++) {
        struct lane *lane = &builder->lanes[i];
        uint64_t told_ns = model->processes[lane->process].end_ns;
        uint64_t end_ns = told_ns > lane->last_ns ? told_ns : lane->last_ns;
        if (lane->depth && end_ns > builder->first_ns + model->duration_ns)
            model->duration_ns = end_ns - builder->first_ns;
        while (lane->depth)
            build_pop(builder, lane, end_ns);
        lane->last_ns = end_ns;
    }
    for (uint32_t i = 0; i < builder->strand_count; i++) {
        struct lane *lane = &builder->lanes[builder->strands[i].lane];
        build_switch(builder, lane, i);
        while (lane->depth)
            build_pop(builder, lane, lane->last_ns);
    }
    for (uint32_t i = 0; i < model->call_count; i++) {
        struct call *call = &model->calls[i];
        const struct process *process = &model->processes[model->tracks[call->track].process];
        if (call->outcome == SUSPENDED)
            waits_end(&model->waits, i, builder->first_ns + model->duration_ns - call->end_ns, true);
        if (call->outcome == SUSPENDED)
            call->outcome = process->ended && !goes_on(model, process, call) ? OUTCOME_ABANDONED : OUTCOME_RUNNING;
        if (call->origin == FLOW_SPAWN_TASK || call->origin == FLOW_SPAWN_GREENLET)
            build_spawner(builder, call, model->tracks[call->track].creator);
        else if (call->origin && call->origin != CALL_INHERITED)
            build_spawner(builder, call, builder->spawns[call_spawned_by(model, call)].creator);
    }
    model_find_ambiguous(model);
    builder->failed |= model_find_caught(model) < 0;
    if (model->process_count > 1)
        hang_processes(builder);
    if (builder->inherited && model->reader->header->clock != FLOW_CLOCK_NONE)
        builder->failed |= build_originals(builder) < 0;
    model_sort_modules(model);
    model_sort_sources(model);
    drivers_sort(model);
    for (uint32_t i = 0; i < model->reader->event_chunk_count; i++)
        model->lost_records += model->reader->chunks[i].header->lost_before;
}
