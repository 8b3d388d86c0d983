/* tree.c - the story as a tree of lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "printer.h"

static const struct glyphs UNICODE = {"├─ ", "└─ ", "│  ", "   ", " → ", "  ✗ ", "⇢ ", "⇉ ", "↻", "×", "…", "·"};
static const struct glyphs ASCII = {"|- ", "`- ", "|  ", "   ", " -> ", "  ! ", "=> ", "=> ", "~", "x", "...", "-"};

void
printer_put(struct printer *printer, struct style style, const char *data, size_t length)
{
    if (!length)
        return;
    if (!printer->options->color)
        style = STYLE_PLAIN;
    text_string(printer->out, style.on);
    text_bytes(printer->out, data, length);
    text_string(printer->out, style.off);
}

/* --- the tree ----------------------------------------------------------- */

/* The bars before a line, from its ancestors. */
static void
make_prefix(struct printer *printer, uint32_t number)
{
    const struct story *story = printer->story;
    uint32_t parents[512];
    uint32_t depth = 0;
    for (uint32_t p = story->lines[number].parent; p != MODEL_NONE && depth < 512; p = story->lines[p].parent)
        parents[depth++] = p;
    text_truncate(&printer->prefix, 0);
    while (depth-- > 0) {
        const struct story_line *ancestor = &story->lines[parents[depth]];
        if (ancestor->parent == MODEL_NONE)
            continue;
        bool more = ancestor->next_sibling != MODEL_NONE || ancestor->skipped;
        text_string(&printer->prefix, more ? printer->glyphs->bar : printer->glyphs->gap);
    }
    /* A tree deeper than the page is wide still needs room for its words. */
    size_t most = printer->options->width / 2;
    if (printer_columns(&printer->prefix) > most && most > 8) {
        text_truncate(&printer->prefix, text_fit(printer->prefix.data, printer->prefix.length, most - 8));
        text_format(&printer->prefix, "%s %u ", printer->glyphs->dots, story->lines[number].depth);
    }
}

/* What stands in printer->line, cut if it must be. */
static void
print_note(struct printer *printer)
{
    struct text *text = &printer->line;
    const char *dots = printer->glyphs->dots;
    size_t before = printer_columns(&printer->prefix);
    size_t room = printer->options->width > before ? printer->options->width - before : 0;
    size_t mark = text_columns(dots, strlen(dots));
    if (printer_columns(text) > room) {
        text_truncate(text, text_fit(text->data, text->length, room > mark ? room - mark : 0));
        text_string(text, dots);
    }
    printer_put(printer, STYLE_DIM, printer->prefix.data, printer->prefix.length);
    printer_put(printer, STYLE_DIM, text->data, text->length);
    text_string(printer->out, "\n");
}

static void
print_skipped(struct printer *printer, const struct story_line *line)
{
    struct text *text = &printer->line;
    text_truncate(text, 0);
    if (line->parent != MODEL_NONE)
        text_string(text, line->next_sibling != MODEL_NONE ? printer->glyphs->branch : printer->glyphs->last);
    text_format(text, "%s ", printer->glyphs->dots);
    label_count(text, line->skipped);
    text_string(text, label_plural(line->skipped, " more line here, ", " more lines here, "));
    label_count(text, line->skipped_calls);
    text_string(text, label_plural(line->skipped_calls, " call", " calls"));
    print_note(printer);
}

static void
print_chain(struct printer *printer, const struct story_line *line)
{
    struct text *text = &printer->line;
    text_truncate(text, 0);
    text_format(text, "%s%s ", printer->glyphs->last, printer->glyphs->dots);
    label_count(text, line->chain);
    text_string(text, " calls, one within the other");
    print_note(printer);
}

