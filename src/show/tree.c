/* tree.c - the story as a tree of lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/story.h"
#include "../model/value_text.h"
#include "label.h"

#define COMPARED_MAX 256   /* members of a folded line whose values are compared */
#define SHORT_VALUE 24     /* columns of one end of "first … last" */
#define PATH_MAX_NAMES 8

struct style {
    const char *on, *off;
};

static const struct style PLAIN = {"", ""};
static const struct style DIM = {"\033[2m", "\033[0m"};
static const struct style BOLD = {"\033[1m", "\033[0m"};
static const struct style GREEN = {"\033[32m", "\033[0m"};
static const struct style RED = {"\033[31m", "\033[0m"};
static const struct style CYAN = {"\033[36m", "\033[0m"};

struct glyphs {
    const char *branch, *last, *bar, *gap, *arrow, *cross, *task, *thread, *again, *times, *dots, *dot;
};

static const struct glyphs UNICODE = {"├─ ", "└─ ", "│  ", "   ", " → ", "  ✗ ", "⇢ ", "⇉ ", "↻", "×", "…", "·"};
static const struct glyphs ASCII = {"|- ", "`- ", "|  ", "   ", " -> ", "  ! ", "=> ", "=> ", "~", "x", "...", "-"};

struct printer {
    struct text *out;
    const struct model *model;
    const struct outline *outline;
    const struct story *story;
    const struct show_options *options;
    const struct glyphs *glyphs;
    struct text prefix; /* of the line being written: bars and gaps */
    struct text line;
    struct text scratch;
};

static struct slice
slice_of(const struct text *text, size_t from)
{
    return (struct slice){text->data + from, text->length - from};
}

static size_t
columns(const struct text *text)
{
    return text_columns(text->data, text->length);
}

static void
put(struct printer *printer, struct style style, const char *data, size_t length)
{
    if (!length)
        return;
    if (!printer->options->color)
        style = PLAIN;
    text_string(printer->out, style.on);
    text_bytes(printer->out, data, length);
    text_string(printer->out, style.off);
}

/* --- values ------------------------------------------------------------- */

enum place { ARGUMENT, RESULT };

static struct value
value_at(const struct printer *printer, uint32_t call, enum place place, uint32_t index)
{
    const struct call *c = &printer->model->calls[call];
    return place == RESULT ? c->result : call_argument(printer->model, c, index);
}

static void
value_into(struct text *out, const struct printer *printer, struct value value, unsigned width)
{
    struct value_limits limits = {.width = width, .depth = 3};
    if (value.data)
        value_text(out, printer->model->reader, &value, &limits);
}

