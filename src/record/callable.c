#include "callable.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "hash.h"

#define MODULE_MAX 255
#define NAME_MAX_BYTES 255
#define CALLABLES_MAX 50000 /* C functions and types that are kept in mind */

/* --- what is worth a line ----------------------------------------------- */

/* Modules that everybody's code is made of: what they do is no step of a program's story. */
static bool
is_quiet(const char *module)
{
    static const char *const quiet[] = {"abc",       "collections", "contextlib", "dataclasses", "enum",  "functools",
                                        "itertools", "math",        "operator",   "types",       "typing"};
    module += *module == '_';
    size_t length = strcspn(module, ".");
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
        if (strlen(quiet[i]) == length && strncmp(module, quiet[i], length) == 0)
            return true;
    return false;
}

/* Builtins that do more than compute. */
static bool
is_loud_builtin(const char *name)
{
    static const char *const loud[] = {"eval", "exec", "input", "open", "print", "sorted"};
    for (size_t i = 0; i < sizeof loud / sizeof *loud; i++)
        if (strcmp(name, loud[i]) == 0)
            return true;
    return false;
}

static bool
is_dunder(const char *name, size_t length)
{
    return length > 4 && name[0] == '_' && name[1] == '_' && name[length - 1] == '_' && name[length - 2] == '_';
}

static bool
is_own(const char *module)
{
    return strncmp(module, "flowtrace", 9) == 0 && (module[9] == '.' || module[9] == '\0');
}

static bool
is_worth_a_line(const char *module, const char *name)
{
    if (strcmp(module, "builtins") == 0)
        return is_loud_builtin(name);
    return *module && !is_quiet(module) && !is_own(module);
}

/* --- modules ------------------------------------------------------------ */

static void
copy_str(PyObject *string, char *out, size_t room)
{
    bool complete;
    out[string && PyUnicode_Check(string) ? value_utf8(string, out, room - 1, &complete) : 0] = '\0';
}

/* Borrowed; NULL if there is no such module or the program keeps its modules in a dict of its own. */
static PyObject *
module_dict(const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(); /* Borrowed */
    PyObject *module = PyDict_CheckExact(modules) ? function_find_global(modules, name) : NULL;
    return module && PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
}

/* Does the module call `thing`, or a function or method that has it for code, by this name? */
static bool
module_has(const char *module, const char *name, const PyObject *thing)
{
    PyObject *dict = module_dict(module);
    PyObject *found = dict ? function_find_global(dict, name) : NULL; /* Borrowed */
    if (found && PyMethod_Check(found)) /* random.randint */
        found = PyMethod_GET_FUNCTION(found);
    return found && (found == thing || (PyFunction_Check(found) && PyFunction_GET_CODE(found) == thing));
}

/* Owned; NULL if no module that it may be known by has it, or without memory. */
static char *
find_module(const char *module, const char *name, const PyObject *thing)
{
    static const char *const aliases[][2] = {{"posixpath", "os.path"}, {"ntpath", "os.path"}, {"posix", "os"}};
    char prefix[MODULE_MAX + 1];
    if (module_has("builtins", name, thing))
        return strdup("");
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(module, aliases[i][0]) == 0 && module_has(aliases[i][1], name, thing))
            return strdup(aliases[i][1]);
    if (*module == '_' && module_has(module + 1, name, thing))
        return strdup(module + 1);
    for (size_t n = strcspn(module, "."); module[n] && n < MODULE_MAX; n += 1 + strcspn(module + n + 1, ".")) {
        memcpy(prefix, module, n);
        prefix[n] = '\0';
        if (module_has(prefix, name, thing))
            return strdup(prefix);
    }
    return module_has(module, name, thing) ? strdup(module) : NULL;
}

/* The class that comes before the last dot of a qualified name is left out where a module has the method: random.randint. */
char *
callable_public_module(const char *module, const char **qualname, const PyObject *thing)
{
    const char *dot = strrchr(*qualname, '.');
    const char *name = dot ? dot + 1 : *qualname;
    char *found = find_module(module, name, thing);
    if (found)
        *qualname = name;
    return found ? found : strdup(module);
}

/* --- what is remembered ------------------------------------------------- */

struct naming {
    const void *key; /* what the callable is known by */
    uint64_t check; /* tells it from a dead one at its address */
    const char *module; /* "" unknown */
    const char *owner; /* the class that it is a method of, or NULL */
    const char *name;
    PyObject *thing; /* Borrowed; as its module may have it */
};

