#include <errno.h>
#include <string.h>

#include "calls.h"
#include "recorder.h"

/* --- records ------------------------------------------------------------ */

struct link_record {
    enum flow_extended subtype;
    enum flow_spawn kind;
    uint64_t id;
    uint64_t task; /* SPAWN: in which library code did it, or 0 */
};

static void
write_link(struct thread *thread, struct link_record link, const char *name)
{
    uint8_t payload[4 * VARINT_MAX + sizeof thread->writer.name];
    uint8_t *p = varint_put(payload, link.id);
    p = varint_put(p, link.kind);
    p = writer_text(p, name, strlen(name));
    if (link.subtype == FLOW_EXTENDED_SPAWN)
        p = varint_put(p, link.task);
    writer_extended(&thread->writer, link.subtype, payload, (size_t)(p - payload));
}

static void
copy_name(char *out, size_t size, PyObject *string)
{
    out[0] = '\0';
    if (!string || !PyUnicode_Check(string))
        return;
    bool complete;
    out[value_utf8(string, out, size - 1, &complete)] = '\0';
}

static void
write_origin(struct thread *thread)
{
    thread->origin_pending = false;
    bool named = thread->origin_kind == FLOW_SPAWN_THREAD && !thread->origin_in_greenlet;
    const char *name = named ? thread->writer.name : "";
    write_link(thread, (struct link_record){FLOW_EXTENDED_ORIGIN, thread->origin_kind, thread->origin, 0}, name);
}

void
link_begin_root(struct thread *thread)
{
    if (thread->origin_pending && !thread->origin_in_greenlet && !thread->writer.greenlet)
        write_origin(thread);
    if (thread->writer.greenlet || thread->greenlet)
        greenlet_begin(thread);
    if (thread->origin_pending)
        write_origin(thread);
}

static uint64_t
new_spawn(struct recorder *recorder, const void *object)
{
    struct pointer_entry *entry = pointer_map_put(&recorder->spawns, object);
    if (!entry) {
        recorder_fault(recorder, thread_get(recorder), ENOMEM);
        return 0;
    }
    return entry->id = ++recorder->next_spawn;
}

/* --- tasks -------------------------------------------------------------- */

/* asyncio's C functions, once the program has imported them. */
static bool
find_asyncio(struct recorder *recorder)
{
    if (recorder->current_task)
        return true;
    PyObject *module = compat_module(recorder->asyncio_name); /* Borrowed, as are the next three */
    if (!module)
        return false;
    PyObject *loop = compat_module_find(module, "_get_running_loop");
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
        recorder->current_task = Py_NewRef(current);
    }
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

/* get_name() of asyncio's own Task only: a subclass may have its own. */
static void
task_name(struct recorder *recorder, PyObject *task, char *out, size_t size)
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
    const struct pointer_entry *entry = pointer_map_get(&recorder->spawns, object);
    return entry ? entry->id : new_spawn(recorder, object);
}

uint64_t
link_new_id(struct recorder *recorder, PyObject *object)
{
    return new_spawn(recorder, object);
}

/* Read with the getter of asyncio's own Task: a class made of it may have another. */
PyObject *
link_awaited(struct recorder *recorder, PyObject *task)
{
    PyObject *getter = recorder->awaited; /* Borrowed */
    bool plain = getter && Py_IS_TYPE(getter, &PyGetSetDescr_Type);
    PyObject *awaited = plain ? Py_TYPE(getter)->tp_descr_get(getter, task, (PyObject *)Py_TYPE(task)) : NULL;
    if (!awaited)
        PyErr_Clear();
    if (awaited && !link_is_task(recorder, awaited))
        Py_CLEAR(awaited);
    return awaited;
}

/* The id of the running task, if the call on top of the stack is not in it: asyncio's own
 * coroutines, such as to_thread(), run in tasks of the user's making. Or of the thread that
 * runs library code alone: a pool's own threads start its workers. Else 0. */
static uint64_t
library_task(const struct thread *thread)
{
    struct recorder *recorder = thread->recorder;
    PyObject *task = running_task(recorder);
    const struct pointer_entry *entry = task ? pointer_map_get(&recorder->spawns, task) : NULL;
    Py_XDECREF(task);
    if (!entry)
        return thread->depth ? 0 : thread->origin;
    return thread->depth && thread->stack[thread->depth - 1].task == entry->id ? 0 : entry->id;
}

/* --- threads and jobs --------------------------------------------------- */

/* New reference to the `self` of the running method, or NULL. */
static PyObject *
running_self(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *self = frame ? PyFrame_GetVarString(frame, "self") : NULL;
    Py_XDECREF(frame);
    if (!self)
        PyErr_Clear();
    return self;
}

static void
begin_thread(struct thread *thread, PyObject *self)
{
    struct recorder *recorder = thread->recorder;
    PyObject *name = value_read_field(self, recorder->thread_name);
    /* gevent makes greenlets of threads. */
    copy_name(thread->greenlet ? thread->greenlet_name : thread->writer.name, sizeof thread->writer.name, name);
    Py_XDECREF(name);
    const struct pointer_entry *entry = pointer_map_get(&recorder->spawns, self);
    if (!entry)
        return;
    thread->origin = entry->id;
    thread->origin_kind = FLOW_SPAWN_THREAD;
    thread->origin_pending = true;
    thread->origin_in_greenlet = thread->greenlet != 0;
    pointer_map_remove(&recorder->spawns, self);
}

