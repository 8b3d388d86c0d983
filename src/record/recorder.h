/* recorder.h - the observer: its state, its threads, what it knows of functions.
 *
 * sys.monitoring calls on_start() and its siblings (events.c) for each event.
 * They look up the function (function.c), keep the thread's shadow stack
 * (thread.c) and write a record. lifecycle.c turns all this on and off.
 *
 * Invariants
 *   - A callback never raises, never returns NULL, and keeps no reference.
 *   - Each interpreter has a recorder of its own, in the state of its module; what
 *     they share (recorders.c) is behind one lock, which no callback takes as a rule.
 *   - With a GIL the callbacks of one interpreter never overlap: they do not
 *     release it. What is shared between threads relies on that; without a GIL it is
 *     locked (compat.h), but on the hot path nothing is: numbers are handed to threads in
 *     blocks, tables of verdicts are each thread's own, functions are found without a lock.
 */
#ifndef FLOW_RECORDER_H
#define FLOW_RECORDER_H

#include <pthread.h>

#include "../trace/writer.h"
#include "code_table.h"
#include "compat.h"
#include "frame.h"
#include "identity.h"
#include "pointer_map.h"
#include "scope.h"
#include "scope_log.h"
#include "shared_map.h"
#include "source_log.h"
#include "value.h"

/* Functions of the standard library that tell who created what. */
enum link {
    LINK_NONE,
    LINK_TASK_CREATE,      /* BaseEventLoop.create_task returns the task */
    LINK_TASK_RETURN,      /* create_task() of asyncio's and of TaskGroup, for a loop that isn't Python's: uvloop */
    LINK_TASK_ENSURE,      /* ensure_future() likewise, which may return a task that was there */
    LINK_THREAD_START,     /* Thread.start(self) */
    LINK_THREAD_BOOTSTRAP, /* Thread._bootstrap_inner(self), in the new thread */
    LINK_JOB_INIT,         /* _WorkItem.__init__(self), in the thread that submits */
    LINK_JOB_RUN,          /* _WorkItem.run(self), in the worker */
    LINK_PROCESS,          /* Popen._execute_child(self) and the like: returns the pid, or has set self.pid */
    LINK_HANDLE_INIT,      /* asyncio's Handle.__init__(self, callback), of call_soon() and its kin */
    LINK_HANDLE_RUN,       /* Handle._run(self) */
    LINK_GREENLET,         /* the import of greenlet */
    LINK_HUB,              /* the import of what runs greenlets from a loop of its own: gevent, eventlet */
    LINK_TIMEOUT,          /* Timeout.__init__(self): asyncio.timeout() and wait_for() */
    LINK_TASK_GROUP,       /* TaskGroup.__aenter__(self) */
    LINK_LIBRARY,          /* none of these, but `boundary` */
    LINK_SPAWNV,           /* os._spawnvef(), which has it in a local variable */
    LINK_EXIT_STATUS,      /* Popen._handle_exitstatus(self, sts) of subprocess */
    LINK_TRANSPORT_EXIT,   /* BaseSubprocessTransport._process_exited(self, returncode) */
    LINK_POLL,             /* Popen.poll(self) of multiprocessing: returns the exit code, or None */
    LINK_BOOTSTRAP,        /* BaseProcess._bootstrap(self), in the child: returns its exit code */
};

/* What the recorder knows of a code object; lives as long as it does. */
struct function {
    struct writer_code code; /* first: what the trace says of it */
    COMPAT_SHARED uint32_t generation; /* of the recorder's scope when this was decided; written last */
    enum link link;
    bool in_scope;
    bool boundary;           /* library or C code whose calls from the program's own are recorded */
    bool has_self;           /* the first parameter is self or cls: only its type is recorded */
    bool watched;            /* @trace: its calls turn recording on */
    const void *of;          /* its code; compared only */
    COMPAT_SHARED uint64_t await_place; /* of the await that it was suspended in last: offset << 32 | line, or 0 */
    COMPAT_SHARED int start_offset; /* of its PY_START event; -1 before the first */
    struct parameter_plan {
        int place;           /* among the code's local variables */
        bool is_cell;        /* of which nested functions use this one too */
        bool secret;
    } *parameters;           /* Owned; in code.parameters' order */
    bool secret_result;
    PyObject *begin, *end;   /* Owned or NULL; see recorder_watch() */
    struct function *next_named; /* of recorder->named_functions */
    struct function *retired; /* without a GIL: the next whose code has died */
};

