/* lifecycle.c - turns recording on and off, and carries it over a fork. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callable.h"
#include "calls.h"
#include "recorder.h"
#include "region.h"
#include "surroundings.h"

/* Each set_events() takes one of 2^24 versions: a function that is traced again
 * and again leaves the events on in the end. */
#define TOGGLES_MAX 10000

/* --- sys.monitoring ----------------------------------------------------- */

/* New reference, or NULL with an exception. The name is the one that the object itself has: the interpreter's cache of
 * lookups would keep each new string that looks like it. */
static PyObject *
attribute(PyObject *object, const char *name)
{
    PyObject *string = object ? PyUnicode_InternFromString(name) : NULL;
    PyObject *value = string ? PyObject_GetAttr(object, string) : NULL;
    Py_XDECREF(string);
    if (!object)
        PyErr_SetString(PyExc_RuntimeError, "this interpreter's recorder has ended");
    return value;
}

/* The arguments are as Py_BuildValue() takes them, a tuple. */
PyObject *
recorder_ask_monitoring(struct recorder *recorder, const char *name, const char *format, ...)
{
    va_list given;
    va_start(given, format);
    PyObject *method = attribute(recorder->monitoring, name);
    PyObject *args = method ? Py_VaBuildValue(format, given) : NULL;
    PyObject *result = args ? PyObject_CallObject(method, args) : NULL;
    va_end(given);
    Py_XDECREF(args);
    Py_XDECREF(method);
    return result;
}

static int
done(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* The number of an event differs between versions. -1 with an exception. */
static int
event_number(struct recorder *recorder, const char *name)
{
    PyObject *events = attribute(recorder->monitoring, "events");
    PyObject *number = events ? attribute(events, name) : NULL;
    int result = number ? (int)PyLong_AsLong(number) : -1;
    Py_XDECREF(events);
    Py_XDECREF(number);
    return result;
}

static int
set_events(struct recorder *recorder, bool on)
{
    int mask = on && recorder->boundary ? event_number(recorder, "RAISE") : 0;
    int count = recorder->caught ? EVENTS : EVENTS_WITHOUT_CAUGHT;
    for (int i = 0; on && i < count; i++) {
        int number = event_number(recorder, event_names[i]);
        if (number < 0)
            return -1;
        mask |= number;
    }
    if (recorder->boundary) /* set where they are needed: what was disabled once would not come back */
        mask &= ~recorder->return_events;
    if (done(recorder_ask_monitoring(recorder, "set_events", "(ii)", recorder->tool, mask)) < 0)
        return -1;
    recorder->events_on = on;
    recorder->caught_events = on && recorder->caught;
    recorder->events_boundary = recorder->boundary;
    recorder->toggles++;
    return 0;
}

static int
register_callback(struct recorder *recorder, int number, PyObject *callback)
{
    return done(recorder_ask_monitoring(recorder, "register_callback", "(iiO)", recorder->tool, number, callback));
}

static int
register_callbacks(struct recorder *recorder)
{
    for (int i = 0; i < EVENTS; i++) {
        int number = event_number(recorder, event_names[i]);
        if (number < 0 || register_callback(recorder, number, recorder->callbacks[i]) < 0)
            return -1;
    }
    for (int i = 0; i < CALL_EVENTS; i++) {
        int number = event_number(recorder, call_event_names[i]);
        if (number < 0 || register_callback(recorder, number, recorder->call_callbacks[i]) < 0)
            return -1;
    }
    recorder->call_event = event_number(recorder, "CALL");
    recorder->return_events = event_number(recorder, "PY_RETURN") | event_number(recorder, "PY_YIELD");
    return 0;
}

/* cProfile has 2, coverage takes from 1 upwards, debuggers 0: ours are the others first. */
static int
take_tool(struct recorder *recorder)
{
    static const int order[] = {4, 3, 5, 2, 1, 0};
    if (recorder->tool >= 0)
        return 0;
    for (size_t i = 0; i < sizeof order / sizeof *order && recorder->tool < 0; i++) {
        if (done(recorder_ask_monitoring(recorder, "use_tool_id", "(is)", order[i], "flowtrace")) == 0)
            recorder->tool = order[i];
        else
            PyErr_Clear();
    }
    if (recorder->tool < 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "all six tool ids of sys.monitoring are taken by other tools: stop one of them "
                        "(a debugger, coverage or a profiler) and try again");
        return -1;
    }
    return register_callbacks(recorder);
}

