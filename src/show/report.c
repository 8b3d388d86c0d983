#include "report.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "printer.h"

#define ROW(member) offsetof(struct tally_row, member)
#define EXCEPTION(member) offsetof(struct tally_exception, member)

static const struct report_column rows[] = {
    {"calls", REPORT_COUNT, ROW(calls), false, 90},
    {"open", REPORT_COUNT, ROW(open), true, 40},
    {"total", REPORT_TIME, ROW(total_ns), false, 80},
    {"self", REPORT_TIME, ROW(self_ns), false, 70},
    {"min", REPORT_TIME, ROW(min_ns), false, 20},
    {"median", REPORT_TIME, ROW(median_ns), false, 30},
    {"max", REPORT_TIME, ROW(max_ns), false, 25},
    {"waits", REPORT_TIME, ROW(waits_ns), true, 60},
    {"raised", REPORT_COUNT, ROW(raised), true, 50},
    {"stops", REPORT_COUNT, ROW(stops), true, 5},
    {"cancelled", REPORT_COUNT, ROW(cancelled), true, 10},
    {"shapes", REPORT_COUNT, ROW(shapes), false, 35},
    {"name", REPORT_NAME, 0, false, 100},
};

static const struct report_column exceptions[] = {
    {"raised", REPORT_COUNT, EXCEPTION(raised), false, 90},
    {"caught", REPORT_COUNT, EXCEPTION(caught), false, 70},
    {"left", REPORT_COUNT, EXCEPTION(left), false, 50},
    {"places", REPORT_COUNT, EXCEPTION(places), false, 10},
    {"name", REPORT_NAME, 0, false, 100},
};

const struct report_column *
report_columns(enum report_by by, uint32_t *count)
{
    *count = by == REPORT_BY_EXCEPTION ? sizeof exceptions / sizeof *exceptions : sizeof rows / sizeof *rows;
    return by == REPORT_BY_EXCEPTION ? exceptions : rows;
}