struct activation {
    struct function *function; /* Borrowed; NULL once its code has died */
    const void *frame;         /* compared only. Of a boundary function that does not suspend: its caller's; of a
                                * region: its id, or once it was left the exception that did */
    uint64_t generator;
    uint64_t task;             /* spawn id of the task that it runs in, or 0 */
    uint64_t start_ticks;
    uint64_t ordinal;
    uint8_t at_end;            /* enum at_end */
};

/* What is to be done when a call is off the stack. */
enum at_end {
    AT_END_WATCH = 1, /* it is one of @trace's that counts */
    AT_END_WAKE = 2,  /* it is suspended with regions in it, which go on with it */
    AT_END_ASIDE = 4, /* regions that stood on it are aside */
    AT_END_LEFT = 8,  /* regions that it stands on were left in it; of a region: it was left */
};

/* What is known of a suspended one has its task above these two bits. */
#define GENERATOR_TASK_SHIFT 2

struct thread {
    struct recorder *recorder;      /* Borrowed; NULL once it is gone */
    struct writer writer;
    struct activation *stack;       /* Owned */
    uint32_t depth, room;
    uint32_t session;               /* the stack is of this session of the recorder */
    bool busy;                      /* inside a callback: events fired by C code are not ours */
    bool in_hook;                   /* ... and that runs Python code of ours */
    bool origin_pending;            /* an ORIGIN record is due before the next root call */
    bool origin_in_greenlet;        /* ... of a greenlet, not of the thread */
    enum flow_spawn origin_kind;
    uint64_t origin;
    uint32_t creating;              /* calls of create_task() that run */
    const uint8_t *awaited;         /* the writer's place behind the last record of an await */
    const void *last_task;          /* that LINK_TASK_CREATE told; compared only */
    uint64_t callback;              /* spawn id of asyncio's that runs, or 0 */
    uint32_t root_depth;            /* of calls that nobody on the stack has made: 0, or the callback's */
    uint64_t defined_exception;     /* just now, so that its details are due; or 0 */
    struct writer_open_call *open;  /* Owned; scratch for open_calls, of at least `room` */
    uint32_t open_room;
    const void *data_chunk;         /* the interpreter's, at the last event; compared only, as are the next two */
    const void *data_stack;         /* its first chunk: it tells greenlets apart while they run */
    const void *own_data_stack;     /* the thread's own, not a greenlet's */
    uint64_t state_id;              /* of the PyThreadState that these are of */
    uint64_t greenlet;              /* whose stack this is; 0: the thread's own */
    const void *greenlet_object;    /* compared only; NULL where it isn't known */
    char greenlet_name[64];         /* that one which is about to begin will have */
    char greenlet_told[64];         /* that of this one */
    struct pointer_map sleepers;    /* data stack -> struct sleeper, Owned: stacks of greenlets switched away from */
#ifdef Py_GIL_DISABLED
    uint64_t number, numbers_end;   /* of generators: the last taken of this thread's block */
    struct value_names names;       /* with verdicts of its own; Borrowed from the recorder's */
#endif
    struct thread *next;            /* of the recorder's */
    struct thread *sibling;         /* of this thread's, for other recorders */
    uint32_t aside, aside_from;     /* regions that the last call to end has left behind, and where in the stack */
    bool hosted;                    /* ORIGIN has named the call in another interpreter that root calls come from */
};

struct known_exception {
    const void *exception; /* compared only, as are the next three */
    const void *traceback; /* its newest entry when it was seen last */
    const void *frame;     /* of that entry, and */
    const void *code;      /* the code of that */
    int instruction;
    uint64_t fingerprint;  /* of what it says */
    uint64_t came_into;    /* the ordinal of the call that it came into by leaving another, plus 1 */
    uint32_t came_thread;  /* of that */
    bool in_frame;         /* its newest entry is of the frame that it is in still */
    bool thrown;           /* into a generator, just now */
    uint64_t id;
    uint32_t thread, epoch; /* where it was last defined */
    const void *entered;   /* compared only: frame into which it was thrown while it had no traceback, or NULL */
};

#define KNOWN_EXCEPTIONS 32

