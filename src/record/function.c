#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "callable.h"
#include "calls.h"
#include "recorder.h"
#include "secret.h"

#define PARAMETERS_MAX 255
#define PARAMETER_BYTES_MAX 4288 /* of all their names: a record must hold them and their values */
#define QUALNAME_MAX 512
#define MODULE_MAX 255
#define FILE_MAX 2048
#define PARAMETER_NAME_MAX 64

/* See function_is_mark(). */
static void *
out_of_scope(const struct recorder *recorder)
{
    return (void *)((uintptr_t)recorder->generation << 1 | 1);
}

static void
destroy(struct function *function)
{
    writer_code_free(&function->code);
    free(function->parameters);
    free(function);
}

void
function_destroy_list(struct function *first)
{
    while (first) {
        struct function *next = first->retired;
        destroy(first);
        first = next;
    }
}

void
function_free(struct recorder *recorder, struct function *function)
{
    Py_CLEAR(function->begin);
    Py_CLEAR(function->end);
    thread_retire_function(recorder, function);
}

/* --- the table ------------------------------------------------------------ */

static void *
get(const struct recorder *recorder, PyCodeObject *code)
{
    return code_table_get(&recorder->codes, code);
}

static struct function *
as_function(void *known)
{
    return function_is_mark(known) ? NULL : known;
}

/* The caller has locked recorder->shared. What was there before is freed. */
static bool
put(struct recorder *recorder, PyCodeObject *code, void *known)
{
    struct function *before = as_function(get(recorder, code));
    if (!code_table_put(&recorder->codes, code, known))
        return false;
    if (before && before != known)
        function_free(recorder, before);
    return true;
}

void
function_forget(struct recorder *recorder, const PyCodeObject *code)
{
    compat_lock(&recorder->shared);
    struct function *function = as_function(code_table_remove(&recorder->codes, code));
    if (function)
        function->of = NULL;
    compat_unlock(&recorder->shared);
    if (function)
        function_free(recorder, function);
}

static void
free_known(void *known)
{
    struct function *function = as_function(known);
    if (!function)
        return;
    Py_CLEAR(function->begin);
    Py_CLEAR(function->end);
    destroy(function);
}

void
function_forget_all(struct recorder *recorder)
{
    code_table_clear(&recorder->codes, free_known);
}

/* --- what the trace says of a function ---------------------------------- */

static char *
copy_text(PyObject *string, size_t limit)
{
    char *copy = malloc(limit + 1);
    if (!copy)
        return NULL;
    size_t n = string && PyUnicode_Check(string) ? value_name(string, copy, limit + 1) : 0;
    copy[n] = '\0';
    char *fitted = realloc(copy, n + 1);
    return fitted ? fitted : copy;
}

static uint32_t
code_flags(PyCodeObject *code)
{
    if (code->co_flags & CO_ASYNC_GENERATOR)
        return FLOW_CODE_ASYNC_GENERATOR;
    if (code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))
        return FLOW_CODE_COROUTINE;
    if (code->co_flags & CO_GENERATOR)
        return FLOW_CODE_GENERATOR;
    if (code->co_flags & CO_OPTIMIZED)
        return 0;
    bool is_module = PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0;
    return is_module ? FLOW_CODE_MODULE : FLOW_CODE_CLASS;
}

/* Parameters come first among the locals: positional, keyword-only, *args, **kwargs; the trace has them
 * as they are written. co_varnames would be a tuple made for us, which the code keeps: gc.get_objects() shows it. */