/* --- start -------------------------------------------------------------- */

/* What is known of code goes with it: its address may be another's soon. Nothing is kept in the code itself
 * (co_extra): 3.14 refuses to hand code that has anything there to another interpreter. */
static int
on_code_event(PyCodeEvent event, PyCodeObject *code)
{
    if (event != PY_CODE_EVENT_DESTROY)
        return 0;
    int64_t interpreter = PyInterpreterState_GetID(PyInterpreterState_Get());
    struct recorder *recorder = NULL;
    while ((recorder = recorders_next(interpreter, recorder)))
        function_forget(recorder, code);
    return 0;
}

int
recorder_init(struct recorder *recorder, PyObject *module)
{
    recorder->module = module;
    recorder->interpreter = PyInterpreterState_GetID(PyInterpreterState_Get());
    recorder->tool = -1;
    recorder->code_watcher = -1;
    recorder_apply_settings(recorder, NULL); /* cannot fail */
    recorders_add(recorder);
    recorder->asyncio_name = PyUnicode_InternFromString("_asyncio");
    recorder->thread_name = PyUnicode_InternFromString("_name");
    recorder->pid_name = PyUnicode_InternFromString("pid");
    recorder->cancel_name = PyUnicode_InternFromString("cancel");
    recorder->transport_pid_name = PyUnicode_InternFromString("_pid");
    recorder->call_name = PyUnicode_InternFromString("__call__");
    recorder->new_thread_name = PyUnicode_InternFromString("start_new_thread");
    /* Kept: without memory PySys_GetObject() writes to the program's standard error. */
    recorder->monitoring = Py_XNewRef(PySys_GetObject("monitoring"));
    if (!recorder->monitoring) {
        PyErr_SetString(PyExc_ImportError, "FlowTrace needs sys.monitoring, which CPython has since 3.12");
        return -1;
    }
    recorder->disable = attribute(recorder->monitoring, "DISABLE");
    if (!recorder->disable || value_names_init(&recorder->names) < 0)
        return -1;
    recorder->names.recorder = recorder;
    if (callback_make_all(module, event_callbacks, recorder->callbacks, EVENTS) < 0
        || callback_make_all(module, call_callbacks, recorder->call_callbacks, CALL_EVENTS) < 0)
        return -1;
    recorder->code_watcher = PyCode_AddWatcher(on_code_event); /* it sets an exception if there is none left */
    return recorder->code_watcher < 0 ? -1 : 0;
}

static int
add_strings(struct scope *scope, PyObject *list, int (*add)(struct scope *, const char *))
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *bytes = PyUnicode_EncodeFSDefault(PyList_GET_ITEM(list, i));
        if (!bytes)
            return -1;
        int ret = add(scope, PyBytes_AS_STRING(bytes));
        if (ret == -EINVAL)
            PyErr_Format(PyExc_ValueError, "bad scope rule %R", PyList_GET_ITEM(list, i));
        else if (ret < 0)
            PyErr_NoMemory();
        Py_DECREF(bytes);
        if (ret < 0)
            return -1;
    }
    return 0;
}

