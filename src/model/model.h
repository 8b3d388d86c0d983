/* model.h - what the records say: processes, tracks, functions, calls, exceptions.
 *
 * Built in one pass over all streams, merged by time. Calls are numbered from 0
 * in order of their start over the whole trace, so parent < child. All arrays
 * belong to the model; slices and values lead into the reader, which must
 * outlive it.
 */
#ifndef FLOW_MODEL_H
#define FLOW_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/reader.h"
#include "id_map.h"
#include "pauses.h"
#include "progress.h"
#include "space.h"
#include "waits.h"

#define MODEL_NONE UINT32_MAX

enum outcome {
    OUTCOME_RUNNING = 0, /* the recording, or the process, ended first */
    OUTCOME_RETURNED = 1,
    OUTCOME_RAISED = 2,
    OUTCOME_ABANDONED = 3, /* ended unseen: a generator dropped, a frame lost */
};

enum track_kind { TRACK_MAIN = 0, TRACK_THREAD = 1, TRACK_TASK = 2, TRACK_GREENLET = 3 };

#define PROCESS_INFO_MAX 4

struct process {
    uint32_t number;
    uint32_t pid;
    bool ended;          /* in order: the recorder was stopped or the interpreter ended */
    bool gone;           /* it was no more when the program had ended, and has said nothing */
    bool replaced;       /* another program was executed in its place */
    bool has_status;
    struct slice interpreter; /* its number, where this is not a process but a sub-interpreter of one; else empty */
    int32_t wait_status; /* as wait(2) gives it, from the parent */
    uint32_t creator;    /* the call that started it, or MODEL_NONE: the first, a forked, an unknown one */
    uint64_t joined_ns;  /* when it began to record */
    uint64_t end_ns;     /* when that was told, or the process told its end; 0 unknown */
    struct slice lost;   /* why recording stopped before the end; empty if it did not */
    struct slice info[PROCESS_INFO_MAX]; /* PROCESS payloads: pairs of texts */
    uint32_t info_count;
    uint32_t run;        /* from 1, of those in model->runs; 0: nothing was merged */
};

/* A trace that was merged with others: its processes are numbered in a row, and their pids are its own. */
struct run {
    struct slice name;
    struct slice clock;  /* how its times were brought in line with the others' */
    uint32_t first_process, process_count;
};

#define RUNS_MAX 10000

/* A line of execution: a thread, or an asyncio task or greenlet that moves over one. */
struct track {
    enum track_kind kind;
    uint32_t process;   /* index in model->processes */
    uint64_t native_id; /* of the thread; for a task, its spawn id; for a greenlet, its own */
    struct slice name;
    uint32_t creator;   /* call that created it, or MODEL_NONE */
    uint32_t first_root; /* the first call without a parent on this track */
    uint32_t call_count;
    uint64_t first_ns, last_ns;
    uint64_t created_ns; /* of a task or thread, when it was, and when it began to run; 0 unknown */
    uint64_t begun_ns;
};

struct exception {
    struct slice type;
    struct value message;     /* FLOW_VALUE_ARGS or absent */
    struct slice function, file; /* where raised: maybe outside the recorded code */
    uint32_t line;
    struct slice cause;       /* type of __cause__, or else __context__; or empty */
    struct slice module, qualname; /* of its type; empty where no detail was recorded */
    struct slice detail;      /* notes and what is in a group: see detail.h */
    uint32_t cause_exception; /* that cause itself, or MODEL_NONE where it is not known */
    uint32_t split_from;      /* the group that except* split this one off, or MODEL_NONE */
    uint32_t first_call;      /* innermost recorded call that it left first */
    uint32_t last_call;       /* the last recorded call that it left */
    uint32_t calls_left;
    uint32_t caught_by;       /* the call that caught it in the end, or MODEL_NONE */
    const struct code *catcher; /* of the call that did, where a filter left that out; else NULL */
    uint32_t caught_line;     /* line in caught_by where it came in; 0 unknown */
    uint32_t handler_line;    /* line in caught_by of the handler that has it; 0 unless HANDLED tells */
    uint32_t first_leg, last_leg; /* in model->legs if it was raised again, else MODEL_NONE */
    uint8_t meaning;          /* enum flow_exception */
    uint8_t cause_kind;       /* enum flow_cause */
    bool caught_below;        /* or library code that caught_by called has caught it */
    uint32_t cancel;          /* who caused it, in model->cancels: of a CancelledError; else MODEL_NONE */
    uint32_t landed_in;       /* the first call that it was thrown into as a cancellation, or MODEL_NONE */
    uint32_t landed_line;     /* where that waited; 0 unknown */
    bool benign;              /* StopIteration, StopAsyncIteration, GeneratorExit, GreenletExit: control flow */
    bool ambiguous;           /* another type in this trace has the same name */
};