static bool
add_parameters(struct function *function, PyCodeObject *code)
{
    int plain = code->co_argcount;
    int keyword = code->co_kwonlyargcount;
    bool star = code->co_flags & CO_VARARGS;
    bool kwargs = code->co_flags & CO_VARKEYWORDS;
    int count = plain + keyword + star + kwargs;
    if (!(code->co_flags & CO_OPTIMIZED))
        count = 0;
    if (count > PARAMETERS_MAX)
        count = PARAMETERS_MAX;
    PyObject *locals = code->co_localsplusnames; /* Borrowed */
    function->code.parameters = calloc((size_t)count + 1, sizeof *function->code.parameters);
    function->parameters = calloc((size_t)count + 1, sizeof *function->parameters);
    bool ok = function->code.parameters && function->parameters;
    size_t bytes = 0;
    for (int i = 0; ok && i < count && bytes + PARAMETER_NAME_MAX + 3 <= PARAMETER_BYTES_MAX; i++) {
        int source = i;
        enum flow_parameter kind = FLOW_PARAMETER_PLAIN;
        if (i < plain)
            kind = i < code->co_posonlyargcount ? FLOW_PARAMETER_POSITIONAL_ONLY : FLOW_PARAMETER_PLAIN;
        else if (star && i == plain) {
            kind = FLOW_PARAMETER_VAR_POSITIONAL;
            source = plain + keyword;
        }
        else if (i < plain + star + keyword) {
            kind = FLOW_PARAMETER_KEYWORD_ONLY;
            source = i - star;
        }
        else
            kind = FLOW_PARAMETER_VAR_KEYWORD;
        char *text = copy_text(PyTuple_GET_ITEM(locals, source), PARAMETER_NAME_MAX);
        ok = text != NULL;
        bytes += ok ? strlen(text) + 3 : 0;
        function->parameters[i] = (struct parameter_plan){.place = source, .is_cell = frame_is_cell(code, source)};
        function->code.parameters[i].name = text;
        function->code.parameters[i].kind = (uint8_t)kind;
        function->code.parameter_count += ok;
    }
    PyErr_Clear();
    return ok;
}

/* What get_password() returns is secret as well. */
static void
judge_secrets(const struct recorder *recorder, struct function *function)
{
    const struct secret_rules *rules = &recorder->names.secrets;
    for (uint32_t i = 0; i < function->code.parameter_count; i++) {
        const char *name = function->code.parameters[i].name;
        function->parameters[i].secret = secret_is_name(rules, name, strlen(name));
    }
    const char *dot = strrchr(function->code.qualname, '.');
    const char *name = dot ? dot + 1 : function->code.qualname;
    function->secret_result = secret_is_result(rules, name);
}

static bool
first_is_self(const struct function *function)
{
    if (function->code.parameter_count == 0 || !strchr(function->code.qualname, '.'))
        return false;
    const char *name = function->code.parameters[0].name;
    return strcmp(name, "self") == 0 || strcmp(name, "cls") == 0;
}

static struct function *
make_function(struct recorder *recorder, PyCodeObject *code, char *module)
{
    struct function *function = calloc(1, sizeof *function);
    if (!function) {
        free(module);
        return NULL;
    }
    function->start_offset = -1;
    function->of = code;
    function->generation = recorder->generation;
    function->code.number = recorder->next_function++;
    function->code.flags = code_flags(code);
    function->code.first_line = code->co_firstlineno > 0 ? (uint32_t)code->co_firstlineno : 0;
    function->code.qualname = copy_text(code->co_qualname, QUALNAME_MAX);
    function->code.file = copy_text(code->co_filename, FILE_MAX);
    function->code.module = module;
    bool ok = function->code.qualname && function->code.file && module && add_parameters(function, code);
    if (!ok) {
        destroy(function);
        return NULL;
    }
    function->has_self = first_is_self(function);
    judge_secrets(recorder, function);
    return function;
}

/* --- the decision ------------------------------------------------------- */

PyObject *
function_find_global(PyObject *globals, const char *name)
{
    Py_ssize_t position = 0;
    PyObject *key, *value;
    PyObject *found = NULL;
    if (!globals || !PyDict_Check(globals))
        return NULL;
    COMPAT_LOCK_OBJECT(globals);
    while (!found && PyDict_Next(globals, &position, &key, &value))
        if (PyUnicode_CheckExact(key) && PyUnicode_CompareWithASCIIString(key, name) == 0)
            found = compat_hold(value);
    COMPAT_UNLOCK_OBJECT();
    return found;
}

/* New reference to the globals of the running frame, or of the nearest caller that knows its module. NULL
 * without memory. */