static void
print_story_line(struct printer *printer, uint32_t number)
{
    const struct story_line *line = &printer->story->lines[number];
    const struct glyphs *glyphs = printer->glyphs;
    bool last = line->next_sibling == MODEL_NONE && !line->skipped;
    bool root = line->parent == MODEL_NONE;
    make_prefix(printer, number);
    if (line->chain) {
        print_chain(printer, line);
        return;
    }
    line_print(printer, line, root ? "" : last ? glyphs->last : glyphs->branch);
    if (!printer->options->exceptions)
        return;
    uint32_t index = printer->model->calls[line->calls[0]].exception;
    const struct exception *exception = index != MODEL_NONE ? &printer->model->exceptions[index] : NULL;
    struct leg leg;
    struct text indent = {0};
    text_string(&indent, root ? "" : last ? glyphs->gap : glyphs->bar);
    text_string(&indent, line->first_child != MODEL_NONE ? glyphs->bar : glyphs->gap);
    text_bytes(&indent, "", 1);
    journey_print_caught(printer, line->calls[0], indent.data ? indent.data : "");
    if (exception && !exception->benign && exception_leg_at(printer->model, exception, line->calls[0], &leg))
        journey_print(printer, exception, &leg, indent.data ? indent.data : "");
    else if (call_kept_cancellation(printer->model, line->calls[0]))
        journey_print_swallowed(printer, &printer->model->exceptions[printer->model->calls[line->calls[0]].cancelled],
                                indent.data ? indent.data : "");
    text_free(&indent);
}

/* Depth first, without recursion; the note on skipped siblings comes behind a line's own subtree. */
static void
print_lines(struct printer *printer)
{
    const struct story *story = printer->story;
    uint32_t line = story->first_root;
    while (line != MODEL_NONE) {
        print_story_line(printer, line);
        if (story->lines[line].first_child != MODEL_NONE) {
            line = story->lines[line].first_child;
            continue;
        }
        for (;;) {
            const struct story_line *done = &story->lines[line];
            if (done->skipped) {
                make_prefix(printer, line);
                print_skipped(printer, done);
            }
            if (done->next_sibling != MODEL_NONE) {
                line = done->next_sibling;
                break;
            }
            line = done->parent;
            if (line == MODEL_NONE)
                return;
        }
    }
}

/* --- header and footer -------------------------------------------------- */

static void
put_item(struct text *out, uint64_t count, const char *one, const char *many)
{
    label_count(out, count);
    text_string(out, label_plural(count, one, many));
}

static uint32_t
count_tracks(const struct model *model, enum track_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->track_count; i++)
        count += model->tracks[i].kind == kind && model->tracks[i].call_count > 0
                 && !track_is_foreign(model, &model->tracks[i]);
    return count;
}

static void
put_tracks(struct text *out, const struct model *model, const char *dot)
{
    static const struct {
        enum track_kind kind;
        const char *one, *many;
    } kinds[] = {{TRACK_THREAD, " thread", " threads"},
                 {TRACK_TASK, " task", " tasks"},
                 {TRACK_GREENLET, " greenlet", " greenlets"}};
    bool any = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint32_t count = count_tracks(model, kinds[i].kind);
        if (!count)
            continue;
        text_format(out, any ? " + " : " %s main thread + ", dot);
        put_item(out, count, kinds[i].one, kinds[i].many);
        any = true;
    }
}

/* Those, or sub-interpreters, in which code of the program's own ran: multiprocessing has others for itself. */
static uint32_t
count_processes(const struct model *model, bool interpreters)
{
    uint32_t count = 0;
    for (uint32_t process = 0; process < model->process_count; process++) {
        bool any = false;
        bool wanted = (model->processes[process].interpreter.length > 0) == interpreters;
        for (uint32_t i = 0; wanted && i < model->track_count && !any; i++)
            any = model->tracks[i].process == process && model->tracks[i].call_count > 0;
        count += any;
    }
    return count;
}

/* Tasks and jobs keep theirs for who asks for the result; a greenlet's goes on in its parent. */
static bool
is_uncaught(const struct model *model, const struct exception *exception)
{
    if (exception->calls_left == 0)
        return false;
    const struct call *last = &model->calls[exception->last_call];
    enum track_kind kind = model->tracks[last->track].kind;
    return exception->caught_by == MODEL_NONE && kind != TRACK_TASK && kind != TRACK_GREENLET
           && last->origin != FLOW_SPAWN_JOB && last->origin != FLOW_SPAWN_INTERPRETER;
}