static bool
same(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Where `first` and `last` are alike at both ends and differ in the middle:
 * Order(id=1 … 12, total=40). Cuts at the borders of names and numbers. */
static void
put_range(struct text *out, const struct printer *printer, struct slice first, struct slice last, unsigned width)
{
    if (first.length + last.length + 3 <= width && text_columns(first.data, first.length) <= SHORT_VALUE
        && text_columns(last.data, last.length) <= SHORT_VALUE) {
        text_slice(out, first);
        text_format(out, " %s ", printer->glyphs->dots);
        text_slice(out, last);
        return;
    }
    size_t name = 0;
    while (name < first.length && name < last.length && first.data[name] == last.data[name]
           && (first.data[name] == '_' || (first.data[name] | 32) >= 'a') && (first.data[name] | 32) <= 'z')
        name++;
    if (name && name < first.length && first.data[name] == '(')
        text_format(out, "%.*s(%s)", (int)name, first.data, printer->glyphs->dots);
    else
        text_string(out, printer->glyphs->dots);
}

/* The value, or what the members of a folded line had from the first to the last. */
static void
put_member_values(struct text *out, struct printer *printer, const struct story_line *line, enum place place,
                  uint32_t index, unsigned width)
{
    struct text first = {0}, other = {0};
    uint32_t step = line->count > COMPARED_MAX ? line->count / COMPARED_MAX : 1;
    bool equal = true;
    value_into(&first, printer, value_at(printer, line->calls[0], place, index), width);
    for (uint32_t i = 1; i < line->count && equal; i += step) {
        text_truncate(&other, 0);
        value_into(&other, printer, value_at(printer, line->calls[i], place, index), width);
        equal = same(slice_of(&first, 0), slice_of(&other, 0));
    }
    if (equal) {
        text_slice(out, slice_of(&first, 0));
    }
    else {
        text_truncate(&other, 0);
        value_into(&other, printer, value_at(printer, line->calls[line->count - 1], place, index), width);
        put_range(out, printer, slice_of(&first, 0), slice_of(&other, 0), width);
    }
    text_free(&first);
    text_free(&other);
}

static bool
is_self(const struct code *code, uint32_t index)
{
    if (index > 0 || !memchr(code->qualname.data, '.', code->qualname.length))
        return false;
    return label_is(code->parameters[0].name, "self") || label_is(code->parameters[0].name, "cls");
}

static bool
is_empty_rest(const struct printer *printer, const struct story_line *line, uint32_t index)
{
    enum flow_parameter kind = printer->model->calls[line->calls[0]].code->parameters[index].kind;
    if (kind != FLOW_PARAMETER_VAR_POSITIONAL && kind != FLOW_PARAMETER_VAR_KEYWORD)
        return false;
    struct value value = value_at(printer, line->calls[0], ARGUMENT, index);
    struct value_head head;
    return value.data && value_read(printer->model->reader, &value, &head) == 0 && head.total == 0;
}

static void
put_arguments(struct text *out, struct printer *printer, const struct story_line *line, unsigned width)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    const struct code *code = call->code;
    if (code->flags & (FLOW_CODE_MODULE | FLOW_CODE_CLASS))
        return;
    if (!printer->options->arguments || (!call->arguments.data && code->parameter_count)) {
        text_string(out, code->parameter_count ? "(" : "()");
        text_string(out, code->parameter_count ? printer->glyphs->dots : "");
        text_string(out, code->parameter_count ? ")" : "");
        return;
    }
    text_string(out, "(");
    bool any = false;
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        const struct parameter *parameter = &code->parameters[i];
        if (is_self(code, i) || is_empty_rest(printer, line, i) || label_is(parameter->name, ".0"))
            continue;
        text_string(out, any ? ", " : "");
        any = true;
        text_string(out, parameter->kind == FLOW_PARAMETER_VAR_POSITIONAL ? "*"
                         : parameter->kind == FLOW_PARAMETER_VAR_KEYWORD  ? "**"
                                                                          : "");
        text_clean(out, parameter->name);
        text_string(out, "=");
        put_member_values(out, printer, line, ARGUMENT, i, width);
    }
    text_string(out, ")");
}

/* --- the parts of a line ------------------------------------------------ */

/* A root of a task, thread or process says so. */
static void
put_origin(struct text *out, struct printer *printer, const struct story_line *line)
{
    const struct model *model = printer->model;
    const struct call *call = &model->calls[line->calls[0]];
    const struct call *last = &model->calls[line->calls[line->count - 1]];
    const struct track *track = &model->tracks[call->track];
    if (call->parent != MODEL_NONE || (track->kind == TRACK_MAIN && track->process == 0))
        return;
    text_string(out, track->kind == TRACK_TASK ? printer->glyphs->task : printer->glyphs->thread);
    if (track->kind == TRACK_MAIN) {
        text_format(out, "process %u: ", model->processes[track->process].pid);
        return;
    }
    text_string(out, track->kind == TRACK_TASK ? "task " : "thread ");
    text_clean(out, track->name);
    if (last->track != call->track) {
        text_format(out, " %s ", printer->glyphs->dots);
        text_clean(out, model->tracks[last->track].name);
    }
    text_string(out, ": ");
}

/* "yielded 4×" for generators, the result for the rest; None is not worth a word. */
static void
put_result(struct text *out, struct printer *printer, const struct story_line *line, unsigned width)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    struct value value = call->result;
    struct value_head head;
    bool generates = call->code->flags & (FLOW_CODE_GENERATOR | FLOW_CODE_ASYNC_GENERATOR);
    if (generates && call->suspensions && line->count == 1)
        text_format(out, " yielded %u%s", call->suspensions, printer->glyphs->times);
    if (!printer->options->results || call->outcome != OUTCOME_RETURNED || !value.data)
        return;
    if (value_read(printer->model->reader, &value, &head) < 0 || (head.tag == FLOW_VALUE_NONE && line->count == 1))
        return;
    text_truncate(&printer->scratch, 0);
    put_member_values(&printer->scratch, printer, line, RESULT, 0, width);
    if (label_is(slice_of(&printer->scratch, 0), "None"))
        return;
    text_string(out, printer->glyphs->arrow);
    text_slice(out, slice_of(&printer->scratch, 0));
}

static bool
raised_here(const struct printer *printer, uint32_t call)
{
    uint32_t index = printer->model->calls[call].exception;
    return index != MODEL_NONE && printer->model->exceptions[index].first_call == call;
}