struct recorder {
    struct recorder *next;
    COMPAT_APART(before)
    struct compat_mutex shared; /* first sights, known exceptions, @trace's counts, asyncio's functions */
    uint32_t next_function, next_thread;
    uint32_t next_shape;
    uint64_t next_generator, next_spawn, next_exception, next_greenlet, next_region;
    struct known_exception exceptions[KNOWN_EXCEPTIONS];
    unsigned exception_turn;
    COMPAT_APART(after)
    struct region_functions *region_functions; /* Owned; NULL before the first */
    struct shared_map resting;   /* generator id -> regions that are suspended with it, Owned */
    struct shared_map left;      /* region's id -> it was left elsewhere; extra: lost */
    struct trace_file *file; /* Owned; NULL while stopped */
    struct scope scope;
    struct scope_log scope_log;
    struct source_log source_log;
    COMPAT_SHARED bool recording; /* callbacks write; else they return at once */
    bool events_on;
    bool values, time;
    bool caught_events;      /* those of caught.c are on */
    COMPAT_SHARED bool failed; /* recorder_fault() has turned recording off; until the next start */
    int unsaid;              /* the errno of a fault that there was no room to say; 0: none */
    COMPAT_SHARED bool greenlets, hub; /* the program has imported greenlet, and what LINK_HUB says */
    bool ends_at_exit;       /* atexit will call recorder_stop() */
    bool forked;             /* this process is a child that has recorded nothing yet */
    int tool;                /* sys.monitoring tool id, -1: none */
    unsigned toggles;
    COMPAT_SHARED unsigned boundary; /* a setting: library calls are recorded */
    unsigned events_boundary; /* what that was when events were turned on */
    unsigned decided_boundary; /* what that was when this generation of the scope began */
    COMPAT_SHARED uint32_t generation, session;
    int code_watcher;        /* -1: none */
    uint32_t process, pid;
    int64_t interpreter;     /* 0 for the main one */
    COMPAT_SHARED uint32_t watched_functions;
    uint32_t watched_active; /* calls of watched functions that are running */
    COMPAT_SHARED bool session_is_watched; /* a watched function turned recording on */
    PyObject *session_end;   /* Owned; what to call when the outermost watched call ends */
    PyObject *watched_generators; /* Owned dict or NULL: id -> weakref, of those that would die silently */
    uint64_t decided_in, decided_out;
    struct shared_map generators; /* frame -> {function, generator id, task} */
    struct pointer_map callables;  /* C functions and types -> named function; see callable.c */
    struct function *named_functions; /* Owned; those of no code */
    struct shared_map spawns;     /* task, thread, work item -> id; extra: announced */
    struct shared_map handles;    /* Handle of a callback of the user's -> id; extra: it runs again and again */
    struct compat_mutex starting_lock; /* of the next, for what is read and written at once */
    struct shared_map starting;   /* code that a thread of start_new_thread() begins with -> id; see new_thread.c */
    uint32_t called_back;          /* threads whose last callback may still run; not counted without a GIL */
    struct compat_mutex names_lock; /* of the next: a thread may add a type */
    struct value_names names;
    struct value_settings limits;
    unsigned caught;         /* a setting: see caught.c */
    unsigned identity_asked; /* a setting: see identity.h */
    unsigned hash_at_end;    /* a setting: nobody else will make the hashes of source files */
    struct identity identity;
    struct code_table codes; /* code -> Owned struct function, or a mark; see function.c */
    struct function *retired; /* Owned; functions that a thread may still be looking at */
    uint32_t retired_count;
    struct thread *threads;  /* Owned; guarded by recorders_lock() */
    struct thread *survivor; /* of a fork, in the child: the thread that called it */
    uint8_t *process_record; /* Owned; the encoded PROCESS record, written again after fork */
    size_t process_record_size;
    PyObject *module;        /* Borrowed: it owns this */
    PyObject *callbacks[9];  /* Owned; in the order of event_names */
    PyObject *monitoring;    /* Owned; sys.monitoring */
    PyObject *disable;       /* Owned; sys.monitoring.DISABLE */
    PyObject *call_callbacks[3]; /* Owned; in the order of call_event_names */
    int call_event, return_events; /* numbers of CALL; of PY_RETURN and PY_YIELD */
    bool calls_disabled;     /* places of CALL were, after a recording had ended */
    PyObject *running_loop, *current_task, *task_type, *get_name, *awaited; /* Owned; _asyncio's, once it is there */
    PyObject *waiting;              /* Owned: reads the callbacks of a plain future */
    PyObject *asyncio_name, *thread_name, *pid_name, *transport_pid_name, *cancel_name, *call_name,
        *new_thread_name; /* Owned, str */
};