static PyObject *
module_globals(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *globals = NULL;
    for (int i = 0; frame && i < 8; i++) {
        Py_XSETREF(globals, PyFrame_GetGlobals(frame));
        if (function_find_global(globals, "__name__"))
            break;
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    Py_XDECREF(frame);
    return globals;
}

static char *
global_text(PyObject *globals, const char *name, size_t limit)
{
    return copy_text(function_find_global(globals, name), limit);
}

/* The standard library's own templates are no code of the user's. */
static bool
is_generated(const char *file, const char *qualname)
{
    return strncmp(qualname, "__create_fn__", 13) == 0 || strncmp(file, "<attrs generated", 16) == 0;
}

/* A library that writes code for the user's module (dataclasses, namedtuple) runs its body itself. */
static bool
is_run_by_library(const struct scope *scope, const char *file, const char *qualname)
{
    if (file[0] != '<' || strcmp(qualname, "<module>") != 0)
        return false;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyFrameObject *back = frame ? PyFrame_GetBack(frame) : NULL;
    PyCodeObject *code = back ? PyFrame_GetCode(back) : NULL;
    char *caller = code ? copy_text(code->co_filename, FILE_MAX) : NULL;
    bool library = caller && scope_is_library(scope, caller);
    free(caller);
    Py_XDECREF(code);
    Py_XDECREF(back);
    Py_XDECREF(frame);
    return library;
}

static enum link
find_link(const char *file, const char *qualname)
{
    static const struct {
        const char *file_end, *qualname;
        enum link link;
    } known[] = {
        {"/asyncio/base_events.py", "BaseEventLoop.create_task", LINK_TASK_CREATE},
        {"/asyncio/tasks.py", "create_task", LINK_TASK_RETURN},
        {"/asyncio/taskgroups.py", "TaskGroup.create_task", LINK_TASK_RETURN},
        {"/asyncio/tasks.py", "ensure_future", LINK_TASK_ENSURE},
        {"/threading.py", "Thread.start", LINK_THREAD_START},
        {"/threading.py", "Thread._bootstrap_inner", LINK_THREAD_BOOTSTRAP},
        {"/concurrent/futures/thread.py", "_WorkItem.__init__", LINK_JOB_INIT},
        {"/concurrent/futures/thread.py", "_WorkItem.run", LINK_JOB_RUN},
        {"/subprocess.py", "Popen._execute_child", LINK_PROCESS},
        {"/multiprocessing/util.py", "spawnv_passfds", LINK_PROCESS},
        {"/multiprocessing/popen_forkserver.py", "Popen._launch", LINK_PROCESS},
        {"/asyncio/events.py", "Handle.__init__", LINK_HANDLE_INIT},
        {"/asyncio/events.py", "Handle._run", LINK_HANDLE_RUN},
        {"/greenlet/__init__.py", "<module>", LINK_GREENLET},
        {"/gevent/__init__.py", "<module>", LINK_HUB},
        {"/eventlet/__init__.py", "<module>", LINK_HUB},
        {"/asyncio/timeouts.py", "Timeout.__init__", LINK_TIMEOUT},
        {"/asyncio/taskgroups.py", "TaskGroup.__aenter__", LINK_TASK_GROUP},
        {"/multiprocessing/popen_fork.py", "Popen._launch", LINK_PROCESS},
        {"/os.py", "_spawnvef", LINK_SPAWNV},
        {"frozen os>", "_spawnvef", LINK_SPAWNV},
        {"/subprocess.py", "Popen._handle_exitstatus", LINK_EXIT_STATUS},
        {"/asyncio/base_subprocess.py", "BaseSubprocessTransport._process_exited", LINK_TRANSPORT_EXIT},
        {"/multiprocessing/popen_fork.py", "Popen.poll", LINK_POLL},
        {"/multiprocessing/popen_forkserver.py", "Popen.poll", LINK_POLL},
        {"/multiprocessing/process.py", "BaseProcess._bootstrap", LINK_BOOTSTRAP},
    };
    size_t length = strlen(file);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t end = strlen(known[i].file_end);
        if (length > end && strcmp(file + length - end, known[i].file_end) == 0
            && strcmp(qualname, known[i].qualname) == 0)
            return known[i].link;
    }
    return LINK_NONE;
}

/* The -c code that multiprocessing starts its own processes with is nobody's program. */
static bool
starts_multiprocessing(PyCodeObject *code, const char *file, const char *qualname)
{
    static const char *const modules[] = {"multiprocessing.spawn", "multiprocessing.forkserver",
                                          "multiprocessing.resource_tracker"};
    if (strcmp(file, "<string>") != 0 || strcmp(qualname, "<module>") != 0)
        return false;
    /* One of the first two that it imports: 3.14 imports sys before. */
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names) && i < 2; i++)
        for (size_t k = 0; k < sizeof modules / sizeof *modules; k++)
            if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(code->co_names, i), modules[k]) == 0)
                return true;
    return false;
}

