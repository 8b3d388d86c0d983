#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "printer.h"
#include "timeline_axis.h"

#define BAR_MIN 10         /* columns; less say nothing */
#define NAME_MIN 6
#define WIDTH_MIN (BAR_MIN + NAME_MIN + 1)
#define RAN_FROM 60        /* columns of a terminal that has room for a number at the right */
#define RAN_COLUMNS 10
#define WRITTEN_MAX 64     /* names in one lane */

static const char *const states[][TIMELINE_STATES] = {{" ", "·", "─", "▄", "█"}, {" ", ".", "-", "+", "#"}};
static const char *const marks[][TIMELINE_MARKS] = {{"", "⊘", "✗"}, {"", "/", "!"}};
static const char *const state_words[TIMELINE_STATES] = {"", "created, not begun", "waits",
                                                         "less than half of the time", "runs"};
static const char *const mark_words[TIMELINE_MARKS] = {"", "cancelled", "exception"};

struct drawing {
    struct printer printer;
    struct timeline timeline;
    struct timeline_cell *cells; /* Owned; of the lane that is being drawn */
    struct axis axis;
    uint32_t name_columns, bar_columns;
    bool ran; /* what each has run stands at its right */
    bool states_seen[TIMELINE_STATES], marks_seen[TIMELINE_MARKS];
};

/* --- names of lanes ----------------------------------------------------- */

static void
put_name(struct text *out, const struct drawing *drawing, const struct timeline_lane *lane)
{
    const struct model *model = drawing->timeline.model;
    const struct track *track = &model->tracks[lane->track];
    const struct glyphs *glyphs = drawing->printer.glyphs;
    bool moves = track->kind == TRACK_TASK || track->kind == TRACK_GREENLET;
    if (track->kind != TRACK_MAIN)
        text_string(out, moves ? glyphs->task : glyphs->thread);
    if (lane->count > 1) {
        label_function(out, model->calls[lane->first_root].code);
        text_format(out, "() %s", glyphs->times);
        label_count(out, lane->count);
    }
    else if (track->kind == TRACK_MAIN)
        text_string(out, "main thread");
    else if (track->name.length || track->kind == TRACK_GREENLET) {
        text_string(out, track->kind == TRACK_GREENLET && !track->name.length ? "greenlet " : "");
        label_track_name(out, track);
    }
    else
        text_string(out, label_track_kind(track));
}

static uint32_t
columns_of_names(struct drawing *drawing)
{
    struct text *text = &drawing->printer.scratch;
    size_t most = NAME_MIN;
    for (uint32_t i = 0; i < drawing->timeline.count; i++) {
        text_truncate(text, 0);
        put_name(text, drawing, &drawing->timeline.lanes[i]);
        most = printer_columns(text) > most ? printer_columns(text) : most;
    }
    size_t third = drawing->printer.options->width / 3;
    most = third > NAME_MIN && most > third ? third : most;
    return (uint32_t)(most + WIDTH_MIN - NAME_MIN > drawing->printer.options->width ? NAME_MIN : most);
}

static void
put_spaces(struct text *out, size_t count)
{
    for (; count > 0; count--)
        text_string(out, " ");
}

/* In just so many columns. */
static void
print_name(struct drawing *drawing, const struct timeline_lane *lane)
{
    struct printer *printer = &drawing->printer;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    put_name(text, drawing, lane);
    const char *dots = printer->glyphs->dots;
    size_t mark = text_columns(dots, strlen(dots));
    if (printer_columns(text) > drawing->name_columns) {
        text_truncate(text, text_fit(text->data, text->length, drawing->name_columns - mark));
        text_string(text, dots);
    }
    printer_put(printer, STYLE_PLAIN, text->data, text->length);
    put_spaces(printer->out, drawing->name_columns + 1 - printer_columns(text));
}

/* --- bars --------------------------------------------------------------- */

static bool
are_alike(const struct timeline_cell *a, const struct timeline_cell *b)
{
    return a->state == b->state && a->mark == b->mark && a->call == b->call;
}

static struct style
style_of(const struct timeline_cell *cell)
{
    if (cell->mark)
        return cell->mark == TIMELINE_RAISED ? STYLE_RED : STYLE_DIM;
    return cell->state >= TIMELINE_SHORT ? STYLE_CYAN : STYLE_DIM;
}

