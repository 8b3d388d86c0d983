/* module.c - flowtrace._core: the recorder's functions, and the types that read traces. */
#include "../record/recorder.h"
#include "binding.h"

/* The state of the module. */
struct core {
    struct recorder recorder; /* first: the callbacks take the state for it */
    struct binding_types types;
};

struct binding_types *
binding_types_of(PyObject *module)
{
    return &((struct core *)PyModule_GetState(module))->types;
}

/* --- recorder ----------------------------------------------------------- */

static struct recorder *
recorder_of(PyObject *module)
{
    return PyModule_GetState(module);
}

static int
end_at_exit(PyObject *module)
{
    PyObject *modules = PyImport_GetModuleDict(); /* Borrowed */
    bool was_there = modules && PyDict_GetItemString(modules, "atexit");
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *end = atexit ? PyObject_GetAttrString(module, "_end") : NULL;
    PyObject *result = end ? PyObject_CallMethod(atexit, "register", "O", end) : NULL;
    /* The program must not find a module that it has not imported, nor in its gc.collect() one that is in a cycle. */
    if (result && !was_there) {
        if (PyDict_DelItemString(modules, "atexit") < 0)
            PyErr_Clear();
        PyDict_Clear(PyModule_GetDict(atexit));
    }
    Py_XDECREF(result);
    Py_XDECREF(end);
    Py_XDECREF(atexit);
    return result ? 0 : -1;
}

static int
start(PyObject *module, struct recorder_options *options)
{
    struct recorder *recorder = recorder_of(module);
    if (recorder_start(recorder, options) < 0)
        return -1;
    if (recorder->ends_at_exit)
        return 0;
    recorder->ends_at_exit = true;
    return end_at_exit(module);
}

static PyObject *
record_join(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "roots", "library", "rules", "info", "settings", "secrets", NULL};
    PyObject *path;
    struct recorder_options options = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&$O!O!O!O!O!O!:record_join", names, PyUnicode_FSConverter, &path,
                                     &PyList_Type, &options.roots, &PyList_Type, &options.library, &PyList_Type,
                                     &options.rules, &PyDict_Type, &options.info, &PyDict_Type, &options.settings,
                                     &PyList_Type, &options.secrets))
        return NULL;
    options.path = PyBytes_AS_STRING(path);
    int ret = start(module, &options);
    Py_DECREF(path);
    return ret < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
record_start(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "values",   "time",    "roots", "library", "rules",
                            "info", "settings", "secrets", "last",  "limit",   NULL};
    PyObject *path;
    unsigned long long last = 0;
    unsigned long long limit = 0;
    int values = 1;
    int time = 1;
    struct recorder_options options = {.create = true};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$ppO!O!O!O!O!O!KK:record_start", names, PyUnicode_FSConverter,
                                     &path, &values, &time, &PyList_Type, &options.roots, &PyList_Type,
                                     &options.library, &PyList_Type, &options.rules, &PyDict_Type, &options.info,
                                     &PyDict_Type, &options.settings, &PyList_Type, &options.secrets, &last, &limit))
        return NULL;
    if (!options.roots || !options.library || !options.rules || !options.info || !options.settings
        || !options.secrets) {
        PyErr_SetString(PyExc_TypeError, "record_start() needs all of roots, library, rules, info, settings, secrets");
        Py_DECREF(path);
        return NULL;
    }
    options.path = PyBytes_AS_STRING(path);
    options.last = last;
    options.limit = limit;
    options.values = values;
    options.time = time;
    int ret = start(module, &options);
    Py_DECREF(path);
    return ret < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