/* function.c */

/* What recorder->codes has for code out of scope is an odd number in place of a pointer: the generation of the scope
 * that decided. */
static inline bool
function_is_mark(const void *known)
{
    return (uintptr_t)known & 1;
}

/* As function_of() in hot.h, NULL also if nothing was decided yet. */
struct function *function_known(struct recorder *recorder, PyCodeObject *code);
/* As function_of(), also of code that is not running: `globals` (Borrowed) are its module's, or NULL if it runs. */
struct function *function_decide(struct recorder *recorder, PyCodeObject *code, PyObject *globals);
/* Library code whose calls from the program's own are recorded from now on. NULL without memory. */
struct function *function_make_library(struct recorder *recorder, PyCodeObject *code, PyObject *globals);
/* The same for C code; takes `module`, which was allocated. */
struct function *function_named(struct recorder *recorder, const char *qualname, char *module);
/* Borrowed, or NULL. Compares with str alone: another key might have a __eq__ of its own. */
PyObject *function_find_global(PyObject *globals, const char *name);
/* Makes a function for @trace whatever its scope. NULL with an exception. */
struct function *function_watch(struct recorder *recorder, PyCodeObject *code, PyObject *begin, PyObject *end);
/* The function of `code` if it was given to function_watch(). */
struct function *function_watched(struct recorder *recorder, PyCodeObject *code);
/* It is no longer known by its code. */
void function_free(struct recorder *recorder, struct function *function);
/* The code dies. */
void function_forget(struct recorder *recorder, const PyCodeObject *code);
void function_forget_all(struct recorder *recorder);
/* Those linked by `retired`, which nobody looks at any more. */
void function_destroy_list(struct function *first);

/* recorders.c: all recorders of this process */

void recorders_add(struct recorder *recorder);
void recorders_remove(struct recorder *recorder);
/* The recorder of this interpreter that comes after that one, or the first; NULL if there is none. */
struct recorder *recorders_next(int64_t interpreter, const struct recorder *after);
/* Guards the list of recorders, and the threads of each. */
void recorders_lock(void);
void recorders_unlock(void);
/* Of a scope; unique in the process, never 0. */
uint32_t recorders_new_generation(void);

/* thread.c */

/* This thread's state for each recorder that it has run under; the one used last comes first. */
extern _Thread_local struct thread *thread_mine __attribute__((tls_model("initial-exec")));
struct thread *thread_find_or_make(struct recorder *recorder);

/* This thread's state, if that was of this recorder's last time. */
static inline struct thread *
thread_known(const struct recorder *recorder)
{
    struct thread *thread = thread_mine;
    /* The field of another recorder's may turn to NULL just now. */
    return thread && __atomic_load_n(&thread->recorder, __ATOMIC_RELAXED) == recorder ? thread : NULL;
}

/* The same, found or made where it wasn't; NULL without memory. */
static inline struct thread *
thread_get(struct recorder *recorder)
{
    struct thread *thread = thread_known(recorder);
    return thread ? thread : thread_find_or_make(recorder);
}

/* Doubles the stack's room. False without memory, which is a fault. */
bool thread_grow_stack(struct thread *thread);
/* Takes off what was lost above the activation of `function` (and frame, if that is not NULL), and aside the regions
 * there; false if it is not on the stack. `suspension`: enum flow_yield, 0: the call ends. */
bool thread_drop_above(struct thread *thread, const struct function *function, const void *frame, int suspension);
/* For a stack of this room; false without memory. */
bool thread_make_open_room(struct thread *thread, uint32_t room);
/* Takes `count` activations off that ended unseen. */
void thread_drop(struct thread *thread, uint32_t count);
/* Forgets the stack of an earlier session. */
void thread_renew(struct thread *thread);
void thread_close_all(struct recorder *recorder);
/* The recorder is about to go: its threads live on without it. */
void thread_release_all(struct recorder *recorder);
void thread_after_fork(struct recorder *recorder);
/* In the child of a fork, of which nobody knows yet whether it will run Python. */
void thread_atfork_child(void);