static void
begin_job(struct thread *thread, PyObject *self)
{
    struct pointer_map *spawns = &thread->recorder->spawns;
    const struct pointer_entry *entry = pointer_map_get(spawns, self);
    thread->origin = entry ? entry->id : 0;
    thread->origin_kind = FLOW_SPAWN_JOB;
    thread->origin_pending = true;
    thread->origin_in_greenlet = thread->greenlet != 0;
    pointer_map_remove(spawns, self);
}

/* What is started or submitted by library code alone belongs to nobody's call,
 * unless that code runs in a task that somebody's call created. */
static void
announce(struct thread *thread, PyObject *self, enum flow_spawn kind)
{
    uint64_t task = library_task(thread);
    if (!thread->depth && !task)
        return;
    uint64_t id = new_spawn(thread->recorder, self);
    if (id)
        write_link(thread, (struct link_record){FLOW_EXTENDED_SPAWN, kind, id, task}, "");
}

void
link_start(struct thread *thread, const struct function *function)
{
    bool by_self = function->link != LINK_TASK_CREATE && function->link != LINK_PROCESS && function->link < LINK_SPAWNV;
    if (function->link >= LINK_SPAWNV)
        child_start(thread, function);
    PyObject *self = by_self ? running_self() : NULL;
    if (!self)
        return;
    switch (function->link) {
    case LINK_THREAD_START: announce(thread, self, FLOW_SPAWN_THREAD); break;
    case LINK_THREAD_BOOTSTRAP: begin_thread(thread, self); break;
    case LINK_JOB_INIT: announce(thread, self, FLOW_SPAWN_JOB); break;
    case LINK_JOB_RUN: begin_job(thread, self); break;
    case LINK_TIMEOUT:
    case LINK_TASK_GROUP: cancel_scope(thread, self, function->link); break;
    default: break;
    }
    Py_DECREF(self);
}

/* --- tasks that begin and end ------------------------------------------ */

uint64_t
link_task(struct thread *thread)
{
    struct recorder *recorder = thread->recorder;
    PyObject *task = running_task(recorder);
    if (!task)
        return 0;
    const struct pointer_entry *entry = pointer_map_get(&recorder->spawns, task);
    uint64_t id = entry ? entry->id : new_spawn(recorder, task);
    const struct activation *caller = thread_top(thread);
    if (id && (!caller || caller->task != id)) {
        char name[sizeof thread->writer.name];
        task_name(recorder, task, name, sizeof name);
        write_link(thread, (struct link_record){FLOW_EXTENDED_ORIGIN, FLOW_SPAWN_TASK, id, 0}, name);
    }
    Py_DECREF(task);
    return id;
}

/* An eager task has run before create_task() returns it: then its id is known
 * and not yet announced. An announced one here is a dead task's address. */
static void
announce_task(struct thread *thread, PyObject *task)
{
    struct recorder *recorder = thread->recorder;
    struct pointer_entry *entry = pointer_map_get(&recorder->spawns, task);
    uint64_t id = entry && !entry->extra ? entry->id : new_spawn(recorder, task);
    if (!id || !(entry = pointer_map_get(&recorder->spawns, task)))
        return;
    entry->extra = 1;
    uint64_t creator = library_task(thread);
    if ((!thread->depth && !creator) || !find_asyncio(recorder))
        return;
    char name[sizeof thread->writer.name];
    task_name(recorder, task, name, sizeof name);
    write_link(thread, (struct link_record){FLOW_EXTENDED_SPAWN, FLOW_SPAWN_TASK, id, creator}, name);
}

static void
announce_process(struct thread *thread, PyObject *value)
{
    uint64_t task = library_task(thread);
    bool returned = value && PyLong_CheckExact(value);
    PyObject *self = !returned && (thread->depth || task) ? running_self() : NULL;
    PyObject *pid = returned ? Py_NewRef(value) : self ? value_read_field(self, thread->recorder->pid_name) : NULL;
    if (pid && (thread->depth || task) && PyLong_CheckExact(pid)) {
        int overflow;
        long long id = PyLong_AsLongLongAndOverflow(pid, &overflow);
        if (id > 0)
            write_link(thread, (struct link_record){FLOW_EXTENDED_SPAWN, FLOW_SPAWN_PROCESS, (uint64_t)id, task}, "");
    }
    Py_XDECREF(pid);
    Py_XDECREF(self);
}

/* `value` is NULL if an exception leaves the function. */
void
link_return(struct thread *thread, const struct function *function, PyObject *value)
{
    if (function->link == LINK_TASK_CREATE) {
        announce_task(thread, value);
    }
    else if (function->link == LINK_PROCESS && value) {
        announce_process(thread, value);
    }
    else if (function->link == LINK_SPAWNV && value) {
        PyObject *pid = child_spawned();
        announce_process(thread, pid);
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