/* `anew`: what is known of functions is to be asked again in any case. */
static int
set_scope(struct recorder *recorder, const struct recorder_options *options, bool anew)
{
    struct scope scope = {0};
    bool ok = add_strings(&scope, options->roots, scope_add_root) == 0
              && add_strings(&scope, options->library, scope_add_library) == 0
              && add_strings(&scope, options->rules, scope_add_rule) == 0;
    bool same = ok && !anew && recorder->generation > 0 && recorder->boundary == recorder->decided_boundary
                && scope_equals(&scope, &recorder->scope);
    recorder->decided_boundary = recorder->boundary;
    if (!ok || same) {
        scope_clear(&scope);
        return ok ? 0 : -1;
    }
    scope_set_folder(&scope);
    compat_lock(&recorder->shared); /* a thread may be deciding still about what it saw when recording was on */
    scope_log_clear(&recorder->scope_log);
    scope_clear(&recorder->scope);
    recorder->scope = scope;
    compat_unlock(&recorder->shared);
    /* What was disabled under another scope must be asked again. */
    bool asked_before = recorder->generation > 0 && recorder->decided_out > 0;
    recorder->generation = recorders_new_generation();
    if (asked_before)
        return done(recorder_ask_monitoring(recorder, "restart_events", "()"));
    return 0;
}

/* --- the process -------------------------------------------------------- */

/* -errno on failure. */
static int
add_process(struct recorder *recorder, uint32_t forked_from)
{
    recorder->pid = (uint32_t)getpid();
    recorder->process = trace_file_add_process(recorder->file);
    uint8_t *record = malloc(recorder->process_record_size + 128);
    if (!record) {
        atomic_fetch_add(&recorder->file->header->unrecorded, 1);
        return -ENOMEM;
    }
    uint8_t *end = writer_put_extended(record, FLOW_EXTENDED_PROCESS, recorder->process_record,
                                       recorder->process_record_size);
    if (forked_from) {
        static const char key[] = "forked_from";
        char number[16];
        uint8_t payload[64];
        int length = snprintf(number, sizeof number, "%u", forked_from);
        uint8_t *p = writer_text(payload, key, sizeof key - 1);
        p = writer_text(p, number, (size_t)length);
        end = writer_put_extended(end, FLOW_EXTENDED_PROCESS, payload, (size_t)(p - payload));
    }
    int ret = trace_file_begin_process(recorder->file, recorder->process, recorder->pid, record,
                                       (size_t)(end - record));
    free(record);
    return ret;
}

static int
open_file(struct recorder *recorder, const struct recorder_options *options)
{
    struct trace_settings wanted = {
        .values = options->values, .time = options->time, .last = options->last, .limit = options->limit};
    int ret = options->create ? trace_file_create(&recorder->file, options->path, &wanted)
                              : trace_file_join(&recorder->file, options->path);
    if (ret == 0 && (ret = add_process(recorder, 0)) < 0) {
        trace_file_close(recorder->file);
        recorder->file = NULL;
    }
    if (ret == 0) {
        recorder->values = !(recorder->file->header->flags & FLOW_FILE_NO_VALUES);
        recorder->time = !(recorder->file->header->flags & FLOW_FILE_NO_TIME);
        return 0;
    }
    errno = -ret;
    if (ret == -EINVAL)
        PyErr_Format(PyExc_ValueError, "%s is not a trace that this version of FlowTrace can add to", options->path);
    else
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, options->path);
    return -1;
}

/* Who joins a trace goes without numbers, and says so there: to be recorded is more. */
static int
check_identity(const struct recorder *recorder, const struct recorder_options *options)
{
    const char *obstacle = recorder->identity_asked && options->create ? identity_obstacle() : NULL;
    if (obstacle)
        PyErr_Format(PyExc_ValueError, "no identity: %s", obstacle);
    return obstacle ? -1 : 0;
}

