/* line.c - a line of the story: name, arguments, result or exception, and times at the right. */
#include <string.h>

#include "values.h"

#define WIDTH_MIN 12 /* the least columns of a value that are tried */

/* --- the parts of a line ------------------------------------------------ */

static void
put_interpreter(struct text *out, const struct printer *printer, struct slice first, struct slice last)
{
    text_format(out, "%sinterpreter ", printer->glyphs->thread);
    text_name(out, first);
    if (!slice_equals(first, last)) {
        text_format(out, " %s ", printer->glyphs->dots);
        text_name(out, last);
    }
    text_string(out, ": ");
}

/* A root of a task, thread or process says so. */
static void
put_origin(struct text *out, struct printer *printer, const struct story_line *line)
{
    const struct model *model = printer->model;
    const struct call *call = &model->calls[line->calls[0]];
    const struct call *last = &model->calls[line->calls[line->count - 1]];
    const struct track *track = &model->tracks[call->track];
    bool forked = call->parent != MODEL_NONE && model->calls[call->parent].origin == CALL_INHERITED;
    if (call->origin == FLOW_SPAWN_CALLBACK) {
        text_format(out, "%scallback: ", printer->glyphs->task);
        return;
    }
    bool leads = track->kind == TRACK_MAIN && model_leads_run(model, track->process);
    if (leads && model->run_count && printer->alone)
        text_format(out, "run %u: ", model->processes[track->process].run);
    if ((call->parent != MODEL_NONE && !forked && !printer->alone) || leads)
        return;
    if (track_is_foreign(model, track)) {
        put_interpreter(out, printer, model->processes[track->process].interpreter,
                        model->processes[model->tracks[last->track].process].interpreter);
        return;
    }
    text_string(out, track->kind == TRACK_TASK ? printer->glyphs->task : printer->glyphs->thread);
    if (forked || track->kind == TRACK_MAIN) {
        uint32_t first = model->processes[track->process].pid;
        uint32_t other = model->processes[model->tracks[last->track].process].pid;
        text_format(out, "process %u", first);
        if (other != first)
            text_format(out, " %s %u", printer->glyphs->dots, other);
        text_string(out, ": ");
        return;
    }
    text_format(out, "%s ", label_track_kind(track));
    label_track_name(out, track);
    if (last->track != call->track) {
        text_format(out, " %s ", printer->glyphs->dots);
        label_track_name(out, &model->tracks[last->track]);
    }
    uint32_t creator = printer->outline ? outline_creator_beside(printer->outline, line->calls[0]) : MODEL_NONE;
    if (creator != MODEL_NONE) {
        text_string(out, ", created by ");
        label_function(out, model->calls[creator].code);
    }
    text_string(out, ": ");
}

/* Who else resumed it than the call above it. */
static void
put_drivers(struct text *out, const struct printer *printer, uint32_t call)
{
    uint32_t count;
    const struct driver *others = call_drivers(printer->model, call, &count);
    if (!count)
        return;
    text_string(out, ", also to ");
    label_function(out, printer->model->calls[others[0].driver].code);
    text_string(out, "()");
    if (count > 1)
        text_format(out, " and %u more", count - 1);
}

/* "yielded 4×" for generators, the result for the rest; None is not worth a word. */
static void
put_result(struct text *out, struct printer *printer, const struct story_line *line, unsigned width)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    bool generates = code_yields(call->code);
    if (generates && call_suspensions(printer->model, call) && line->count == 1) {
        text_format(out, " yielded %u%s", call_suspensions(printer->model, call), printer->glyphs->times);
        put_drivers(out, printer, line->calls[0]);
    }
    if (!printer->options->results || call->outcome != OUTCOME_RETURNED || !call_result(printer->model, call).data)
        return;
    text_truncate(&printer->scratch, 0);
    values_put(&printer->scratch, printer, line, VALUES_RESULT, 0, width);
    if (slice_is(text_content(&printer->scratch), "None"))
        return;
    text_string(out, printer->glyphs->arrow);
    text_slice(out, text_content(&printer->scratch));
}

bool
line_raised_here(const struct printer *printer, uint32_t call)
{
    uint32_t index = call_exception(printer->model, &printer->model->calls[call]);
    return index != MODEL_NONE && printer->model->exceptions[index].first_call == call;
}

static void
put_end(struct text *out, struct printer *printer, const struct story_line *line, unsigned width)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    if (call->outcome == OUTCOME_RUNNING)
        text_format(out, "  %s still running", printer->glyphs->dots);
    else if (call->outcome == OUTCOME_ABANDONED)
        text_string(out, "  (abandoned)");
    uint32_t index = call_exception(printer->model, call);
    if (index == MODEL_NONE || printer->model->exceptions[index].benign)
        return;
    const struct exception *exception = &printer->model->exceptions[index];
    if (exception_is_cancellation(exception))
        return;
    text_string(out, printer->glyphs->cross);
    bool whole = printer->alone || line_raised_here(printer, line->calls[0]);
    label_exception(out, printer->model, exception, whole, width < 40 ? 40 : width);
}