/* The way of an exception that was kept and raised again, in another call, has a leg for each time.
 * Ask exception_leg_at(): who caught the last one may be known only to the exception. */
struct leg {
    uint32_t first_call, last_call, calls_left;
    uint32_t raise_line;      /* in first_call; 0 unknown */
    uint32_t caught_by, caught_line, handler_line;
    const struct code *catcher; /* as an exception's */
    bool caught_below;
    uint32_t next;            /* leg, or MODEL_NONE */
};

#define CAUGHT_SHOWN 3 /* of those of a call; a line tells how many more */

/* An exception that was raised and caught in one call. */
struct caught {
    uint32_t call, exception;
};

/* Somebody asked for a task to be cancelled. */
struct cancel {
    uint32_t by;      /* the call that did, or for which library code did it; MODEL_NONE unknown */
    uint32_t line;    /* in `by`; 0 unknown */
    struct slice via; /* what library code did it: timeout(0.5), TaskGroup; empty if `by` itself */
};

/* There are millions of them: what few calls have stands in their extra. Ask call_arguments(), call_result(),
 * call_exception() ... for what is not read as it stands. */
struct call {
    const struct code *code;
    uint64_t start_ns;
    uint64_t end_ns;      /* of its last event if it did not end */
    uint32_t parent;      /* the call that called (for a generator: first drove) it, on the same track */
    uint32_t track;
    uint32_t extra;       /* in model->extras; 0: it has none */
    uint32_t arguments_low, result_low; /* where in the file the values stand: 40 bits; 0: nowhere */
    uint8_t arguments_high, result_high;
    uint8_t outcome;      /* enum outcome */
    uint8_t origin;       /* enum flow_spawn of who spawned it, or CALL_INHERITED; 0 if nobody */
};

struct call_extra {
    uint32_t exception;   /* OUTCOME_RAISED: index in model->exceptions, else MODEL_NONE */
    uint32_t cancelled;   /* the CancelledError that was thrown into it, or MODEL_NONE */
    uint32_t spawned_by;  /* for a root call: the call that created its task, thread, job, callback or greenlet,
                           * or that called into its interpreter; for an inherited one: the same call in the parent
                           * process; or MODEL_NONE */
    uint32_t suspended;   /* in model->suspended; 0: it never was */
    uint32_t left_line;   /* OUTCOME_RAISED: where the exception left it, which may be a `finally`; 0 unknown */
    uint32_t caller_line; /* the same: where it came into the caller */
};

#define CALL_EXTRA_NONE \
    ((struct call_extra){.exception = MODEL_NONE, .cancelled = MODEL_NONE, .spawned_by = MODEL_NONE})

/* Of a call that was, in yield or await. */
struct suspended {
    uint64_t waiting_ns;
    uint32_t times;      /* saturating */
    uint32_t last_pause; /* in model->pauses, where they are kept; or MODEL_NONE */
};

#define CALL_INHERITED 0x80 /* it began before the fork that made its process, and is there in the parent as well */

/* Code of this top-level module was seen. One of which some code is recorded and some is not stands here twice. */
struct module {
    struct slice name;
    struct slice what; /* the root, or the pattern of the rule; or empty */
    bool recorded;
    uint8_t why;       /* enum flow_scope */
};