static struct function *
make(struct recorder *recorder, const struct naming *naming)
{
    char qualname[2 * NAME_MAX_BYTES + 2];
    snprintf(qualname, sizeof qualname, "%s%s%s", naming->owner ? naming->owner : "", naming->owner ? "." : "",
             naming->name);
    const char *known_as = qualname;
    char *module = callable_public_module(naming->module, &known_as, naming->thing);
    return module ? function_named(recorder, known_as, module) : NULL;
}

/* Of a function in C its definition, which is there for good as a rule. */
static uint64_t
check_of(const PyMethodDef *method)
{
    return (uint64_t)(uintptr_t)method->ml_name;
}

/* True if what is known of `key` still holds; then *out is the function, or NULL for none. */
static bool
recall(struct recorder *recorder, const void *key, uint64_t check, struct function **out)
{
    compat_lock(&recorder->shared);
    const struct pointer_entry *entry = pointer_map_get(&recorder->callables, key);
    bool known = entry && entry->id == check && entry->extra == recorder->generation;
    if (known)
        *out = (struct function *)entry->data;
    compat_unlock(&recorder->shared);
    return known;
}

static struct function *
keep(struct recorder *recorder, const struct naming *naming, bool wanted)
{
    const struct pointer_entry *before = pointer_map_get(&recorder->callables, naming->key);
    bool same = before && before->id == naming->check;
    struct function *function = same ? (struct function *)before->data : NULL;
    if (!before && recorder->callables.count >= CALLABLES_MAX)
        return NULL;
    if (wanted && !function)
        function = make(recorder, naming);
    struct pointer_entry *entry = pointer_map_put(&recorder->callables, naming->key);
    if (!entry)
        return NULL;
    entry->id = naming->check;
    entry->extra = recorder->generation;
    entry->data = wanted ? function : NULL;
    return wanted ? function : NULL;
}

static struct function *
remember(struct recorder *recorder, const struct naming *naming, bool wanted)
{
    compat_lock(&recorder->shared);
    struct function *function = keep(recorder, naming, wanted);
    compat_unlock(&recorder->shared);
    return function;
}

void
callable_forget_all(struct recorder *recorder)
{
    while (recorder->named_functions) {
        struct function *function = recorder->named_functions;
        recorder->named_functions = function->next_named;
        function_destroy_list(function);
    }
    pointer_map_clear(&recorder->callables);
}

/* --- types -------------------------------------------------------------- */

static const char *
plain_name(const PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot ? dot + 1 : type->tp_name;
}

static bool
is_builtin_type(const PyTypeObject *type)
{
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !strchr(type->tp_name, '.');
}

static void
type_module(struct recorder *recorder, PyTypeObject *type, char *out, size_t room)
{
    PyObject *module = compat_dict_find(type->tp_dict, recorder->names.module); /* Borrowed */
    copy_str(module, out, room);
    const char *dot = strrchr(type->tp_name, '.');
    if (!out[0] && dot)
        snprintf(out, room, "%.*s", (int)(dot - type->tp_name), type->tp_name);
}

/* Whose method is it, of a class and those that it is made of? */
static PyTypeObject *
defining_type(PyTypeObject *type, const PyMethodDef *method)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        PyObject *dict = PyType_GetDict(base); /* tp_dict is not there for all */
        PyObject *found = function_find_global(dict, method->ml_name); /* Borrowed; the class keeps it */
        Py_XDECREF(dict);
        if (found && Py_IS_TYPE(found, &PyMethodDescr_Type) && ((PyMethodDescrObject *)found)->d_method == method)
            return base;
    }
    return type;
}

static struct function *
method_function(struct recorder *recorder, const PyMethodDef *method, PyTypeObject *type, PyObject *thing)
{
    char module[MODULE_MAX + 1];
    type_module(recorder, type, module, sizeof module);
    struct naming naming = {method, check_of(method), module, plain_name(type), method->ml_name, thing};
    bool wanted = !is_builtin_type(type) && !is_dunder(method->ml_name, strlen(method->ml_name))
                  && is_worth_a_line(module, method->ml_name);
    return remember(recorder, &naming, wanted);
}

static struct function *
c_function(struct recorder *recorder, PyObject *callable)
{
    const PyCFunctionObject *object = (PyCFunctionObject *)callable;
    const PyMethodDef *method = object->m_ml;
    struct function *function;
    if (recall(recorder, method, check_of(method), &function))
        return function;
    PyObject *self = object->m_self; /* Borrowed */
    if (self && !PyModule_Check(self)) {
        PyTypeObject *type = PyType_Check(self) ? (PyTypeObject *)self : defining_type(Py_TYPE(self), method);
        return method_function(recorder, method, type, callable);
    }
    char module[MODULE_MAX + 1];
    copy_str(object->m_module, module, sizeof module);
    struct naming naming = {method, check_of(method), module, NULL, method->ml_name, callable};
    bool wanted = !is_dunder(method->ml_name, strlen(method->ml_name)) && is_worth_a_line(module, method->ml_name);
    return remember(recorder, &naming, wanted);
}