/* *module is NULL if there was no memory to decide anything. */
static bool
decide(struct recorder *recorder, PyCodeObject *code, PyObject *known_globals, char **module, enum link *link)
{
    PyObject *globals = known_globals ? Py_NewRef(known_globals) : module_globals();
    *module = global_text(globals, "__name__", MODULE_MAX);
    char *module_file = global_text(globals, "__file__", FILE_MAX);
    char *file = copy_text(code->co_filename, FILE_MAX);
    char *qualname = copy_text(code->co_qualname, QUALNAME_MAX);
    bool has = false;
    if (!globals || !module_file || !file || !qualname) {
        free(*module);
        *module = NULL;
    }
    if (*module) {
        *link = find_link(file, qualname);
        bool own = strncmp(*module, "flowtrace", 9) == 0 && ((*module)[9] == '.' || (*module)[9] == '\0');
        if (!own && !is_generated(file, qualname) && !starts_multiprocessing(code, file, qualname)
            && !is_run_by_library(&recorder->scope, file, qualname)) {
            struct scope_verdict verdict = scope_decide(&recorder->scope, file, *module, module_file);
            scope_log_add(&recorder->scope_log, *module, verdict);
            has = verdict.in;
        }
    }
    free(module_file);
    free(file);
    free(qualname);
    Py_XDECREF(globals);
    PyErr_Clear();
    return has;
}

/* Calls of this code would be missing from here on. */
static struct function *
no_memory(struct recorder *recorder)
{
    recorder_fault(recorder, thread_get(recorder), ENOMEM);
    return NULL;
}

/* What was decided now. */
struct verdict {
    bool is_new, in_scope;
    enum link link;
};

/* A module that is imported anew may be another version. */
static void
note_source(struct recorder *recorder, const struct function *function)
{
    if (!function->in_scope)
        return;
    source_log_add(recorder, function->code.file, function->code.flags & FLOW_CODE_MODULE);
    source_log_write(recorder);
}

static struct function *
first_sight(struct recorder *recorder, PyCodeObject *code, PyObject *globals, struct function *before,
            struct verdict *out)
{
    char *module = NULL;
    enum link link = LINK_NONE;
    bool in_scope = decide(recorder, code, globals, &module, &link);
    if (link == LINK_GREENLET || link == LINK_HUB) {
        *(link == LINK_HUB ? &recorder->hub : &recorder->greenlets) = true;
        link = LINK_NONE;
    }
    struct function *function = before;
    if (!module)
        return no_memory(recorder);
    if (function && function->code.flags & FLOW_CODE_LIBRARY) /* it says less than one of the program's own does */
        function = NULL;
    scope_log_write(recorder, in_scope);
    *out = (struct verdict){true, in_scope, link};
    recorder->decided_in += in_scope;
    recorder->decided_out += !in_scope;
    if (function) { /* known from a recording with another scope, or watched */
        if (!function->code.module[0]) {
            free(function->code.module);
            function->code.module = module;
        }
        else {
            free(module);
        }
        function->in_scope = in_scope || function->watched;
        judge_secrets(recorder, function);
        function->generation = recorder->generation;
        note_source(recorder, function);
        return function;
    }
    void *known = out_of_scope(recorder);
    if (in_scope || link != LINK_NONE) {
        function = make_function(recorder, code, module);
        if (!function)
            return no_memory(recorder);
        function->in_scope = in_scope;
        function->link = in_scope ? LINK_NONE : link;
        known = function;
        note_source(recorder, function);
    }
    else {
        free(module);
    }
    if (!put(recorder, code, known)) {
        free_known(known);
        return no_memory(recorder);
    }
    return function;
}

/* Another thread may be looking at it for the first time as well. Local events are set without the lock: that stops
 * all threads. */
static struct function *
look_again(struct recorder *recorder, PyCodeObject *code, PyObject *globals)
{
    struct verdict verdict = {0};
    size_t mark = compat_mark();
    compat_lock(&recorder->shared);
    void *known = get(recorder, code);
    struct function *function = as_function(known);
    if (known != out_of_scope(recorder) && (!function || function->generation != recorder->generation))
        function = first_sight(recorder, code, globals, function, &verdict);
    compat_unlock(&recorder->shared);
    if (verdict.is_new)
        calls_watch(recorder, code, verdict.in_scope, verdict.link);
    compat_let_go(mark);
    return function;
}

struct function *
function_known(struct recorder *recorder, PyCodeObject *code)
{
    struct function *function = as_function(get(recorder, code));
    return function && function->generation == recorder->generation ? function : NULL;
}

