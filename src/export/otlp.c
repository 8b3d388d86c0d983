/* otlp.c - OpenTelemetry's traces: a line is an ExportTraceServiceRequest in JSON, as collectors receive them.
 *
 * A call is a span, all are of one trace. Numbers of calls make the ids of spans, so that the same trace has the same
 * ones each time it is exported, and each time it is sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/label.h"
#include "otlp.h"
#include "timeline.h"

/* The names of attributes are those of this version of the semantic conventions. */
#define SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

#define LINE_SPANS 2000
#define LINE_BYTES (1 << 20) /* collectors take a few MiB at once */

enum status_code { STATUS_ERROR = 2 };
enum span_kind { KIND_INTERNAL = 1 };

/* --- JSON ------------------------------------------------------------------------ */

void
otlp_put(struct otlp *otlp, const char *string)
{
    sink_string(otlp->sink, string);
}

void
otlp_put_key(struct otlp *otlp, const char *key)
{
    otlp_put(otlp, otlp->any_attribute ? ",{\"key\":\"" : "{\"key\":\"");
    otlp_put(otlp, key);
    otlp_put(otlp, "\",\"value\":{");
    otlp->any_attribute = true;
}

void
otlp_put_string(struct otlp *otlp, const char *key, struct slice text)
{
    otlp_put_key(otlp, key);
    otlp_put(otlp, "\"stringValue\":");
    sink_json(otlp->sink, text);
    otlp_put(otlp, "}}");
}