/* Without a GIL: waits until no thread is in a callback that began before recording was turned
 * off, the calling thread aside. False if one doesn't come out. */
bool thread_wait_for_all(struct recorder *recorder);
/* Takes `function` from all stacks, and frees it once no thread can be looking at it. */
void thread_retire_function(struct recorder *recorder, struct function *function);
void thread_free_retired(struct recorder *recorder);

/* Of a generator. */
static inline uint64_t
thread_next_number(struct thread *thread)
{
#ifdef Py_GIL_DISABLED
    enum { BLOCK = 1024 };
    if (thread->number == thread->numbers_end) {
        thread->number = __atomic_fetch_add(&thread->recorder->next_generator, BLOCK, __ATOMIC_RELAXED);
        thread->numbers_end = thread->number + BLOCK;
    }
    return ++thread->number;
#else
    return ++thread->recorder->next_generator;
#endif
}

static inline struct value_names *
thread_names(struct thread *thread)
{
#ifdef Py_GIL_DISABLED
    return &thread->names;
#else
    return &thread->recorder->names;
#endif
}

/* Rules and types may be others than before; its verdicts begin anew. */
static inline void
thread_take_names(struct thread *thread)
{
#ifdef Py_GIL_DISABLED
    compat_lock(&thread->recorder->names_lock);
    thread->names = thread->recorder->names;
    compat_unlock(&thread->recorder->names_lock);
#else
    (void)thread;
#endif
}

/* Those of the thread that runs. */
static inline struct value_names *
thread_own_names(struct recorder *recorder)
{
    struct thread *thread = COMPAT_FREE_THREADED ? thread_known(recorder) : NULL;
    return thread ? thread_names(thread) : &recorder->names;
}

/* The activation's, or NULL. Without a GIL that may happen just now: when a call's end was not seen its code may die
 * in another thread. */
static inline struct function *
activation_function(const struct activation *activation)
{
    return __atomic_load_n(&activation->function, __ATOMIC_RELAXED);
}

/* Is it one of `function`, and of this frame if that is not NULL? */
static inline bool
activation_is(const struct activation *activation, const struct function *function, const void *frame)
{
    return activation->function == function && (!frame || activation->frame == frame);
}

/* Is it one of a boundary function? */
static inline bool
activation_is_boundary(const struct activation *activation)
{
    const struct function *function = activation ? activation_function(activation) : NULL;
    return function && function->boundary;
}

static inline bool
activation_is_region(const struct activation *activation)
{
    const struct function *function = activation_function(activation);
    return function && function->code.flags & FLOW_CODE_REGION;
}

static inline struct activation *
thread_top(struct thread *thread)
{
    return thread->depth ? &thread->stack[thread->depth - 1] : NULL;
}

/* The same of what has a frame: no region. */
static inline struct activation *
thread_top_call(const struct thread *thread)
{
    uint32_t i = thread->depth;
    while (i > 0 && activation_is_region(&thread->stack[i - 1]))
        i--;
    return i > 0 ? &thread->stack[i - 1] : NULL;
}

/* links.c */

struct link_record {
    enum flow_extended subtype;
    enum flow_spawn kind;
    uint64_t id;
    uint64_t via; /* SPAWN: the task in which library code did it; ORIGIN: the process whose `id` it is; or 0 */
};

void link_write(struct thread *thread, struct link_record link, const char *name);
void link_start(struct thread *thread, const struct function *function);
void link_return(struct thread *thread, const struct function *function, PyObject *value);
/* Before the CALL of a coroutine: tells the task if it is another than the caller's. Its id, or 0. */
uint64_t link_task(struct thread *thread);
/* With --last, where the chunk that told it may have been let go: which task runs, before a chunk repeats its calls; */
void link_tell_running_task(struct thread *thread);
/* or before a coroutine goes on, which may be a task's first. */
void link_tell_resumed_task(struct thread *thread);
/* A task's first call, which is no longer on the stack, has ended: has the task another name by now? */
void link_end_task(struct thread *thread);
/* Before a root call, or one of a generator that goes on as a root: tells where it comes from, where that is due. */
void link_begin_root(struct thread *thread, bool call);
/* Is the end of this function of interest as well? */
bool link_has_end(enum link link);
/* Is it asyncio's Task, or of a class made of it? */
bool link_is_task(struct recorder *recorder, PyObject *object);
/* What a task, thread or job is called in SPAWN records, made if it has no id yet; 0 without memory. */
uint64_t link_id(struct recorder *recorder, PyObject *object);
/* The same, always made: the address may be a dead one's. */
uint64_t link_new_id(struct recorder *recorder, PyObject *object);
/* New reference to the task that `task` waits for, or NULL. */
PyObject *link_awaited(struct recorder *recorder, PyObject *task);
/* A list that holds (callback, context) of what waits for it, if this is a future of asyncio's own. New reference, or
 * NULL. */
