#include <errno.h>
#include <string.h>

#include "calls.h"
#include "hash.h"
#include "recorder.h"

/* --- records ------------------------------------------------------------ */

#define LINK_RECORD_MAX (8 * VARINT_MAX + sizeof((struct thread *)0)->writer.name)

void
link_write(struct thread *thread, struct link_record link, const char *name)
{
    uint8_t payload[4 * VARINT_MAX + sizeof thread->writer.name];
    uint8_t *p = varint_put(payload, link.id);
    p = varint_put(p, link.kind);
    p = writer_name(p, name);
    if (link.subtype == FLOW_EXTENDED_SPAWN || link.via)
        p = varint_put(p, link.via);
    writer_extended(&thread->writer, link.subtype, payload, (size_t)(p - payload));
}

static void
copy_name(char *out, size_t size, PyObject *string)
{
    out[0] = '\0';
    if (string && PyUnicode_Check(string))
        value_name(string, out, size);
}

static void
write_origin(struct thread *thread)
{
    thread->origin_pending = false;
    bool named = thread->origin_kind == FLOW_SPAWN_THREAD && !thread->origin_in_greenlet;
    const char *name = named ? thread->writer.name : "";
    link_write(thread, (struct link_record){FLOW_EXTENDED_ORIGIN, thread->origin_kind, thread->origin, 0}, name);
}

/* Does Handle._run() stand between the current frame and the call on top of the stack? Its end is not looked at:
 * every step of a task ends so. */
static bool
is_called_back(const struct thread *thread)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    bool found = false;
    bool passed = false;
    while (frame && !found && !passed) {
        Py_SETREF(frame, PyFrame_GetBack(frame));
        PyCodeObject *code = frame ? PyFrame_GetCode(frame) : NULL;
        const struct function *function = code ? function_known(thread->recorder, code) : NULL;
        found = function && function->link == LINK_HANDLE_RUN;
        passed = function && function->link == LINK_NONE && function->in_scope;
        Py_XDECREF(code);
    }
    Py_XDECREF(frame);
    return found;
}

static void
forget_callback(struct thread *thread)
{
    if (!COMPAT_FREE_THREADED)
        thread->recorder->called_back -= thread->callback != 0;
    thread->callback = 0;
    thread->root_depth = 0;
}

void
link_begin_root(struct thread *thread, bool call)
{
    if (thread->depth == 0) {
        if (shared_map_may_hold(&thread->recorder->starting) && !thread->writer.calls && !thread->origin)
            new_thread_begin(thread);
        if (thread->origin_pending && !thread->origin_in_greenlet && !thread->writer.greenlet)
            write_origin(thread);
        if (thread->writer.greenlet || thread->greenlet)
            greenlet_begin(thread, call);
        if (thread->origin_pending)
            write_origin(thread);
        if (thread->recorder->interpreter && call)
            interpreter_begin_root(thread);
    }
    if (!thread->callback || !call)
        return;
    if (is_called_back(thread))
        link_write(thread, (struct link_record){FLOW_EXTENDED_ORIGIN, FLOW_SPAWN_CALLBACK, thread->callback, 0}, "");
    else
        forget_callback(thread);
}

static uint64_t
new_spawn(struct recorder *recorder, struct shared_map *map, const void *object)
{
    struct pointer_entry entry = {.key = object, .id = compat_next(&recorder->next_spawn)};
    if (!shared_map_put(map, entry)) {
        recorder_fault(recorder, thread_get(recorder), ENOMEM);
        return 0;
    }
    return entry.id;
}

/* --- tasks -------------------------------------------------------------- */