void
otlp_put_slice(struct otlp *otlp, const char *key, struct slice text)
{
    if (!text.length)
        return;
    text_truncate(&otlp->scratch, 0);
    text_clean(&otlp->scratch, text);
    otlp_put_string(otlp, key, text_content(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
}

void
otlp_put_word(struct otlp *otlp, const char *key, const char *word)
{
    otlp_put_string(otlp, key, (struct slice){word, strlen(word)});
}

void
otlp_put_int(struct otlp *otlp, const char *key, int64_t number)
{
    otlp_put_key(otlp, key);
    sink_format(otlp->sink, "\"intValue\":\"%lld\"}}", (long long)number);
}

void
otlp_put_value(struct otlp *otlp, const struct plain *value)
{
    if (value->kind == PLAIN_INT)
        sink_format(otlp->sink, "\"intValue\":\"%lld\"}}", (long long)value->integer);
    else if (value->kind == PLAIN_TRUTH)
        otlp_put(otlp, value->truth ? "\"boolValue\":true}}" : "\"boolValue\":false}}");
    else {
        otlp_put(otlp, value->kind == PLAIN_FLOAT ? "\"doubleValue\":" : "\"stringValue\":");
        if (value->kind == PLAIN_FLOAT)
            sink_bytes(otlp->sink, value->text.data, value->text.length);
        else
            sink_json(otlp->sink, value->text);
        otlp_put(otlp, "}}");
    }
}

void
otlp_begin_attributes(struct otlp *otlp)
{
    otlp_put(otlp, "\"attributes\":[");
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

uint64_t
otlp_end_of(const struct otlp *otlp, uint32_t call)
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
    otlp_put_key(otlp, key);
    otlp_put_value(otlp, value);
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
    otlp_put(otlp, otlp->any_attribute ? ",{\"key\":" : "{\"key\":");
    sink_json(otlp->sink, text_content(name));
    otlp_put(otlp, ",\"value\":{");
    otlp->any_attribute = true;
    otlp_put_value(otlp, value);
}

static void
put_code(struct otlp *otlp, const struct code *code)
{
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    text_name(name, code_module(code));
    text_string(name, name->length ? "." : "");
    text_name(name, code->qualname);
    otlp_put_string(otlp, "code.function.name", text_content(name));
    otlp_put_slice(otlp, "code.file.path", code->file);
    if (code->first_line)
        otlp_put_int(otlp, "code.line.number", code->first_line);
    otlp_put_word(otlp, "flowtrace.kind", label_kind_of_function(code));
}

/* Tasks and greenlets move over threads. */
static void
put_track(struct otlp *otlp, const struct track *track)
{
    struct text *name = &otlp->name;
    text_truncate(name, 0);
    if (track->kind == TRACK_THREAD || track->kind == TRACK_MAIN) {
        label_track_name(name, track);
        otlp_put_slice(otlp, "thread.name", text_content(name));
        otlp_put_int(otlp, "thread.id", (int64_t)track->native_id);
    }
    else {
        timeline_row_name(name, track, 0);
        otlp_put_string(otlp, "flowtrace.track", text_content(name));
    }
}

/* --- exceptions ------------------------------------------------------------------------------------- */

static void
put_error_type(struct otlp *otlp, const struct call *call)
{
    const struct exception *exception = otlp_error_of(otlp->model, call);
    if (exception)
        otlp_put_type(otlp, "error.type", exception);
}

static void
put_attributes(struct otlp *otlp, uint32_t number)
{
    static const struct fact_visitor facts = {put_fact, nothing, put_argument, nothing};
    const struct call *call = &otlp->model->calls[number];
    otlp_begin_attributes(otlp);
    put_code(otlp, call->code);
    put_track(otlp, &otlp->model->tracks[call->track]);
    put_error_type(otlp, call);
    facts_tell(otlp->model, number, &otlp->scratch, &facts, otlp);
    otlp_put(otlp, "]");
}

static void
put_status(struct otlp *otlp, const struct call *call)
{
    const struct exception *error = otlp_error_of(otlp->model, call);
    if (!error)
        return;
    sink_format(otlp->sink, ",\"status\":{\"code\":%d,\"message\":", STATUS_ERROR);
    text_truncate(&otlp->scratch, 0);
    traceback_last_line(&otlp->scratch, otlp->model, error);
    sink_json(otlp->sink, text_content(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
    otlp_put(otlp, "}");
}

/* --- links ------------------------------------------------------------------------------------------ */

/* OpenTelemetry's own word for what began elsewhere; the parent says the same, for viewers that draw one tree. */
static void
put_link(struct otlp *otlp, uint32_t creator)
{
    sink_format(otlp->sink, ",\"links\":[{\"traceId\":\"%s\",\"spanId\":", otlp->trace_id);
    put_id(otlp, creator);
    otlp_put(otlp, ",\"attributes\":[{\"key\":\"flowtrace.link\",\"value\":{\"stringValue\":\"created by\"}}]}]");
}

static void
put_parent(struct otlp *otlp, uint32_t parent)
{
    if (parent != MODEL_NONE) {
        otlp_put(otlp, ",\"parentSpanId\":");
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
    otlp_put(otlp, ",\"name\":");
    sink_json(otlp->sink, text_content(&otlp->name));
    sink_format(otlp->sink, ",\"kind\":%d,\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\",", KIND_INTERNAL,
                (unsigned long long)start_of(otlp, number), (unsigned long long)otlp_end_of(otlp, number));
    put_attributes(otlp, number);
    otlp_put_events(otlp, number);
    if (creator != MODEL_NONE)
        put_link(otlp, creator);
    put_status(otlp, call);
    otlp_put(otlp, "}");
}

/* --- lines --------------------------------------------------------------------------------------- */

static void
put_resource(struct otlp *otlp, const struct process *process)
{
    struct slice program = process_info(process, "program");
    otlp_begin_attributes(otlp);
    otlp_put_string(otlp, "service.name", program.length ? program : (struct slice){"python", 6});
    otlp_put_int(otlp, "process.pid", process->pid);
    otlp_put_slice(otlp, "process.command_line", process_info(process, "command"));
    otlp_put_slice(otlp, "process.executable.path", process_info(process, "executable"));
    otlp_put_slice(otlp, "process.working_directory", process_info(process, "folder"));
    otlp_put_word(otlp, "process.runtime.name", "cpython");
    otlp_put_slice(otlp, "process.runtime.version", process_info(process, "python"));
    otlp_put_slice(otlp, "process.runtime.description", process_info(process, "build"));
    otlp_put_slice(otlp, "host.name", process_info(process, "host"));
    otlp_put_word(otlp, "telemetry.sdk.language", "python");
    otlp_put_word(otlp, "telemetry.sdk.name", "flowtrace");
    otlp_put_slice(otlp, "telemetry.sdk.version", process_info(process, "flowtrace"));
    otlp_put_slice(otlp, "flowtrace.interpreter", process->interpreter);
    if (process->has_status && !(process->wait_status & 0x7f))
        otlp_put_int(otlp, "process.exit.code", process->wait_status >> 8 & 0xff);
    otlp_put_word(otlp, "flowtrace.process_end", process_end(process));
    otlp_put_slice(otlp, "flowtrace.lost", process->lost);
    otlp_put(otlp, "]");
}

static void
end_line(struct otlp *otlp)
{
    if (otlp->process != MODEL_NONE)
        otlp_put(otlp, "],\"schemaUrl\":\"" SCHEMA_URL "\"}],\"schemaUrl\":\"" SCHEMA_URL "\"}]}\n");
    otlp->process = MODEL_NONE;
}

static void
begin_line(struct otlp *otlp, uint32_t process)
{
    struct slice version = process_info(&otlp->model->processes[process], "flowtrace");
    otlp->process = process;
    otlp->spans = 0;
    otlp->line_begin = otlp->sink->written;
    otlp_put(otlp, "{\"resourceSpans\":[{\"resource\":{");
    put_resource(otlp, &otlp->model->processes[process]);
    otlp_put(otlp, "},\"scopeSpans\":[{\"scope\":{\"name\":\"flowtrace\"");
    if (version.length) {
        otlp_put(otlp, ",\"version\":");
        sink_json(otlp->sink, version);
    }
    otlp_put(otlp, "},\"spans\":[");
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
    otlp_put(otlp, otlp->spans++ ? "," : "");
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
    int ret = tracebacks_open(&otlp.tracebacks, export->model);
    if (ret == 0)
        ret = count_within(&otlp);
    if (ret == 0)
        ret = put_calls(&otlp);
    if (ret == 0 && (otlp.scratch.failed || otlp.name.failed))
        ret = -ENOMEM;
    free(otlp.last_within);
    tracebacks_close(&otlp.tracebacks);
    text_free(&otlp.scratch);
    text_free(&otlp.name);
    return ret;
}