/* A version of a file that functions come from. */
struct source {
    struct slice file; /* as functions have it */
    struct slice path; /* where that is, if not there; or empty */
    struct slice hash; /* 20 bytes, or empty */
    uint64_t size;
    int64_t mtime_ns;  /* since 1970 */
    bool used;         /* functions of it are in this trace */
};

/* A call that resumed a generator, other than the parent that began it. */
struct driver {
    uint32_t call;   /* the generator's */
    uint32_t order;  /* of their first resumptions */
    uint32_t driver;
};

struct model {
    struct reader *reader;
    struct process *processes;
    uint32_t process_count;
    struct run *runs;
    uint32_t run_count;
    struct track *tracks;
    uint32_t track_count;
    struct call *calls;
    uint32_t call_count;
    struct call_extra *extras; /* the first is of all calls that have none */
    uint32_t extra_count;
    struct suspended *suspended; /* the first is of all calls that never were */
    uint32_t suspended_count;
    struct pauses pauses; /* if they were asked for */
    struct exception *exceptions;
    uint32_t exception_count;
    struct waits waits; /* of calls that have told what they waited for */
    struct driver *drivers; /* by call, then in order */
    uint32_t driver_count;
    struct module *modules; /* recorded ones first, then by reason and name */
    uint32_t module_count;
    struct source *sources; /* by file, then the older versions first */
    uint32_t source_count;
    struct leg *legs;
    uint32_t leg_count;
    struct id_map legs_by_call; /* first_call -> leg */
    struct caught *caught;  /* exceptions that left no call, in order of the call that caught them */
    uint32_t caught_count;
    struct cancel *cancels;
    uint32_t cancel_count;
    uint64_t duration_ns;  /* first to last event */
    uint64_t lost_records; /* as the chunks tell */
    struct space space;
    uint32_t *numbers;     /* of the calls in the whole trace, where a filter has left a part of them; else NULL */
    uint32_t whole_count;  /* calls before that, those apart that a fork copied; 0 if all are there */
};

/* What a model is asked for beyond what it always has. */
struct model_watcher {
    /* Or NULL: told of each event as the pass comes to it. Calls and exceptions are numbered as in the model, whose
     * arrays still grow: keep no pointers into them. `below` is the call on top of which `call` runs, or MODEL_NONE;
     * `exception` is of a THROW or UNWIND, else MODEL_NONE. */
    void (*event)(void *context, uint32_t call, uint32_t below, uint32_t exception, const struct record *record);
    void *context;
    const struct progress *progress; /* or NULL */
    enum pauses_kept pauses; /* the list of them */
    uint64_t span_ns; /* FOLDED: what a person will see of the trace at most; 0: all */
};

/* 0, -ENOMEM, or -ECANCELED where a watcher's progress asks for that. */
int model_build(struct model *out, struct reader *reader);
int model_build_watched(struct model *out, struct reader *reader, const struct model_watcher *watcher);
void model_free(struct model *model);

/* Its module; multiprocessing runs the program's file once more under a name of its own. */
static inline struct slice
code_module(const struct code *code)
{
    return slice_is(code->module, "__mp_main__") ? (struct slice){"__main__", 8} : code->module;
}

/* A thread of another interpreter's that has called into this one: those that were started in it have names. */
static inline bool
track_is_foreign(const struct model *model, const struct track *track)
{
    return model->processes[track->process].interpreter.length
           && (track->kind == TRACK_MAIN || (track->kind == TRACK_THREAD && !track->name.length));
}

static inline uint64_t
call_duration(const struct call *call)
{
    return call->end_ns - call->start_ns;
}

static inline const struct call_extra *
call_extra(const struct model *model, const struct call *call)
{
    return &model->extras[call->extra];
}

static inline const struct suspended *
call_suspended(const struct model *model, const struct call *call)
{
    return &model->suspended[call_extra(model, call)->suspended];
}

static inline uint64_t
call_waiting_ns(const struct model *model, const struct call *call)
{
    return call_suspended(model, call)->waiting_ns;
}

