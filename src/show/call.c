/* call.c - all that is known of one call. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../model/value_text.h"
#include "quote.h"
#include "way.h"

#define INDENT 3
#define LABEL 11         /* columns of what stands before a value */
#define CALLERS_FIRST 4  /* of many callers so many are shown, */
#define CALLERS_LAST 12  /* and the nearest */
#define SIBLINGS_SHOWN 12
#define CAUGHT_LISTED 8
#define CHILD_LINES 24   /* unless --lines says so */

struct view {
    struct printer printer;
    const struct outline *outline;
    uint32_t number; /* of the call */
    const struct call *call;
};

/* --- texts of any length ------------------------------------------------ */

/* Where the text is broken so that it fits `room`: behind a space or comma, if there is one near. */
static size_t
break_at(struct slice text, size_t room)
{
    size_t fits = text_fit(text.data, text.length, room);
    if (fits == text.length)
        return fits;
    if (fits == 0)
        return text.length; /* one character is wider than all there is */
    for (size_t i = fits; i > fits / 2; i--)
        if ((text.data[i - 1] == ' ' || text.data[i - 1] == ',') && (uint8_t)text.data[i] < 0x80)
            return i;
    return fits;
}

/* The whole text in printer->scratch, on as many lines as it takes, behind a label. */
static void
print_whole(struct printer *printer, const char *label, struct style style)
{
    const struct text *text = &printer->scratch;
    size_t begin = INDENT + LABEL;
    size_t room = printer->options->width > begin + 10 ? printer->options->width - begin : 10;
    struct slice rest = text_content(text);
    char before[INDENT + LABEL + 1];
    snprintf(before, sizeof before, "%*s%-*s", INDENT, "", LABEL, label);
    do {
        size_t length = break_at(rest, room);
        printer_put(printer, STYLE_DIM, before, begin);
        printer_put(printer, style, rest.data, length);
        text_string(printer->out, "\n");
        rest.data += length;
        rest.length -= length;
        memset(before, ' ', begin);
    } while (rest.length);
}

static void
print_words(struct printer *printer, const char *label)
{
    print_whole(printer, label, STYLE_PLAIN);
}

static struct text *
begin_words(struct view *view)
{
    text_truncate(&view->printer.scratch, 0);
    return &view->printer.scratch;
}

static void
print_heading(struct printer *printer, const char *words)
{
    text_string(printer->out, "\n");
    printer_put(printer, STYLE_BOLD, words, strlen(words));
    text_string(printer->out, "\n");
}

/* --- what it got and gave ----------------------------------------------- */

static void
print_arguments(struct view *view)
{
    const struct code *code = view->call->code;
    struct value value = call_arguments(view->printer.model, view->call);
    if (!view->printer.options->arguments)
        return;
    for (uint32_t i = 0; value.data && i < code->parameter_count; i++) {
        static const char *const stars[] = {[FLOW_PARAMETER_VAR_POSITIONAL] = "*", [FLOW_PARAMETER_VAR_KEYWORD] = "**"};
        enum flow_parameter kind = code->parameters[i].kind;
        struct text *text = begin_words(view);
        text_string(text, kind < sizeof stars / sizeof *stars && stars[kind] ? stars[kind] : "");
        text_name(text, code->parameters[i].name);
        text_string(text, " = ");
        int ret = value_text(text, view->printer.model->reader, &value, &(struct value_limits){0});
        print_words(&view->printer, i ? "" : "arguments");
        if (ret < 0)
            return;
    }
}

static void
print_outcome(struct view *view)
{
    const struct model *model = view->printer.model;
    struct value result = call_result(model, view->call);
    uint32_t index = call_exception(model, view->call);
    struct text *text = begin_words(view);
    if (view->call->outcome == OUTCOME_RETURNED && result.data && view->printer.options->results) {
        value_text(text, model->reader, &result, &(struct value_limits){0});
        print_whole(&view->printer, "result", STYLE_GREEN);
    }
    else if (view->call->outcome == OUTCOME_RUNNING || view->call->outcome == OUTCOME_ABANDONED) {
        bool running = view->call->outcome == OUTCOME_RUNNING;
        text_string(text, running ? "had not ended when the recording did" : "ended unseen");
        print_words(&view->printer, "end");
    }
    if (index == MODEL_NONE)
        return;
    text_truncate(text, 0);
    label_exception(text, model, &model->exceptions[index], true, 0);
    print_whole(&view->printer, "raised", STYLE_RED);
}

/* --- when and where ----------------------------------------------------- */

static void
put_longest_wait(struct text *text, const struct view *view, bool time)
{
    const struct model *model = view->printer.model;
    const struct wait *wait = waits_find(&model->waits, view->number);
    if (!wait)
        return;
    struct awaited awaited = wait_read(model->reader, wait->longest);
    text_string(text, wait->lasts ? ", the last one" : wait->count > 1 ? ", the longest" : "");
    if (time && (wait->count > 1 || wait->lasts)) {
        text_string(text, " ");
        show_duration(text, wait->longest_ns, view->printer.options->ascii);
    }
    if (awaited.task.length || awaited.type.length) {
        text_string(text, awaited.task.length ? " for task " : " for ");
        text_name(text, awaited.task.length ? awaited.task : awaited.type);
    }
    if (awaited.line)
        text_format(text, " at line %u", awaited.line);
}