static void
put_end(struct text *out, struct printer *printer, const struct story_line *line)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    if (call->outcome == OUTCOME_RUNNING)
        text_format(out, "  %s still running", printer->glyphs->dots);
    else if (call->outcome == OUTCOME_ABANDONED)
        text_string(out, "  (abandoned)");
    if (call->exception == MODEL_NONE)
        return;
    const struct exception *exception = &printer->model->exceptions[call->exception];
    text_string(out, printer->glyphs->cross);
    label_exception(out, printer->model, exception, raised_here(printer, line->calls[0]), 60);
}

/* What the tree does not show of this line. */
static void
put_inside(struct text *out, struct printer *printer, const struct story_line *line)
{
    if (line->opened || line->inside == 0)
        return;
    text_format(out, "  %s ", line->recursion ? printer->glyphs->again : printer->glyphs->dots);
    label_count(out, line->inside);
    if (!line->recursion) {
        text_string(out, label_plural(line->inside, " call inside", " calls inside"));
        return;
    }
    text_format(out, " %s of itself, depth %u", label_plural(line->inside, "call", "calls"),
                printer->outline->depth[line->calls[0]]);
}

static uint64_t
running_ns(const struct call *call)
{
    uint64_t duration = call_duration(call);
    return duration > call->waiting_ns ? duration - call->waiting_ns : 0;
}

/* "×11   0.20 … 0.90 ms", and what was spent waiting. */
static void
put_times(struct text *out, struct printer *printer, const struct story_line *line)
{
    uint64_t low = UINT64_MAX, high = 0, waiting = 0;
    bool ascii = printer->options->ascii;
    for (uint32_t i = 0; i < line->count; i++) {
        const struct call *call = &printer->model->calls[line->calls[i]];
        uint64_t ns = running_ns(call);
        low = ns < low ? ns : low;
        high = ns > high ? ns : high;
        bool awaits = call->code->flags & (FLOW_CODE_COROUTINE | FLOW_CODE_ASYNC_GENERATOR);
        if (awaits && call->waiting_ns > waiting)
            waiting = call->waiting_ns;
    }
    if (line->count > 1) {
        text_string(out, printer->glyphs->times);
        label_count(out, line->count);
    }
    if (!printer->options->time)
        return;
    text_string(out, line->count > 1 ? "  " : "");
    if (line->count > 1 && high > low) {
        show_duration(out, low, ascii);
        text_format(out, " %s ", printer->glyphs->dots);
    }
    show_duration(out, high, ascii);
    if (waiting) {
        text_string(out, " + ");
        show_duration(out, waiting, ascii);
        text_string(out, " waiting");
    }
}

/* --- a line ------------------------------------------------------------- */

struct parts {
    size_t name, arguments, result, end, inside, stop; /* where each begins in printer->line */
};

static struct parts
compose(struct printer *printer, const struct story_line *line, unsigned width)
{
    struct text *text = &printer->line;
    struct parts parts;
    text_truncate(text, 0);
    put_origin(text, printer, line);
    parts.name = text->length;
    label_function(text, printer->model, printer->model->calls[line->calls[0]].code);
    parts.arguments = text->length;
    put_arguments(text, printer, line, width);
    parts.result = text->length;
    put_result(text, printer, line, width);
    parts.end = text->length;
    put_end(text, printer, line);
    parts.inside = text->length;
    put_inside(text, printer, line);
    parts.stop = text->length;
    return parts;
}

static void
put_part(struct printer *printer, struct style style, size_t from, size_t to, size_t cut)
{
    to = to < cut ? to : cut;
    if (from < to)
        put(printer, style, printer->line.data + from, to - from);
}

static void
put_padding(struct printer *printer, size_t used, size_t right)
{
    size_t width = printer->options->width;
    for (size_t i = used; i + right < width; i++)
        text_string(printer->out, " ");
}

static void
print_line(struct printer *printer, const struct story_line *line, const char *branch)
{
    struct text right = {0};
    put_times(&right, printer, line);
    size_t glyphs = columns(&printer->prefix) + text_columns(branch, strlen(branch));
    size_t right_columns = columns(&right);
    size_t room = printer->options->width > glyphs + right_columns + 2
                      ? printer->options->width - glyphs - right_columns - 2
                      : 1;
    static const unsigned widths[] = {120, 80, 60, 44, 32, 22, 14};
    struct parts parts = {0};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        parts = compose(printer, line, widths[i]);
        if (columns(&printer->line) <= room)
            break;
    }
    size_t cut = parts.stop;
    bool too_long = columns(&printer->line) > room;
    if (too_long)
        cut = text_fit(printer->line.data, printer->line.length, room - 1);
    put(printer, DIM, printer->prefix.data, printer->prefix.length);
    put(printer, DIM, branch, strlen(branch));
    put_part(printer, CYAN, 0, parts.name, cut);
    put_part(printer, BOLD, parts.name, parts.arguments, cut);
    put_part(printer, PLAIN, parts.arguments, parts.result, cut);
    put_part(printer, GREEN, parts.result, parts.end, cut);
    put_part(printer, RED, parts.end, parts.inside, cut);
    put_part(printer, DIM, parts.inside, parts.stop, cut);
    size_t used = glyphs + text_columns(printer->line.data, cut);
    if (too_long) {
        text_string(printer->out, printer->options->ascii ? "." : "…");
        used++;
    }
    if (right.length) {
        put_padding(printer, used, right_columns);
        put(printer, DIM, right.data, right.length);
    }
    text_string(printer->out, "\n");
    text_free(&right);
}