PyObject *link_waiting(struct recorder *recorder, PyObject *future);

/* get_name() of asyncio's own Task only: a subclass may have its own. */
void link_task_name(struct recorder *recorder, PyObject *task, char *out, size_t size);

/* What `object` creates by `kind` from here: its id, told in a SPAWN record and kept in `map`; 0 if that is nobody's. */
uint64_t link_announce(struct thread *thread, struct shared_map *map, const void *object, enum flow_spawn kind);
/* The code that calling this runs first; NULL where it isn't Python's or can't be known. Borrowed. */
PyCodeObject *link_code_of(struct recorder *recorder, PyObject *callable);

/* interpreter.c */

/* Before a root call in a sub-interpreter: tells who has called it, in the one that this thread has come from. */
void interpreter_begin_root(struct thread *thread);

/* await.c */

/* The value of a YIELD record: the line, and what the coroutine waits for. */
uint8_t *await_put(struct thread *thread, uint8_t *p, struct function *function, PyObject *value, PyCodeObject *code,
                   int offset);

/* greenlet.c */

/* Sees in sys.modules whether greenlet is there. */
void greenlet_look(struct recorder *recorder);
/* The thread is new to the interpreter: what runs now is its own stack. */
void greenlet_adopt(struct thread *thread);
/* Takes the stack of the greenlet that runs now; `begins`: the current frame is no call yet. */
void greenlet_follow(struct thread *thread, bool begins);
/* The first call on this greenlet's stack begins: tells the reader whose it is. */
void greenlet_begin(struct thread *thread, bool call);
void greenlet_forget_function(struct thread *thread, const struct function *function);
/* All stacks but the current are of no more use. */
void greenlet_forget_all(struct thread *thread);
/* The chunks of this thread's writer begin anew. */
void greenlet_after_fork(struct thread *thread);

/* Is it another's stack that runs now? */
static inline bool
greenlet_changed(const struct thread *thread)
{
    return compat_data_chunk() != thread->data_chunk;
}

/* children.c */

void child_start(struct thread *thread, const struct function *function);
void child_return(struct thread *thread, const struct function *function, PyObject *value);
PyObject *child_spawned(void); /* new reference, or NULL */

/* exceptions.c */

enum sighting {
    SEEN_LEAVING, /* a frame, whose traceback entry is the newest */
    SEEN_THROWN, /* into a generator */
    SEEN_RAISED, /* in a frame, or come into it: its entry is the newest */
    SEEN_HANDLED, /* or raised again, in a frame where it was before */
};

/* Writes the exception field of a record, for a frame of `code`. */
uint8_t *exception_put(struct thread *thread, uint8_t *p, PyObject *exception, PyCodeObject *code, int offset,
                       enum sighting sighting);
/* How it has come up in the call on top: enum flow_raise, or -1 where the UNWIND before has told. */
int exception_how_raised(struct thread *thread, PyObject *exception);
/* Its id if it has left or entered a recorded call and is that one still, else 0. */
uint64_t exception_known(struct recorder *recorder, PyObject *exception);
/* The id of the known one that this group was split off, or 0. */
uint64_t exception_split_from(struct recorder *recorder, PyObject *group);

/* exception_detail.c */

/* Writes what a definition has no room for, if one was just written. */
void exception_put_detail(struct thread *thread, PyObject *exception);

/* events.c */

#define EVENTS 9
#define EVENTS_WITHOUT_CAUGHT 6
extern const char *const event_names[EVENTS];
extern const vectorcallfunc event_callbacks[EVENTS]; /* of a struct callback */

/* watch.c */

/* A call of @trace's begins, or ends: recording is turned on by the first, off by the last. False if this one doesn't
 * count: its end is not to be told. */