static inline uint32_t
call_suspensions(const struct model *model, const struct call *call)
{
    return call_suspended(model, call)->times;
}

static inline uint32_t
call_exception(const struct model *model, const struct call *call)
{
    return call_extra(model, call)->exception;
}

static inline uint32_t
call_cancelled(const struct model *model, const struct call *call)
{
    return call_extra(model, call)->cancelled;
}

static inline uint32_t
call_spawned_by(const struct model *model, const struct call *call)
{
    return call_extra(model, call)->spawned_by;
}

/* Its parent; of what a fork's child called first, the call of the parent process that is there a copy. */
static inline uint32_t
call_caller(const struct model *model, const struct call *call)
{
    const struct call *parent = call->parent == MODEL_NONE ? NULL : &model->calls[call->parent];
    uint32_t original = parent && parent->origin == CALL_INHERITED ? call_spawned_by(model, parent) : MODEL_NONE;
    return original != MODEL_NONE ? original : call->parent;
}

/* Its duration without its waits. */
static inline uint64_t
call_running_ns(const struct model *model, const struct call *call)
{
    uint64_t duration = call_duration(call);
    uint64_t waiting = call_waiting_ns(model, call);
    return duration > waiting ? duration - waiting : 0;
}

/* As much of its running time as lies before the end of the call that began it: a generator may go on elsewhere. */
static inline uint64_t
call_running_within(const struct model *model, const struct call *parent, const struct call *call)
{
    uint64_t ns = call_running_ns(model, call);
    uint64_t room = parent->end_ns > call->start_ns ? parent->end_ns - call->start_ns : 0;
    return ns < room ? ns : room;
}

/* A call's number in the whole trace, from 1: #1204 wherever calls are numbered. */
static inline uint32_t
model_call_number(const struct model *model, uint32_t call)
{
    return (model->numbers ? model->numbers[call] : call) + 1;
}

/* The same of a call that there may not be: MODEL_NONE is none. */
static inline uint32_t
model_call_reference(const struct model *model, uint32_t call)
{
    return call == MODEL_NONE ? MODEL_NONE : model_call_number(model, call);
}

static inline bool
exception_is_caught(const struct exception *exception)
{
    return exception->caught_by != MODEL_NONE || exception->catcher;
}

/* A class body, or a function that 3.14 makes for annotations, which returned: of interest for what it called. */
static inline bool
call_is_definition(const struct call *call)
{
    bool annotates = slice_ends_with(call->code->qualname, "__annotate__");
    return (annotates || call->code->flags & FLOW_CODE_CLASS) && call->outcome == OUTCOME_RETURNED;
}

/* A region is told as what it is. */
static inline bool
code_yields(const struct code *code)
{
    return code->flags & (FLOW_CODE_GENERATOR | FLOW_CODE_ASYNC_GENERATOR) && !(code->flags & FLOW_CODE_REGION);
}

/* Of a region the one that it stands on, as far as that is recorded; else the call itself. */
static inline uint32_t
model_without_regions(const struct model *model, uint32_t call)
{
    while (call != MODEL_NONE && model->calls[call].code->flags & FLOW_CODE_REGION)
        call = model->calls[call].parent;
    return call;
}

/* Is the time in which it is suspended one in which it waits? The consumer's time is nothing that a generator waits for. */
static inline bool
call_may_wait(const struct model *model, const struct call *call)
{
    uint32_t owner = model_without_regions(model, (uint32_t)(call - model->calls));
    return owner == MODEL_NONE || model->calls[owner].code->flags & (FLOW_CODE_COROUTINE | FLOW_CODE_ASYNC_GENERATOR);
}

/* What it waited for. */
static inline uint64_t
call_awaiting_ns(const struct model *model, const struct call *call)
{
    return call_may_wait(model, call) ? call_waiting_ns(model, call) : 0;
}

static inline bool
exception_is_cancellation(const struct exception *exception)
{
    return exception->meaning == FLOW_EXCEPTION_CANCEL;
}