int
recorder_start(struct recorder *recorder, const struct recorder_options *options)
{
    if (recorder->file) {
        PyErr_Format(PyExc_RuntimeError, "already recording to %s", recorder->file->path);
        return -1;
    }
    if (recorder->forked) /* since it recorded last */
        recorder_after_fork(recorder);
    int secrets = recorder_apply_secrets(recorder, options->secrets);
    if (secrets < 0 || recorder_apply_settings(recorder, options->settings) < 0 || take_tool(recorder) < 0
        || set_scope(recorder, options, secrets > 0) < 0 || check_identity(recorder, options) < 0
        || surroundings_encode(recorder, options) < 0 || open_file(recorder, options) < 0)
        return -1;
    if (recorder->calls_disabled && done(recorder_ask_monitoring(recorder, "restart_events", "()")) < 0)
        return -1;
    recorder->calls_disabled = false;
    greenlet_look(recorder);
    recorder->next_thread = 0;
    recorder->session++;
    recorder->scope_log.written = 0;
    recorder->failed = false;
    recorder->unsaid = 0;
    recorder->recording = true;
    compat_lock(&recorder->shared);
    source_log_begin(recorder);
    compat_unlock(&recorder->shared);
    bool other = recorder->caught_events != (recorder->caught != 0) || recorder->events_boundary != recorder->boundary;
    if ((!recorder->events_on || other) && set_events(recorder, true) < 0) {
        recorder_stop(recorder, 0);
        return -1;
    }
    if (recorder->boundary)
        calls_watch_running(recorder);
    if (recorder->identity_asked && recorder->values)
        identity_start(recorder);
    return 0;
}

int
recorder_watch(struct recorder *recorder, PyCodeObject *code, PyObject *begin, PyObject *end)
{
    bool before = function_watched(recorder, code) != NULL;
    int start = event_number(recorder, event_names[0]);
    if (start < 0 || take_tool(recorder) < 0 || !function_watch(recorder, code, begin, end))
        return -1;
    if (before) /* a function that is made and decorated again and again must not use up versions */
        return 0;
    if (recorder->decided_out > 0 && done(recorder_ask_monitoring(recorder, "restart_events", "()")) < 0)
        return -1;
    return calls_add_local(recorder, code, start);
}

/* --- pause and stop ----------------------------------------------------- */

int
recorder_pause(struct recorder *recorder)
{
    recorder->recording = false;
    if (recorder->events_on && recorder->toggles < TOGGLES_MAX)
        return set_events(recorder, false);
    return 0;
}

int
recorder_resume(struct recorder *recorder)
{
    if (!recorder->file) {
        PyErr_SetString(PyExc_RuntimeError, "nothing is being recorded");
        return -1;
    }
    greenlet_look(recorder);
    recorder->session++;
    region_forget_all(recorder);
    shared_map_clear(&recorder->generators); /* a frame's address may be another's by now: its death was not seen */
    recorder->recording = !recorder->failed;
    return recorder->events_on ? 0 : set_events(recorder, true);
}

