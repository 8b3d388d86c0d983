/* trace_types.c - Trace: an open file; and the iterator over its calls. */
#include <fnmatch.h>
#include <stdlib.h>

#include "../model/text.h"
#include "binding.h"

/* --- calls() ------------------------------------------------------------ */

/* Which calls are wanted; MODEL_NONE, 0 or NULL where it does not matter. */
struct calls {
    PyObject_HEAD
    struct trace *trace; /* Owned */
    uint32_t next;
    bool *functions;     /* Owned; by code index */
    uint32_t track;
    uint32_t under, under_end; /* the subtree of `under` is within these numbers */
    int outcome;
    uint64_t min_duration_ns;
};

static void
calls_dealloc(PyObject *self)
{
    struct calls *calls = (struct calls *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(calls->functions);
    Py_DECREF(calls->trace);
    PyObject_Free(self);
    Py_DECREF(type);
}

static bool
is_under(const struct model *model, uint32_t call, uint32_t under)
{
    while (call != MODEL_NONE && call > under)
        call = model->calls[call].parent;
    return call == under;
}

static bool
is_wanted(const struct calls *calls, uint32_t number)
{
    const struct model *model = &calls->trace->model;
    const struct call *call = &model->calls[number];
    return call->origin != CALL_INHERITED && (!calls->functions || calls->functions[call->code->index])
           && (calls->track == MODEL_NONE || call->track == calls->track)
           && (calls->outcome < 0 || call->outcome == calls->outcome) && call_duration(call) >= calls->min_duration_ns
           && (calls->under == MODEL_NONE || (number != calls->under && is_under(model, number, calls->under)));
}

static PyObject *
calls_next(PyObject *self)
{
    struct calls *calls = (struct calls *)self;
    uint32_t number; /* read once: without a GIL another thread may ask at the same time */
    while ((number = calls->next) < calls->trace->model.call_count) {
        calls->next = number + 1;
        if (is_wanted(calls, number))
            return binding_call(calls->trace, number);
    }
    return NULL;
}

static PyType_Slot calls_slots[] = {
    {Py_tp_dealloc, calls_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, calls_next},
    {0, NULL},
};

static PyType_Spec calls_spec = {.name = "flowtrace._core.Calls",
                                 .basicsize = sizeof(struct calls),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = calls_slots};

/* --- filters ------------------------------------------------------------ */

static bool
matches(struct slice name, const char *pattern)
{
    char text[1024];
    if (name.length >= sizeof text)
        return false;
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    const char *last = strrchr(text, '.');
    return fnmatch(pattern, text, 0) == 0 || (last && fnmatch(pattern, last + 1, 0) == 0);
}

/* Clears the functions whose name or module does not match. */
static int
choose_functions(struct calls *calls, PyObject *wanted, bool by_module)
{
    const struct reader *reader = &calls->trace->reader;
    const char *pattern = PyUnicode_Check(wanted) ? PyUnicode_AsUTF8(wanted) : NULL;
    uint32_t only = by_module ? MODEL_NONE : binding_number_of(calls->trace->types->function, calls->trace, wanted);
    if (PyErr_Occurred())
        return -1;
    if (!pattern && only == MODEL_NONE) {
        PyErr_SetString(PyExc_TypeError,
                        by_module ? "module must be a str" : "function must be a str or a Function of this trace");
        return -1;
    }
    if (!calls->functions) {
        calls->functions = PyMem_Malloc(reader->code_count + 1);
        if (!calls->functions) {
            PyErr_NoMemory();
            return -1;
        }
        memset(calls->functions, 1, reader->code_count + 1);
    }
    for (uint32_t i = 0; i < reader->code_count; i++) {
        struct slice name = by_module ? reader->codes[i]->module : reader->codes[i]->qualname;
        calls->functions[i] &= pattern ? matches(name, pattern) : i == only;
    }
    return 0;
}

static int
choose_outcome(struct calls *calls, PyObject *wanted)
{
    static const char *const outcomes[] = {"running", "returned", "raised", "abandoned"};
    for (int i = 0; i < 4; i++)
        if (PyUnicode_Check(wanted) && PyUnicode_CompareWithASCIIString(wanted, outcomes[i]) == 0) {
            calls->outcome = i;
            return 0;
        }
    PyErr_Format(PyExc_ValueError, "outcome must be \"returned\", \"raised\", \"running\" or \"abandoned\", not %R",
                 wanted);
    return -1;
}

static int
choose_item(const struct trace *trace, PyTypeObject *type, PyObject *wanted, const char *what, uint32_t *out)
{
    *out = binding_number_of(type, trace, wanted);
    if (*out != MODEL_NONE)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s of this trace, not %R", what, wanted);
    return -1;
}

static PyObject *
trace_calls(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"function", "module", "track", "outcome", "min_duration_ns", "under", NULL};
    PyObject *function = Py_None, *module = Py_None, *track = Py_None, *outcome = Py_None, *under = Py_None;
    unsigned long long min_duration = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOOKO:calls", names, &function, &module, &track, &outcome,
                                     &min_duration, &under))
        return NULL;
    struct trace *trace = (struct trace *)self;
    struct calls *calls = PyObject_New(struct calls, trace->types->calls);
    if (!calls)
        return NULL;
    calls->trace = (struct trace *)Py_NewRef(self);
    calls->next = 0;
    calls->functions = NULL;
    calls->track = calls->under = MODEL_NONE;
    calls->outcome = -1;
    calls->min_duration_ns = min_duration;
    if ((function != Py_None && choose_functions(calls, function, false) < 0)
        || (module != Py_None && choose_functions(calls, module, true) < 0)
        || (outcome != Py_None && choose_outcome(calls, outcome) < 0)
        || (track != Py_None
            && choose_item(trace, trace->types->track, track, "track must be a Track", &calls->track) < 0)
        || (under != Py_None
            && choose_item(trace, trace->types->call, under, "under must be a Call", &calls->under) < 0))
        Py_CLEAR(calls);
    return (PyObject *)calls;
}

