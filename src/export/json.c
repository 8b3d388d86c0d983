/* json.c - one JSON object a line; docs/export/json.md and its schema say what stands in them.
 *
 * A line is whole in itself but for the numbers of other calls, of tracks, processes and exceptions, whose lines come
 * before those of the calls.
 */
#include "export.h"

#include <errno.h>
#include <string.h>

#include "../model/label.h"
#include "../model/value_text.h"
#include "facts.h"

#define JSON_VERSION 1

struct json {
    struct sink *sink;
    const struct model *model;
    struct text scratch;
};

static void
put_key(struct json *json, const char *key)
{
    sink_string(json->sink, ",\"");
    sink_string(json->sink, key);
    sink_string(json->sink, "\":");
}

static void
put_number(struct json *json, const char *key, uint64_t number)
{
    put_key(json, key);
    sink_number(json->sink, number);
}

/* Nothing of MODEL_NONE. */
static void
put_reference(struct json *json, const char *key, uint32_t number)
{
    if (number != MODEL_NONE)
        put_number(json, key, number);
}

static void
put_slice(struct json *json, const char *key, struct slice text)
{
    if (!text.length)
        return;
    put_key(json, key);
    sink_json(json->sink, text);
}

static void
put_word(struct json *json, const char *key, const char *word)
{
    put_slice(json, key, (struct slice){word, strlen(word)});
}

static void
put_scratch(struct json *json)
{
    sink_json(json->sink, text_content(&json->scratch));
    json->scratch.length = 0;
}

static void
put_call(struct json *json, const char *key, uint32_t call)
{
    put_reference(json, key, model_call_reference(json->model, call));
}

static void
begin_line(struct json *json, const char *type)
{
    sink_format(json->sink, "{\"type\":\"%s\"", type);
}

static void
end_line(struct json *json)
{
    sink_string(json->sink, "}\n");
}

/* --- the lines ----------------------------------------------------------------- */

static void
put_trace(struct json *json)
{
    const struct model *model = json->model;
    const struct flow_file_header *header = model->reader->header;
    begin_line(json, "trace");
    put_number(json, "version", JSON_VERSION);
    put_number(json, "start_unix_ns", header->start_unix_ns);
    put_number(json, "duration_ns", model->duration_ns);
    put_number(json, "calls", model_count_calls(model));
    if (model->whole_count)
        put_number(json, "calls_before_filters", model->whole_count);
    if (model->reader->calls_left_out)
        put_number(json, "calls_not_read", model->reader->calls_left_out);
    put_key(json, "timed");
    sink_string(json->sink, header->clock == FLOW_CLOCK_NONE ? "false" : "true");
    end_line(json);
}

static void
put_process(struct json *json, uint32_t index)
{
    const struct process *process = &json->model->processes[index];
    begin_line(json, "process");
    put_number(json, "process", index);
    put_number(json, "pid", process->pid);
    put_slice(json, "program", process_info(process, "program"));
    put_slice(json, "host", process_info(process, "host"));
    put_call(json, "created_by", process->creator);
    put_word(json, "end", process_end(process));
    put_slice(json, "lost", process->lost);
    end_line(json);
}

static void
put_track(struct json *json, uint32_t index)
{
    const struct track *track = &json->model->tracks[index];
    begin_line(json, "track");
    put_number(json, "track", index);
    put_number(json, "process", track->process);
    put_word(json, "kind", label_kind_of_track(track));
    put_slice(json, "name", track->name);
    put_call(json, "created_by", track->creator);
    end_line(json);
}

static void
put_exception(struct json *json, uint32_t index)
{
    const struct exception *exception = &json->model->exceptions[index];
    begin_line(json, "exception");
    put_number(json, "exception", index);
    put_slice(json, "class", exception->type);
    put_slice(json, "module", exception->module);
    put_key(json, "text");
    label_exception(&json->scratch, json->model, exception, true, 0);
    put_scratch(json);
    put_slice(json, "file", exception->file);
    if (exception->line)
        put_number(json, "line", exception->line);
    put_slice(json, "function", exception->function);
    put_call(json, "first_left", exception->first_call);
    put_call(json, "last_left", exception->last_call);
    put_call(json, "caught_by", facts_catcher(exception));
    put_slice(json, "cause", exception->cause);
    put_reference(json, "cause_exception", exception->cause_exception);
    end_line(json);
}

/* One that can't be read, and what is behind it, is an empty text. */
static void
put_value(struct json *json, struct value *value)
{
    if (value->data && value_text(&json->scratch, json->model->reader, value, &(struct value_limits){0}) < 0)
        value->data = NULL;
    put_scratch(json);
}

static void
put_arguments(struct json *json, const struct call *call)
{
    struct value value = call_arguments(json->model, call);
    if (!value.data)
        return;
    put_key(json, "arguments");
    sink_string(json->sink, "{");
    for (uint32_t i = 0; i < call->code->parameter_count; i++) {
        sink_string(json->sink, i ? "," : "");
        sink_json(json->sink, call->code->parameters[i].name);
        sink_string(json->sink, ":");
        put_value(json, &value);
    }
    sink_string(json->sink, "}");
}

static void
put_outcome(struct json *json, const struct call *call)
{
    struct value result = call_result(json->model, call);
    put_word(json, "outcome", label_outcome(call));
    if (call->outcome == OUTCOME_RETURNED && result.data) {
        put_key(json, "result");
        put_value(json, &result);
    }
    if (call->outcome == OUTCOME_RAISED)
        put_reference(json, "exception", call_exception(json->model, call));
}

static void
put_one_call(struct json *json, uint32_t index)
{
    const struct model *model = json->model;
    const struct call *call = &model->calls[index];
    begin_line(json, "call");
    put_number(json, "call", model_call_number(model, index));
    put_call(json, "parent", facts_caller(model, call));
    put_call(json, "created_by", call->origin ? call_spawned_by(model, call) : MODEL_NONE);
    put_number(json, "track", call->track);
    put_number(json, "process", model->tracks[call->track].process);
    put_key(json, "function");
    sink_json(json->sink, call->code->qualname);
    put_slice(json, "module", call->code->module);
    put_slice(json, "file", call->code->file);
    put_number(json, "line", call->code->first_line);
    put_word(json, "kind", label_kind_of_function(call->code));
    put_number(json, "start_ns", call->start_ns);
    put_number(json, "end_ns", call->end_ns);
    if (call_suspensions(model, call)) {
        put_number(json, "waiting_ns", call_waiting_ns(model, call));
        put_number(json, "suspensions", call_suspensions(model, call));
    }
    put_arguments(json, call);
    put_outcome(json, call);
    end_line(json);
}

int
export_json(struct export *export)
{
    const struct model *model = export->model;
    struct json json = {.sink = export->sink, .model = model};
    int ret = 0;
    put_trace(&json);
    for (uint32_t i = 0; i < model->process_count; i++)
        put_process(&json, i);
    for (uint32_t i = 0; i < model->track_count; i++)
        put_track(&json, i);
    for (uint32_t i = 0; i < model->exception_count; i++)
        put_exception(&json, i);
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++) {
        if (model->calls[i].origin != CALL_INHERITED)
            put_one_call(&json, i);
        ret = export_step(export, i, model->call_count);
    }
    ret = json.scratch.failed ? -ENOMEM : ret;
    text_free(&json.scratch);
    return ret;
}