static void
print_cells(struct drawing *drawing, const struct timeline_cell *cell, uint32_t count)
{
    struct text glyphs = {0};
    bool ascii = drawing->printer.options->ascii;
    for (uint32_t i = 0; i < count; i++)
        text_string(&glyphs, cell->mark ? marks[ascii][cell->mark] : states[ascii][cell->state]);
    if (cell->state == TIMELINE_NOTHING && !cell->mark)
        text_slice(drawing->printer.out, text_content(&glyphs));
    else
        printer_put(&drawing->printer, style_of(cell), glyphs.data, glyphs.length);
    drawing->printer.out->failed |= glyphs.failed;
    text_free(&glyphs);
}

/* Once a lane, where there is a cell of its own at both ends. */
static bool
takes_name(struct drawing *drawing, const struct timeline_cell *cell, uint32_t count, uint32_t *written,
           uint32_t *written_count)
{
    struct text *name = &drawing->printer.line;
    if (cell->call == MODEL_NONE || cell->mark || cell->state == TIMELINE_NOTHING || *written_count == WRITTEN_MAX)
        return false;
    for (uint32_t i = 0; i < *written_count; i++)
        if (written[i] == cell->call)
            return false;
    text_truncate(name, 0);
    label_function(name, drawing->timeline.model->calls[cell->call].code);
    if (printer_columns(name) + 2 > count)
        return false;
    written[(*written_count)++] = cell->call;
    return true;
}

static void
print_bar(struct drawing *drawing, uint32_t end)
{
    uint32_t written[WRITTEN_MAX];
    uint32_t written_count = 0;
    for (uint32_t i = 0, next; i < end; i = next) {
        const struct timeline_cell *cell = &drawing->cells[i];
        for (next = i + 1; next < end && are_alike(cell, &drawing->cells[next]);)
            next++;
        drawing->states_seen[cell->state] |= !cell->mark;
        drawing->marks_seen[cell->mark] = true;
        if (!takes_name(drawing, cell, next - i, written, &written_count)) {
            print_cells(drawing, cell, next - i);
            continue;
        }
        struct text *name = &drawing->printer.line;
        uint32_t columns = (uint32_t)printer_columns(name);
        print_cells(drawing, cell, 1);
        printer_put(&drawing->printer, STYLE_BOLD, name->data, name->length);
        print_cells(drawing, cell, next - i - 1 - columns);
    }
}

/* Behind it nothing is drawn. */
static uint32_t
end_of_bar(const struct drawing *drawing)
{
    uint32_t end = drawing->bar_columns;
    while (end > 0 && drawing->cells[end - 1].state == TIMELINE_NOTHING && !drawing->cells[end - 1].mark)
        end--;
    return end;
}

static int
print_lane(struct drawing *drawing, const struct timeline_lane *lane)
{
    struct printer *printer = &drawing->printer;
    int ret = timeline_fill(&drawing->timeline, lane, drawing->cells, drawing->bar_columns);
    if (ret < 0)
        return ret;
    uint32_t end = end_of_bar(drawing);
    print_name(drawing, lane);
    print_bar(drawing, end);
    if (drawing->ran) {
        double sum = 0;
        for (uint32_t i = 0; i < drawing->bar_columns; i++)
            sum += drawing->cells[i].runs > 0 ? drawing->cells[i].runs : 0;
        text_truncate(&printer->line, 0);
        show_duration(&printer->line, (uint64_t)(sum + 0.5), printer->options->ascii);
        size_t columns = printer_columns(&printer->line);
        put_spaces(printer->out, drawing->bar_columns - end);
        put_spaces(printer->out, columns < RAN_COLUMNS ? RAN_COLUMNS - columns : 1);
        printer_put(printer, STYLE_DIM, printer->line.data, printer->line.length);
    }
    text_string(printer->out, "\n");
    return 0;
}

/* --- around them -------------------------------------------------------- */