/* The getter of what a future will call, or NULL. */
static PyObject *
future_callbacks(PyObject *module)
{
    PyObject *type = compat_module_find(module, "Future"); /* Borrowed */
    bool genuine = type && PyType_Check(type) && ((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
    return genuine ? PyObject_GetAttrString(type, "_callbacks") : NULL;
}

static void
keep_asyncio(struct recorder *recorder, PyObject *module)
{
    PyObject *loop = compat_module_find(module, "_get_running_loop"); /* Borrowed, as are the next two */
    PyObject *type = compat_module_find(module, "Task");
    PyObject *current = compat_module_find(module, "current_task");
    /* The program may have put something of its own there. */
    bool genuine = loop && PyCFunction_CheckExact(loop) && current && PyCFunction_CheckExact(current) && type
                   && PyType_Check(type) && (((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE);
    PyObject *get_name = genuine ? PyObject_GetAttrString(type, "get_name") : NULL;
    if (get_name) {
        Py_XSETREF(recorder->running_loop, Py_NewRef(loop));
        Py_XSETREF(recorder->task_type, Py_NewRef(type));
        Py_XSETREF(recorder->get_name, get_name);
        Py_XSETREF(recorder->awaited, PyObject_GetAttrString(type, "_fut_waiter"));
        Py_XSETREF(recorder->waiting, future_callbacks(module));
        __atomic_store_n(&recorder->current_task, Py_NewRef(current), __ATOMIC_RELEASE);
    }
}

/* asyncio's C functions, once the program has imported them. */
static bool
find_asyncio(struct recorder *recorder)
{
    if (__atomic_load_n(&recorder->current_task, __ATOMIC_ACQUIRE))
        return true;
    PyObject *module = compat_module(recorder->asyncio_name); /* Borrowed */
    if (!module)
        return false;
    compat_lock(&recorder->shared);
    if (!recorder->current_task)
        keep_asyncio(recorder, module);
    compat_unlock(&recorder->shared);
    PyErr_Clear();
    return recorder->current_task != NULL;
}

/* New reference to the task that runs in this thread, or NULL. */
static PyObject *
running_task(struct recorder *recorder)
{
    if (!find_asyncio(recorder))
        return NULL;
    PyObject *loop = PyObject_CallNoArgs(recorder->running_loop);
    PyObject *task = NULL;
    if (loop && loop != Py_None)
        task = PyObject_CallOneArg(recorder->current_task, loop);
    Py_XDECREF(loop);
    if (!task)
        PyErr_Clear();
    if (task == Py_None)
        Py_CLEAR(task);
    return task;
}

void
link_task_name(struct recorder *recorder, PyObject *task, char *out, size_t size)
{
    out[0] = '\0';
    if ((PyObject *)Py_TYPE(task) != recorder->task_type)
        return;
    PyObject *name = PyObject_CallOneArg(recorder->get_name, task);
    copy_name(out, size, name);
    Py_XDECREF(name);
    PyErr_Clear();
}

bool
link_is_task(struct recorder *recorder, PyObject *object)
{
    return find_asyncio(recorder) && PyObject_TypeCheck(object, (PyTypeObject *)recorder->task_type);
}

uint64_t
link_id(struct recorder *recorder, PyObject *object)
{
    uint64_t id = shared_map_get(&recorder->spawns, object).id;
    return id ? id : new_spawn(recorder, &recorder->spawns, object);
}

uint64_t
link_new_id(struct recorder *recorder, PyObject *object)
{
    return new_spawn(recorder, &recorder->spawns, object);
}

/* Read with a getter of asyncio's own: a class made of that may have another. New reference, or NULL. */
static PyObject *
read_with(PyObject *getter, PyObject *object)
{
    bool plain = getter && Py_IS_TYPE(getter, &PyGetSetDescr_Type);
    PyObject *value = plain ? Py_TYPE(getter)->tp_descr_get(getter, object, (PyObject *)Py_TYPE(object)) : NULL;
    if (!value)
        PyErr_Clear();
    return value;
}

PyObject *
link_awaited(struct recorder *recorder, PyObject *task)
{
    PyObject *awaited = read_with(recorder->awaited, task);
    if (awaited && !link_is_task(recorder, awaited))
        Py_CLEAR(awaited);
    return awaited;
}

PyObject *
link_waiting(struct recorder *recorder, PyObject *future)
{
    PyObject *getter = find_asyncio(recorder) ? recorder->waiting : NULL; /* Borrowed */
    if (!getter || !Py_IS_TYPE(future, PyDescr_TYPE(getter)))
        return NULL;
    PyObject *callbacks = read_with(getter, future);
    if (callbacks && !PyList_CheckExact(callbacks))
        Py_CLEAR(callbacks);
    return callbacks;
}

/* The id of the running task, if the call on top of the stack is not in it: asyncio's own
 * coroutines, such as to_thread(), run in tasks of the user's making. Or of the thread that
 * runs library code alone: a pool's own threads start its workers. Else 0. */
static uint64_t
library_task(const struct thread *thread)
{
    struct recorder *recorder = thread->recorder;
    PyObject *task = running_task(recorder);
    uint64_t id = task ? shared_map_get(&recorder->spawns, task).id : 0;
    Py_XDECREF(task);
    if (!id)
        return thread->depth ? 0 : thread->origin;
    return thread->depth && thread->stack[thread->depth - 1].task == id ? 0 : id;
}

/* --- threads and jobs --------------------------------------------------- */

/* Borrowed: the `self` of this method, which runs; NULL if it has none. */
static PyObject *
running_self(const struct function *function)
{
    return function->has_self ? frame_local(frame_running(), 0, true) : NULL;
}

static void
begin_thread(struct thread *thread, PyObject *self)
{
    struct recorder *recorder = thread->recorder;
    PyObject *name = value_read_field(self, recorder->thread_name);
    /* gevent makes greenlets of threads. */
    copy_name(thread->greenlet ? thread->greenlet_name : thread->writer.name, sizeof thread->writer.name, name);
    Py_XDECREF(name);
    uint64_t id = shared_map_get(&recorder->spawns, self).id;
    if (!id)
        return;
    thread->origin = id;
    thread->origin_kind = FLOW_SPAWN_THREAD;
    thread->origin_pending = true;
    thread->origin_in_greenlet = thread->greenlet != 0;
    shared_map_remove(&recorder->spawns, self);
}

static void
begin_job(struct thread *thread, PyObject *self)
{
    struct shared_map *spawns = &thread->recorder->spawns;
    thread->origin = shared_map_get(spawns, self).id;
    thread->origin_kind = FLOW_SPAWN_JOB;
    thread->origin_pending = true;
    thread->origin_in_greenlet = thread->greenlet != 0;
    shared_map_remove(spawns, self);
}

/* What is started or submitted by library code alone belongs to nobody's call,
 * unless that code runs in a task that somebody's call created. */
uint64_t
link_announce(struct thread *thread, struct shared_map *map, const void *object, enum flow_spawn kind)
{
    uint64_t task = library_task(thread);
    if (!thread->depth && !task)
        return 0;
    uint64_t id = new_spawn(thread->recorder, map, object);
    if (id)
        link_write(thread, (struct link_record){FLOW_EXTENDED_SPAWN, kind, id, task}, "");
    return id;
}

static bool
is_task_link(enum link link)
{
    return link == LINK_TASK_CREATE || link == LINK_TASK_RETURN || link == LINK_TASK_ENSURE;
}

/* asyncio's own loop has told it; or it is no task that this call has made. */
static bool
is_announced(const struct thread *thread, enum link link, PyObject *task)
{
    struct recorder *recorder = thread->recorder;
    if (link == LINK_TASK_CREATE)
        return false;
    if (task == thread->last_task || !find_asyncio(recorder) || (PyObject *)Py_TYPE(task) != recorder->task_type)
        return true;
    return link == LINK_TASK_ENSURE && shared_map_get(&recorder->spawns, task).extra;
}

/* --- callbacks ---------------------------------------------------------- */

/* The function that calling this runs first; NULL where it isn't Python's or can't be known. Borrowed. */
static PyObject *
function_behind(struct recorder *recorder, PyObject *callable)
{
    unsigned long flags = Py_TYPE(callable)->tp_flags;
    if (PyMethod_Check(callable))
        callable = PyMethod_GET_FUNCTION(callable);
    else if (!PyFunction_Check(callable) && flags & Py_TPFLAGS_HEAPTYPE && !(flags & Py_TPFLAGS_IMMUTABLETYPE))
        callable = compat_type_lookup(Py_TYPE(callable), recorder->call_name);
    return callable && PyFunction_Check(callable) ? callable : NULL;
}

PyCodeObject *
link_code_of(struct recorder *recorder, PyObject *callable)
{
    PyObject *function = function_behind(recorder, callable); /* Borrowed */
    return function ? (PyCodeObject *)PyFunction_GET_CODE(function) : NULL;
}

/* Steps of tasks and asyncio's own callbacks come this way too, far more often than the user's. */
static bool
is_users(struct recorder *recorder, PyObject *callback)
{
    if (PyCFunction_Check(callback))
        return false;
    if (strcmp(Py_TYPE(callback)->tp_name, "functools.partial") == 0)
        return true;
    PyObject *behind = function_behind(recorder, callback); /* Borrowed */
    if (!behind)
        return false;
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(behind);
    const struct function *function = function_decide(recorder, code, PyFunction_GET_GLOBALS(behind));
    return function && function->in_scope;
}

/* Those of add_reader() and add_signal_handler() run whenever there is cause to. */
static bool
runs_often(void)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* Borrowed */
    PyFrameObject *back = frame ? PyFrame_GetBack(frame) : NULL;
    PyCodeObject *code = back ? PyFrame_GetCode(back) : NULL;
    Py_ssize_t length;
    const char *name = code ? PyUnicode_AsUTF8AndSize(code->co_name, &length) : NULL;
    bool often = name && (strncmp(name, "_add", 4) == 0 || strncmp(name, "add", 3) == 0);
    Py_XDECREF(code);
    Py_XDECREF(back);
    PyErr_Clear();
    return often;
}

/* An entry at the address of a new Handle is a dead one's. */
static void
begin_handle(struct thread *thread, const struct function *function)
{
    struct recorder *recorder = thread->recorder;
    const void *frame = frame_running();
    bool as_known = function->code.parameter_count > 1 && strcmp(function->code.parameters[1].name, "callback") == 0;
    PyObject *callback = as_known ? frame_local(frame, function->parameters[1].place, false) : NULL;
    bool users = callback && is_users(recorder, callback);
    bool wanted = users || shared_map_may_hold(&recorder->handles);
    PyObject *self = wanted ? running_self(function) : NULL;
    if (self) {
        shared_map_remove(&recorder->handles, self);
        uint64_t id = users ? link_announce(thread, &recorder->handles, self, FLOW_SPAWN_CALLBACK) : 0;
        if (id)
            shared_map_put(&recorder->handles, (struct pointer_entry){.key = self, .id = id, .extra = runs_often()});
    }
}

static void
run_handle(struct thread *thread, const struct function *function)
{
    struct shared_map *handles = &thread->recorder->handles;
    PyObject *self = running_self(function);
    forget_callback(thread);
    struct pointer_entry entry = self ? shared_map_get(handles, self) : (struct pointer_entry){0};
    if (entry.key) {
        thread->callback = entry.id;
        if (!COMPAT_FREE_THREADED)
            thread->recorder->called_back++;
        thread->root_depth = thread->depth;
        if (!entry.extra)
            shared_map_remove(handles, self);
    }
}

bool
link_has_end(enum link link)
{
    return is_task_link(link) || link == LINK_PROCESS || link == LINK_JOB_RUN || link >= LINK_SPAWNV;
}

void
link_start(struct thread *thread, const struct function *function)
{
    if (function->link == LINK_LIBRARY)
        return;
    if (function->link == LINK_HANDLE_INIT) {
        begin_handle(thread, function);
        return;
    }
    thread->creating += function->link == LINK_TASK_CREATE;
    if (function->link == LINK_HANDLE_RUN) {
        run_handle(thread, function);
        return;
    }
    if (function->link >= LINK_SPAWNV) {
        child_start(thread, function);
        return;
    }
    bool by_self = !is_task_link(function->link) && function->link != LINK_PROCESS;
    PyObject *self = by_self ? running_self(function) : NULL;
    if (!self)
        return;
    switch (function->link) {
    case LINK_THREAD_START: link_announce(thread, &thread->recorder->spawns, self, FLOW_SPAWN_THREAD); break;
    case LINK_THREAD_BOOTSTRAP: begin_thread(thread, self); break;
    case LINK_JOB_INIT: link_announce(thread, &thread->recorder->spawns, self, FLOW_SPAWN_JOB); break;
    case LINK_JOB_RUN: begin_job(thread, self); break;
    case LINK_TIMEOUT:
    case LINK_TASK_GROUP: cancel_scope(thread, self, function->link); break;
    default: break;
    }
}

/* --- tasks that begin and end ------------------------------------------ */

uint64_t
link_task(struct thread *thread)
{
    struct recorder *recorder = thread->recorder;
    PyObject *task = running_task(recorder);
    if (!task)
        return 0;
    struct pointer_entry entry = shared_map_get(&recorder->spawns, task);
    /* Within create_task() an eager task runs, which was not announced: a dead one was, at its address. */
    bool known = entry.id && !(entry.extra && thread->creating);
    uint64_t id = known ? entry.id : new_spawn(recorder, &recorder->spawns, task);
    const struct activation *caller = thread_top(thread);
    if (id && (!caller || caller->task != id)) {
        char name[sizeof thread->writer.name];
        link_task_name(recorder, task, name, sizeof name);
        entry = shared_map_get(&recorder->spawns, task);
        entry.data = (const void *)(uintptr_t)hash_text(name);
        if (entry.key)
            shared_map_put(&recorder->spawns, entry);
        writer_make_room_after(&thread->writer, LINK_RECORD_MAX); /* it says nothing in another chunk than the call */
        link_write(thread, (struct link_record){FLOW_EXTENDED_ORIGIN, FLOW_SPAWN_TASK, id, 0}, name);
    }
    Py_DECREF(task);
    return id;
}

/* `generator`: of its first call, or 0. */
static void
write_name(struct thread *thread, uint64_t id, const char *name, uint64_t generator)
{
    uint8_t payload[3 * VARINT_MAX + sizeof thread->writer.name];
    uint8_t *p = writer_name(varint_put(payload, id), name);
    if (generator)
        p = varint_put(p, generator);
    writer_extended(&thread->writer, FLOW_EXTENDED_NAME, payload, (size_t)(p - payload));
}

/* Where it has another name than its ORIGIN record told. */
static void
tell_name(struct thread *thread, PyObject *task)
{
    struct recorder *recorder = thread->recorder;
    struct pointer_entry entry = shared_map_get(&recorder->spawns, task);
    if (!entry.data)
        return;
    char name[sizeof thread->writer.name];
    link_task_name(recorder, task, name, sizeof name);
    if (name[0] && entry.data != (const void *)(uintptr_t)hash_text(name))
        write_name(thread, entry.id, name, 0);
}

/* Among the keys of what else the chunk has numbered; those of types and shapes are small numbers or addresses. */
#define TOLD_TASK(id) ((id) | (uint64_t)1 << 63)

/* Once in a chunk, if this task, whose first call this generator is, runs. */
static void
tell_task(struct thread *thread, uint64_t id, uint64_t generator)
{
    struct recorder *recorder = thread->recorder;
    if (writer_known(&thread->writer, TOLD_TASK(id)))
        return;
    PyObject *task = running_task(recorder);
    if (task && shared_map_get(&recorder->spawns, task).id == id) {
        char name[sizeof thread->writer.name];
        link_task_name(recorder, task, name, sizeof name);
        write_name(thread, id, name, generator);
        writer_remember(&thread->writer, TOLD_TASK(id), 1);
    }
    Py_XDECREF(task);
}

/* Its first call is the outermost of those that run in it. */
void
link_tell_running_task(struct thread *thread)
{
    const struct activation *top = thread_top(thread);
    if (!thread->recorder->file->slot_units || !top || !top->task)
        return;
    uint32_t i = 0;
    while (thread->stack[i].task != top->task)
        i++;
    if (thread->stack[i].generator)
        tell_task(thread, top->task, thread->stack[i].generator);
}

/* In the chunk in which the coroutine's record will be. */
void
link_tell_resumed_task(struct thread *thread)
{
    struct pointer_entry entry = shared_map_get(&thread->recorder->generators, frame_running());
    const struct activation *caller = thread_top(thread);
    uint64_t task = entry.key ? entry.extra >> GENERATOR_TASK_SHIFT : 0;
    if (!task || (caller && caller->task == task))
        return;
    writer_make_room_after(&thread->writer, LINK_RECORD_MAX);
    tell_task(thread, task, entry.id);
}

void
link_end_task(struct thread *thread)
{
    PyObject *task = running_task(thread->recorder);
    if (task)
        tell_name(thread, task);
    Py_XDECREF(task);
}

/* An eager task has run before create_task() returns it: then its id is known
 * and not yet announced. An announced one here is a dead task's address. */
static void
announce_task(struct thread *thread, PyObject *task)
{
    struct recorder *recorder = thread->recorder;
    struct pointer_entry entry = shared_map_get(&recorder->spawns, task);
    if (entry.extra || !entry.id)
        entry = (struct pointer_entry){.key = task, .id = compat_next(&recorder->next_spawn)};
    entry.extra = 1;
    uint64_t id = entry.id;
    if (!shared_map_put(&recorder->spawns, entry)) {
        recorder_fault(recorder, thread, ENOMEM);
        return;
    }
    uint64_t creator = library_task(thread);
    if ((!thread->depth && !creator) || !find_asyncio(recorder))
        return;
    char name[sizeof thread->writer.name];
    link_task_name(recorder, task, name, sizeof name);
    link_write(thread, (struct link_record){FLOW_EXTENDED_SPAWN, FLOW_SPAWN_TASK, id, creator}, name);
}

static void
announce_process(struct thread *thread, const struct function *function, PyObject *value)
{
    uint64_t task = library_task(thread);
    bool returned = value && PyLong_CheckExact(value);
    PyObject *self = !returned && (thread->depth || task) ? running_self(function) : NULL;
    PyObject *pid = returned ? Py_NewRef(value) : self ? value_read_field(self, thread->recorder->pid_name) : NULL;
    if (pid && (thread->depth || task) && PyLong_CheckExact(pid)) {
        int overflow;
        long long id = PyLong_AsLongLongAndOverflow(pid, &overflow);
        if (id > 0)
            link_write(thread, (struct link_record){FLOW_EXTENDED_SPAWN, FLOW_SPAWN_PROCESS, (uint64_t)id, task}, "");
    }
    Py_XDECREF(pid);
}

/* `value` is NULL if an exception leaves the function. */
void
link_return(struct thread *thread, const struct function *function, PyObject *value)
{
    if (is_task_link(function->link)) {
        if (value && !is_announced(thread, function->link, value))
            announce_task(thread, value);
        if (value && function->link == LINK_TASK_RETURN && value == thread->last_task)
            tell_name(thread, value); /* on 3.12 an eager task has run before it gets its name here */
        if (function->link != LINK_TASK_CREATE)
            return;
        thread->last_task = value;
        thread->creating -= thread->creating > 0;
    }
    else if (function->link == LINK_PROCESS && value) {
        announce_process(thread, function, value);
    }
    else if (function->link == LINK_SPAWNV && value) {
        PyObject *pid = child_spawned();
        announce_process(thread, function, pid);
        Py_XDECREF(pid);
    }
    else if (function->link >= LINK_SPAWNV && value) {
        child_return(thread, function, value);
    }
    else if (function->link == LINK_JOB_RUN) {
        thread->origin_pending = thread->origin != 0 && !thread->origin_pending;
        thread->origin = 0;
    }
}