/* --- exceptions --------------------------------------------------------- */

static void
put_call_place(struct text *out, const struct model *model, uint32_t call, uint32_t line)
{
    const struct code *code = model->calls[call].code;
    label_function(out, model, code);
    text_string(out, " (");
    text_clean(out, label_file(code->file));
    if (line)
        text_format(out, ":%u", line);
    text_string(out, ")");
}

static void
put_path(struct text *out, const struct model *model, const struct exception *exception, const char *dots)
{
    uint32_t call = exception->first_call;
    uint32_t index = model->calls[call].exception;
    uint32_t named = 0;
    text_string(out, "left ");
    while (call != MODEL_NONE && model->calls[call].exception == index && named < PATH_MAX_NAMES) {
        text_string(out, named++ ? ", " : "");
        label_function(out, model, model->calls[call].code);
        call = model->calls[call].parent;
    }
    if (exception->calls_left > named)
        text_format(out, ", %s%u more", dots, exception->calls_left - named);
}

static void
put_fate(struct text *out, const struct model *model, const struct exception *exception)
{
    if (exception->caught_by != MODEL_NONE) {
        text_string(out, "caught in ");
        put_call_place(out, model, exception->caught_by, exception->caught_line);
        return;
    }
    const struct track *track = &model->tracks[model->calls[exception->last_call].track];
    if (track->kind == TRACK_TASK) {
        text_string(out, "not caught in task ");
        text_clean(out, track->name);
    }
    else if (model->calls[exception->last_call].origin == FLOW_SPAWN_JOB) {
        text_string(out, "kept for whoever asks for the job's result");
    }
    else if (track->kind == TRACK_THREAD) {
        text_string(out, "not caught: it ended thread ");
        text_clean(out, track->name);
    }
    else if (label_is(exception->type, "SystemExit")) {
        text_string(out, "ended the program, as it asked");
    }
    else {
        text_string(out, "not caught: it ended the program");
    }
}

static void
print_journey(struct printer *printer, const struct exception *exception, const char *indent)
{
    const struct model *model = printer->model;
    struct text *text = &printer->line;
    const char *dot = printer->glyphs->dot;
    text_truncate(text, 0);
    const struct code *code = model->calls[exception->first_call].code;
    bool outside = !same(exception->file, code->file) || !same(exception->function, code->qualname);
    text_string(text, "raised ");
    if (exception->line) {
        text_clean(text, label_file(exception->file));
        text_format(text, ":%u", exception->line);
    }
    if (outside) {
        text_string(text, " in ");
        text_clean(text, exception->function);
    }
    if (exception->cause.length) {
        text_string(text, " from ");
        text_clean(text, exception->cause);
    }
    text_format(text, " %s ", dot);
    put_path(text, model, exception, printer->glyphs->dots);
    text_format(text, " %s ", dot);
    put_fate(text, model, exception);
    size_t glyphs = columns(&printer->prefix) + text_columns(indent, strlen(indent));
    size_t room = printer->options->width > glyphs + 2 ? printer->options->width - glyphs : 1;
    size_t fits = text_fit(text->data, text->length, room);
    if (fits < text->length)
        fits = text_fit(text->data, text->length, room - 1);
    put(printer, DIM, printer->prefix.data, printer->prefix.length);
    put(printer, DIM, indent, strlen(indent));
    put(printer, RED, text->data, fits);
    text_string(printer->out, fits < text->length ? (printer->options->ascii ? ".\n" : "…\n") : "\n");
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
    size_t most = printer->options->width / 2 * 3;
    if (columns(&printer->prefix) > printer->options->width / 2 && printer->prefix.length > most)
        text_truncate(&printer->prefix, text_fit(printer->prefix.data, printer->prefix.length,
                                                 printer->options->width / 2));
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
    put(printer, DIM, printer->prefix.data, printer->prefix.length);
    put(printer, DIM, text->data, text->length);
    text_string(printer->out, "\n");
}