/* Iterators end and generators are closed by exceptions that are no errors. */
static void
put_benign_end(struct text *out, const struct printer *printer, const struct story_line *line)
{
    uint32_t index = call_exception(printer->model, &printer->model->calls[line->calls[0]]);
    if (index != MODEL_NONE && exception_is_cancellation(&printer->model->exceptions[index]))
        text_string(out, "  (cancelled)");
    if (index == MODEL_NONE || !printer->model->exceptions[index].benign)
        return;
    const struct exception *exception = &printer->model->exceptions[index];
    text_string(out, exception->meaning != FLOW_EXCEPTION_CLOSE  ? "  (no more)"
                     : slice_is(exception->type, "GreenletExit") ? "  (killed)"
                                                                 : "  (closed)");
}

/* A call that still waits says where; one that has waited for a task, and for nothing else, says for which. */
static void
put_wait(struct text *out, const struct printer *printer, const struct story_line *line)
{
    const struct model *model = printer->model;
    const struct call *call = &model->calls[line->calls[0]];
    const struct wait *wait = line->count == 1 ? waits_find(&model->waits, line->calls[0]) : NULL;
    if (!wait)
        return;
    struct awaited awaited = wait_read(model->reader, wait->longest);
    bool waits = call->outcome == OUTCOME_RUNNING && wait->lasts;
    if (!waits && (call->outcome == OUTCOME_RUNNING || !awaited.task.length || wait->count > 1))
        return;
    text_string(out, waits ? ", waits" : "  waited");
    if (awaited.task.length) {
        text_string(out, " for task ");
        text_name(out, awaited.task);
    }
    if (waits && awaited.line) {
        text_string(out, " at ");
        text_name(out, label_file(call->code->file));
        text_format(out, ":%u", awaited.line);
    }
}

/* Of the deepest of its calls. */
static uint32_t
depth_of(const struct outline *outline, const struct story_line *line)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < line->count; i++)
        depth = outline->depth[line->calls[i]] > depth ? outline->depth[line->calls[i]] : depth;
    return depth;
}

/* What the tree does not show of this line. */
static void
put_inside(struct text *out, struct printer *printer, const struct story_line *line)
{
    put_wait(out, printer, line);
    put_benign_end(out, printer, line);
    if (line->opened || line->inside == 0)
        return;
    text_format(out, "  %s ", line->recursion ? printer->glyphs->again : printer->glyphs->dots);
    label_count(out, line->inside);
    if (!line->recursion) {
        text_string(out, label_plural(line->inside, " call", " calls"));
        return;
    }
    text_format(out, " %s of itself, depth %u", label_plural(line->inside, "call", "calls"),
                depth_of(printer->outline, line));
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
    if (!(printer->without & LINE_ORIGIN))
        put_origin(text, printer, line);
    if (printer->model->calls[line->calls[0]].code->flags & FLOW_CODE_LIBRARY)
        text_string(text, printer->glyphs->arrow + 1);
    parts.name = text->length;
    label_function(text, printer->model->calls[line->calls[0]].code);
    parts.arguments = text->length;
    values_put_arguments(text, printer, line, width);
    parts.result = text->length;
    if (!(printer->without & LINE_RESULT))
        put_result(text, printer, line, width);
    parts.end = text->length;
    if (!(printer->without & LINE_END))
        put_end(text, printer, line, width);
    parts.inside = text->length;
    if (!(printer->without & LINE_END))
        put_inside(text, printer, line);
    parts.stop = text->length;
    return parts;
}

/* The widest values with which the line fits. */
static struct parts
compose_to_fit(struct printer *printer, const struct story_line *line, size_t room)
{
    unsigned low = WIDTH_MIN;
    unsigned high = VALUES_WIDTH_MAX;
    struct parts parts = compose(printer, line, high);
    if (printer_columns(&printer->line) <= room)
        return parts;
    while (high - low > 2) {
        unsigned middle = (low + high) / 2;
        compose(printer, line, middle);
        *(printer_columns(&printer->line) <= room ? &low : &high) = middle;
    }
    return compose(printer, line, low);
}

/* The last place before `end` where an argument begins; 0 if there is none. */
static size_t
cut_before(const struct printer *printer, size_t end)
{
    size_t cut = 0;
    for (size_t i = 0; i < printer->cut_count && printer->cuts[i] <= end; i++)
        cut = printer->cuts[i];
    return cut;
}

/* `end` without what is quoted and not closed, and without the spaces, commas and
 * dots before it, which "…" would only repeat. */
static size_t
before_dots(const struct text *text, size_t start, size_t end)
{
    char quote = '\0';
    size_t opened = end;
    for (size_t i = start; i < end; i++) {
        if (!quote && values_is_one_of(text->data[i], "'\"")) {
            quote = text->data[i];
            opened = i;
        }
        else if (quote && text->data[i] == '\\')
            i++;
        else if (text->data[i] == quote)
            quote = '\0';
    }
    if (quote && memchr(text->data + start, ' ', opened - start))
        end = opened; /* the second end of a range; alone, a cut value says more than none */
    for (;;) {
        if (end > 0 && values_is_one_of(text->data[end - 1], " ,."))
            end--;
        else if (end > 2 && memcmp(text->data + end - 3, "…", 3) == 0)
            end -= 3;
        else
            return end;
    }
}