/* --- Trace -------------------------------------------------------------- */

static PyObject *
trace_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", NULL};
    PyObject *path;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&:Trace", names, PyUnicode_FSConverter, &path))
        return NULL;
    struct trace *trace = (struct trace *)type->tp_alloc(type, 0);
    if (trace)
        trace->types = binding_types_of(PyType_GetModule(type));
    if (trace && binding_load(trace->types, &trace->reader, &trace->model, PyBytes_AS_STRING(path), 0) == 0) {
        trace->is_open = true;
        if (child_lists_build(&trace->children, &trace->model) < 0)
            PyErr_NoMemory();
        else
            trace->path = PyUnicode_DecodeFSDefault(PyBytes_AS_STRING(path));
    }
    if (trace && !trace->path)
        Py_CLEAR(trace);
    Py_DECREF(path);
    return (PyObject *)trace;
}

static void
trace_dealloc(PyObject *self)
{
    struct trace *trace = (struct trace *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (trace->is_open) {
        child_lists_free(&trace->children);
        model_free(&trace->model);
        reader_close(&trace->reader);
    }
    Py_XDECREF(trace->path);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
trace_call(PyObject *self, PyObject *number)
{
    struct trace *trace = (struct trace *)self;
    unsigned long n = PyLong_AsUnsignedLong(number);
    if (n == (unsigned long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return NULL;
        PyErr_Clear();
    }
    if (n && n <= trace->model.call_count)
        return binding_call(trace, (uint32_t)n - 1);
    return PyErr_Format(PyExc_IndexError, "no call %R: this trace has %u, numbered from 1", number,
                        trace->model.call_count);
}

static PyObject *
trace_events(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return binding_trace_events((struct trace *)self);
}

static PyObject *
trace_tracks(PyObject *self, void *Py_UNUSED(closure))
{
    struct trace *trace = (struct trace *)self;
    return binding_items(trace->types->track, trace, trace->model.track_count);
}

static PyObject *
trace_functions(PyObject *self, void *Py_UNUSED(closure))
{
    struct trace *trace = (struct trace *)self;
    return binding_items(trace->types->function, trace, trace->reader.code_count);
}

static PyObject *
trace_exceptions(PyObject *self, void *Py_UNUSED(closure))
{
    struct trace *trace = (struct trace *)self;
    return binding_items(trace->types->exception, trace, trace->model.exception_count);
}

static Py_ssize_t
trace_length(PyObject *self)
{
    return (Py_ssize_t)((struct trace *)self)->model.call_count;
}

static PyObject *
trace_repr(PyObject *self)
{
    const struct trace *trace = (const struct trace *)self;
    return PyUnicode_FromFormat("<Trace %R, %u calls>", trace->path, trace->model.call_count);
}

/* --- info --------------------------------------------------------------- */

/* Sets what process_info() finds for each key that any recorder writes. */
static int
add_texts(PyObject *dict, const struct process *process)
{
    static const char *const keys[] = {"program",  "command", "folder",    "python",       "executable",
                                       "platform", "host",    "flowtrace", "rule_matches", "no_identity",
                                       "build",    "mode",    "boot_id",   "settings",     "recovered"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct slice text = process_info(process, keys[i]);
        PyObject *value = text.length ? binding_str(text) : NULL;
        int ret = value ? PyDict_SetItemString(dict, keys[i], value) : PyErr_Occurred() ? -1 : 0;
        Py_XDECREF(value);
        if (ret < 0)
            return -1;
    }
    return 0;
}

static int
add_interpreter(PyObject *dict, const struct process *process)
{
    PyObject *text = process->interpreter.length ? binding_str(process->interpreter) : NULL;
    PyObject *number = text ? PyLong_FromUnicodeObject(text, 10) : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    if (text && !number && PyErr_ExceptionMatches(PyExc_ValueError)) { /* of a damaged file */
        PyErr_Clear();
        number = Py_NewRef(Py_None);
    }
    int ret = number ? PyDict_SetItemString(dict, "interpreter", number) : -1;
    Py_XDECREF(number);
    Py_XDECREF(text);
    return ret;
}

static int
add_roots(PyObject *dict, const struct process *process)
{
    struct slice roots = process_info(process, "roots");
    PyObject *text = binding_str(roots);
    PyObject *newline = text ? PyUnicode_FromString("\n") : NULL;
    PyObject *list = !newline ? NULL : roots.length ? PyUnicode_Split(text, newline, -1) : PyList_New(0);
    int ret = list ? PyDict_SetItemString(dict, "roots", list) : -1;
    Py_XDECREF(list);
    Py_XDECREF(newline);
    Py_XDECREF(text);
    return ret;
}

static PyObject *
process_dict(const struct process *process)
{
    PyObject *lost = process->lost.length ? binding_str(process->lost) : Py_NewRef(Py_None);
    PyObject *status = process->has_status ? PyLong_FromLong(process->wait_status) : Py_NewRef(Py_None);
    PyObject *dict = lost && status ? Py_BuildValue("{s:I, s:I, s:O, s:s, s:O, s:O}", "pid", process->pid, "run",
                                                    process->run, "ended", process->ended ? Py_True : Py_False, "end",
                                                    process_end(process), "wait_status", status, "lost", lost)
                                    : NULL;
    if (dict && (add_interpreter(dict, process) < 0 || add_roots(dict, process) < 0 || add_texts(dict, process) < 0))
        Py_CLEAR(dict);
    Py_XDECREF(status);
    Py_XDECREF(lost);
    return dict;
}

static PyObject *
module_dict(const struct module *module)
{
    static const char *const reasons[] = {
        [FLOW_SCOPE_ROOT] = "folder",         [FLOW_SCOPE_TYPED] = "no file",
        [FLOW_SCOPE_RULE] = "rule",           [FLOW_SCOPE_STANDARD] = "standard library",
        [FLOW_SCOPE_INSTALLED] = "installed", [FLOW_SCOPE_ELSEWHERE] = "elsewhere",
        [FLOW_SCOPE_GENERATED] = "generated",
    };
    PyObject *name = binding_str(module->name);
    PyObject *what = name ? binding_str(module->what) : NULL;
    PyObject *dict = what ? Py_BuildValue("{s:O, s:O, s:s, s:O}", "name", name, "recorded",
                                          module->recorded ? Py_True : Py_False, "why", reasons[module->why], "what",
                                          what)
                          : NULL;
    Py_XDECREF(what);
    Py_XDECREF(name);
    return dict;
}

static PyObject *
list_of_modules(const struct model *model)
{
    PyObject *modules = PyList_New(0);
    for (uint32_t i = 0; modules && i < model->module_count; i++) {
        PyObject *module = module_dict(&model->modules[i]);
        if (!module || PyList_Append(modules, module) < 0)
            Py_CLEAR(modules);
        Py_XDECREF(module);
    }
    return modules;
}

static PyObject *
trace_info(PyObject *self, void *Py_UNUSED(closure))
{
    const struct trace *trace = (const struct trace *)self;
    const struct flow_file_header *header = trace->reader.header;
    const struct flow_bound *bound = reader_bound(&trace->reader);
    unsigned long long bytes = bound ? bound->units * FLOW_UNIT_SIZE : 0;
    PyObject *processes = PyList_New(0);
    for (uint32_t i = 0; processes && i < trace->model.process_count; i++) {
        PyObject *process = process_dict(&trace->model.processes[i]);
        if (!process || PyList_Append(processes, process) < 0)
            Py_CLEAR(processes);
        Py_XDECREF(process);
    }
    if (!processes)
        return NULL;
    return Py_BuildValue(
        "{s:O, s:K, s:K, s:K, s:I, s:K, s:K, s:I, s:K, s:K, s:K, s:K, s:O, s:O, s:N, s:N}", "path", trace->path,
        "start_unix_ns", (unsigned long long)header->start_unix_ns, "start_monotonic_ns",
        (unsigned long long)header->start_mono_ns, "duration_ns", (unsigned long long)trace->model.duration_ns, "calls",
        trace->model.call_count, "lost_records", (unsigned long long)trace->model.lost_records, "damaged_chunks",
        (unsigned long long)trace->reader.damaged, "unrecorded_processes", header->unrecorded, "last",
        header->flags & FLOW_FILE_LAST ? bytes : 0, "limit", header->flags & FLOW_FILE_LAST ? 0 : bytes, "calls_let_go",
        bound ? (unsigned long long)bound->calls_let_go : 0, "calls_unplaced",
        bound ? (unsigned long long)bound->calls_unplaced : 0, "values",
        header->flags & FLOW_FILE_NO_VALUES ? Py_False : Py_True, "time",
        header->flags & FLOW_FILE_NO_TIME ? Py_False : Py_True, "processes", processes, "modules",
        list_of_modules(&trace->model));
}

static PyObject *
trace_sources(PyObject *self, void *Py_UNUSED(closure))
{
    return binding_sources(&((struct trace *)self)->model);
}

static PyGetSetDef trace_getset[] = {
    {"tracks", trace_tracks, NULL, "tuple of Track: threads, tasks and greenlets of all processes.", NULL},
    {"functions", trace_functions, NULL, "tuple of Function: those that were called.", NULL},
    {"exceptions", trace_exceptions, NULL, "tuple of ExceptionInfo: in order of their first appearance.", NULL},
    {"sources", trace_sources, NULL,
     "list of dicts, one for each file of functions: file, path, size, mtime_ns, hash (git's, of what it holds) as it\n"
     "was when it was recorded; and state, as it is now: \"same\", \"changed\", \"touched\" (of another time),\n"
     "\"gone\" or \"elsewhere\" (recorded on another machine).",
     NULL},
    {"info", trace_info, NULL,
     "dict: path, start_unix_ns (wall clock), start_monotonic_ns, duration_ns, calls, lost_records, damaged_chunks,\n"
     "unrecorded_processes, last, limit, calls_let_go, calls_unplaced, values, time; processes: a list of dicts with "
     "pid, ended, end, wait_status, lost, "
     "interpreter and what was "
     "known at the start;\n"
     "and modules: a list of dicts with name (of a top-level module), recorded (bool), why (\"folder\",\n"
     "\"no file\", \"rule\", \"standard library\", \"installed\", \"elsewhere\", \"generated\") and what (the folder "
     "or pattern).",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef trace_methods[] = {
    {"calls", (PyCFunction)(void (*)(void))trace_calls, METH_VARARGS | METH_KEYWORDS,
     "calls($self, *, function=None, module=None, track=None, outcome=None, min_duration_ns=0, under=None)\n--\n\n"
     "Iterates over the calls in order of their start; all of them, or those that every filter lets through.\n"
     "function and module are names or patterns (parse_*); function may be a Function; under is a Call\n"
     "whose callees, direct or not, are wanted."},
    {"call", trace_call, METH_O, "call($self, number, /)\n--\n\nThe call of that number; IndexError if there is none."},
    {"events", trace_events, METH_NOARGS,
     "events($self)\n--\n\nA list of tuples with the fields of CallEvent, in order of time."},
    {"_repr_html_", binding_trace_html, METH_NOARGS,
     "_repr_html_($self)\n--\n\nThe story as HTML, as notebooks show it: a tree that opens by click."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot trace_slots[] = {
    {Py_tp_doc, "Trace(path)\n--\n\nA recorded run, read from its file. Raises FlowTraceError for what is no trace."},
    {Py_tp_new, trace_new},
    {Py_tp_dealloc, trace_dealloc},
    {Py_tp_repr, trace_repr},
    {Py_sq_length, trace_length},
    {Py_tp_getset, trace_getset},
    {Py_tp_methods, trace_methods},
    {0, NULL},
};

static PyType_Spec trace_spec = {
    .name = "flowtrace.Trace", .basicsize = sizeof(struct trace), .flags = Py_TPFLAGS_DEFAULT, .slots = trace_slots};

int
binding_types_visit(struct binding_types *types, visitproc visit, void *arg)
{
    Py_VISIT(types->trace);
    Py_VISIT(types->call);
    Py_VISIT(types->function);
    Py_VISIT(types->track);
    Py_VISIT(types->exception);
    Py_VISIT(types->value);
    Py_VISIT(types->calls);
    Py_VISIT(types->location);
    Py_VISIT(types->wait);
    Py_VISIT(types->region);
    Py_VISIT(types->rows);
    Py_VISIT(types->error);
    Py_VISIT(types->progress);
    return 0;
}

void
binding_types_clear(struct binding_types *types)
{
    Py_CLEAR(types->trace);
    Py_CLEAR(types->call);
    Py_CLEAR(types->function);
    Py_CLEAR(types->track);
    Py_CLEAR(types->exception);
    Py_CLEAR(types->value);
    Py_CLEAR(types->calls);
    Py_CLEAR(types->location);
    Py_CLEAR(types->wait);
    Py_CLEAR(types->region);
    Py_CLEAR(types->rows);
    Py_CLEAR(types->error);
    Py_CLEAR(types->progress);
}

int
binding_add_trace_types(PyObject *module)
{
    struct binding_types *types = binding_types_of(module);
    types->error = PyErr_NewExceptionWithDoc(
        "flowtrace.FlowTraceError", "Something that FlowTrace was asked for can't be done; the message says why.", NULL,
        NULL);
    if (!types->error || PyModule_AddObjectRef(module, "FlowTraceError", types->error) < 0)
        return -1;
    types->trace = (PyTypeObject *)PyType_FromModuleAndSpec(module, &trace_spec, NULL);
    types->calls = (PyTypeObject *)PyType_FromModuleAndSpec(module, &calls_spec, NULL);
    if (!types->trace || !types->calls || PyModule_AddType(module, types->trace) < 0)
        return -1;
    return binding_add_call_types(module);
}