static void
count_exceptions(const struct model *model, uint32_t *all, uint32_t *uncaught, uint32_t *unknown)
{
    *all = *uncaught = *unknown = 0;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        bool seen = exception->calls_left > 0 || exception->caught_by != MODEL_NONE;
        bool error = exception->meaning == FLOW_EXCEPTION_ERROR
                     || (exception_is_cancellation(exception) && exception->calls_left
                         && is_uncaught(model, exception));
        if (!seen || !error)
            continue;
        ++*all;
        bool goes_on = journey_goes_on(model, exception);
        *unknown += goes_on;
        *uncaught += is_uncaught(model, exception) && !goes_on;
    }
}

static void
put_status(struct text *out, const struct model *model, const char *dot)
{
    const struct process *process = &model->processes[0];
    if (process->lost.length) {
        text_format(out, " %s recording stopped early: ", dot);
        text_clean(out, process->lost);
    }
    if (!process->has_status)
        return;
    int status = process->wait_status;
    if ((status & 0x7f) != 0)
        text_format(out, " %s killed by %s", dot, show_signal_name(status & 0x7f));
    else if (status >> 8 & 0xff)
        text_format(out, " %s exit status %d", dot, status >> 8 & 0xff);
}

/* Text of many words, broken at spaces where it does not fit; `column` goes on from part to part. */
static void
print_wrapped(struct printer *printer, struct style style, struct slice text, size_t *column)
{
    size_t at = 0;
    while (at < text.length) {
        size_t spaces = 0;
        while (at + spaces < text.length && text.data[at + spaces] == ' ')
            spaces++;
        size_t end = at + spaces;
        while (end < text.length && text.data[end] != ' ')
            end++;
        size_t columns = text_columns(text.data + at, end - at);
        if (*column > 0 && spaces > 0 && *column + columns > printer->options->width) {
            text_string(printer->out, "\n");
            *column = 0;
            at += spaces;
            columns -= spaces;
        }
        printer_put(printer, style, text.data + at, end - at);
        *column += columns;
        at = end;
    }
}

static void
print_header(struct printer *printer)
{
    const struct model *model = printer->model;
    const char *dot = printer->glyphs->dot;
    struct text *text = &printer->line;
    uint32_t exceptions, uncaught, unknown;
    count_exceptions(model, &exceptions, &uncaught, &unknown);
    struct slice program = process_info(&model->processes[0], "program");
    text_truncate(text, 0);
    text_clean(text, program);
    size_t name = text->length;
    if (name)
        text_format(text, " %s ", dot);
    put_item(text, model->call_count - printer->outline->hidden - printer->outline->inherited, " call", " calls");
    put_tracks(text, model, dot);
    uint32_t processes = count_processes(model, false);
    uint32_t interpreters = count_processes(model, true);
    if (processes > 1) {
        text_format(text, " %s ", dot);
        put_item(text, processes, "", " processes");
    }
    if (interpreters) {
        text_format(text, " %s ", dot);
        put_item(text, interpreters, " sub-interpreter", " sub-interpreters");
    }
    if (printer->options->time) {
        text_format(text, " %s ", dot);
        show_duration(text, model->duration_ns, printer->options->ascii);
    }
    if (exceptions) {
        text_format(text, " %s ", dot);
        put_item(text, exceptions, " exception", " exceptions");
        if (uncaught)
            text_format(text, ", %u not caught", uncaught);
        else if (!unknown)
            text_string(text, ", all caught");
    }
    put_status(text, model, dot);
    size_t column = 0;
    print_wrapped(printer, STYLE_BOLD, (struct slice){text->data, name}, &column);
    print_wrapped(printer, STYLE_PLAIN, (struct slice){text->data + name, text->length - name}, &column);
    text_string(printer->out, "\n\n");
}

/* That of the first process stands in the head. */
static bool
is_incomplete(const struct model *model)
{
    bool incomplete = model->lost_records || model->reader->damaged || model->reader->header->unrecorded;
    for (uint32_t i = 1; i < model->process_count && !incomplete; i++)
        incomplete = model->processes[i].lost.length > 0;
    return incomplete;
}

/* Of the first process that says so. */
static void
put_no_identity(struct text *text, const struct model *model)
{
    struct slice reason = {0};
    for (uint32_t i = 0; i < model->process_count && !reason.length; i++)
        reason = process_info(&model->processes[i], "no_identity");
    if (!reason.length)
        return;
    text_string(text, text->length ? " " : "");
    text_string(text, "Numbers of objects (#1) are not given throughout: ");
    text_clean(text, reason);
    text_string(text, ".");
}

