/* otlp.c - OpenTelemetry's traces: a line is an ExportTraceServiceRequest in JSON, as collectors receive them.
 *
 * A call is a span, all are of one trace. Numbers of calls make the ids of spans, so that the same trace has the same
 * ones each time it is exported, and each time it is sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/label.h"
#include "export.h"
#include "facts.h"
#include "timeline.h"

#define LINE_SPANS 2000
#define LINE_BYTES (1 << 20) /* collectors take a few MiB at once */

#define TRACE_ID_DIGITS 32
#define SPAN_ID_DIGITS 16

enum status_code { STATUS_ERROR = 2 };
enum span_kind { KIND_INTERNAL = 1 };

struct otlp {
    struct sink *sink;
    const struct export *export;
    const struct model *model;
    char trace_id[TRACE_ID_DIGITS + 1];
    char remote_parent[SPAN_ID_DIGITS + 1]; /* of what is at the top; empty: nothing */
    uint64_t seed;                          /* of the ids of spans */
    uint64_t start_unix_ns;
    uint32_t *last_within; /* Owned; of a trace without times: the last call within each; else NULL */
    uint32_t process;      /* of the line's resource; MODEL_NONE: no line was begun */
    uint32_t spans;        /* in the line */
    uint64_t line_begin;   /* what had been written before */
    bool any_attribute;
    struct text scratch, name;
};

/* --- JSON ------------------------------------------------------------------------ */

static void
put(struct otlp *otlp, const char *string)
{
    sink_string(otlp->sink, string);
}

static struct slice
text_of(const struct text *text)
{
    return (struct slice){text->data ? text->data : "", text->length};
}

static void
put_key(struct otlp *otlp, const char *key)
{
    put(otlp, otlp->any_attribute ? ",{\"key\":\"" : "{\"key\":\"");
    put(otlp, key);
    put(otlp, "\",\"value\":{");
    otlp->any_attribute = true;
}

static void
put_string(struct otlp *otlp, const char *key, struct slice text)
{
    put_key(otlp, key);
    put(otlp, "\"stringValue\":");
    sink_json(otlp->sink, text);
    put(otlp, "}}");
}