struct function *
function_decide(struct recorder *recorder, PyCodeObject *code, PyObject *globals)
{
    void *known = get(recorder, code);
    if (known == out_of_scope(recorder))
        return NULL;
    struct function *function = as_function(known);
    if (!function || function->generation != recorder->generation)
        function = look_again(recorder, code, globals);
    return function && (function->in_scope || function->link != LINK_NONE) ? function : NULL;
}

/* --- library code ------------------------------------------------------- */

static void
as_library(struct recorder *recorder, struct function *function)
{
    for (uint32_t i = 0; i < function->code.parameter_count; i++)
        free(function->code.parameters[i].name);
    function->code.parameter_count = 0;
    function->code.flags |= FLOW_CODE_LIBRARY;
    function->boundary = true;
    if (function->link == LINK_NONE)
        function->link = LINK_LIBRARY;
    function->generation = recorder->generation;
}

/* What it is known as, in place of what its code says. False without memory. */
static bool
name_library(struct function *function, PyCodeObject *code, PyObject *globals)
{
    char *module = global_text(globals, "__name__", MODULE_MAX);
    char *qualname = copy_text(code->co_qualname, QUALNAME_MAX);
    const char *name = qualname;
    char *public = module && qualname ? callable_public_module(module, &name, (PyObject *)code) : NULL;
    char *known_as = public ? strdup(name) : NULL;
    free(module);
    free(qualname);
    if (!known_as) {
        free(public);
        return false;
    }
    free(function->code.module);
    free(function->code.qualname);
    function->code.module = public;
    function->code.qualname = known_as;
    return true;
}

/* One that only tells of links becomes one whose calls are recorded. Without a GIL that is another: threads may be
 * looking at it. */
static struct function *
make_library(struct recorder *recorder, PyCodeObject *code, PyObject *globals)
{
    struct function *known = function_known(recorder, code);
    if (known && known->boundary) /* another thread was faster */
        return known;
    bool made = COMPAT_FREE_THREADED || !known;
    struct function *function = made ? make_function(recorder, code, copy_text(NULL, 0)) : known;
    bool ok = function && name_library(function, code, globals);
    if (ok) {
        function->link = known ? known->link : LINK_NONE;
        as_library(recorder, function);
        ok = !made || put(recorder, code, function);
    }
    if (!ok) {
        PyErr_Clear();
        if (made)
            free_known(function);
        return no_memory(recorder);
    }
    return function;
}

struct function *
function_make_library(struct recorder *recorder, PyCodeObject *code, PyObject *globals)
{
    size_t mark = compat_mark();
    compat_lock(&recorder->shared);
    struct function *function = make_library(recorder, code, globals);
    compat_unlock(&recorder->shared);
    if (function)
        calls_watch_returns(recorder, code);
    compat_let_go(mark);
    return function;
}

struct function *
function_named(struct recorder *recorder, const char *qualname, char *module)
{
    struct function *function = calloc(1, sizeof *function);
    char *name = strdup(qualname);
    char *file = strdup("");
    if (!function || !name || !file) {
        free(function);
        free(name);
        free(file);
        free(module);
        recorder_fault(recorder, thread_get(recorder), ENOMEM);
        return NULL;
    }
    function->code.number = recorder->next_function++;
    function->code.qualname = name;
    function->code.module = module;
    function->code.file = file;
    as_library(recorder, function);
    function->next_named = recorder->named_functions;
    recorder->named_functions = function;
    return function;
}

/* --- @trace ------------------------------------------------------------- */

struct function *
function_watched(struct recorder *recorder, PyCodeObject *code)
{
    struct function *function = as_function(get(recorder, code));
    return function && function->watched ? function : NULL;
}

struct function *
function_watch(struct recorder *recorder, PyCodeObject *code, PyObject *begin, PyObject *end)
{
    compat_lock(&recorder->shared);
    struct function *function = as_function(get(recorder, code));
    if (!function) {
        function = make_function(recorder, code, copy_text(NULL, 0));
        if (!function || !put(recorder, code, function)) {
            compat_unlock(&recorder->shared);
            free_known(function);
            PyErr_NoMemory();
            return NULL;
        }
    }
    recorder->watched_functions += !function->watched;
    function->watched = function->in_scope = true;
    function->boundary = false;
    if (function->link == LINK_LIBRARY)
        function->link = LINK_NONE;
    PyObject *old_begin = function->begin;
    PyObject *old_end = function->end;
    function->begin = Py_NewRef(begin);
    function->end = Py_NewRef(end);
    compat_unlock(&recorder->shared);
    Py_XDECREF(old_begin);
    Py_XDECREF(old_end);
    return function;
}
