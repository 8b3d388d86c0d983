/* fields.c - what stands at the right of a line: how many calls it tells, and their times. */
#include <stdio.h>
#include <string.h>

#include "printer.h"

struct times {
    uint64_t low, high; /* running, in ns */
    uint64_t waiting;   /* 0: it never waited, or its waits are of no interest */
    bool waits;         /* it may */
};

static struct times
times_of(const struct printer *printer, const struct story_line *line)
{
    struct times times = {.low = UINT64_MAX};
    for (uint32_t i = 0; i < line->count; i++) {
        const struct model *model = printer->model;
        const struct call *call = &model->calls[line->calls[i]];
        uint64_t ns = call_running_ns(model, call);
        uint64_t waiting = call_waiting_ns(model, call);
        times.low = ns < times.low ? ns : times.low;
        times.high = ns > times.high ? ns : times.high;
        if (!call_may_wait(model, call) || !call_suspensions(model, call))
            continue;
        times.waits = true;
        times.waiting = waiting > times.waiting ? waiting : times.waiting;
    }
    return times;
}

static size_t
put_usual(struct text *out, struct printer *printer, const struct story_line *line)
{
    enum { ONE = 7, RANGE = 17, WAIT = 15 }; /* "12.3 µs", "93.6 µs … 12.3 ms", " + 12.3 µs wait" */
    size_t range = printer->options->ascii ? RANGE + 2 : RANGE;
    struct times times = times_of(printer, line);
    bool folded = line->count > 1;
    if (folded) {
        text_string(out, printer->glyphs->times);
        label_count(out, line->count);
        text_string(out, line->scattered ? " apart" : "");
    }
    size_t columns = printer_columns(out);
    if (!printer->options->time)
        return columns;
    text_string(out, folded ? "  " : "");
    show_duration_range(out, times.low, times.high, printer->options->ascii);
    if (times.waits) {
        text_string(out, " + ");
        show_duration(out, times.waiting, printer->options->ascii);
        text_string(out, " wait");
    }
    columns += (folded ? 2 + range : ONE) + (times.waits ? WAIT : 0);
    return columns > printer_columns(out) ? columns : printer_columns(out); /* minutes take more */
}

/* --- chosen fields ------------------------------------------------------ */

#define GAP 2

const char *const show_field_names[SHOW_FIELDS] = {
    [SHOW_RUNNING] = "running", [SHOW_DURATION] = "duration", [SHOW_WAITING] = "waiting",
    [SHOW_SELF] = "self",       [SHOW_START] = "start",       [SHOW_THREAD] = "thread",
    [SHOW_WHERE] = "where",     [SHOW_DEPTH] = "depth",       [SHOW_CALL] = "call",
};

/* What most of its texts take; longer ones push those before them to the left. */
static size_t
width_of(enum show_field field)
{
    static const uint8_t widths[SHOW_FIELDS] = {[SHOW_THREAD] = 12, [SHOW_WHERE] = 16};
    size_t name = strlen(show_field_names[field]);
    return widths[field] > name ? widths[field] : name < 8 ? 8 : name;
}

/* What the call ran itself: its children that stand in the story are taken off. */
static uint64_t
self_ns(const struct printer *printer, uint32_t number)
{
    const struct model *model = printer->model;
    uint64_t ns = call_running_ns(model, &model->calls[number]);
    for (uint32_t c = printer->outline->first_child[number]; c != MODEL_NONE; c = printer->outline->next_sibling[c]) {
        uint64_t child = model->calls[c].parent == number ? call_running_ns(model, &model->calls[c]) : 0;
        ns = ns > child ? ns - child : 0;
    }
    return ns;
}

static uint64_t
ns_of(const struct printer *printer, uint32_t number, enum show_field field)
{
    const struct call *call = &printer->model->calls[number];
    switch (field) {
    case SHOW_DURATION: return call_duration(call);
    case SHOW_WAITING: return call_waiting_ns(printer->model, call);
    case SHOW_SELF: return self_ns(printer, number);
    default: return call_running_ns(printer->model, call);
    }
}