/* Nothing where there is none. */
static void
put_slice(struct otlp *otlp, const char *key, struct slice text)
{
    if (!text.length)
        return;
    text_truncate(&otlp->scratch, 0);
    text_clean(&otlp->scratch, text);
    put_string(otlp, key, text_of(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
}

static void
put_word(struct otlp *otlp, const char *key, const char *word)
{
    put_string(otlp, key, (struct slice){word, strlen(word)});
}

static void
put_int(struct otlp *otlp, const char *key, int64_t number)
{
    put_key(otlp, key);
    sink_format(otlp->sink, "\"intValue\":\"%lld\"}}", (long long)number);
}

static void
put_value(struct otlp *otlp, const struct plain *value)
{
    if (value->kind == PLAIN_INT)
        sink_format(otlp->sink, "\"intValue\":\"%lld\"}}", (long long)value->integer);
    else if (value->kind == PLAIN_TRUTH)
        put(otlp, value->truth ? "\"boolValue\":true}}" : "\"boolValue\":false}}");
    else {
        put(otlp, value->kind == PLAIN_FLOAT ? "\"doubleValue\":" : "\"stringValue\":");
        if (value->kind == PLAIN_FLOAT)
            sink_bytes(otlp->sink, value->text.data, value->text.length);
        else
            sink_json(otlp->sink, value->text);
        put(otlp, "}}");
    }
}

static void
begin_attributes(struct otlp *otlp)
{
    put(otlp, "\"attributes\":[");
    otlp->any_attribute = false;
}

/* --- ids and times ------------------------------------------------------------------ */

/* Different numbers give different results: a bijection. */
static uint64_t
scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

/* An id of zeros is none: the one number that would have it gets that of none other. */
static uint64_t
span_id(const struct otlp *otlp, uint32_t call)
{
    uint64_t id = scramble(otlp->seed + model_call_number(otlp->model, call));
    return id ? id : scramble(otlp->seed);
}

static void
put_id(struct otlp *otlp, uint32_t call)
{
    sink_format(otlp->sink, "\"%016llx\"", (unsigned long long)span_id(otlp, call));
}

static void
read_trace_id(struct otlp *otlp)
{
    const uint8_t *id = otlp->model->reader->header->trace_id;
    uint8_t any = 0;
    for (unsigned i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        otlp->trace_id[2 * i] = digits[id[i] >> 4];
        otlp->trace_id[2 * i + 1] = digits[id[i] & 15];
        otlp->seed = otlp->seed << 8 ^ otlp->seed >> 56 ^ id[i];
        any |= id[i];
    }
    otlp->trace_id[TRACE_ID_DIGITS] = '\0';
    if (!any)
        otlp->trace_id[TRACE_ID_DIGITS - 1] = '1';
}

/* 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, which was checked. */
static void
continue_context(struct otlp *otlp, const char *traceparent)
{
    if (strlen(traceparent) < 3 + TRACE_ID_DIGITS + 1 + SPAN_ID_DIGITS)
        return;
    memcpy(otlp->trace_id, traceparent + 3, TRACE_ID_DIGITS);
    memcpy(otlp->remote_parent, traceparent + 3 + TRACE_ID_DIGITS + 1, SPAN_ID_DIGITS);
}

/* Without times a call takes a microsecond, and those within it. */
static int
count_within(struct otlp *otlp)
{
    const struct model *model = otlp->model;
    if (model->reader->header->clock != FLOW_CLOCK_NONE)
        return 0;
    otlp->last_within = malloc((model->call_count + (size_t)1) * sizeof *otlp->last_within);
    if (!otlp->last_within)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->call_count; i++)
        otlp->last_within[i] = i;
    for (uint32_t i = model->call_count; i-- > 0;) {
        uint32_t parent = model->calls[i].parent;
        if (parent != MODEL_NONE && otlp->last_within[parent] < otlp->last_within[i])
            otlp->last_within[parent] = otlp->last_within[i];
    }
    return 0;
}

static uint64_t
start_of(const struct otlp *otlp, uint32_t call)
{
    uint64_t ns = otlp->last_within ? call * UINT64_C(1000) : otlp->model->calls[call].start_ns;
    return otlp->start_unix_ns + ns;
}

static uint64_t
end_of(const struct otlp *otlp, uint32_t call)
{
    uint64_t ns = otlp->last_within ? (otlp->last_within[call] + UINT64_C(1)) * 1000 : otlp->model->calls[call].end_ns;
    return otlp->start_unix_ns + ns;
}

/* --- what is said of a call --------------------------------------------------------------- */

/* All but what has a place of its own, under names of our own. */
static void
put_fact(void *context, enum fact fact, const struct plain *value)
{
    struct otlp *otlp = context;
    char key[48] = "flowtrace.";
    strcat(key, fact_names[fact]);
    put_key(otlp, key);
    put_value(otlp, value);
}

static void
nothing(void *context)
{
    (void)context;
}

static void
put_argument(void *context, const struct code *code, uint32_t parameter, const struct plain *value)
{
    struct otlp *otlp = context;
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    text_string(name, "flowtrace.argument.");
    text_name(name, code->parameters[parameter].name);
    put(otlp, otlp->any_attribute ? ",{\"key\":" : "{\"key\":");
    sink_json(otlp->sink, text_of(name));
    put(otlp, ",\"value\":{");
    otlp->any_attribute = true;
    put_value(otlp, value);
}

static void
put_code(struct otlp *otlp, const struct code *code)
{
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    text_name(name, code_module(code));
    text_string(name, name->length ? "." : "");
    text_name(name, code->qualname);
    put_string(otlp, "code.function.name", text_of(name));
    put_slice(otlp, "code.file.path", code->file);
    if (code->first_line)
        put_int(otlp, "code.line.number", code->first_line);
    put_word(otlp, "flowtrace.kind", label_kind_of_function(code));
}

static void
put_track(struct otlp *otlp, const struct track *track)
{
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    timeline_row_name(name, track, 0);
    put_string(otlp, "thread.name", text_of(name));
    if (track->kind == TRACK_THREAD || track->kind == TRACK_MAIN)
        put_int(otlp, "thread.id", (int64_t)track->native_id);
}

static void
put_attributes(struct otlp *otlp, uint32_t number)
{
    static const struct fact_visitor facts = {put_fact, nothing, put_argument, nothing};
    const struct call *call = &otlp->model->calls[number];
    begin_attributes(otlp);
    put_code(otlp, call->code);
    put_track(otlp, &otlp->model->tracks[call->track]);
    facts_tell(otlp->model, number, &otlp->scratch, &facts, otlp);
    put(otlp, "]");
}

/* --- exceptions, links ----------------------------------------------------------------------- */

/* "shop.errors.PaymentError" */
static void
put_type(struct otlp *otlp, const struct exception *exception)
{
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    if (exception->module.length && !slice_is(exception->module, "builtins")) {
        text_name(name, exception->module);
        text_string(name, ".");
    }
    text_name(name, exception->qualname.length ? exception->qualname : exception->type);
    put_string(otlp, "exception.type", text_of(name));
}

static void
put_event(struct otlp *otlp, uint32_t index, uint64_t unix_ns, bool escapes)
{
    const struct exception *exception = &otlp->model->exceptions[index];
    sink_format(otlp->sink, "{\"timeUnixNano\":\"%llu\",\"name\":\"exception\",", (unsigned long long)unix_ns);
    begin_attributes(otlp);
    put_type(otlp, exception);
    text_truncate(&otlp->scratch, 0);
    label_exception(&otlp->scratch, otlp->model, exception, true, 0);
    put_string(otlp, "exception.message", text_of(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
    put_key(otlp, "exception.escaped");
    put(otlp, escapes ? "\"boolValue\":true}}" : "\"boolValue\":false}}");
    put(otlp, "]}");
}

/* The one that it ended with, at its end; before that those that it caught itself, of which the time is not known. */
static void
put_events(struct otlp *otlp, uint32_t number)
{
    const struct call *call = &otlp->model->calls[number];
    uint32_t raised = call->outcome == OUTCOME_RAISED ? call_exception(otlp->model, call) : MODEL_NONE;
    uint32_t count = 0;
    const struct caught *caught = otlp->model->caught_count ? exception_caught_in(otlp->model, number, &count) : NULL;
    count = count < CAUGHT_SHOWN ? count : CAUGHT_SHOWN;
    if (!count && raised == MODEL_NONE)
        return;
    put(otlp, ",\"events\":[");
    for (uint32_t i = 0; i < count; i++) {
        put(otlp, i ? "," : "");
        put_event(otlp, caught[i].exception, end_of(otlp, number), false);
    }
    put(otlp, count && raised != MODEL_NONE ? "," : "");
    if (raised != MODEL_NONE)
        put_event(otlp, raised, end_of(otlp, number), true);
    put(otlp, "]");
}

static bool
is_error(const struct exception *exception)
{
    return !exception->benign && !exception_is_cancellation(exception);
}

static void
put_status(struct otlp *otlp, const struct call *call)
{
    uint32_t raised = call->outcome == OUTCOME_RAISED ? call_exception(otlp->model, call) : MODEL_NONE;
    if (raised == MODEL_NONE || !is_error(&otlp->model->exceptions[raised]))
        return;
    sink_format(otlp->sink, ",\"status\":{\"code\":%d,\"message\":", STATUS_ERROR);
    text_truncate(&otlp->scratch, 0);
    label_exception(&otlp->scratch, otlp->model, &otlp->model->exceptions[raised], true, 0);
    sink_json(otlp->sink, text_of(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
    put(otlp, "}");
}

/* OpenTelemetry's own word for what began elsewhere; the parent says the same, for viewers that draw one tree. */
static void
put_link(struct otlp *otlp, uint32_t creator)
{
    sink_format(otlp->sink, ",\"links\":[{\"traceId\":\"%s\",\"spanId\":", otlp->trace_id);
    put_id(otlp, creator);
    put(otlp, ",\"attributes\":[{\"key\":\"flowtrace.link\",\"value\":{\"stringValue\":\"created by\"}}]}]");
}

static void
put_parent(struct otlp *otlp, uint32_t parent)
{
    if (parent != MODEL_NONE) {
        put(otlp, ",\"parentSpanId\":");
        put_id(otlp, parent);
    }
    else if (otlp->remote_parent[0]) {
        sink_format(otlp->sink, ",\"parentSpanId\":\"%s\"", otlp->remote_parent);
    }
}

static void
put_span(struct otlp *otlp, uint32_t number)
{
    const struct call *call = &otlp->model->calls[number];
    uint32_t creator = facts_creator(otlp->model, number);
    bool parent_is_copy = call->parent != MODEL_NONE && otlp->model->calls[call->parent].origin == CALL_INHERITED;
    sink_format(otlp->sink, "{\"traceId\":\"%s\",\"spanId\":", otlp->trace_id);
    put_id(otlp, number);
    put_parent(otlp, call->parent == MODEL_NONE || parent_is_copy ? creator : call->parent);
    text_truncate(&otlp->name, 0);
    label_function(&otlp->name, call->code);
    put(otlp, ",\"name\":");
    sink_json(otlp->sink, text_of(&otlp->name));
    sink_format(otlp->sink, ",\"kind\":%d,\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\",", KIND_INTERNAL,
                (unsigned long long)start_of(otlp, number), (unsigned long long)end_of(otlp, number));
    put_attributes(otlp, number);
    put_events(otlp, number);
    if (creator != MODEL_NONE)
        put_link(otlp, creator);
    put_status(otlp, call);
    put(otlp, "}");
}

/* --- lines --------------------------------------------------------------------------------------- */

static void
put_resource(struct otlp *otlp, const struct process *process)
{
    struct slice program = process_info(process, "program");
    begin_attributes(otlp);
    put_string(otlp, "service.name", program.length ? program : (struct slice){"python", 6});
    put_int(otlp, "process.pid", process->pid);
    put_slice(otlp, "process.command_line", process_info(process, "command"));
    put_slice(otlp, "process.executable.path", process_info(process, "executable"));
    put_slice(otlp, "process.working_directory", process_info(process, "folder"));
    put_word(otlp, "process.runtime.name", "cpython");
    put_slice(otlp, "process.runtime.version", process_info(process, "python"));
    put_slice(otlp, "process.runtime.description", process_info(process, "build"));
    put_slice(otlp, "host.name", process_info(process, "host"));
    put_word(otlp, "telemetry.sdk.language", "python");
    put_word(otlp, "telemetry.sdk.name", "flowtrace");
    put_slice(otlp, "telemetry.sdk.version", process_info(process, "flowtrace"));
    put_slice(otlp, "flowtrace.interpreter", process->interpreter);
    put_word(otlp, "flowtrace.process_end", process_end(process));
    put_slice(otlp, "flowtrace.lost", process->lost);
    put(otlp, "]");
}

static void
end_line(struct otlp *otlp)
{
    if (otlp->process != MODEL_NONE)
        put(otlp, "]}]}]}\n");
    otlp->process = MODEL_NONE;
}

static void
begin_line(struct otlp *otlp, uint32_t process)
{
    otlp->process = process;
    otlp->spans = 0;
    otlp->line_begin = otlp->sink->written;
    put(otlp, "{\"resourceSpans\":[{\"resource\":{");
    put_resource(otlp, &otlp->model->processes[process]);
    put(otlp, "},\"scopeSpans\":[{\"scope\":{\"name\":\"flowtrace\"},\"spans\":[");
}

static bool
is_full(const struct otlp *otlp)
{
    return otlp->spans == LINE_SPANS || otlp->sink->written - otlp->line_begin > LINE_BYTES;
}

static void
put_in_line(struct otlp *otlp, uint32_t call)
{
    uint32_t process = otlp->model->tracks[otlp->model->calls[call].track].process;
    if (otlp->process != process || is_full(otlp)) {
        end_line(otlp);
        begin_line(otlp, process);
    }
    put(otlp, otlp->spans++ ? "," : "");
    put_span(otlp, call);
}

/* Of each process its calls in order: processes take turns in the trace, and would make many short lines. */
static int
put_calls(struct otlp *otlp)
{
    const struct model *model = otlp->model;
    uint32_t *next = calloc(model->process_count + (size_t)2, sizeof *next);
    uint32_t *order = malloc((model->call_count + (size_t)1) * sizeof *order);
    int ret = next && order ? 0 : -ENOMEM;
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++)
        next[model->tracks[model->calls[i].track].process + 1]++;
    for (uint32_t i = 1; ret == 0 && i <= model->process_count; i++)
        next[i] += next[i - 1];
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++)
        order[next[model->tracks[model->calls[i].track].process]++] = i;
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++) {
        if (model->calls[order[i]].origin != CALL_INHERITED)
            put_in_line(otlp, order[i]);
        ret = export_step(otlp->export, i, model->call_count);
    }
    end_line(otlp);
    free(next);
    free(order);
    return ret;
}

int
export_otlp(struct export *export)
{
    struct otlp otlp = {.sink = export->sink, .export = export, .model = export->model, .process = MODEL_NONE};
    otlp.start_unix_ns = export->model->reader->header->start_unix_ns;
    read_trace_id(&otlp);
    continue_context(&otlp, export->options->traceparent);
    int ret = count_within(&otlp);
    if (ret == 0)
        ret = put_calls(&otlp);
    if (ret == 0 && (otlp.scratch.failed || otlp.name.failed))
        ret = -ENOMEM;
    free(otlp.last_within);
    text_free(&otlp.scratch);
    text_free(&otlp.name);
    return ret;
}