static void
print_labels(struct drawing *drawing)
{
    struct printer *printer = &drawing->printer;
    struct text *text = &printer->line;
    struct text label = {0};
    uint64_t ns;
    uint32_t column;
    text_truncate(text, 0);
    put_spaces(text, drawing->name_columns + 1);
    for (uint32_t i = 0; axis_tick(&drawing->axis, i, &ns, &column); i++) {
        text_truncate(&label, 0);
        axis_put_label(&label, &drawing->axis, ns);
        size_t used = printer_columns(text) - drawing->name_columns - 1;
        if (used > column + (used == 0) || column + printer_columns(&label) > drawing->bar_columns)
            continue;
        put_spaces(text, column - used);
        text_slice(text, text_content(&label));
    }
    size_t used = printer_columns(text);
    if (used == drawing->name_columns + 1)
        text_truncate(text, used = 0);
    size_t right = drawing->name_columns + 1 + drawing->bar_columns + RAN_COLUMNS - 3;
    if (drawing->ran && used < right) {
        put_spaces(text, right - used);
        text_string(text, "ran");
    }
    printer_put(printer, STYLE_DIM, text->data, text->length);
    text_string(printer->out, "\n");
    text_free(&label);
}

static void
print_ruler(struct drawing *drawing)
{
    struct printer *printer = &drawing->printer;
    struct text *text = &printer->line;
    bool ascii = printer->options->ascii;
    uint64_t ns;
    uint32_t column, tick = 0;
    bool more = axis_tick(&drawing->axis, tick, &ns, &column);
    text_truncate(text, 0);
    put_spaces(text, drawing->name_columns + 1);
    for (uint32_t i = 0; i < drawing->bar_columns; i++) {
        bool here = more && column == i;
        text_string(text, here ? ascii ? "|" : "┬" : ascii ? "-" : "─");
        while (more && column <= i)
            more = axis_tick(&drawing->axis, ++tick, &ns, &column);
    }
    printer_put(printer, STYLE_DIM, text->data, text->length);
    text_string(printer->out, "\n");
}

static void
print_process(struct drawing *drawing, const struct process *process)
{
    struct printer *printer = &drawing->printer;
    struct text *text = &printer->line;
    struct slice program = process_info(process, "program");
    text_truncate(text, 0);
    if (process->run && drawing->timeline.model->run_count)
        text_format(text, "run %u %s ", process->run, printer->glyphs->dot);
    if (process->interpreter.length) {
        text_string(text, "interpreter ");
        text_name(text, process->interpreter);
    }
    else
        text_format(text, "process %u", process->pid);
    if (program.length) {
        text_format(text, " %s ", printer->glyphs->dot);
        text_clean(text, program);
    }
    size_t width = printer->options->width;
    text_truncate(text, text_fit(text->data, text->length, width));
    printer_put(printer, STYLE_BOLD, text->data, text->length);
    text_string(printer->out, "\n");
}

static int
print_lanes(struct drawing *drawing)
{
    const struct timeline *timeline = &drawing->timeline;
    const struct track *tracks = timeline->model->tracks;
    bool headings = false;
    for (uint32_t i = 1; i < timeline->count; i++)
        headings |= tracks[timeline->lanes[i].track].process != tracks[timeline->lanes[0].track].process;
    uint32_t last = MODEL_NONE;
    int ret = 0;
    for (uint32_t i = 0; i < timeline->count && ret == 0; i++) {
        uint32_t process = tracks[timeline->lanes[i].track].process;
        if (headings && process != last)
            print_process(drawing, &timeline->model->processes[process]);
        last = process;
        ret = print_lane(drawing, &timeline->lanes[i]);
    }
    return ret;
}

/* --- what it means, and what is not shown -------------------------------- */

static void
put_legend(struct text *text, const struct drawing *drawing)
{
    bool ascii = drawing->printer.options->ascii;
    for (int i = TIMELINE_STATES - 1; i > TIMELINE_NOTHING; i--)
        if (drawing->states_seen[i])
            text_format(text, "%s%s %s", text->length ? ", " : "", states[ascii][i], state_words[i]);
    for (int i = TIMELINE_MARKS - 1; i > TIMELINE_UNMARKED; i--)
        if (drawing->marks_seen[i])
            text_format(text, "%s%s %s", text->length ? ", " : "", marks[ascii][i], mark_words[i]);
    text_string(text, text->length ? ". A column is " : "A column is ");
    uint64_t span = drawing->timeline.to_ns - drawing->timeline.from_ns;
    show_duration(text, (span + drawing->bar_columns / 2) / drawing->bar_columns, ascii);
    text_string(text, ".");
}