/* How many code objects each --include and --exclude fits: the reader warns of a useless one. */
static size_t
put_rule_matches(const struct recorder *recorder, uint8_t *payload, size_t room)
{
    static const char key[] = "rule_matches";
    char text[512];
    size_t n = 0;
    for (size_t i = 0; i < recorder->scope.rule_count && n + 24 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%lu", i ? " " : "", recorder->scope.rules[i].matches);
    if (n + sizeof key + 2 * VARINT_MAX > room)
        return 0;
    uint8_t *p = writer_text(payload, key, sizeof key - 1);
    return (size_t)(writer_text(p, text, n) - payload);
}

static void
write_end(struct recorder *recorder, unsigned reason)
{
    uint8_t payload[1024];
    size_t room = FLOW_UNIT_SIZE - sizeof(struct flow_chunk_header);
    uint8_t *records = malloc(room);
    size_t n = put_rule_matches(recorder, payload, sizeof payload);
    uint8_t *p = records;
    if (!records)
        return;
    if (n && recorder->scope.rule_count)
        p = writer_put_extended(p, FLOW_EXTENDED_PROCESS, payload, n);
    if (recorder->unsaid) {
        const char *text = fault_reason(recorder->unsaid);
        p = writer_put_extended(p, FLOW_EXTENDED_LOST, payload,
                                (size_t)(writer_text(payload, text, strlen(text)) - payload));
    }
    uint8_t *end = varint_put(payload, reason);
    p = writer_put_extended(p, FLOW_EXTENDED_PROCESS_END, payload, (size_t)(end - payload));
    compat_lock(&recorder->shared); /* a thread may be deciding still */
    if (recorder->file->slot_units) /* what was written as it was found may have been let go */
        recorder->scope_log.written = 0;
    p = scope_log_put(&recorder->scope_log, p, records + room);
    p = source_log_put(&recorder->source_log, p, records + room);
    compat_unlock(&recorder->shared);
    trace_file_add_meta(recorder->file, recorder->process, recorder->pid, records, (size_t)(p - records));
    free(records);
}

/* It fails where the program has freed our tool id, and with it turned the events off. */
static void
turn_events_off(struct recorder *recorder)
{
    if (set_events(recorder, false) == 0)
        return;
    PyErr_Clear();
    recorder->events_on = false;
    recorder->tool = -1;
}

/* A callback that never came out may still write to the file. */
static void
close_file(struct recorder *recorder, bool unused)
{
    recorders_lock();
    struct trace_file *file = recorder->file;
    recorder->file = NULL;
    recorders_unlock();
    if (unused)
        trace_file_close(file);
}

static void
forget_watched(struct recorder *recorder)
{
    compat_lock(&recorder->shared);
    PyObject *end = recorder->session_end;
    PyObject *generators = recorder->watched_generators;
    recorder->session_end = recorder->watched_generators = NULL;
    recorder->watched_active = 0;
    recorder->session_is_watched = false;
    compat_unlock(&recorder->shared);
    Py_XDECREF(end);
    Py_XDECREF(generators);
}

int
recorder_stop(struct recorder *recorder, unsigned reason)
{
    identity_stop(recorder);
    if (recorder->events_on && (reason != 0 || (recorder->file && recorder->toggles < TOGGLES_MAX)))
        turn_events_off(recorder);
    if (!recorder->file)
        return 0;
    recorder->recording = false;
    if (recorder->forked) /* a child in which none of the user's code ran */
        recorder_after_fork(recorder);
    bool out = thread_wait_for_all(recorder);
    if (out)
        thread_close_all(recorder);
    write_end(recorder, reason);
    shared_map_clear(&recorder->generators);
    shared_map_clear(&recorder->spawns);
    shared_map_clear(&recorder->handles);
    shared_map_clear(&recorder->starting);
    region_forget_all(recorder);
    memset(recorder->exceptions, 0, sizeof recorder->exceptions);
    close_file(recorder, out);
    if (out)
        thread_free_retired(recorder);
    forget_watched(recorder);
    return 0;
}

/* In the child, at its first event: a process of its own in the same file. */
void
recorder_after_fork(struct recorder *recorder)
{
    recorder->forked = false;
    recorder->failed = false;
    recorder->unsaid = 0;
    if (recorder->file)
        trace_file_after_fork(recorder->file);
    int ret = recorder->file ? add_process(recorder, recorder->process) : -EBADF;
    if (ret < 0)
        recorder_fault(recorder, NULL, -ret);
    identity_after_fork(recorder);
    thread_after_fork(recorder);
}

void
recorder_unregister(struct recorder *recorder)
{
    for (int i = 0; i < EVENTS && recorder->tool >= 0; i++)
        if (register_callback(recorder, event_number(recorder, event_names[i]), Py_None) < 0)
            PyErr_Clear();
    for (int i = 0; i < CALL_EVENTS && recorder->tool >= 0; i++)
        if (register_callback(recorder, event_number(recorder, call_event_names[i]), Py_None) < 0)
            PyErr_Clear();
    if (recorder->tool >= 0 && done(recorder_ask_monitoring(recorder, "free_tool_id", "(i)", recorder->tool)) < 0)
        PyErr_Clear();
    recorder->tool = -1;
}

int
recorder_visit(struct recorder *recorder, visitproc visit, void *arg)
{
    for (int i = 0; i < EVENTS; i++)
        Py_VISIT(recorder->callbacks[i]);
    for (int i = 0; i < CALL_EVENTS; i++)
        Py_VISIT(recorder->call_callbacks[i]);
    Py_VISIT(recorder->monitoring);
    Py_VISIT(recorder->disable);
    Py_VISIT(recorder->running_loop);
    Py_VISIT(recorder->current_task);
    Py_VISIT(recorder->task_type);
    Py_VISIT(recorder->get_name);
    Py_VISIT(recorder->awaited);
    Py_VISIT(recorder->waiting);
    Py_VISIT(recorder->session_end);
    Py_VISIT(recorder->watched_generators);
    return value_names_visit(&recorder->names, visit, arg);
}

void
recorder_clear_references(struct recorder *recorder)
{
    value_names_clear(&recorder->names);
    for (int i = 0; i < EVENTS; i++)
        Py_CLEAR(recorder->callbacks[i]);
    for (int i = 0; i < CALL_EVENTS; i++)
        Py_CLEAR(recorder->call_callbacks[i]);
    Py_CLEAR(recorder->monitoring);
    Py_CLEAR(recorder->disable);
    Py_CLEAR(recorder->running_loop);
    Py_CLEAR(recorder->current_task);
    Py_CLEAR(recorder->task_type);
    Py_CLEAR(recorder->get_name);
    Py_CLEAR(recorder->awaited);
    Py_CLEAR(recorder->waiting);
    Py_CLEAR(recorder->asyncio_name);
    Py_CLEAR(recorder->thread_name);
    Py_CLEAR(recorder->pid_name);
    Py_CLEAR(recorder->cancel_name);
    Py_CLEAR(recorder->transport_pid_name);
    Py_CLEAR(recorder->call_name);
    Py_CLEAR(recorder->new_thread_name);
    Py_CLEAR(recorder->session_end);
    Py_CLEAR(recorder->watched_generators);
}

void
recorder_clear(struct recorder *recorder)
{
    recorder_stop(recorder, 0);
    PyErr_Clear();
    thread_release_all(recorder);
    recorders_remove(recorder);
    if (recorder->code_watcher >= 0 && PyCode_ClearWatcher(recorder->code_watcher) < 0)
        PyErr_Clear();
    recorder->code_watcher = -1;
    recorder_clear_references(recorder);
    function_forget_all(recorder);
    thread_free_retired(recorder);
    scope_log_clear(&recorder->scope_log);
    source_log_clear(&recorder->source_log);
    callable_forget_all(recorder);
    region_forget_functions(recorder);
    scope_clear(&recorder->scope);
    free(recorder->process_record);
    recorder->process_record = NULL;
    shared_map_clear(&recorder->generators);
    shared_map_clear(&recorder->spawns);
}

/* --- facts -------------------------------------------------------------- */

static PyObject *
list_of(char **strings, size_t count)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *string = PyUnicode_DecodeFSDefault(strings[i]);
        if (!string || PyList_Append(list, string) < 0)
            Py_CLEAR(list);
        Py_XDECREF(string);
    }
    return list;
}

static PyObject *
list_of_events(const struct recorder *recorder)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < (recorder->caught ? EVENTS : EVENTS_WITHOUT_CAUGHT); i++) {
        PyObject *name = PyUnicode_FromString(event_names[i]);
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

PyObject *
recorder_facts(struct recorder *recorder)
{
    static const char *const clocks[] = {"none", "CLOCK_MONOTONIC", "cycle counter"};
    uint32_t shift;
    uint32_t clock = recorder->file ? recorder->file->header->clock : (uint32_t)clock_choose(&shift);
    return Py_BuildValue(
        "{s:i, s:N, s:s, s:z, s:O, s:K, s:K, s:N, s:N, s:I}", "tool_id", recorder->tool, "events",
        list_of_events(recorder), "clock", clocks[clock <= 2 ? clock : 0], "path",
        recorder->file ? recorder->file->path : NULL, "recording", recorder->recording ? Py_True : Py_False,
        "code_in_scope", (unsigned long long)recorder->decided_in, "code_disabled",
        (unsigned long long)recorder->decided_out, "roots", list_of(recorder->scope.roots, recorder->scope.root_count),
        "library", list_of(recorder->scope.library, recorder->scope.library_count), "pid", recorder->pid);
}
