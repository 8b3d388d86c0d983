/* chrome.c - trace events in JSON, an event a line: what chrome://tracing began, and many viewers read.
 *
 * It is the format's form of a list, in which the last bracket may be missing; so what was cut off can be read too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/label.h"
#include "export.h"
#include "facts.h"
#include "flows.h"
#include "timeline.h"

struct chrome {
    struct sink *sink;
    const struct model *model;
    struct flows flows;
    struct text *named; /* Owned; by code: its name, module and place as JSON, once it was met */
    struct text row;    /* the ids of the row that events stand on */
    uint32_t *pids;     /* Owned; by process */
    uint32_t rows;      /* so far */
    struct text scratch;
    bool any, any_argument, any_fact;
};

/* --- JSON --------------------------------------------------------------------- */

static void
put_scratch(struct chrome *chrome)
{
    sink_json(chrome->sink, text_content(&chrome->scratch));
    text_truncate(&chrome->scratch, 0);
}

static void
begin_event(struct chrome *chrome, const char *phase)
{
    sink_string(chrome->sink, chrome->any ? ",\n{\"ph\":\"" : "{\"ph\":\"");
    sink_string(chrome->sink, phase);
    sink_string(chrome->sink, "\"");
    chrome->any = true;
}

/* One of the current row, at a time: microseconds, of which three decimals are nanoseconds. */
static void
begin_timed(struct chrome *chrome, const char *phase, uint64_t ns)
{
    struct sink *sink = chrome->sink;
    begin_event(chrome, phase);
    sink_bytes(sink, chrome->row.data, chrome->row.length);
    sink_string(sink, ",\"ts\":");
    sink_number(sink, ns / 1000);
    char decimals[] = {'.', (char)('0' + ns / 100 % 10), (char)('0' + ns / 10 % 10), (char)('0' + ns % 10)};
    sink_bytes(sink, decimals, sizeof decimals);
}

static void
end_event(struct chrome *chrome)
{
    sink_string(chrome->sink, "}");
}

/* JSON's numbers are often read as doubles. */
static bool
is_json_number(const struct plain *value)
{
    int64_t most = INT64_C(1) << 53;
    return value->kind == PLAIN_FLOAT
           || (value->kind == PLAIN_INT && value->integer <= most && value->integer >= -most);
}

static void
put_plain(struct chrome *chrome, const struct plain *value)
{
    if (value->kind == PLAIN_TRUTH)
        sink_string(chrome->sink, value->truth ? "true" : "false");
    else if (value->kind == PLAIN_INT && !value->text.length)
        sink_number(chrome->sink, (uint64_t)value->integer);
    else if (is_json_number(value))
        sink_bytes(chrome->sink, value->text.data, value->text.length);
    else
        sink_json(chrome->sink, value->text);
}

/* --- what is said of a call ------------------------------------------------------ */

static void
put_fact(void *context, enum fact fact, const struct plain *value)
{
    struct chrome *chrome = context;
    sink_string(chrome->sink, chrome->any_fact ? ",\"" : "\"");
    sink_string(chrome->sink, fact_names[fact]);
    sink_string(chrome->sink, "\":");
    put_plain(chrome, value);
    chrome->any_fact = true;
}

static void
begin_arguments(void *context)
{
    struct chrome *chrome = context;
    sink_string(chrome->sink, ",\"arguments\":{");
    chrome->any_argument = false;
}

static void
put_argument(void *context, const struct code *code, uint32_t parameter, const struct plain *value)
{
    struct chrome *chrome = context;
    sink_string(chrome->sink, chrome->any_argument ? "," : "");
    sink_json(chrome->sink, code->parameters[parameter].name);
    sink_string(chrome->sink, ":");
    put_plain(chrome, value);
    chrome->any_argument = true;
}

static void
end_arguments(void *context)
{
    struct chrome *chrome = context;
    sink_string(chrome->sink, "}");
}

static const struct fact_visitor facts = {put_fact, begin_arguments, put_argument, end_arguments};