/* Puts "…" and `closing` in place of the bytes of the line from `start` to `end`. */
static void
replace(struct printer *printer, struct parts *parts, size_t start, size_t end, const char *closing)
{
    struct text *text = &printer->line;
    text_truncate(&printer->scratch, 0);
    text_bytes(&printer->scratch, text->data + end, text->length - end);
    text_truncate(text, start);
    text_string(text, printer->glyphs->dots);
    text_string(text, closing);
    size_t moved = text->length;
    text_slice(text, text_content(&printer->scratch));
    size_t *offsets[] = {&parts->name, &parts->arguments, &parts->result, &parts->end, &parts->inside, &parts->stop};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        if (*offsets[i] >= end)
            *offsets[i] = *offsets[i] - end + moved;
        else if (*offsets[i] > start)
            *offsets[i] = start;
}

/* Takes the excess out of the arguments, so that how the call ended can be read; or from the end. */
static void
shorten(struct printer *printer, struct parts *parts, size_t room)
{
    const struct text *text = &printer->line;
    size_t mark = text_columns(printer->glyphs->dots, strlen(printer->glyphs->dots));
    size_t excess = printer_columns(text) - room;
    size_t shown = text_columns(text->data + parts->arguments, parts->result - parts->arguments);
    if (shown < excess + mark + 8) {
        if (shown > mark + 2)
            replace(printer, parts, parts->arguments + 1, parts->result, ")");
        if (printer_columns(text) <= room)
            return;
        replace(printer, parts, text_fit(text->data, text->length, room > mark ? room - mark : 0), text->length, "");
        return;
    }
    size_t from = parts->arguments;
    size_t end = from + text_fit(text->data + from, parts->result - from, shown - excess - mark - 1);
    size_t cut = cut_before(printer, end);
    replace(printer, parts, cut ? cut : before_dots(text, from, end), parts->result, ")");
}

static void
put_part(struct printer *printer, struct style style, size_t from, size_t to)
{
    if (from < to)
        printer_put(printer, style, printer->line.data + from, to - from);
}

static void
put_parts(struct printer *printer, const struct parts *parts, const struct code *code)
{
    put_part(printer, STYLE_CYAN, 0, parts->name);
    printer_link(printer, code->file, code->first_line);
    put_part(printer, STYLE_BOLD, parts->name, parts->arguments);
    printer_unlink(printer);
    put_part(printer, STYLE_PLAIN, parts->arguments, parts->result);
    put_part(printer, STYLE_GREEN, parts->result, parts->end);
    put_part(printer, STYLE_RED, parts->end, parts->inside);
    put_part(printer, STYLE_DIM, parts->inside, parts->stop);
}

void
line_put(struct printer *printer, const struct story_line *line, size_t room)
{
    struct parts parts = compose_to_fit(printer, line, room);
    put_parts(printer, &parts, printer->model->calls[line->calls[0]].code);
}

/* The line as it stands between `before` and what is right of it, of which `reserved` columns are kept free. */
static void
print_between(struct printer *printer, const struct story_line *line, const char *before, struct text *right,
              size_t reserved)
{
    size_t width = printer->options->width;
    size_t begin = printer_columns(&printer->prefix) + text_columns(before, strlen(before));
    if (begin + reserved + 12 > width) { /* narrow: words before times */
        text_truncate(right, 0);
        reserved = 0;
    }
    size_t after = printer_columns(right);
    size_t room = width > begin + reserved + 2 + 8 ? width - begin - reserved - 2 : 8;
    if (printer->options->wide)
        room = SIZE_MAX;
    struct parts parts = compose_to_fit(printer, line, room);
    if (printer_columns(&printer->line) > room)
        shorten(printer, &parts, room);
    printer_put(printer, STYLE_DIM, printer->prefix.data, printer->prefix.length);
    printer_put(printer, STYLE_DIM, before, strlen(before));
    put_parts(printer, &parts, printer->model->calls[line->calls[0]].code);
    if (right->length) {
        size_t used = begin + printer_columns(&printer->line);
        for (size_t least = used + 2; used + after < width || used < least; used++)
            text_string(printer->out, " ");
        printer_put(printer, STYLE_DIM, right->data, right->length);
    }
    text_string(printer->out, "\n");
}

void
line_print(struct printer *printer, const struct story_line *line, const char *branch)
{
    struct text right = {0};
    size_t reserved = fields_put(&right, printer, line);
    print_between(printer, line, branch, &right, reserved);
    text_free(&right);
}

void
line_print_call(struct printer *printer, uint32_t call, const char *before, unsigned without, struct text *right)
{
    struct story_line line = {.calls = &call, .count = 1, .opened = true};
    printer->without = without;
    print_between(printer, &line, before, right, printer_columns(right));
    printer->without = 0;
}
