/* report_data.c - a report for programs: every number exact, times in nanoseconds. */
#include "../model/label.h"
#include "report.h"
#include "show.h"

#define REPORT_NAME_MAX 400 /* bytes, as of names everywhere */

/* A field with its name; CSV needs only one of the two at a time. */
struct data {
    struct text *out;
    const struct report *report;
    struct text scratch;
    bool json, titles;
    bool any; /* in this row */
};

/* --- values ------------------------------------------------------------- */

static void
put_unit(struct text *out, uint32_t unit)
{
    text_format(out, "\\u%04x", unit);
}

/* What no terminal may get raw is escaped, as are lone surrogates, which are no UTF-8. */
static void
put_json_text(struct data *data, struct slice slice)
{
    bool ascii = data->report->options->show.ascii;
    text_string(data->out, "\"");
    for (size_t i = 0; i < slice.length;) {
        uint32_t c;
        size_t n = text_decode(slice.data + i, slice.length - i, &c);
        if (c == '"' || c == '\\')
            text_format(data->out, "\\%c", (int)c);
        else if (c < ' ' || (c > '~' && c < 0xa1) || (c >= 0xd800 && c < 0xe000) || (ascii && c > '~' && c < 0x10000))
            put_unit(data->out, c);
        else if (ascii && c > '~') {
            put_unit(data->out, 0xd800 + ((c - 0x10000) >> 10));
            put_unit(data->out, 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
        else if (c == 0xfffd)
            text_string(data->out, "\xef\xbf\xbd");
        else
            text_bytes(data->out, slice.data + i, n);
        i += n;
    }
    text_string(data->out, "\"");
}

/* As RFC 4180 has it; lines end as those of other commands do. */
static void
put_csv_text(struct text *out, struct slice slice)
{
    bool plain = true;
    for (size_t i = 0; i < slice.length && plain; i++)
        plain = slice.data[i] != '"' && slice.data[i] != ',' && slice.data[i] != ' ';
    text_string(out, plain ? "" : "\"");
    for (size_t i = 0; i < slice.length; i++)
        text_bytes(out, slice.data[i] == '"' ? "\"\"" : slice.data + i, slice.data[i] == '"' ? 2 : 1);
    text_string(out, plain ? "" : "\"");
}

/* --- fields ------------------------------------------------------------- */

static void
begin_field(struct data *data, const char *name, bool in_ns)
{
    text_string(data->out, !data->any ? "" : data->json ? ", " : ",");
    data->any = true;
    if (data->json)
        text_string(data->out, "\"");
    if (data->json || data->titles)
        text_format(data->out, in_ns ? "%s_ns" : "%s", name);
    if (data->json)
        text_string(data->out, "\": ");
}

static void
put_text(struct data *data, const char *name, struct slice slice)
{
    begin_field(data, name, false);
    if (data->titles)
        return;
    text_truncate(&data->scratch, 0);
    if (data->json) {
        slice.length = slice.length > REPORT_NAME_MAX ? REPORT_NAME_MAX : slice.length;
        put_json_text(data, slice);
        return;
    }
    text_name(&data->scratch, slice);
    put_csv_text(data->out, text_content(&data->scratch));
}

static void
put_number(struct data *data, const char *name, uint64_t number)
{
    begin_field(data, name, false);
    if (!data->titles)
        text_format(data->out, "%llu", (unsigned long long)number);
}

static void
put_function(struct data *data, const struct code *code)
{
    put_text(data, "function", code->qualname);
    put_text(data, "module", code->module);
    put_text(data, "file", code->file);
    put_number(data, "line", code->first_line);
}

static void
put_track(struct data *data, const struct track *track, uint32_t pid)
{
    const char *kind = track->kind == TRACK_MAIN ? "main" : label_track_kind(track);
    put_text(data, "kind", (struct slice){kind, strlen(kind)});
    put_text(data, "name", track->name);
    put_number(data, "pid", pid);
    put_number(data, "id", track->native_id);
}

static void
put_exception(struct data *data, const struct exception *exception)
{
    put_text(data, "type", exception->qualname.length ? exception->qualname : exception->type);
    put_text(data, "module", exception->module);
    put_text(data, "function", exception->function);
    put_text(data, "file", exception->file);
    put_number(data, "line", exception->line);
}

/* Of no row if it is only for the titles. */
static void
put_subject(struct data *data, uint32_t row)
{
    static const struct code no_code;
    static const struct track no_track;
    static const struct exception no_exception;
    const struct report *report = data->report;
    const struct model *model = report->model;
    bool any = row < report->count;
    if (report->options->by == REPORT_BY_EXCEPTION) {
        put_exception(data, any ? &model->exceptions[report->exceptions.rows[row].first] : &no_exception);
        return;
    }
    const struct call *call = any ? &model->calls[report->tally.rows[row].first] : NULL;
    const struct code *code = call ? call->code : &no_code;
    const struct track *track = call ? &model->tracks[call->track] : &no_track;
    switch (report->options->by) {
    case REPORT_BY_FILE: put_text(data, "file", code->file); break;
    case REPORT_BY_MODULE: put_text(data, "module", code->module); break;
    case REPORT_BY_TRACK: put_track(data, track, call ? model->processes[track->process].pid : 0); break;
    default: put_function(data, code);
    }
}

static void
put_row(struct data *data, uint32_t row)
{
    const struct report *report = data->report;
    data->any = false;
    put_subject(data, row);
    for (uint32_t i = 0; i < report->column_count; i++) {
        const struct report_column *column = &report->columns[i];
        if (column->kind == REPORT_NAME || (column->kind == REPORT_TIME && !report->time))
            continue;
        begin_field(data, column->name, column->kind == REPORT_TIME);
        if (!data->titles)
            text_format(data->out, "%llu", (unsigned long long)report_number(report, row, column));
    }
}

void
report_write_csv(struct text *out, const struct report *report)
{
    struct data data = {.out = out, .report = report, .titles = true};
    put_row(&data, 0);
    text_string(out, "\n");
    data.titles = false;
    for (uint32_t i = 0; i < report->shown; i++) {
        put_row(&data, report->order[i]);
        text_string(out, "\n");
    }
    text_free(&data.scratch);
}

void
report_write_json(struct text *out, const struct report *report)
{
    static const char *const names[] = {"function", "file", "module", "track", "exception"};
    const struct model *model = report->model;
    struct data data = {.out = out, .report = report, .json = true};
    text_string(out, "{");
    if (model->process_count)
        put_text(&data, "program", process_info(&model->processes[0], "program"));
    put_text(&data, "by", (struct slice){names[report->options->by], strlen(names[report->options->by])});
    if (report->options->by != REPORT_BY_EXCEPTION) {
        put_number(&data, "calls", report->tally.calls);
        put_number(&data, "open", report->tally.open);
    }
    if (report->time) {
        begin_field(&data, "duration", true);
        text_format(out, "%llu", (unsigned long long)model->duration_ns);
    }
    put_number(&data, "rows_in_all", report->count);
    begin_field(&data, "rows", false);
    text_string(out, "[");
    for (uint32_t i = 0; i < report->shown; i++) {
        text_string(out, i ? ",\n{" : "\n{");
        put_row(&data, report->order[i]);
        text_string(out, "}");
    }
    text_string(out, "\n]}\n");
    text_free(&data.scratch);
}