static void
print_times(struct view *view)
{
    const struct model *model = view->printer.model;
    bool time = view->printer.options->time;
    bool ascii = view->printer.options->ascii;
    uint32_t suspensions = call_suspensions(model, view->call);
    struct text *text = begin_words(view);
    if (time) {
        show_duration(text, call_running_ns(model, view->call), ascii);
        text_string(text, " running, from ");
        show_duration(text, view->call->start_ns, ascii);
        text_string(text, " on");
        print_words(&view->printer, "time");
    }
    if (!suspensions)
        return;
    text = begin_words(view);
    if (time) {
        show_duration(text, call_waiting_ns(model, view->call), ascii);
        text_string(text, " in ");
    }
    label_counted(text, suspensions, " wait", " waits");
    put_longest_wait(text, view, time);
    print_words(&view->printer, "waited");
}

static void
print_source(struct view *view)
{
    const struct model *model = view->printer.model;
    const struct code *code = view->call->code;
    struct text *text = begin_words(view);
    if (code->flags & FLOW_CODE_LIBRARY)
        return;
    text_clean(text, code->file);
    text_format(text, ":%u", code->first_line);
    print_words(&view->printer, "where");
    struct text line = {.ascii = text->ascii};
    enum quote quote = quote_source(&line, model, code->file, code->first_line);
    text = begin_words(view);
    if (quote == QUOTE_READ)
        text_slice(text, text_content(&line));
    else if (quote == QUOTE_CHANGED)
        text_string(text, "(the file has changed since: its line may be another)");
    if (text->length)
        print_words(&view->printer, "");
    text_free(&line);
}

static void
print_track(struct view *view)
{
    const struct model *model = view->printer.model;
    const struct track *track = &model->tracks[view->call->track];
    const struct process *process = &model->processes[track->process];
    struct text *text = begin_words(view);
    text_format(text, "%s ", label_track_kind(track));
    label_track_name(text, track);
    text_format(text, ", process %u", process->pid);
    if (process->interpreter.length) {
        text_string(text, ", interpreter ");
        text_name(text, process->interpreter);
    }
    print_words(&view->printer, "in");
}

/* --- others ------------------------------------------------------------- */

static uint32_t
count_callers(const struct view *view)
{
    uint32_t count = 0;
    const struct model *model = view->printer.model;
    for (uint32_t p = outline_parent(model, view->number); p != MODEL_NONE; p = outline_parent(model, p))
        count++;
    return count;
}

static void
put_number(struct text *right, const struct model *model, uint32_t call)
{
    text_truncate(right, 0);
    text_format(right, "#%u", model_call_number(model, call));
}

/* The root first. Their number may be that of all calls, so they are looked for from the call up each time. */
static void
print_callers(struct view *view)
{
    const struct model *model = view->printer.model;
    uint32_t count = count_callers(view);
    uint32_t shown[CALLERS_FIRST + CALLERS_LAST];
    uint32_t known = 0;
    if (!count)
        return;
    uint32_t call = view->number;
    bool cut = count > CALLERS_FIRST + CALLERS_LAST;
    for (uint32_t i = count; i-- > 0;) { /* i: callers above it */
        call = outline_parent(model, call);
        if (!cut || i < CALLERS_FIRST || i >= count - CALLERS_LAST)
            shown[known++] = call;
    }
    print_heading(&view->printer, "Called by");
    struct text right = {0};
    while (known-- > 0) {
        put_number(&right, model, shown[known]);
        line_print_call(&view->printer, shown[known], "   ", LINE_RESULT | LINE_END, &right);
        if (!cut || known != CALLERS_LAST)
            continue;
        struct text *text = &view->printer.line;
        text_truncate(text, 0);
        text_format(text, "%s ", view->printer.glyphs->dots);
        label_counted(text, count - CALLERS_FIRST - CALLERS_LAST, " more", " more");
        way_print_words(&view->printer, INDENT, "", STYLE_DIM, &(struct text){0});
    }
    text_free(&right);
}

static void
print_exception(struct view *view)
{
    const struct model *model = view->printer.model;
    uint32_t index = call_exception(model, view->call);
    if (index == MODEL_NONE || model->exceptions[index].benign)
        return;
    print_heading(&view->printer, "The exception");
    way_print(&view->printer, INDENT, &model->exceptions[index]);
}