static void
print_story_line(struct printer *printer, uint32_t number)
{
    const struct story_line *line = &printer->story->lines[number];
    const struct glyphs *glyphs = printer->glyphs;
    bool last = line->next_sibling == MODEL_NONE && !line->skipped;
    bool root = line->parent == MODEL_NONE;
    make_prefix(printer, number);
    print_line(printer, line, root ? "" : last ? glyphs->last : glyphs->branch);
    uint32_t index = printer->model->calls[line->calls[0]].exception;
    if (raised_here(printer, line->calls[0]) && !printer->model->exceptions[index].benign) {
        struct text indent = {0};
        text_string(&indent, root ? "" : last ? glyphs->gap : glyphs->bar);
        text_string(&indent, line->first_child != MODEL_NONE ? glyphs->bar : glyphs->gap);
        text_bytes(&indent, "", 1);
        print_journey(printer, &printer->model->exceptions[index], indent.data ? indent.data : "");
        text_free(&indent);
    }
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

static void
count_tracks(const struct model *model, uint32_t *threads, uint32_t *tasks)
{
    *threads = *tasks = 0;
    for (uint32_t i = 0; i < model->track_count; i++) {
        *threads += model->tracks[i].kind == TRACK_THREAD && model->tracks[i].call_count > 0;
        *tasks += model->tracks[i].kind == TRACK_TASK && model->tracks[i].call_count > 0;
    }
}

static void
count_exceptions(const struct model *model, uint32_t *all, uint32_t *uncaught)
{
    *all = *uncaught = 0;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        if (exception->benign || exception->calls_left == 0 || label_is(exception->type, "SystemExit"))
            continue;
        ++*all;
        *uncaught += exception->caught_by == MODEL_NONE;
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

static void
print_header(struct printer *printer)
{
    const struct model *model = printer->model;
    const char *dot = printer->glyphs->dot;
    struct text *text = &printer->line;
    uint32_t threads, tasks, exceptions, uncaught;
    count_tracks(model, &threads, &tasks);
    count_exceptions(model, &exceptions, &uncaught);
    struct slice program = process_info(&model->processes[0], "program");
    text_truncate(text, 0);
    text_clean(text, program);
    size_t name = text->length;
    if (name)
        text_format(text, " %s ", dot);
    put_item(text, model->call_count, " call", " calls");
    if (threads || tasks)
        text_format(text, " %s main thread", dot);
    if (threads) {
        text_string(text, " + ");
        put_item(text, threads, " thread", " threads");
    }
    if (tasks) {
        text_string(text, " + ");
        put_item(text, tasks, " task", " tasks");
    }
    if (model->process_count > 1) {
        text_format(text, " %s ", dot);
        put_item(text, model->process_count, "", " processes");
    }
    if (printer->options->time) {
        text_format(text, " %s ", dot);
        show_duration(text, model->duration_ns, printer->options->ascii);
    }
    if (exceptions) {
        text_format(text, " %s ", dot);
        put_item(text, exceptions, " exception", " exceptions");
        text_format(text, uncaught ? ", %u not caught" : ", all caught", uncaught);
    }
    put_status(text, model, dot);
    put(printer, BOLD, text->data, name);
    put(printer, PLAIN, text->data + name, text->length - name);
    text_string(printer->out, "\n\n");
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
        text_string(text, text->length ? " " : "Not shown: ");
        put_item(text, printer->outline->hidden, " class body", " class bodies");
        text_string(text, " that called nothing.");
    }
    if (printer->model->lost_records || printer->model->reader->damaged) {
        text_string(text, text->length ? " " : "");
        text_string(text, "Part of this trace is missing: see flowtrace info.");
    }
    if (!text->length)
        return;
    text_string(printer->out, "\n");
    put(printer, DIM, text->data, text->length);
    text_string(printer->out, "\n");
}

int
show_tree(struct text *out, const struct model *model, const struct show_options *options)
{
    if (model->call_count == 0 || model->process_count == 0) {
        text_string(out, "No call of the program's own code was recorded.\n");
        return out->failed ? -ENOMEM : 0;
    }
    struct outline outline;
    struct story story;
    int ret = outline_build(&outline, model);
    if (ret < 0)
        return ret;
    /* The header and the footer take two lines each. */
    ret = story_build(&story, &outline, options->lines ? (options->lines > 12 ? options->lines - 4 : 8) : 0);
    if (ret == 0) {
        struct printer printer = {.out = out,
                                  .model = model,
                                  .outline = &outline,
                                  .story = &story,
                                  .options = options,
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