static struct function *
c_method(struct recorder *recorder, PyObject *callable)
{
    const PyMethodDef *method = ((PyMethodDescrObject *)callable)->d_method;
    struct function *function;
    if (recall(recorder, method, check_of(method), &function))
        return function;
    return method_function(recorder, method, PyDescr_TYPE(callable), callable);
}

static struct function *
type_function(struct recorder *recorder, PyTypeObject *type)
{
    struct function *function;
    if (recall(recorder, type, hash_text(type->tp_name), &function))
        return function;
    char module[MODULE_MAX + 1];
    type_module(recorder, type, module, sizeof module);
    struct naming naming = {type, hash_text(type->tp_name), module, NULL, plain_name(type), (PyObject *)type};
    bool wanted = !is_builtin_type(type) && !value_is_users_type(thread_own_names(recorder), type)
                  && !PyType_IsSubtype(type, (PyTypeObject *)PyExc_BaseException)
                  && is_worth_a_line(module, naming.name);
    return remember(recorder, &naming, wanted);
}

/* An object of a class with a __call__: known by its class. */
static struct function *
object_function(struct recorder *recorder, PyTypeObject *type)
{
    struct function *function;
    const void *key = (const char *)type + 1; /* not the class itself */
    if (recall(recorder, key, hash_text(type->tp_name), &function))
        return function;
    char module[MODULE_MAX + 1];
    type_module(recorder, type, module, sizeof module);
    struct naming naming = {key, hash_text(type->tp_name), module, plain_name(type), "__call__", NULL};
    bool wanted = !is_builtin_type(type) && !value_is_users_type(thread_own_names(recorder), type)
                  && is_worth_a_line(module, naming.name);
    return remember(recorder, &naming, wanted);
}

/* --- Python ------------------------------------------------------------- */

static bool
is_code_worth_a_line(PyCodeObject *code, PyObject *globals)
{
    char name[NAME_MAX_BYTES + 1];
    char module[MODULE_MAX + 1];
    copy_str(code->co_name, name, sizeof name);
    bool suspends = code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR); /* __aenter__ may wait */
    if (!suspends && is_dunder(name, strlen(name)))
        return false;
    copy_str(function_find_global(globals, "__name__"), module, sizeof module);
    return is_worth_a_line(module, name);
}

struct function *
callable_code(struct recorder *recorder, PyCodeObject *code, PyObject *globals)
{
    struct function *function = function_decide(recorder, code, globals);
    if (function && (function->in_scope || function->boundary))
        return function->boundary ? function : NULL;
    size_t mark = compat_mark();
    bool wanted = is_code_worth_a_line(code, globals);
    compat_let_go(mark);
    return wanted ? function_make_library(recorder, code, globals) : NULL;
}

/* What functools.wraps() has put around a function of the program's own is not worth a line beside that. */
static bool
wraps_own(struct recorder *recorder, PyFunctionObject *function)
{
    PyObject *dict = function->func_dict; /* Borrowed */
    PyObject *wrapped = dict && PyDict_CheckExact(dict) ? function_find_global(dict, "__wrapped__") : NULL;
    if (!wrapped || !PyFunction_Check(wrapped))
        return false;
    struct function *known = function_decide(recorder, (PyCodeObject *)PyFunction_GET_CODE(wrapped),
                                             PyFunction_GET_GLOBALS(wrapped));
    return known && known->in_scope;
}

static struct function *
python_function(struct recorder *recorder, PyObject *callable)
{
    PyFunctionObject *function = (PyFunctionObject *)callable;
    PyCodeObject *code = (PyCodeObject *)function->func_code;
    if (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))
        return NULL; /* it does nothing before it is driven */
    struct function *found = callable_code(recorder, code, function->func_globals);
    return found && !wraps_own(recorder, function) ? found : NULL;
}

struct function *
callable_function(struct recorder *recorder, PyObject *callable)
{
    if (PyMethod_Check(callable))
        callable = PyMethod_GET_FUNCTION(callable);
    if (PyFunction_Check(callable))
        return python_function(recorder, callable);
    if (PyCFunction_Check(callable))
        return c_function(recorder, callable);
    if (Py_IS_TYPE(callable, &PyMethodDescr_Type) || Py_IS_TYPE(callable, &PyClassMethodDescr_Type))
        return c_method(recorder, callable);
    if (PyType_Check(callable))
        return type_function(recorder, (PyTypeObject *)callable);
    return object_function(recorder, Py_TYPE(callable));
}