/* ,"name":"price","cat":"shop","args":{"at":"shop.py:12", */
static const struct text *
name_code(struct chrome *chrome, const struct code *code)
{
    struct text *named = &chrome->named[code->index];
    struct text *scratch = &chrome->scratch;
    if (named->length)
        return named;
    label_function(scratch, code);
    text_string(named, ",\"name\":");
    text_json(named, text_content(scratch));
    text_truncate(scratch, 0);
    text_name(scratch, code_module(code));
    text_string(named, ",\"cat\":");
    text_json(named, text_content(scratch));
    text_truncate(scratch, 0);
    text_name(scratch, label_file(code->file));
    if (code->first_line)
        text_format(scratch, ":%u", code->first_line);
    text_string(named, ",\"args\":{\"at\":");
    text_json(named, text_content(scratch));
    text_truncate(scratch, 0);
    text_string(named, ",");
    return named;
}

/* --- rows and processes ---------------------------------------------------------- */

/* {"ph":"M","pid":1,"name":"process_name","args":{"name":...}} of what is in scratch */
static void
put_metadata(struct chrome *chrome, const struct text *ids, const char *name, const char *key)
{
    begin_event(chrome, "M");
    sink_bytes(chrome->sink, ids->data, ids->length);
    sink_string(chrome->sink, ",\"name\":\"");
    sink_string(chrome->sink, name);
    sink_string(chrome->sink, "\",\"args\":{\"");
    sink_string(chrome->sink, key);
    sink_string(chrome->sink, "\":");
    put_scratch(chrome);
    sink_string(chrome->sink, "}");
    end_event(chrome);
}

static void
put_sort_index(struct chrome *chrome, const struct text *ids, const char *name, uint32_t index)
{
    begin_event(chrome, "M");
    sink_bytes(chrome->sink, ids->data, ids->length);
    sink_format(chrome->sink, ",\"name\":\"%s\",\"args\":{\"sort_index\":%u}", name, index);
    end_event(chrome);
}

static void
put_process(struct chrome *chrome, uint32_t index)
{
    const struct process *process = &chrome->model->processes[index];
    struct text ids = {0};
    chrome->pids[index] = timeline_pid(chrome->model, index);
    text_format(&ids, ",\"pid\":%u", chrome->pids[index]);
    timeline_process_name(&chrome->scratch, chrome->model, process);
    put_metadata(chrome, &ids, "process_name", "name");
    text_clean(&chrome->scratch, process_info(process, "host"));
    if (chrome->scratch.length)
        put_metadata(chrome, &ids, "process_labels", "labels");
    put_sort_index(chrome, &ids, "process_sort_index", index);
    chrome->scratch.failed |= ids.failed;
    text_free(&ids);
}

static int
on_row(void *context, uint32_t track, uint32_t level, bool is_new)
{
    struct chrome *chrome = context;
    text_truncate(&chrome->row, 0);
    text_format(&chrome->row, ",\"pid\":%u,\"tid\":%llu", chrome->pids[chrome->model->tracks[track].process],
                (unsigned long long)timeline_tid(chrome->model, track, level));
    if (!is_new)
        return 0;
    timeline_row_name(&chrome->scratch, &chrome->model->tracks[track], level);
    put_metadata(chrome, &chrome->row, "thread_name", "name");
    put_sort_index(chrome, &chrome->row, "thread_sort_index", chrome->rows++);
    return 0;
}

/* --- events ------------------------------------------------------------------------ */

/* An arrow begins, or ends, in the slice that has just begun: viewers draw it from the slice's end on. */
static void
put_flow(struct chrome *chrome, const char *phase, uint64_t id, uint64_t ns)
{
    begin_timed(chrome, phase, ns);
    sink_string(chrome->sink, ",\"name\":\"creates\",\"cat\":\"creates\",\"id\":");
    sink_number(chrome->sink, id);
    end_event(chrome);
}

static int
on_begin(void *context, uint32_t call, uint64_t ns, bool goes_on)
{
    struct chrome *chrome = context;
    const struct text *named = name_code(chrome, chrome->model->calls[call].code);
    begin_timed(chrome, "B", ns);
    sink_bytes(chrome->sink, named->data, named->length);
    chrome->any_fact = false;
    if (goes_on)
        facts_tell_number(chrome->model, call, &facts, chrome);
    else
        facts_tell(chrome->model, call, &chrome->scratch, &facts, chrome);
    sink_string(chrome->sink, "}");
    end_event(chrome);
    if (chrome->flows.ends[call] & FLOWS_END && !goes_on)
        put_flow(chrome, "f\",\"bp\":\"e", flow_id(call), ns);
    return 0;
}