static void
print_caught(struct view *view)
{
    const struct model *model = view->printer.model;
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        if (exception->caught_by != view->number || exception->benign || count++ >= CAUGHT_LISTED)
            continue;
        if (count == 1)
            print_heading(&view->printer, "Caught");
        text_truncate(&view->printer.line, 0);
        label_exception(&view->printer.line, model, exception, true, 120);
        struct text right = {0};
        if (exception->calls_left)
            put_number(&right, model, exception->first_call);
        way_print_words(&view->printer, INDENT, "", STYLE_RED, &right);
        text_free(&right);
    }
    if (count <= CAUGHT_LISTED)
        return;
    text_truncate(&view->printer.line, 0);
    text_format(&view->printer.line, "%s ", view->printer.glyphs->dots);
    label_count(&view->printer.line, count - CAUGHT_LISTED);
    text_string(&view->printer.line, " more; see flowtrace show --errors");
    way_print_words(&view->printer, INDENT, "", STYLE_DIM, &(struct text){0});
}

static int
print_children(struct view *view, struct outline *outline)
{
    struct story story;
    unsigned lines = view->printer.options->lines;
    outline->first_root = outline->first_child[view->number];
    if (outline->first_root == MODEL_NONE)
        return 0;
    int ret = story_build(&story, outline, lines == SHOW_LINES_DEFAULT ? CHILD_LINES : lines);
    if (ret < 0)
        return ret;
    char heading[64];
    struct text count = {0};
    label_count(&count, outline->calls[view->number] - 1);
    snprintf(heading, sizeof heading, "Made %.*s %s", (int)count.length, count.data ? count.data : "",
             label_plural(outline->calls[view->number] - 1, "call", "calls"));
    text_free(&count);
    print_heading(&view->printer, heading);
    view->printer.story = &story;
    tree_print_lines(&view->printer);
    story_free(&story);
    return 0;
}

/* Beside it, of the same shape; and how often its function was called at all. */
static void
print_siblings(struct view *view)
{
    const struct outline *outline = view->outline;
    const struct model *model = view->printer.model;
    uint32_t parent = outline_parent(model, view->number);
    uint32_t alike = 0, all = 0;
    struct text *text = &view->printer.line;
    for (uint32_t i = 0; i < model->call_count; i++)
        all += model->calls[i].code == view->call->code;
    if (all < 2)
        return;
    print_heading(&view->printer, "Others like it");
    text_truncate(text, 0);
    for (uint32_t c = parent == MODEL_NONE ? MODEL_NONE : outline->first_child[parent]; c != MODEL_NONE;
         c = outline->next_sibling[c]) {
        if (c == view->number || outline->shape[c] != outline->shape[view->number])
            continue;
        if (alike++ < SIBLINGS_SHOWN)
            text_format(text, "%s#%u", alike > 1 ? ", " : "", model_call_number(model, c));
    }
    if (alike > SIBLINGS_SHOWN)
        text_format(text, ", %s", view->printer.glyphs->dots);
    if (alike) {
        text_string(text, ": ");
        label_count(text, alike);
        text_string(text, " beside it did the same");
        way_print_sentence(&view->printer, INDENT, "");
    }
    text_truncate(text, 0);
    label_count(text, all);
    text_string(text, " calls of this function in all");
    way_print_sentence(&view->printer, INDENT, "");
}

static int
print_all(struct view *view, struct outline *outline)
{
    char number[24];
    struct text none = {0};
    header_print(&view->printer);
    snprintf(number, sizeof number, "#%u ", model_call_number(view->printer.model, view->number));
    line_print_call(&view->printer, view->number, number, 0, &none);
    print_arguments(view);
    print_outcome(view);
    print_times(view);
    print_source(view);
    print_track(view);
    print_exception(view);
    print_caught(view);
    print_callers(view);
    int ret = print_children(view, outline);
    print_siblings(view);
    return ret;
}

/* The call of that number in the whole trace; they ascend. */
static uint32_t
find_call(const struct model *model, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = model->call_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model_call_number(model, middle) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < model->call_count && model_call_number(model, low) == number ? low : MODEL_NONE;
}

int
show_call(struct text *out, const struct model *model, const struct show_options *given)
{
    struct show_options options = *given;
    struct outline outline;
    options.time &= model->reader->header->clock != FLOW_CLOCK_NONE;
    if (model->call_count == 0 || model->process_count == 0) {
        header_print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    uint32_t number = find_call(model, options.call);
    if (number == MODEL_NONE) {
        bool some = model->whole_count > 0;
        text_format(out, "no call #%llu %s #%u to #%u", (unsigned long long)options.call,
                    some ? "among those that the filters leave, which lie in" : "here; the calls of this trace are",
                    model_call_number(model, 0), model_call_number(model, model->call_count - 1));
        return -ERANGE;
    }
    int ret = outline_build(&outline, model, true);
    if (ret < 0)
        return ret;
    struct view view = {.outline = &outline, .number = number};
    view.call = &model->calls[view.number];
    printer_open(&view.printer, out, model, &options);
    view.printer.outline = &outline;
    ret = print_all(&view, &outline);
    printer_close(&view.printer);
    outline_free(&outline);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