/* What --last has cost. */
static void
put_bound(struct text *text, const struct model *model)
{
    const struct flow_bound *bound = reader_bound(model->reader);
    if (!bound || !(model->reader->header->flags & FLOW_FILE_LAST))
        return;
    if (bound->chunks_let_go) {
        text_string(text, text->length ? " " : "");
        text_string(text, bound->calls_let_go == 1 ? "The first call was let go: --last " : "The first ");
        if (bound->calls_let_go != 1) {
            label_count(text, bound->calls_let_go);
            text_string(text, " calls were let go: --last ");
        }
        label_size(text, bound->units * FLOW_UNIT_SIZE);
        text_string(text, " kept the newest.");
    }
    if (bound->calls_unplaced) {
        text_string(text, text->length ? " Not recorded: " : "Not recorded: ");
        label_unplaced(text, bound);
        text_string(text, ".");
    }
}

static void
print_footer(struct printer *printer)
{
    const struct story *story = printer->story;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    if (story->calls_left_out) {
        text_string(text, "Not shown: ");
        put_item(text, story->calls_left_out, " call", " calls");
        text_string(text, "; --lines N shows more, --all everything.");
    }
    if (printer->outline->hidden) {
        text_string(text, text->length ? " Nor " : "Not shown: ");
        put_item(text, printer->outline->hidden, " class body or annotation", " class bodies and annotations");
        text_string(text, ".");
    }
    put_bound(text, printer->model);
    if (is_incomplete(printer->model)) {
        text_string(text, text->length ? " " : "");
        text_string(text, "Part of this trace is missing: see flowtrace info.");
    }
    put_no_identity(text, printer->model);
    if (!text->length)
        return;
    size_t column = 0;
    text_string(printer->out, "\n");
    print_wrapped(printer, STYLE_DIM, printer_slice(text), &column);
    text_string(printer->out, "\n");
}

static void
print_nothing(struct text *out, const struct model *model)
{
    const struct process *process = model->process_count ? &model->processes[0] : NULL;
    if (process && process->lost.length) {
        text_string(out, "No call can be read: recording stopped early: ");
        text_clean(out, process->lost);
        text_string(out, ".\n");
    }
    else if (process && process->has_status && process->wait_status) {
        text_string(out, "No call was recorded: the program ended before its first, ");
        if (process->wait_status & 0x7f)
            text_format(out, "killed by %s.\n", show_signal_name(process->wait_status & 0x7f));
        else
            text_format(out, "with exit status %d.\n", process->wait_status >> 8 & 0xff);
    }
    else if (model->reader->damaged) {
        text_string(out, "No call can be read: this trace is damaged or cut off; see flowtrace info.\n");
    }
    else {
        text_string(out,
                    "No call of the program's own code was recorded. Its own is what lies in the script's folder or\n"
                    "project; --include NAME takes an installed package or another file in.\n");
    }
}

int
show_tree(struct text *out, const struct model *model, const struct show_options *given)
{
    struct show_options used = *given;
    const struct show_options *options = &used;
    used.time &= model->reader->header->clock != FLOW_CLOCK_NONE;
    if (model->call_count == 0 || model->process_count == 0) {
        print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    struct outline outline;
    struct story story;
    int ret = outline_build(&outline, model, options->lines > 0);
    if (ret < 0)
        return ret;
    /* The header and the footer take two lines each. */
    uint32_t budget = options->lines > 10 ? options->lines - 4 : 6;
    ret = story_build(&story, &outline, options->lines ? budget : 0);
    if (ret == 0) {
        struct printer printer = {.out = out,
                                  .model = model,
                                  .outline = &outline,
                                  .story = &story,
                                  .options = options,
                                  .line = {.ascii = options->ascii},
                                  .scratch = {.ascii = options->ascii},
                                  .glyphs = options->ascii ? &ASCII : &UNICODE};
        print_header(&printer);
        print_lines(&printer);
        print_footer(&printer);
        text_free(&printer.prefix);
        text_free(&printer.line);
        text_free(&printer.scratch);
        story_free(&story);
    }
    outline_free(&outline);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