/* Was a cancellation thrown into this call, which kept it to itself? */
static inline bool
call_kept_cancellation(const struct model *model, uint32_t call)
{
    uint32_t index = call_cancelled(model, &model->calls[call]);
    return index != MODEL_NONE && model->exceptions[index].calls_left == 0
           && model->exceptions[index].landed_in == call;
}

/* How many calls there are, those apart that a fork copied: these stand in the parent process as well. */
uint32_t model_count_calls(const struct model *model);

/* Those that resumed the call, its parent apart, in order of their first time. */
const struct driver *call_drivers(const struct model *model, uint32_t call, uint32_t *count);

/* One value a parameter; absent, data NULL, if none were recorded. */
struct value call_arguments(const struct model *model, const struct call *call);
/* Absent if it did not return, or no results were recorded. */
struct value call_result(const struct model *model, const struct call *call);
/* What it yielded, or what it awaited, for wait_read(); absent if it was not recorded. */
struct value pause_value(const struct model *model, const struct pause *pause);
/* The value of parameter `index`; absent if it was not recorded. */
struct value call_argument(const struct model *model, const struct call *call, uint32_t index);

/* The only leg of an exception that was not raised again. */
struct leg exception_as_leg(const struct exception *exception);
/* The leg of an exception's way that begins with `call`: false if none does. */
bool exception_leg_at(const struct model *model, const struct exception *exception, uint32_t call, struct leg *out);
/* Those that `call` caught and that left no call: the first, and how many. */
const struct caught *exception_caught_in(const struct model *model, uint32_t call, uint32_t *count);
/* Lists them all. 0 or -ENOMEM. */
int model_find_caught(struct model *model);
/* Finds types that share a name. */
void model_find_ambiguous(struct model *model);

#define ANCESTORS_MAX 8

struct ancestor {
    uint64_t pid;
    uint64_t thread; /* which started the next one; 0 unknown */
};

/* Who started the process, nearest first, as it says itself. Returns how many. */
size_t process_ancestors(const struct process *process, struct ancestor out[ANCESTORS_MAX]);
/* The latest that the process may have been started. */
uint64_t process_start_limit(const struct process *process);
/* The last process of that pid in a run, and no sub-interpreter, that had joined by then, other than `except`; or
 * MODEL_NONE. */
uint32_t model_process_at(const struct model *model, uint32_t run, uint64_t pid, uint64_t ns, uint32_t except);
/* Of which run a call is, from 1; 0 where nothing was merged. */
uint32_t model_run_of(const struct model *model, uint32_t call);
/* Is the process the program itself, of its run, rather than one that another of these has started? */
bool model_leads_run(const struct model *model, uint32_t process);
/* The innermost call of a thread that had begun at `started_ns` and ran until `until_ns` at least; or MODEL_NONE.
 * Thread 0 stands for the main one. */
uint32_t model_running(const struct model *model, uint32_t process, uint64_t thread, uint64_t started_ns,
                       uint64_t until_ns);
/* The innermost call of its main thread that had begun by then and never ended; or MODEL_NONE. */
uint32_t model_unfinished(const struct model *model, uint32_t process, uint64_t ns);

/* How it ended, in a word: "replaced", "killed", "exited", "ended", "gone"; "running" where nothing is known, or, of a
 * sub-interpreter, it was not closed. */
const char *process_end(const struct process *process);
/* Text `key` of a process's PROCESS record; empty if there is none. */
struct slice process_info(const struct process *process, const char *key);
/* Adds what a record of a META chunk says of its process. */
void process_take(struct process *process, const struct reader *reader, uint32_t chunk, const struct record *record);
/* The same for all of a META chunk. 0 or -ENOMEM. */
int process_read_meta(struct process *process, struct reader *reader, uint32_t chunk);
/* What SCOPE records say; sorted when all have been read. 0 or -ENOMEM. */
int model_add_module(struct model *model, struct slice payload);
void model_sort_modules(struct model *model);
/* What SOURCE records say, in the same way, or those of a META chunk alone. */
int model_add_source(struct model *model, struct slice payload);
int model_read_sources(struct model *model, uint32_t chunk);
void model_sort_sources(struct model *model);

#endif
