/* build.h - the model in the making: what model.c and the build_*.c files share.
 *
 * model.c goes through the records and keeps the stack of calls of each lane;
 * build_tracks.c knows processes, tracks, greenlets and who made them,
 * build_exceptions.c the ways of exceptions and cancellations, build_pauses.c when calls did not run, build_end.c what
 * is known only when all has been read. Indices lead into the model's arrays,
 * which still grow: pointers into them hold until the next build_append().
 */
#ifndef FLOW_BUILD_H
#define FLOW_BUILD_H

#include "id_map.h"
#include "model.h"

#define SUSPENDED 255 /* a call's outcome while it waits in yield or await */

/* A task, thread or job, as SPAWN and ORIGIN tell of it, in whichever order. */
struct spawn {
    uint32_t creator; /* call */
    uint32_t task;    /* spawn: the creator is this task's creator */
    uint32_t track;   /* of a task or thread */
    uint64_t created_ns; /* when SPAWN told; 0 if it has not */
    uint32_t cancel;  /* in model->cancels: what asked first and is not felt yet; */
    uint32_t scope;   /* or, of a timeout() or TaskGroup, what that asks of others */
};

/* A process that library code started, as SPAWN tells. */
struct birth {
    uint32_t run;
    uint64_t pid;
    uint64_t time_ns;
    uint32_t creator; /* call */
    uint32_t task;    /* spawn, as above */
};

/* What a greenlet, or its thread itself, leaves in the lane for when it runs again. */
struct strand {
    uint32_t lane;
    uint32_t track;
    uint32_t *stack;    /* Owned */
    uint32_t depth, room;
    uint32_t origin;
    enum flow_spawn origin_kind;
    uint32_t gaps;      /* of the lane, when this ran last */
};

/* What is going on in one stream: in the one of its strands that runs. */
struct lane {
    uint32_t process;   /* index */
    uint32_t thread;    /* track */
    uint32_t own;       /* strand of the thread itself */
    uint32_t strand;    /* that runs */
    uint32_t gaps;
    uint32_t track;
    uint32_t *stack;    /* Owned; calls, innermost last */
    uint32_t depth, room;
    uint32_t task;      /* spawn whose root the next call is, or MODEL_NONE */
    enum flow_spawn task_kind; /* or of a callback */
    uint32_t leaving;   /* exception that has just left the last call of a greenlet, or MODEL_NONE */
    uint32_t origin;    /* spawn that root calls come from, or MODEL_NONE */
    enum flow_spawn origin_kind;
    uint32_t thrown;    /* exception of the last THROW, or MODEL_NONE */
    bool just_thrown;   /* by the last record, but for those of regions that went on */
    uint64_t awaited;   /* where in the file it stands what the last await was for; 0 unknown */
    uint32_t seen_track; /* of the last event, */
    uint64_t seen_ns;    /* and its time, where pauses are folded */
    bool rebuilding;    /* after a gap: OPEN records tell what runs; else they repeat it */
    uint64_t last_ns;
};

struct builder {
    struct model *model;
    const struct model_watcher *watcher; /* or NULL */
    struct lane *lanes; /* Owned; one a stream */
    struct strand *strands; /* Owned */
    uint32_t strand_count, strand_room;
    struct spawn *spawns; /* Owned */
    uint32_t spawn_count, spawn_room;
    struct birth *births; /* Owned; in order of time */
    uint32_t birth_count, birth_room;
    struct id_map generators; /* -> call */
    struct id_map driver_pairs; /* (call, driver) */
    struct id_map greenlets;  /* (lane, id) -> strand */
    struct id_map processes;  /* (0, number) -> process */
    struct id_map threads;    /* -> lane */
    struct id_map spawn_ids;  /* -> spawn */
    struct id_map first_calls; /* generator -> spawn: of tasks, as NAME tells */
    struct id_map exception_ids;
    uint32_t call_room, extra_room, suspended_room, track_room, exception_room, leg_room, process_room, run_room,
        cancel_room;
    uint32_t inherited; /* calls */
    uint32_t exits;     /* of processes, as their parents tell */
    uint64_t first_ns;  /* of all events */
    bool failed; /* no memory */
};

/* The slot behind the last of `count` items, in an array that grows; NULL without memory. */
void *build_append(struct builder *builder, void *array, uint32_t count, uint32_t *room, size_t size);

/* What the call has beside others, to be changed; NULL without memory. Valid until the next one. */
struct call_extra *build_extra(struct builder *builder, struct call *call);
/* The same of what one has that was suspended. */
struct suspended *build_suspended(struct builder *builder, struct call *call);
/* Where in the file a value stands, in 40 bits; 0: nowhere. */
uint64_t build_place(const struct builder *builder, struct value value);
/* Sets the creator of a call: a call; until build_finish() knows it, a spawn. */
void build_spawner(struct builder *builder, struct call *call, uint32_t spawner);
/* The innermost running call, taken off the stack; NULL if none is known. */
struct call *build_pop(struct builder *builder, struct lane *lane, uint64_t now);
/* Calls that ended unseen. */
void build_drop(struct builder *builder, struct lane *lane, uint64_t count, uint64_t now);

/* build_tracks.c; indices, or MODEL_NONE without memory */

uint32_t build_process(struct builder *builder, uint32_t number, uint32_t pid);
uint32_t build_track(struct builder *builder, enum track_kind kind, uint32_t process, uint64_t native_id,
                     struct slice name);
uint32_t build_strand(struct builder *builder, const struct lane *lane, uint32_t track);
uint32_t build_spawn(struct builder *builder, uint32_t process, uint64_t id);
/* Lets another strand of the lane run. */
void build_switch(struct builder *builder, struct lane *lane, uint32_t next);
void build_on_thread(struct builder *builder, struct lane *lane, struct slice payload);
void build_on_link(struct builder *builder, struct lane *lane, const struct record *record);
void build_on_name(struct builder *builder, struct lane *lane, struct slice payload);
void build_on_greenlet(struct builder *builder, struct lane *lane, struct slice payload);

/* runs.c: what a RUN record says of a run that was merged with others. */
void build_run(struct builder *builder, struct slice payload);
/* When all processes are known. */
void build_assign_runs(struct model *model);

/* build_pauses.c */

void build_keep_pauses(struct builder *builder, enum pauses_kept kept, uint64_t span_ns);
/* The call on top of the stack has begun, goes on, ends or is suspended. */
void build_pause(struct builder *builder, struct lane *lane, const struct record *record, bool begins);

/* build_exceptions.c */

uint32_t build_exception(struct builder *builder, const struct lane *lane, const struct exception_record *record);
void build_unwind(struct builder *builder, struct lane *lane, const struct record *record);
void build_throw(struct builder *builder, struct lane *lane, const struct record *record);
/* The region on top of the stack goes on in `driver`, into which an exception was just thrown: it comes up in there. */
void build_throw_into_region(struct builder *builder, const struct lane *lane, uint32_t driver);
void build_come_up(struct builder *builder, const struct lane *lane, const struct record *record);
void build_on_detail(struct builder *builder, const struct lane *lane, struct slice payload);
void build_on_cancel(struct builder *builder, const struct lane *lane, struct slice payload);

/* forks.c: the calls of parent processes that forks copied. 0 or -ENOMEM. */
int build_originals(struct builder *builder);

/* build_end.c */

/* After the last record: who made what, and how what still runs has ended. */
void build_finish(struct builder *builder);

#endif