bool watch_begins(struct recorder *recorder, struct function *function);
void watch_ends(struct recorder *recorder);
/* The generator that runs is left where its death would make no event: a weak reference tells. */
void watch_await_death(struct recorder *recorder, uint64_t id);
/* It goes on. */
void watch_await_no_death(struct recorder *recorder, uint64_t id);

/* fault.c */

/* Something failed in the recorder: says so where `thread` (or NULL) stands in the trace, and records no more in
 * this process. The program goes on as if nothing had been. */
void recorder_fault(struct recorder *recorder, struct thread *thread, int error);
/* What is said of it in the trace. */
const char *fault_reason(int error);

/* caught.c */

PyObject *caught_on_raise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count);
PyObject *caught_on_reraise(struct recorder *recorder, PyObject *const *args, Py_ssize_t count);
PyObject *caught_on_handled(struct recorder *recorder, PyObject *const *args, Py_ssize_t count);

/* callback.c */

struct callback {
    PyObject_HEAD
    vectorcallfunc call;
    struct recorder *recorder; /* Borrowed: the module's */
    PyObject *module; /* Owned */
};

/* Defines NAME_called(): NAME(recorder, args, count) as an object of these is called. */
#define CALLBACK(name)                                                                                   \
    static PyObject *name##_called(PyObject *self, PyObject *const *args, size_t count, PyObject *names) \
    {                                                                                                    \
        (void)names;                                                                                     \
        return name(((struct callback *)self)->recorder, args, PyVectorcall_NARGS(count));               \
    }

/* Objects that these are called with. New references. -1 with an exception. */
int callback_make_all(PyObject *module, const vectorcallfunc *functions, PyObject **out, int count);

/* lifecycle.c */

struct recorder_options {
    const char *path;
    bool create; /* else join the file that is there */
    bool values, time;
    uint64_t last, limit; /* bytes, or 0 */
    PyObject *roots, *library, *rules; /* Borrowed; lists of str */
    PyObject *info; /* Borrowed; dict of str to str */
    PyObject *settings; /* Borrowed; dict of str to int: those of settings.c's table */
    PyObject *secrets; /* Borrowed or NULL; list of str: rules of secret.h */
};

/* Calls a function of sys.monitoring; the arguments are as Py_BuildValue() takes them, a tuple. New reference. */
PyObject *recorder_ask_monitoring(struct recorder *recorder, const char *name, const char *format, ...);
/* These set a Python exception and return -1 on failure. */
int recorder_init(struct recorder *recorder, PyObject *module);
int recorder_start(struct recorder *recorder, const struct recorder_options *options);
int recorder_stop(struct recorder *recorder, unsigned reason);
int recorder_pause(struct recorder *recorder);
int recorder_resume(struct recorder *recorder);
/* From now on a call of `code` that begins while recording is off calls begin()
 * first; when the outermost such call has ended end() is called. */
int recorder_watch(struct recorder *recorder, PyCodeObject *code, PyObject *begin, PyObject *end);
PyObject *recorder_facts(struct recorder *recorder);
int recorder_visit(struct recorder *recorder, visitproc visit, void *arg);
void recorder_clear_references(struct recorder *recorder);
void recorder_clear(struct recorder *recorder);
/* Its interpreter ends, and is not the main one: nothing may keep the module alive. */
void recorder_unregister(struct recorder *recorder);
void recorder_after_fork(struct recorder *recorder);

/* identity.c */

/* Before the value of an object: its number, where it is to have one. */
static inline uint8_t *
identity_put_of(const struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    struct recorder *recorder = encoder->names->recorder;
    return recorder->identity.on ? identity_put(recorder, p, object) : p;
}

/* settings.c */

/* `settings` is a dict or NULL: what it doesn't name gets its default. */
int recorder_apply_settings(struct recorder *recorder, PyObject *settings);
/* Setting `index` as an option of `flowtrace run`, "" where it has its default. False if there are no more. */
bool recorder_setting_word(const struct recorder *recorder, size_t index, char *out, size_t size);
/* `rules` is a list of str or NULL; 1 if they are others than before. */
int recorder_apply_secrets(struct recorder *recorder, PyObject *rules);
/* New list: the words of a command line, a list of str, without what looks secret by these rules. */
PyObject *recorder_redact(PyObject *words, PyObject *rules);

#endif