static void
put_left_out(struct text *text, const struct drawing *drawing)
{
    static const char *const one[] = {" main thread", " thread", " task", " greenlet"};
    static const char *const many[] = {" main threads", " threads", " tasks", " greenlets"};
    const struct timeline *timeline = &drawing->timeline;
    bool any = false;
    for (int kind = 0; kind < 4; kind++) {
        if (!timeline->left_out[kind])
            continue;
        text_string(text, any ? ", " : text->length ? " Not shown: " : "Not shown: ");
        label_counted(text, timeline->left_out[kind], one[kind], many[kind]);
        any = true;
    }
    if (!any)
        return;
    text_string(text, ", which ran ");
    show_duration(text, timeline->left_out_ns, drawing->printer.options->ascii);
    text_string(text, " in all; --lines N shows more, --all everything, --track NAME one.");
}

static void
put_folded(struct text *text, const struct drawing *drawing)
{
    const struct timeline *timeline = &drawing->timeline;
    uint32_t folded = 0;
    for (uint32_t i = 0; i < timeline->count; i++)
        folded += timeline->lanes[i].count > 1 ? timeline->lanes[i].count : 0;
    if (!folded)
        return;
    text_string(text, text->length ? " " : "");
    label_count(text, folded);
    text_format(text,
                " tracks that begin with the same function share a lane (%s): --lines N shows more of them alone.",
                drawing->printer.glyphs->times);
}

static void
print_foot(struct drawing *drawing)
{
    struct printer *printer = &drawing->printer;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    put_legend(text, drawing);
    text_string(printer->out, "\n");
    printer_put_note(printer, text_content(text));
    text_truncate(text, 0);
    header_put_filtered(text, printer->model);
    put_folded(text, drawing);
    put_left_out(text, drawing);
    header_put_missing(text, printer->model);
    printer_put_note(printer, text_content(text));
}

static int
draw(struct drawing *drawing)
{
    const struct show_options *options = drawing->printer.options;
    header_print(&drawing->printer);
    drawing->name_columns = columns_of_names(drawing);
    drawing->ran = options->width >= RAN_FROM;
    drawing->bar_columns = options->width - drawing->name_columns - 1 - (drawing->ran ? RAN_COLUMNS : 0);
    drawing->cells = malloc(drawing->bar_columns * sizeof *drawing->cells);
    if (!drawing->cells)
        return -ENOMEM;
    drawing->axis = axis_make(drawing->timeline.from_ns, drawing->timeline.to_ns, drawing->bar_columns, options->ascii);
    print_labels(drawing);
    print_ruler(drawing);
    int ret = print_lanes(drawing);
    if (ret == 0)
        print_foot(drawing);
    return ret;
}

static bool
has_no_time(const struct model *model)
{
    const struct flow_file_header *header = model->reader->header;
    return header->clock == FLOW_CLOCK_NONE || header->flags & FLOW_FILE_NO_TIME;
}

int
show_timeline(struct text *out, const struct model *model, struct range within, const struct show_options *options)
{
    if (has_no_time(model)) {
        text_string(out, "a timeline needs times, and this trace was recorded with --no-time; flowtrace show tells "
                         "what happened in which order");
        return -ERANGE;
    }
    if (options->width < WIDTH_MIN) {
        text_format(out, "a timeline needs %d columns, not %u; --width N writes to more than there are", WIDTH_MIN,
                    options->width);
        return -ERANGE;
    }
    if (model->call_count == 0 || model->process_count == 0) {
        header_print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    struct drawing drawing = {0};
    struct show_options used = *options;
    used.width = used.width < 10000 ? used.width : 10000;
    unsigned around = 7;
    unsigned most = !used.lines ? 0 : used.lines > around + 3 ? used.lines - around : 3;
    int ret = timeline_build(&drawing.timeline, model, within, most);
    if (ret < 0)
        return ret;
    used.time = true;
    printer_open(&drawing.printer, out, model, &used);
    ret = draw(&drawing);
    printer_close(&drawing.printer);
    timeline_free(&drawing.timeline);
    free(drawing.cells);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
