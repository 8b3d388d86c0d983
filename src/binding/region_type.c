/* region_type.c - flowtrace.region and flowtrace.note(): what a program says of itself.
 *
 * A region is the same object whether anything records or not: it holds its values from region() to the first
 * `with`, and nothing after that. src/record knows regions that were entered by their id.
 */
#include "../record/region.h"
#include "binding.h"

struct region {
    PyObject_VAR_HEAD PyObject *name;     /* Owned, str */
    PyObject *keywords; /* Owned or NULL; tuple of str */
    PyObject *place;    /* Owned or NULL; as struct region_words has it */
    uint64_t id;        /* 0 before it was first recorded */
    uint32_t session;   /* of the recorder, in which it was entered last */
    uint32_t open;      /* how often it was entered and not left, as far as that is recorded */
    PyObject *values[]; /* Owned; one for each keyword */
};

static struct recorder *
recorder_of(PyTypeObject *type)
{
    return PyType_GetModuleState(type); /* the recorder comes first in it */
}

static bool
check_name(const char *function, PyObject *const *args, Py_ssize_t count)
{
    if (count == 1 && PyUnicode_Check(args[0]))
        return true;
    if (count == 1)
        PyErr_Format(PyExc_TypeError, "%s() needs a name that is a str, not %.100s", function,
                     Py_TYPE(args[0])->tp_name);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes one name, and values by keywords; it got %zd without", function,
                     count);
    return false;
}

static PyObject *
region_new(PyObject *type, PyObject *const *args, size_t flags, PyObject *keywords)
{
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    Py_ssize_t values = keywords ? PyTuple_GET_SIZE(keywords) : 0;
    if (!check_name("region", args, count))
        return NULL;
    struct region *region = PyObject_GC_NewVar(struct region, (PyTypeObject *)type, values);
    if (!region)
        return NULL;
    region->name = Py_NewRef(args[0]);
    region->keywords = values ? Py_NewRef(keywords) : NULL;
    region->place = NULL;
    region->id = 0;
    region->session = region->open = 0;
    for (Py_ssize_t i = 0; i < values; i++)
        region->values[i] = Py_NewRef(args[count + i]);
    PyObject_GC_Track(region);
    return (PyObject *)region;
}

/* The values are no longer its own: they go when `*keywords` does. */
static PyObject *
take_keywords(struct region *region)
{
    PyObject *keywords;
    COMPAT_LOCK_OBJECT((PyObject *)region);
    keywords = region->keywords;
    region->keywords = NULL;
    COMPAT_UNLOCK_OBJECT();
    return keywords;
}

static void
drop_values(struct region *region, PyObject *keywords)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); i++)
        Py_CLEAR(region->values[i]);
    Py_DECREF(keywords);
}

static void
record_begin(struct recorder *recorder, struct region *region, PyObject *keywords)
{
    struct region_words words = {region->name, keywords, region->values, region->place};
    uint32_t session = recorder->session;
    if (!region->id)
        region->id = compat_next(&recorder->next_region);
    if (!region_enter(recorder, region->id, &words))
        return;
    region->open = region->session == session ? region->open + 1 : 1;
    region->session = session;
}

static PyObject *
region_begin(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct region *region = (struct region *)self;
    struct recorder *recorder = recorder_of(Py_TYPE(self));
    if (!recorder->recording && !region->keywords)
        return Py_NewRef(self);
    PyObject *keywords = take_keywords(region);
    if (recorder->recording)
        record_begin(recorder, region, keywords);
    if (keywords)
        drop_values(region, keywords);
    return Py_NewRef(self);
}

static void
record_end(struct region *region, PyObject *exception, bool lost)
{
    struct recorder *recorder = recorder_of(Py_TYPE(region));
    if (!region->open || !recorder || region->session != recorder->session)
        return;
    region->open = lost ? 0 : region->open - 1;
    region_leave(recorder, region->id, exception, lost);
}

static PyObject *
region_end(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *exception = count >= 2 && PyExceptionInstance_Check(args[1]) ? args[1] : NULL;
    struct region *region = (struct region *)self;
    if (region->open)
        record_end(region, exception, false);
    Py_RETURN_FALSE;
}

/* --- the object --------------------------------------------------------- */

static int
region_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct region *region = (struct region *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(region->name);
    Py_VISIT(region->place);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
        Py_VISIT(region->values[i]);
    return 0;
}

static int
region_clear(PyObject *self)
{
    struct region *region = (struct region *)self;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
        Py_CLEAR(region->values[i]);
    return 0;
}

/* Nobody can leave it any more. */
static void
region_dealloc(PyObject *self)
{
    struct region *region = (struct region *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (region->open) {
        PyObject *pending = PyErr_GetRaisedException();
        record_end(region, NULL, true);
        PyErr_SetRaisedException(pending);
    }
    region_clear(self);
    Py_XDECREF(region->keywords);
    Py_XDECREF(region->place);
    Py_DECREF(region->name);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
region_repr(PyObject *self)
{
    return PyUnicode_FromFormat("flowtrace.region(%R)", ((struct region *)self)->name);
}

static PyMethodDef region_methods[] = {
    {"__enter__", region_begin, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))region_end, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot region_slots[] = {
    {Py_tp_doc, "region(name, /, **values)\n--\n\n"
                "A named part of the story: with region(\"import\", file=name): ...\n\n"
                "It is recorded as a call of this name with these arguments, on the thread or task that it is\n"
                "entered in, and is suspended with that. Where nothing records it does nothing.\n"
                "Raises TypeError if the name is no str."},
    {Py_tp_dealloc, region_dealloc},
    {Py_tp_traverse, region_traverse},
    {Py_tp_clear, region_clear},
    {Py_tp_repr, region_repr},
    {Py_tp_methods, region_methods},
    {0, NULL},
};

static PyType_Spec region_spec = {
    .name = "flowtrace.region",
    .basicsize = sizeof(struct region),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = region_slots,
};

int
binding_add_region(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &region_spec, NULL);
    if (!type)
        return -1;
    ((PyTypeObject *)type)->tp_vectorcall = region_new;
    binding_types_of(module)->region = (PyTypeObject *)type;
    return PyModule_AddType(module, (PyTypeObject *)type);
}

PyObject *
binding_region_at(PyObject *module, PyObject *args)
{
    PyObject *name, *place;
    if (!PyArg_ParseTuple(args, "O!O!:_region_at", &PyUnicode_Type, &name, &PyTuple_Type, &place))
        return NULL;
    bool fits = PyTuple_GET_SIZE(place) == 3 && PyLong_Check(PyTuple_GET_ITEM(place, 2));
    if (!fits) {
        PyErr_SetString(PyExc_TypeError, "a place is a module, a file and a line");
        return NULL;
    }
    PyObject *region = region_new((PyObject *)binding_types_of(module)->region, &name, 1, NULL);
    if (region)
        ((struct region *)region)->place = Py_NewRef(place);
    return region;
}

/* --- note() ------------------------------------------------------------- */

const char binding_note_doc[] =
    "note(text, /, **values)\n--\n\n"
    "A line in the story: note(\"cache cold\", size=n).\n\n"
    "It is recorded as a call of this name with these arguments, which returns at once. Where\n"
    "nothing records it does nothing. Raises TypeError if the text is no str.";

PyObject *
binding_note(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    struct recorder *recorder = PyModule_GetState(module);
    if (!check_name("note", args, count))
        return NULL;
    if (recorder->recording) {
        struct region_words words = {args[0], keywords, args + 1, NULL};
        region_note(recorder, &words);
    }
    Py_RETURN_NONE;
}
