#include "build.h"
#include "payload.h"

/* --- processes ---------------------------------------------------------- */

uint32_t
build_process(struct builder *builder, uint32_t number, uint32_t pid)
{
    struct model *model = builder->model;
    const uint32_t *known = id_map_get(&builder->processes, 0, number);
    if (known)
        return *known;
    struct process *process = build_append(builder, &model->processes, model->process_count, &builder->process_room,
                                           sizeof *process);
    if (!process || !id_map_put(&builder->processes, 0, number, model->process_count)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    *process = (struct process){.number = number, .pid = pid, .creator = MODEL_NONE};
    return model->process_count++;
}

/* --- tracks and spawns -------------------------------------------------- */

uint32_t
build_track(struct builder *builder, enum track_kind kind, uint32_t process, uint64_t native_id, struct slice name)
{
    struct model *model = builder->model;
    struct track *track = build_append(builder, &model->tracks, model->track_count, &builder->track_room,
                                       sizeof *track);
    if (!track)
        return MODEL_NONE;
    *track = (struct track){.kind = kind,
                            .process = process,
                            .native_id = native_id,
                            .name = name,
                            .creator = MODEL_NONE,
                            .first_root = MODEL_NONE};
    return model->track_count++;
}

uint32_t
build_spawn(struct builder *builder, uint32_t process, uint64_t id)
{
    uint32_t *known = id_map_get(&builder->spawn_ids, process, id);
    if (known)
        return *known;
    struct spawn *spawn = build_append(builder, &builder->spawns, builder->spawn_count, &builder->spawn_room,
                                       sizeof *spawn);
    if (!spawn || !id_map_put(&builder->spawn_ids, process, id, builder->spawn_count)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    *spawn = (struct spawn){MODEL_NONE, MODEL_NONE, MODEL_NONE, 0, MODEL_NONE, MODEL_NONE};
    return builder->spawn_count++;
}

void
build_on_thread(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t native_id, is_main;
    struct slice name;
    p = payload_number(p, end, &native_id);
    p = payload_number(p, end, &is_main);
    payload_text(p, end, &name);
    struct track *track = &builder->model->tracks[lane->thread];
    track->kind = is_main ? TRACK_MAIN : TRACK_THREAD;
    track->native_id = native_id;
    if (name.length)
        track->name = name;
}

/* A call into a sub-interpreter, out of a thread of another one's: of which call there, the time must tell. */
static uint32_t
spawn_from(struct builder *builder, uint32_t process, uint64_t thread)
{
    const uint32_t *found = id_map_get(&builder->threads, process, thread);
    const struct lane *host = found ? &builder->lanes[*found] : NULL;
    struct spawn *spawn = build_append(builder, &builder->spawns, builder->spawn_count, &builder->spawn_room,
                                       sizeof *spawn);
    if (!spawn)
        return MODEL_NONE;
    *spawn = (struct spawn){MODEL_NONE, MODEL_NONE, MODEL_NONE, 0, MODEL_NONE, MODEL_NONE};
    if (host && host->depth && builder->model->reader->header->clock != FLOW_CLOCK_NONE)
        spawn->creator = host->stack[host->depth - 1];
    return builder->spawn_count++;
}

/* What the root calls of a thread come from, as ORIGIN says; `process` is 0 but in a sub-interpreter. */
static uint32_t
origin_of(struct builder *builder, const struct lane *lane, enum flow_spawn kind, uint64_t id, uint64_t process)
{
    const uint32_t *host = process ? id_map_get(&builder->processes, 0, process) : &lane->process;
    if (!id || !host)
        return MODEL_NONE;
    return kind == FLOW_SPAWN_INTERPRETER ? spawn_from(builder, *host, id) : build_spawn(builder, *host, id);
}

static void
add_birth(struct builder *builder, struct birth birth)
{
    struct birth *slot = build_append(builder, &builder->births, builder->birth_count, &builder->birth_room,
                                      sizeof *slot);
    if (!slot)
        return;
    *slot = birth;
    builder->birth_count++;
}

void
build_on_link(struct builder *builder, struct lane *lane, const struct record *record)
{
    const uint8_t *p = (const uint8_t *)record->payload.data;
    const uint8_t *end = p + record->payload.length;
    uint64_t id, kind;
    uint64_t via = 0; /* a task or a process */
    struct slice name;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &kind);
    p = payload_text(p, end, &name);
    payload_number(p, end, &via);
    bool spawns = record->extended == FLOW_EXTENDED_SPAWN;
    uint32_t caller = lane->depth ? lane->stack[lane->depth - 1] : MODEL_NONE;
    uint32_t task = spawns && via ? build_spawn(builder, lane->process, via) : MODEL_NONE;
    if (spawns && kind == FLOW_SPAWN_PROCESS) {
        add_birth(builder,
                  (struct birth){builder->model->processes[lane->process].run, id, record->time_ns, caller, task});
        return;
    }
    uint32_t index = origin_of(builder, lane, (enum flow_spawn)kind, id, spawns ? 0 : via);
    if (spawns) {
        if (index != MODEL_NONE) {
            builder->spawns[index].creator = caller;
            builder->spawns[index].task = task;
            builder->spawns[index].created_ns = record->time_ns;
            /* An eager task has run before it got its name. */
            if (kind == FLOW_SPAWN_TASK && builder->spawns[index].track != MODEL_NONE && name.length)
                builder->model->tracks[builder->spawns[index].track].name = name;
        }
        return;
    }
    lane->task_kind = FLOW_SPAWN_TASK;
    if (kind == FLOW_SPAWN_CALLBACK) {
        lane->task = index;
        lane->task_kind = FLOW_SPAWN_CALLBACK;
        return;
    }
    if (kind != FLOW_SPAWN_TASK) {
        bool known = kind == FLOW_SPAWN_THREAD || kind == FLOW_SPAWN_JOB || kind == FLOW_SPAWN_INTERPRETER;
        lane->origin = known ? index : MODEL_NONE;
        lane->origin_kind = (enum flow_spawn)kind;
        if (kind == FLOW_SPAWN_THREAD && index != MODEL_NONE && !via)
            builder->spawns[index].track = lane->track;
        return;
    }
    lane->task = index;
    if (index != MODEL_NONE && builder->spawns[index].track == MODEL_NONE)
        builder->spawns[index].track = build_track(builder, TRACK_TASK, lane->process, id, name);
}

/* The task's beginning may have been let go. */
static void
name_first_call(struct builder *builder, const struct lane *lane, uint64_t id, struct slice name, uint64_t generator)
{
    if (id_map_get(&builder->generators, lane->process, generator))
        return;
    uint32_t index = build_spawn(builder, lane->process, id);
    if (index == MODEL_NONE)
        return;
    if (builder->spawns[index].track == MODEL_NONE)
        builder->spawns[index].track = build_track(builder, TRACK_TASK, lane->process, id, name);
    if (!id_map_put(&builder->first_calls, lane->process, generator, index))
        builder->failed = true;
}

void
build_on_name(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t id, generator;
    struct slice name;
    p = payload_number(p, end, &id);
    p = payload_text(p, end, &name);
    if (p && payload_number(p, end, &generator))
        name_first_call(builder, lane, id, name, generator);
    const uint32_t *known = id_map_get(&builder->spawn_ids, lane->process, id);
    uint32_t track = known ? builder->spawns[*known].track : MODEL_NONE;
    if (track != MODEL_NONE && builder->model->tracks[track].kind == TRACK_TASK)
        builder->model->tracks[track].name = name;
}

/* --- greenlets ---------------------------------------------------------- */

uint32_t
build_strand(struct builder *builder, const struct lane *lane, uint32_t track)
{
    struct strand *strand = build_append(builder, &builder->strands, builder->strand_count, &builder->strand_room,
                                         sizeof *strand);
    if (!strand || track == MODEL_NONE)
        return MODEL_NONE;
    *strand = (struct strand){.lane = (uint32_t)(lane - builder->lanes), .track = track, .origin = MODEL_NONE};
    return builder->strand_count++;
}

void
build_switch(struct builder *builder, struct lane *lane, uint32_t next)
{
    if (next == lane->strand)
        return;
    struct strand *strand = &builder->strands[lane->strand];
    strand->stack = lane->stack;
    strand->depth = lane->depth;
    strand->room = lane->room;
    strand->origin = lane->origin;
    strand->origin_kind = lane->origin_kind;
    strand->gaps = lane->gaps - (lane->rebuilding && !lane->depth); /* where nothing ran since, it is to be told yet */
    strand = &builder->strands[next];
    lane->stack = strand->stack;
    lane->depth = strand->depth;
    lane->room = strand->room;
    lane->origin = strand->origin;
    lane->origin_kind = strand->origin_kind;
    lane->track = strand->track;
    lane->strand = next;
    strand->stack = NULL;
    lane->rebuilding = strand->gaps != lane->gaps;
    if (lane->rebuilding)
        build_drop(builder, lane, UINT64_MAX, lane->last_ns);
}

/* The call on top of a greenlet's stack, or the thread's own; MODEL_NONE if none runs there. */
static uint32_t
top_of(const struct builder *builder, const struct lane *lane, uint64_t id)
{
    const uint32_t *known = id ? id_map_get(&builder->greenlets, (uint32_t)(lane - builder->lanes), id) : &lane->own;
    if (!known)
        return MODEL_NONE;
    const struct strand *strand = &builder->strands[*known];
    bool runs = *known == lane->strand;
    uint32_t depth = runs ? lane->depth : strand->depth;
    return depth ? (runs ? lane->stack : strand->stack)[depth - 1] : MODEL_NONE;
}

static uint32_t
new_greenlet(struct builder *builder, struct lane *lane, uint64_t id, struct slice name)
{
    uint32_t index = build_strand(builder, lane, build_track(builder, TRACK_GREENLET, lane->process, id, name));
    if (index == MODEL_NONE)
        return MODEL_NONE;
    if (!id_map_put(&builder->greenlets, (uint32_t)(lane - builder->lanes), id, index)) {
        builder->failed = true;
        return MODEL_NONE;
    }
    builder->strands[index].gaps = lane->gaps - 1; /* OPEN records tell what runs, if anything does */
    return index;
}

/* Its creator is told where it begins. Without one it comes from where its thread does. */
void
build_on_greenlet(struct builder *builder, struct lane *lane, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t id, by, hub;
    struct slice name;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &by);
    p = payload_text(p, end, &name);
    payload_number(p, end, &hub);
    uint32_t *known = id ? id_map_get(&builder->greenlets, (uint32_t)(lane - builder->lanes), id) : &lane->own;
    uint32_t next = known ? *known : new_greenlet(builder, lane, id, name);
    if (next == MODEL_NONE)
        return;
    uint32_t creator = by ? top_of(builder, lane, by - 1) : MODEL_NONE;
    build_switch(builder, lane, next);
    if (lane->leaving != MODEL_NONE && !hub && lane->depth)
        builder->model->exceptions[lane->leaving].caught_by = lane->stack[lane->depth - 1];
    struct track *track = &builder->model->tracks[lane->track];
    if (!id || !by || track->call_count)
        return;
    track->creator = creator;
    track->name = name;
    if (creator == MODEL_NONE) {
        lane->origin = builder->strands[lane->own].origin;
        lane->origin_kind = builder->strands[lane->own].origin_kind;
    }
}