static void
put_range(struct text *out, const struct printer *printer, const struct story_line *line, enum show_field field)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (uint32_t i = 0; i < line->count; i++) {
        uint64_t ns = ns_of(printer, line->calls[i], field);
        low = ns < low ? ns : low;
        high = ns > high ? ns : high;
    }
    if (high)
        show_duration_range(out, low, high, printer->options->ascii);
    else if (field != SHOW_WAITING)
        show_duration(out, 0, printer->options->ascii);
}

/* In the whole story, from 1. */
static uint32_t
depth_of(const struct model *model, uint32_t call)
{
    uint32_t depth = 0;
    for (; call != MODEL_NONE; call = outline_parent(model, call))
        depth++;
    return depth;
}

/* Of a folded line what cannot be a range is that of its first call. */
static void
put_field(struct text *out, const struct printer *printer, const struct story_line *line, enum show_field field)
{
    const struct model *model = printer->model;
    const struct call *call = &model->calls[line->calls[0]];
    switch (field) {
    case SHOW_START: show_duration(out, call->start_ns, printer->options->ascii); break;
    case SHOW_THREAD: label_track_name(out, &model->tracks[call->track]); break;
    case SHOW_WHERE:
        text_name(out, label_file(call->code->file));
        text_format(out, ":%u", call->code->first_line);
        break;
    case SHOW_DEPTH: text_format(out, "%u", printer->alone ? depth_of(model, line->calls[0]) : line->depth + 1); break;
    case SHOW_CALL: text_format(out, "#%u", model_call_number(model, line->calls[0])); break;
    default: put_range(out, printer, line, field);
    }
}

static bool
is_time(enum show_field field)
{
    return field <= SHOW_START;
}

static void
put_padded(struct text *out, const struct text *field, size_t width)
{
    for (size_t columns = printer_columns(field); columns < width + GAP; columns++)
        text_string(out, " ");
    text_bytes(out, field->data, field->length);
}

/* Those that the trace can tell. */
static bool
is_shown(const struct printer *printer, unsigned i)
{
    enum show_field field = printer->options->fields[i];
    return field < SHOW_FIELDS && (printer->options->time || !is_time(field));
}

static size_t
put_chosen(struct text *out, struct printer *printer, const struct story_line *line)
{
    struct text field = {.ascii = printer->options->ascii};
    size_t reserved = 0;
    if (line->count > 1) {
        text_string(out, printer->glyphs->times);
        label_count(out, line->count);
        reserved = printer_columns(out);
    }
    for (unsigned i = 0; i < printer->options->field_count; i++) {
        enum show_field name = printer->options->fields[i];
        if (!is_shown(printer, i))
            continue;
        text_truncate(&field, 0);
        put_field(&field, printer, line, name);
        size_t most = width_of(name) * 2;
        if (printer_columns(&field) > most)
            text_truncate(&field, text_fit(field.data, field.length, most));
        put_padded(out, &field, width_of(name));
        reserved += GAP + width_of(name);
    }
    text_free(&field);
    return reserved > printer_columns(out) ? reserved : printer_columns(out);
}

void
fields_print_names(struct printer *printer)
{
    struct text names = {0};
    struct text name = {0};
    for (unsigned i = 0; i < printer->options->field_count; i++) {
        if (!is_shown(printer, i))
            continue;
        text_truncate(&name, 0);
        text_string(&name, show_field_names[printer->options->fields[i]]);
        put_padded(&names, &name, width_of(printer->options->fields[i]));
    }
    size_t columns = printer_columns(&names);
    if (columns && columns + 12 <= printer->options->width) {
        for (size_t used = columns; used < printer->options->width; used++)
            text_string(printer->out, " ");
        printer_put(printer, STYLE_DIM, names.data, names.length);
        text_string(printer->out, "\n");
    }
    text_free(&names);
    text_free(&name);
}

size_t
fields_put(struct text *out, struct printer *printer, const struct story_line *line)
{
    return printer->options->field_count ? put_chosen(out, printer, line) : put_usual(out, printer, line);
}