static int
on_pause(void *context, uint32_t call, uint64_t ns, struct slice what, bool waits)
{
    struct chrome *chrome = context;
    begin_timed(chrome, "B", ns);
    sink_string(chrome->sink, ",\"name\":");
    sink_json(chrome->sink, what);
    sink_string(chrome->sink,
                waits ? ",\"cat\":\"wait\",\"args\":{\"call\":" : ",\"cat\":\"yield\",\"args\":{\"call\":");
    sink_number(chrome->sink, model_call_number(chrome->model, call));
    sink_string(chrome->sink, "}");
    end_event(chrome);
    return 0;
}

static int
on_end(void *context, uint64_t ns)
{
    struct chrome *chrome = context;
    begin_timed(chrome, "E", ns);
    end_event(chrome);
    return 0;
}

static int
on_create(void *context, const struct flow *flow, struct slice what, uint64_t ns)
{
    struct chrome *chrome = context;
    begin_timed(chrome, "B", ns);
    sink_string(chrome->sink, ",\"name\":");
    sink_json(chrome->sink, what);
    sink_string(chrome->sink, ",\"cat\":\"creates\",\"args\":{\"creates\":");
    sink_number(chrome->sink, model_call_number(chrome->model, flow->created));
    sink_string(chrome->sink, "}");
    end_event(chrome);
    put_flow(chrome, "s", flow_id(flow->created), ns);
    return on_end(chrome, ns);
}

static int
on_mark(void *context, enum timeline_mark_kind kind, uint32_t call, const struct exception *exception, uint64_t ns)
{
    struct chrome *chrome = context;
    begin_timed(chrome, "i", ns);
    timeline_mark_name(&chrome->scratch, chrome->model, kind, exception);
    sink_string(chrome->sink, ",\"s\":\"t\",\"name\":");
    put_scratch(chrome);
    label_exception(&chrome->scratch, chrome->model, exception, true, 0);
    sink_string(chrome->sink, ",\"cat\":\"exception\",\"args\":{\"exception\":");
    put_scratch(chrome);
    sink_string(chrome->sink, kind == MARK_CAUGHT ? ",\"caught_by\":" : ",\"call\":");
    sink_number(chrome->sink, model_call_number(chrome->model, call));
    sink_string(chrome->sink, "}");
    end_event(chrome);
    return 0;
}

/* --- all of it ------------------------------------------------------------------------ */

static int
open_chrome(struct chrome *out, const struct export *export)
{
    const struct model *model = export->model;
    *out = (struct chrome){.sink = export->sink, .model = model};
    out->named = calloc(model->reader->code_count + (size_t)1, sizeof *out->named);
    out->pids = calloc(model->process_count + (size_t)1, sizeof *out->pids);
    return out->named && out->pids ? flows_find(&out->flows, model) : -ENOMEM;
}

static bool
close_chrome(struct chrome *chrome)
{
    bool failed = chrome->scratch.failed || chrome->row.failed;
    for (uint32_t i = 0; chrome->named && i < chrome->model->reader->code_count; i++) {
        failed |= chrome->named[i].failed;
        text_free(&chrome->named[i]);
    }
    free(chrome->named);
    free(chrome->pids);
    flows_free(&chrome->flows);
    text_free(&chrome->row);
    text_free(&chrome->scratch);
    return failed;
}

int
export_chrome(struct export *export)
{
    static const struct timeline_visitor visitor = {on_row, on_begin, on_pause, on_end, on_create, on_mark};
    struct chrome chrome;
    int ret = open_chrome(&chrome, export);
    if (ret == 0) {
        sink_string(export->sink, "[\n");
        for (uint32_t i = 0; i < export->model->process_count; i++)
            put_process(&chrome, i);
        ret = timeline_walk(export, &chrome.flows, &visitor, &chrome);
        sink_string(export->sink, "\n]\n"); /* also if nobody wants the rest */
    }
    return close_chrome(&chrome) && ret == 0 ? -ENOMEM : ret;
}
