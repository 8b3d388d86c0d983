/* trace_events.c - the records of a trace as tuples with the fields of CallEvent. */
#include <stdlib.h>

#include "binding.h"

struct event {
    uint32_t call;
    uint32_t exception; /* of a THROW or UNWIND */
    uint64_t time_ns;
    struct value value;
    enum flow_record type;
};

struct events {
    struct event *items; /* Owned */
    size_t count, room;
    const struct model *model; /* Borrowed; in the making */
    uint32_t known; /* calls whose first event is there */
    bool failed;
};

static void
append(struct events *events, struct event event)
{
    if (events->count == events->room && !events->failed) {
        size_t room = events->room ? 2 * events->room : 256;
        struct event *items = realloc(events->items, room * sizeof *items);
        events->failed = !items;
        events->items = items ? items : events->items;
        events->room = items ? room : events->room;
    }
    if (!events->failed)
        events->items[events->count++] = event;
}

/* Every call gets a "call", also one whose beginning was not seen: a generator
 * that something was thrown into before it ran, or what ran before a gap. */
static void
collect(void *context, uint32_t call, uint32_t Py_UNUSED(below), uint32_t exception, const struct record *record)
{
    struct events *events = context;
    bool awaits = record->type == FLOW_YIELD && record->yield == FLOW_YIELD_AWAIT;
    bool begins = record->type == FLOW_CALL || record->type == FLOW_CALL_VALUES;
    bool suspends = record->type == FLOW_YIELD || record->type == FLOW_RESUME || record->type == FLOW_THROW;
    if (suspends && events->model->calls[call].code->flags & FLOW_CODE_REGION)
        return; /* its owner tells */
    for (; events->known < call + !begins; events->known++)
        append(events, (struct event){.call = events->known, .type = FLOW_CALL});
    events->known = call < events->known ? events->known : call + 1;
    append(events, (struct event){.call = call,
                                  .exception = exception,
                                  .time_ns = record->time_ns,
                                  .value = awaits ? (struct value){0} : record->values,
                                  .type = record->type});
}

static const char *
kind_of(enum flow_record type)
{
    switch (type) {
    case FLOW_CALL:
    case FLOW_CALL_VALUES: return "call";
    case FLOW_YIELD: return "yield";
    case FLOW_RESUME: return "resume";
    case FLOW_THROW: return "throw";
    case FLOW_UNWIND: return "exception";
    default: return "return";
    }
}

static PyObject *
arguments_of(const struct model *model, const struct event *event)
{
    PyObject *arguments = PyDict_New();
    const struct code *code = model->calls[event->call].code;
    struct value value = event->value;
    if (event->type != FLOW_CALL_VALUES)
        return arguments;
    for (uint32_t i = 0; arguments && i < code->parameter_count; i++) {
        PyObject *name = binding_str(code->parameters[i].name);
        PyObject *text = name ? binding_value_text(model->reader, value) : NULL;
        if (!text || PyDict_SetItem(arguments, name, text) < 0)
            Py_CLEAR(arguments);
        Py_XDECREF(text);
        Py_XDECREF(name);
        if (value_skip(model->reader, &value) < 0)
            break;
    }
    return arguments;
}

static PyObject *
result_of(const struct model *model, const struct event *event)
{
    if (event->type != FLOW_RETURN_VALUE && event->type != FLOW_YIELD)
        Py_RETURN_NONE;
    if (!event->value.data || *event->value.data == FLOW_VALUE_ABSENT)
        Py_RETURN_NONE;
    return binding_value_text(model->reader, event->value);
}

/* "ValueError('x')", or the type alone where values were not recorded. */
static PyObject *
exception_of(const struct model *model, const struct event *event)
{
    if ((event->type != FLOW_UNWIND && event->type != FLOW_THROW) || event->exception == MODEL_NONE)
        Py_RETURN_NONE;
    const struct exception *exception = &model->exceptions[event->exception];
    struct value message = exception->message;
    struct value_head head;
    bool read = message.data && value_read(model->reader, &message, &head) == 0;
    if (read && (head.tag == FLOW_VALUE_ARGS || head.tag == FLOW_VALUE_FIELDS))
        return binding_value_text(model->reader, exception->message);
    return binding_str(exception->type);
}

static PyObject *
optional_number(bool known, uint64_t number)
{
    return known ? PyLong_FromUnsignedLongLong(number) : Py_NewRef(Py_None);
}

static PyObject *
event_tuple(const struct model *model, const struct event *event, uint32_t depth)
{
    const struct call *call = &model->calls[event->call];
    const struct track *track = &model->tracks[call->track];
    bool ends = event->type == FLOW_RETURN || event->type == FLOW_RETURN_VALUE || event->type == FLOW_UNWIND;
    return Py_BuildValue("(sINNNNINNNKNIN)", kind_of(event->type), event->call + 1,
                         optional_number(call->parent != MODEL_NONE, call->parent + 1u),
                         binding_str(call->code->qualname), binding_str(call->code->module),
                         binding_str(call->code->file), call->code->first_line, arguments_of(model, event),
                         result_of(model, event), exception_of(model, event), (unsigned long long)call->start_ns,
                         optional_number(ends, event->time_ns - call->start_ns), depth, binding_track_name(track));
}

/* Of all calls, in one go: a parent comes before its children. NULL without memory. */
static uint32_t *
find_depths(const struct model *model)
{
    uint32_t *depths = malloc((model->call_count + (size_t)1) * sizeof *depths);
    for (uint32_t i = 0; depths && i < model->call_count; i++) {
        uint32_t parent = model->calls[i].parent;
        depths[i] = parent != MODEL_NONE ? depths[parent] + 1 : 0;
    }
    return depths;
}

PyObject *
binding_trace_events(struct trace *trace)
{
    struct model model;
    struct events events = {.model = &model};
    struct model_watcher watcher = {.event = collect, .context = &events};
    int ret = model_build_watched(&model, &trace->reader, &watcher);
    if (ret < 0 || events.failed) {
        free(events.items);
        if (ret == 0)
            model_free(&model);
        return PyErr_NoMemory();
    }
    uint32_t *depths = find_depths(&model);
    PyObject *list = depths ? PyList_New((Py_ssize_t)events.count) : PyErr_NoMemory();
    for (size_t i = 0; list && i < events.count; i++) {
        PyObject *tuple = event_tuple(&model, &events.items[i], depths[events.items[i].call]);
        if (!tuple)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, tuple);
    }
    free(depths);
    model_free(&model);
    free(events.items);
    return list;
}