record_stop(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return recorder_stop(recorder_of(module), 0) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
end(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    struct recorder *recorder = recorder_of(module);
    bool asked = recorder->hash_at_end && recorder->process == 1 && recorder->file && !recorder->forked;
    char *path = asked ? strdup(recorder->file->path) : NULL;
    int ret = recorder_stop(recorder, 1);
    if (path && ret == 0)
        binding_hash_quietly(path);
    free(path);
    if (ret < 0)
        return NULL;
    if (PyInterpreterState_Get() != PyInterpreterState_Main())
        recorder_unregister(recorder);
    Py_RETURN_NONE;
}

static PyObject *
record_pause(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return recorder_pause(recorder_of(module)) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
record_resume(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return recorder_resume(recorder_of(module)) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
recording(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(recorder_of(module)->recording);
}

static PyObject *
record_facts(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return recorder_facts(recorder_of(module));
}

/* What the benchmarks measure the interpreter's own cost of an event with. */
static PyObject *
nothing(PyObject *Py_UNUSED(module), PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(count))
{
    Py_RETURN_NONE;
}

static PyObject *
watch(PyObject *module, PyObject *args)
{
    PyObject *code, *begin, *finish;
    if (!PyArg_ParseTuple(args, "O!OO:watch", &PyCode_Type, &code, &begin, &finish))
        return NULL;
    return recorder_watch(recorder_of(module), (PyCodeObject *)code, begin, finish) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
check_settings(PyObject *module, PyObject *settings)
{
    if (!PyDict_Check(settings)) {
        PyErr_SetString(PyExc_TypeError, "settings must be a dict of str to int");
        return NULL;
    }
    return recorder_apply_settings(recorder_of(module), settings) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
obstacle(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("z", identity_obstacle());
}

static PyObject *
redact(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *words, *rules;
    if (!PyArg_ParseTuple(args, "O!O!:redact", &PyList_Type, &words, &PyList_Type, &rules))
        return NULL;
    return recorder_redact(words, rules);
}

static PyObject *
create_trace(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "values", "time", "last", "limit", "hold", NULL};
    PyObject *path;
    unsigned long long last = 0;
    unsigned long long limit = 0;
    int values = 1;
    int time = 1;
    int hold = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$ppKKp:create_trace", names, PyUnicode_FSConverter, &path,
                                     &values, &time, &last, &limit, &hold))
        return NULL;
    struct trace_settings settings = {.values = values, .time = time, .last = last, .limit = limit};
    struct trace_file *file;
    int ret = trace_file_create(&file, PyBytes_AS_STRING(path), &settings);
    if (ret < 0) {
        errno = -ret;
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(path));
    }
    int held = ret == 0 && hold ? trace_file_hold(file) : -1;
    if (ret == 0)
        trace_file_close(file);
    Py_DECREF(path);
    return ret < 0 ? NULL : PyLong_FromLong(held);
}

/* --- module ------------------------------------------------------------- */

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"create_trace", WITH_KEYWORDS(create_trace), NULL},
    {"check_settings", check_settings, METH_O, NULL},
    {"identity_obstacle", obstacle, METH_NOARGS, NULL},
    {"redact", redact, METH_VARARGS, NULL},
    {"record_join", WITH_KEYWORDS(record_join), NULL},
    {"record_start", WITH_KEYWORDS(record_start), NULL},
    {"record_stop", record_stop, METH_NOARGS, NULL},
    {"record_pause", record_pause, METH_NOARGS, NULL},
    {"record_resume", record_resume, METH_NOARGS, NULL},
    {"recording", recording, METH_NOARGS, NULL},
    {"record_facts", record_facts, METH_NOARGS, NULL},
    {"watch", watch, METH_VARARGS, NULL},
    {"note", (PyCFunction)(void (*)(void))binding_note, METH_FASTCALL | METH_KEYWORDS, binding_note_doc},
    {"_region_at", binding_region_at, METH_VARARGS, NULL},
    {"_nothing", (PyCFunction)(void (*)(void))nothing, METH_FASTCALL, NULL},
    {"_end", end, METH_NOARGS, NULL},
    {"show", WITH_KEYWORDS(binding_show), NULL},
    {"html", WITH_KEYWORDS(binding_html), NULL},
    {"find", WITH_KEYWORDS(binding_find), NULL},
    {"export", WITH_KEYWORDS(binding_export), NULL},
    {"set_progress", binding_set_progress, METH_O, NULL},
    {"table_columns", binding_table_columns, METH_NOARGS, NULL},
    {"info", WITH_KEYWORDS(binding_info), NULL},
    {"diff", WITH_KEYWORDS(binding_diff), NULL},
    {"graph", WITH_KEYWORDS(binding_graph), NULL},
    {"report", WITH_KEYWORDS(binding_report), NULL},
    {"live", binding_live, METH_O, NULL},
    {"show_since", WITH_KEYWORDS(binding_show_since), NULL},
    {"verify", binding_verify, METH_O, NULL},
    {"add_status", WITH_KEYWORDS(binding_add_status), NULL},
    {"hash_sources", binding_hash, METH_O, NULL},
    {"limit_reached", binding_limit_reached, METH_O, NULL},
    {"why_stopped", binding_why_stopped, METH_O, NULL},
    {"recover", binding_recover, METH_VARARGS, NULL},
    {"trace_start", binding_trace_start, METH_O, NULL},
    {"merge", binding_merge, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    if (recorder_init(recorder_of(module), module) < 0)
        return -1;
    if (binding_add_trace_types(module) < 0 || binding_add_table_types(module) < 0)
        return -1;
    return binding_add_region(module) < 0 ? -1 : binding_add_constants(module);
}

static int
module_visit(PyObject *module, visitproc visit, void *arg)
{
    struct core *core = PyModule_GetState(module);
    int ret = core ? recorder_visit(&core->recorder, visit, arg) : 0;
    return core && ret == 0 ? binding_types_visit(&core->types, visit, arg) : ret;
}

static int
module_clear(PyObject *module)
{
    struct core *core = PyModule_GetState(module);
    if (core) {
        recorder_clear_references(&core->recorder);
        binding_types_clear(&core->types);
    }
    return 0;
}

static void
module_free(void *module)
{
    struct core *core = PyModule_GetState(module);
    if (core) {
        recorder_clear(&core->recorder);
        binding_types_clear(&core->types);
    }
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "flowtrace._core",
    .m_doc = "The recorder and the reader of FlowTrace, in C.",
    .m_size = sizeof(struct core),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = module_visit,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