uint32_t
report_column(enum report_by by, const char *name)
{
    uint32_t count;
    const struct report_column *columns = report_columns(by, &count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return i;
    return MODEL_NONE;
}

uint64_t
report_number(const struct report *report, uint32_t row, const struct report_column *column)
{
    const char *base = report->options->by == REPORT_BY_EXCEPTION ? (const char *)&report->exceptions.rows[row]
                                                                  : (const char *)&report->tally.rows[row];
    uint64_t number;
    memcpy(&number, base + column->offset, sizeof number);
    return number;
}

/* --- names -------------------------------------------------------------- */

/* Files of the program are named from its folder on. */
static void
put_file(struct text *out, const struct model *model, struct slice file)
{
    struct slice folder = model->process_count ? process_info(&model->processes[0], "folder") : (struct slice){"", 0};
    size_t n = folder.length;
    if (n && file.length > n + 1 && memcmp(file.data, folder.data, n) == 0 && file.data[n] == '/')
        file = (struct slice){file.data + n + 1, file.length - n - 1};
    if (file.length)
        text_name(out, file);
    else
        text_string(out, "(no file)");
}

static void
put_track(struct text *out, const struct model *model, const struct track *track)
{
    const struct process *process = &model->processes[track->process];
    bool several = model->process_count > 1;
    if (process->interpreter.length) {
        text_string(out, "interpreter ");
        text_name(out, process->interpreter);
        text_string(out, ": ");
    }
    else if (model->run_count && model_leads_run(model, track->process)) {
        text_format(out, "run %u: ", process->run);
    }
    else if (several) {
        text_format(out, "process %u: ", process->pid);
    }
    text_format(out, "%s ", track->kind == TRACK_MAIN ? "main" : label_track_kind(track));
    label_track_name(out, track);
}

void
report_put_name(struct text *out, const struct report *report, uint32_t row)
{
    const struct model *model = report->model;
    if (report->options->by == REPORT_BY_EXCEPTION) {
        label_exception(out, model, &model->exceptions[report->exceptions.rows[row].first], false, 0);
        return;
    }
    const struct call *call = &model->calls[report->tally.rows[row].first];
    switch (report->options->by) {
    case REPORT_BY_FILE: put_file(out, model, call->code->file); break;
    case REPORT_BY_MODULE:
        if (call->code->module.length)
            text_name(out, call->code->module);
        else
            text_string(out, "(no module)");
        break;
    case REPORT_BY_TRACK: put_track(out, model, &model->tracks[call->track]); break;
    default: label_function(out, call->code);
    }
}

/* Where it stands in the source, or was raised first. */
static void
put_place(struct text *out, const struct report *report, uint32_t row)
{
    const struct model *model = report->model;
    if (report->options->by == REPORT_BY_EXCEPTION) {
        const struct exception *exception = &model->exceptions[report->exceptions.rows[row].first];
        if (!exception->file.length)
            return;
        text_string(out, "  raised ");
        text_name(out, label_file(exception->file));
        text_format(out, ":%u", exception->line);
    }
    else if (report->options->by == REPORT_BY_FUNCTION) {
        const struct code *code = model->calls[report->tally.rows[row].first].code;
        if (!code->file.length || code->flags & FLOW_CODE_MODULE)
            return;
        text_string(out, "  ");
        text_name(out, label_file(code->file));
        text_format(out, ":%u", code->first_line);
    }
}

/* --- order -------------------------------------------------------------- */

struct entry {
    uint64_t key;
    uint32_t row;
};

static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

struct name {
    struct slice text;
    uint32_t row;
};

static int
compare_names(const void *left, const void *right)
{
    const struct name *a = left;
    const struct name *b = right;
    size_t n = a->text.length < b->text.length ? a->text.length : b->text.length;
    int order = n ? memcmp(a->text.data, b->text.data, n) : 0;
    if (order)
        return order;
    if (a->text.length != b->text.length)
        return a->text.length < b->text.length ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static int
sort_by_name(struct report *report)
{
    struct text text = {0};
    struct name *names = malloc(((size_t)report->count + 1) * sizeof *names);
    size_t *ends = malloc(((size_t)report->count + 1) * sizeof *ends);
    for (uint32_t i = 0; names && ends && i < report->count; i++) {
        report_put_name(&text, report, i);
        ends[i] = text.length;
    }
    bool enough = names && ends && !text.failed;
    for (uint32_t i = 0; enough && i < report->count; i++) {
        size_t begin = i ? ends[i - 1] : 0;
        names[i] = (struct name){{text.data ? text.data + begin : "", ends[i] - begin}, i};
    }
    if (enough)
        qsort(names, report->count, sizeof *names, compare_names);
    for (uint32_t i = 0; enough && i < report->count; i++)
        report->order[i] = names[i].row;
    text_free(&text);
    free(names);
    free(ends);
    return enough ? 0 : -ENOMEM;
}

static int
sort_by_number(struct report *report, const struct report_column *column)
{
    struct entry *entries = malloc(((size_t)report->count + 1) * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    for (uint32_t i = 0; i < report->count; i++)
        entries[i] = (struct entry){report_number(report, i, column), i};
    qsort(entries, report->count, sizeof *entries, compare_entries);
    for (uint32_t i = 0; i < report->count; i++)
        report->order[i] = entries[i].row;
    free(entries);
    return 0;
}

/* The largest first, names from A; rows that are equal in the order of their first calls. */
static int
sort_rows(struct report *report)
{
    const struct report_options *options = report->options;
    bool by_exception = options->by == REPORT_BY_EXCEPTION;
    const char *usual = by_exception ? "raised" : report->time ? "total" : "calls";
    uint32_t index = report_column(options->by, options->sort ? options->sort : usual);
    const struct report_column *column = &report->columns[index == MODEL_NONE ? 0 : index];
    report->order = malloc(((size_t)report->count + 1) * sizeof *report->order);
    int ret = !report->order                ? -ENOMEM
              : column->kind == REPORT_NAME ? sort_by_name(report)
                                            : sort_by_number(report, column);
    for (uint32_t i = 0; ret == 0 && options->reverse && i < report->count / 2; i++) {
        uint32_t kept = report->order[i];
        report->order[i] = report->order[report->count - 1 - i];
        report->order[report->count - 1 - i] = kept;
    }
    return ret;
}

/* --- the table ---------------------------------------------------------- */

enum { TIME_COLUMNS = 7, GAP = 2, NAME_MIN = 24, COLUMNS_MAX = 16 }; /* "12.3 µs" */

struct table {
    struct printer *printer;
    const struct report *report;
    const struct report_column *columns[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    uint32_t count;
    bool narrow; /* some had to go */
};

/* Of one call its shortest, usual and longest time are its total. */
static bool
is_said(const struct report *report, uint32_t row, const struct report_column *column)
{
    bool of_several = column->offset == ROW(min_ns) || column->offset == ROW(median_ns)
                      || column->offset == ROW(max_ns);
    return report->options->by != REPORT_BY_EXCEPTION && column->kind == REPORT_TIME && of_several
           && report->tally.rows[row].calls == 1;
}

/* Nothing for 0 of what is rare. */
static void
put_cell(struct text *out, const struct table *table, uint32_t row, const struct report_column *column)
{
    uint64_t number = report_number(table->report, row, column);
    if (is_said(table->report, row, column))
        return;
    if (column->kind == REPORT_TIME && (number || !column->optional))
        show_duration(out, number, table->printer->options->ascii);
    else if (column->kind == REPORT_COUNT && (number || !column->optional))
        label_count(out, number);
}

static bool
is_empty(const struct report *report, const struct report_column *column)
{
    for (uint32_t i = 0; i < report->count; i++)
        if (report_number(report, i, column))
            return false;
    return true;
}

static size_t
width_of(const struct table *table, const struct report_column *column)
{
    struct text cell = {0};
    size_t width = strlen(column->name);
    if (column->kind == REPORT_TIME && width < TIME_COLUMNS)
        width = TIME_COLUMNS;
    for (uint32_t i = 0; i < table->report->shown; i++) {
        text_truncate(&cell, 0);
        put_cell(&cell, table, table->report->order[i], column);
        size_t columns = printer_columns(&cell);
        width = columns > width ? columns : width;
    }
    text_free(&cell);
    return width;
}

static size_t
width_of_numbers(const struct table *table)
{
    size_t width = 0;
    for (uint32_t i = 0; i < table->count; i++)
        width += table->widths[i] + GAP;
    return width;
}

static void
drop_least(struct table *table)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < table->count; i++)
        if (table->columns[i]->keep < table->columns[least]->keep)
            least = i;
    table->count--;
    table->narrow = true;
    for (uint32_t i = least; i < table->count; i++) {
        table->columns[i] = table->columns[i + 1];
        table->widths[i] = table->widths[i + 1];
    }
}

static void
choose_columns(struct table *table)
{
    const struct report *report = table->report;
    for (uint32_t i = 0; i < report->column_count; i++) {
        const struct report_column *column = &report->columns[i];
        if (column->kind == REPORT_NAME || (column->kind == REPORT_TIME && !report->time)
            || (column->optional && is_empty(report, column)))
            continue;
        table->columns[table->count] = column;
        table->widths[table->count++] = width_of(table, column);
    }
    while (table->count && width_of_numbers(table) + NAME_MIN > table->printer->options->width)
        drop_least(table);
}

/* Cut to what is left of the width. */
static void
cut(struct printer *printer, struct text *text, size_t from, size_t room)
{
    size_t columns = text_columns(text->data + from, text->length - from);
    size_t mark = text_columns(printer->glyphs->dots, strlen(printer->glyphs->dots));
    if (columns <= room)
        return;
    text_truncate(text, from + text_fit(text->data + from, text->length - from, room > mark ? room - mark : room));
    text_string(text, room > mark ? printer->glyphs->dots : "");
}

static size_t
room_for_name(const struct table *table)
{
    size_t used = width_of_numbers(table);
    size_t width = table->printer->options->width;
    return width > used ? width - used : 1;
}

static void
put_right(struct text *line, const char *data, size_t length, size_t width)
{
    for (size_t columns = text_columns(data, length); columns < width; columns++)
        text_string(line, " ");
    text_bytes(line, data, length);
    text_string(line, "  ");
}

static void
print_titles(struct table *table)
{
    static const char *const names[] = {"function", "file", "module", "track", "exception"};
    struct printer *printer = table->printer;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    for (uint32_t i = 0; i < table->count; i++)
        put_right(line, table->columns[i]->name, strlen(table->columns[i]->name), table->widths[i]);
    size_t begin = line->length;
    text_string(line, names[table->report->options->by]);
    cut(printer, line, begin, room_for_name(table));
    printer_put(printer, STYLE_DIM, line->data, line->length);
    text_string(printer->out, "\n");
}

static void
print_row(struct table *table, uint32_t row)
{
    struct printer *printer = table->printer;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    for (uint32_t i = 0; i < table->count; i++) {
        text_truncate(&printer->scratch, 0);
        put_cell(&printer->scratch, table, row, table->columns[i]);
        struct slice cell = text_content(&printer->scratch);
        put_right(line, cell.data, cell.length, table->widths[i]);
    }
    size_t name = line->length;
    report_put_name(line, table->report, row);
    cut(printer, line, name, room_for_name(table));
    size_t place = line->length;
    size_t room = room_for_name(table) - text_columns(line->data + name, place - name);
    put_place(line, table->report, row);
    if (text_columns(line->data + place, line->length - place) > room)
        text_truncate(line, place);
    printer_put(printer, STYLE_PLAIN, line->data, name);
    printer_put(printer, STYLE_BOLD, line->data + name, place - name);
    printer_put(printer, STYLE_DIM, line->data + place, line->length - place);
    text_string(printer->out, "\n");
}

/* --- what stands around it ---------------------------------------------- */

static void
put_rows(struct text *out, const struct report *report, uint32_t count, const char *more)
{
    static const char *const one[] = {" function", " file", " module", " track", " type"};
    static const char *const many[] = {" functions", " files", " modules", " tracks", " types"};
    label_count(out, count);
    text_string(out, more);
    text_string(out, label_plural(count, one[report->options->by], many[report->options->by]));
}

static void
print_head(struct table *table)
{
    struct printer *printer = table->printer;
    const struct report *report = table->report;
    const struct model *model = report->model;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    text_name(line, process_info(&model->processes[0], "program"));
    size_t name = line->length;
    text_string(line, name ? " " : "");
    text_format(line, name ? "%s " : "", printer->glyphs->dot);
    uint64_t all = report->tally.calls;
    for (uint32_t i = 0; i < report->exceptions.count; i++)
        all += report->exceptions.rows[i].raised;
    label_count(line, all);
    if (model->whole_count && report->options->by != REPORT_BY_EXCEPTION) {
        text_string(line, " of ");
        label_count(line, model->whole_count);
    }
    text_string(line, report->options->by == REPORT_BY_EXCEPTION ? label_plural(all, " exception", " exceptions")
                                                                 : label_plural(all, " call", " calls"));
    text_string(line, model->whole_count && report->options->by != REPORT_BY_EXCEPTION ? ", of " : " of ");
    put_rows(line, report, report->count, "");
    if (report->time) {
        text_format(line, " %s ", printer->glyphs->dot);
        show_duration(line, model->duration_ns, printer->options->ascii);
    }
    printer_put_head(printer, name);
}

static void
put_meaning(struct text *out, const struct report *report)
{
    if (report->time)
        text_string(out, "This is no profiler: times include what recording cost. total counts a recursion once, self "
                         "leaves out what was called, neither counts waits.");
    if (!report->tally.open)
        return;
    text_string(out, out->length ? " " : "");
    label_counted(out, report->tally.open, " call has not ended", " calls have not ended");
    text_string(out, report->time ? ": counted as far as recorded." : ".");
}

static void
print_foot(struct table *table)
{
    struct printer *printer = table->printer;
    const struct report *report = table->report;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    if (report->shown < report->count) {
        text_format(line, "%s ", printer->glyphs->dots);
        put_rows(line, report, report->count - report->shown, " more");
        text_string(line, ": --limit N");
    }
    printer_put_note(printer, text_content(line));
    text_truncate(line, 0);
    if (report->options->by != REPORT_BY_EXCEPTION)
        put_meaning(line, report);
    if (table->narrow) {
        text_string(line, line->length ? " " : "");
        text_string(line, "Not all columns fit: --width N, --csv.");
    }
    header_put_missing(line, report->model);
    if (!line->length)
        return;
    text_string(printer->out, "\n");
    printer_put_note(printer, text_content(line));
}

static void
print_table(struct text *out, const struct report *report)
{
    struct printer printer;
    struct table table = {.printer = &printer, .report = report};
    printer_open(&printer, out, report->model, &report->options->show);
    choose_columns(&table);
    print_head(&table);
    print_titles(&table);
    for (uint32_t i = 0; i < report->shown; i++)
        print_row(&table, report->order[i]);
    print_foot(&table);
    printer_close(&printer);
}

/* --- all of it ---------------------------------------------------------- */

static int
gather(struct report *report)
{
    static const enum tally_by groups[] = {TALLY_FUNCTION, TALLY_FILE, TALLY_MODULE, TALLY_TRACK};
    enum report_by by = report->options->by;
    int ret = by == REPORT_BY_EXCEPTION ? tally_exceptions(&report->exceptions, report->model)
                                        : tally_build(&report->tally, report->model, groups[by], true);
    report->count = by == REPORT_BY_EXCEPTION ? report->exceptions.count : report->tally.count;
    unsigned limit = report->options->limit;
    report->shown = limit && limit < report->count ? limit : report->count;
    return ret;
}

/* A table of nothing says why. */
static bool
print_nothing(struct text *out, const struct report *report)
{
    const struct model *model = report->model;
    if (report->options->format != REPORT_TEXT || report->count)
        return false;
    if (report->options->by == REPORT_BY_EXCEPTION && model->call_count && model->process_count)
        text_string(out, "No exception left a call of the program's own code.\n");
    else
        header_print_nothing(out, model);
    return true;
}

int
show_report(struct text *out, const struct model *model, const struct report_options *options)
{
    struct report report = {.model = model, .options = options};
    report.columns = report_columns(options->by, &report.column_count);
    report.time = options->show.time && model->reader->header->clock != FLOW_CLOCK_NONE;
    int ret = gather(&report);
    ret = ret == 0 ? sort_rows(&report) : ret;
    if (ret == 0 && !print_nothing(out, &report)) {
        if (options->format == REPORT_CSV)
            report_write_csv(out, &report);
        else if (options->format == REPORT_JSON)
            report_write_json(out, &report);
        else
            print_table(out, &report);
    }
    free(report.order);
    tally_free(&report.tally);
    tally_exceptions_free(&report.exceptions);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
