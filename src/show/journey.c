/* journey.c - the way of an exception: raised, what it left, where it ended. */
#include <string.h>

#include "../model/value_text.h"
#include "printer.h"

#define LEAVES_SHOWN 4

/* Of "asked for exit status 3 at app.py:7". */
static void
put_exit_status(struct text *out, const struct model *model, const struct exception *exception)
{
    struct value_head head;
    struct value value = exception->message;
    if (!value.data || value_read(model->reader, &value, &head) < 0 || head.tag != FLOW_VALUE_ARGS) {
        text_string(out, "of the program");
        return;
    }
    struct value status = value;
    if (head.count == 0 || (value_read(model->reader, &value, &head) == 0 && head.tag == FLOW_VALUE_NONE))
        text_string(out, "status 0");
    else if (head.tag == FLOW_VALUE_INT) {
        text_string(out, "status ");
        value_text(out, model->reader, &status, &(struct value_limits){.width = 20});
    }
    else
        text_string(out, "status 1 and a message");
}

static void
put_deed(struct text *out, const struct model *model, const struct exception *exception, bool again)
{
    switch (exception->meaning) {
    case FLOW_EXCEPTION_EXIT:
        text_string(out, again ? "asked again for exit " : "asked for exit ");
        put_exit_status(out, model, exception);
        text_string(out, " at");
        break;
    case FLOW_EXCEPTION_INTERRUPT: text_string(out, again ? "raised again" : "interrupted (Ctrl-C) at"); break;
    default: text_string(out, again ? "raised again" : "raised"); break;
    }
}

static void
put_line(struct text *out, struct slice file, uint32_t line)
{
    if (!line)
        return;
    text_string(out, " ");
    text_name(out, label_file(file));
    text_format(out, ":%u", line);
}

void
journey_put_cause(struct text *out, const struct model *model, const struct exception *exception)
{
    if (exception->split_from != MODEL_NONE) {
        text_string(out, ", what except* left of ");
        label_exception(out, model, &model->exceptions[exception->split_from], false, 0);
    }
    if (!exception->cause.length)
        return;
    text_string(out, exception->cause_kind == FLOW_CAUSE_WHILE ? " while handling " : " from ");
    text_name(out, exception->cause);
}

/* Without times the threads' records are in no order: then the place tells which leg was the first. */
bool
journey_is_again(const struct model *model, const struct exception *exception, const struct leg *leg)
{
    const struct code *code = model->calls[leg->first_call].code;
    if (exception->first_leg == MODEL_NONE || model->reader->header->clock != FLOW_CLOCK_NONE)
        return leg->first_call != exception->first_call;
    return !slice_equals(exception->file, code->file) || !slice_equals(exception->function, code->qualname);
}

static void
put_origin(struct text *out, const struct model *model, const struct exception *exception, const struct leg *leg)
{
    const struct code *code = model->calls[leg->first_call].code;
    bool again = journey_is_again(model, exception, leg);
    put_deed(out, model, exception, again);
    if (again) {
        put_line(out, code->file, leg->raise_line);
        return;
    }
    put_line(out, exception->file, exception->line);
    bool outside = !slice_equals(exception->file, code->file) || !slice_equals(exception->function, code->qualname);
    if (outside && exception->function.length) {
        text_string(out, " in ");
        text_name(out, exception->function);
    }
    journey_put_cause(out, model, exception);
}

static void
put_path(struct text *out, const struct model *model, const struct leg *leg, const struct glyphs *glyphs, unsigned most)
{
    const struct call *calls = model->calls;
    uint32_t call = leg->first_call;
    uint32_t index = call_exception(model, &calls[call]);
    uint32_t left = 0;
    text_string(out, "left ");
    for (uint32_t names = 0; names < most && call != MODEL_NONE && call_exception(model, &calls[call]) == index;
         names++) {
        const struct code *code = calls[call].code;
        uint32_t times = 0;
        for (; call != MODEL_NONE && call_exception(model, &calls[call]) == index && calls[call].code == code
               && left + times < leg->calls_left;
             times++)
            call = calls[call].parent;
        if (!times)
            break;
        text_string(out, names ? ", " : "");
        label_function(out, code);
        if (times > 1)
            text_format(out, " %s%u", glyphs->times, times);
        left += times;
    }
    if (leg->calls_left > left)
        text_format(out, ", %s%u more", glyphs->dots, leg->calls_left - left);
}

/* "3 inside: ValueError('a'), KeyError('b'), ...1 more" */
void
journey_put_leaves(struct text *out, struct detail_list leaves, const struct glyphs *glyphs)
{
    struct leaf leaf;
    uint64_t shown = 0;
    label_count(out, leaves.total);
    text_string(out, " inside: ");
    for (; shown < LEAVES_SHOWN && detail_next_leaf(&leaves, &leaf); shown++) {
        text_string(out, shown ? ", " : "");
        text_name(out, leaf.type);
        if (!leaf.message.length)
            continue;
        text_string(out, "('");
        text_clean(out, leaf.message);
        text_string(out, "')");
    }
    if (leaves.total > shown)
        text_format(out, "%s%s%llu more", shown ? ", " : "", glyphs->dots, (unsigned long long)(leaves.total - shown));
}

bool
journey_is_caught_outside(const struct model *model, const struct leg *leg)
{
    const struct code *code = leg->catcher                   ? leg->catcher
                              : leg->caught_by != MODEL_NONE ? model->calls[leg->caught_by].code
                                                             : NULL;
    return code && leg->caught_below && !leg->caught_line && code->flags & FLOW_CODE_REGION;
}

static void
put_catcher(struct text *out, const struct model *model, const struct leg *leg)
{
    const struct code *code = leg->catcher ? leg->catcher : model->calls[leg->caught_by].code;
    if (journey_is_caught_outside(model, leg)) {
        text_string(out, "caught in library code");
        return;
    }
    text_string(out, "caught in ");
    label_function(out, code);
    if (code->flags & FLOW_CODE_LIBRARY)
        return;
    text_string(out, " (");
    text_name(out, label_file(code->file));
    if (leg->caught_line)
        text_format(out, ":%u", leg->caught_line);
    if (leg->handler_line)
        text_format(out, ", handlers from line %u", leg->handler_line);
    text_string(out, leg->caught_below ? ") or library code it called" : ")");
}

static bool
goes_on(const struct model *model, const struct exception *exception, const struct leg *leg)
{
    const struct track *track = &model->tracks[model->calls[leg->last_call].track];
    bool loop = model->calls[leg->last_call].origin == FLOW_SPAWN_CALLBACK;
    if (leg->caught_by != MODEL_NONE || leg->catcher || track->creator != MODEL_NONE || loop)
        return false;
    /* A part of a program was recorded, or library code called it: pytest its tests, say. */
    bool library = leg->caught_below && track->kind == TRACK_MAIN && exception->meaning != FLOW_EXCEPTION_EXIT;
    return library || process_info(&model->processes[track->process], "part").length > 0;
}

bool
journey_goes_on(const struct model *model, const struct exception *exception)
{
    if (exception->calls_left == 0) /* raised and caught in one call: it has gone nowhere */
        return false;
    struct leg last = exception_as_leg(exception);
    return goes_on(model, exception, &last);
}

/* Nothing of the program's own code is left on this line of execution. */
static void
put_last_end(struct text *out, const struct model *model, const struct exception *exception, const struct leg *leg)
{
    const struct call *last = &model->calls[leg->last_call];
    const struct track *track = &model->tracks[last->track];
    bool asked = exception->meaning == FLOW_EXCEPTION_EXIT;
    if (track->kind == TRACK_TASK) {
        bool cancelled = exception->meaning == FLOW_EXCEPTION_CANCEL;
        text_string(out, cancelled ? "so task " : "kept by task ");
        text_name(out, track->name);
        text_string(out, cancelled ? " was cancelled" : " for who awaits it");
    }
    else if (last->origin == FLOW_SPAWN_CALLBACK) {
        text_string(out, "not caught: the event loop reported it");
    }
    else if (last->origin == FLOW_SPAWN_JOB) {
        text_string(out, "kept for who asks for the job's result");
    }
    else if (last->origin == FLOW_SPAWN_INTERPRETER) {
        text_string(out, "ended what ran in interpreter ");
        text_name(out, model->processes[track->process].interpreter);
    }
    else if (track->kind == TRACK_THREAD || track->kind == TRACK_GREENLET) {
        text_format(out, asked ? "ended only %s " : "not caught: it ended %s ", label_track_kind(track));
        label_track_name(out, track);
    }
    else {
        const char *whole = track->process ? "process" : "program";
        text_format(out, asked ? "ended the %s" : "not caught: it ended the %s", whole);
    }
}

void
journey_put_end(struct text *out, const struct model *model, const struct exception *exception, const struct leg *leg)
{
    if (leg->caught_by != MODEL_NONE || leg->catcher)
        put_catcher(out, model, leg);
    else if (goes_on(model, exception, leg))
        text_string(out, "went on to where nothing was recorded");
    else
        put_last_end(out, model, exception, leg);
}

/* A part goes on the line if it fits there, else on the next. */
static void
put_part(struct printer *printer, const char *indent, size_t *used)
{
    const char *dot = printer->glyphs->dot;
    size_t before = printer_columns(&printer->prefix) + text_columns(indent, strlen(indent));
    size_t width = printer->options->width > before + 10 ? printer->options->width - before : 10;
    size_t columns = printer_columns(&printer->line);
    if (*used && *used + columns + 3 <= width) {
        text_truncate(&printer->scratch, 0);
        text_format(&printer->scratch, " %s ", dot);
        printer_put(printer, STYLE_RED, printer->scratch.data, printer->scratch.length);
        *used += 3;
    }
    else {
        text_string(printer->out, *used ? "\n" : "");
        printer_put(printer, STYLE_DIM, printer->prefix.data, printer->prefix.length);
        printer_put(printer, STYLE_DIM, indent, strlen(indent));
        *used = 0;
    }
    bool cut = columns > width && !printer->options->wide;
    size_t length = cut ? text_fit(printer->line.data, printer->line.length, width - 3) : printer->line.length;
    printer_put(printer, STYLE_RED, printer->line.data, length);
    if (cut)
        printer_put(printer, STYLE_RED, printer->glyphs->dots, strlen(printer->glyphs->dots));
    *used += columns;
}

void
journey_print(struct printer *printer, const struct exception *exception, const struct leg *leg, const char *indent)
{
    struct text *text = &printer->line;
    size_t used = 0;
    text_truncate(text, 0);
    bool asked = cancellation_put_asker(text, printer->model, exception);
    if (!asked)
        put_origin(text, printer->model, exception, leg);
    put_part(printer, indent, &used);
    struct detail_list files = detail_files(exception);
    for (struct slice file; leg->first_call == exception->first_call && detail_next_text(&files, &file);) {
        text_truncate(text, 0);
        text_string(text, "file ");
        text_name(text, label_file(file));
        put_part(printer, indent, &used);
    }
    struct detail_list leaves = detail_leaves(exception);
    if (leaves.total && leg->first_call == exception->first_call) {
        text_truncate(text, 0);
        journey_put_leaves(text, leaves, printer->glyphs);
        put_part(printer, indent, &used);
    }
    text_truncate(text, 0);
    if (cancellation_put_landing(text, printer->model, exception))
        put_part(printer, indent, &used);
    text_truncate(text, 0);
    put_path(text, printer->model, leg, printer->glyphs, printer->options->exceptions);
    put_part(printer, indent, &used);
    text_truncate(text, 0);
    journey_put_end(text, printer->model, exception, leg);
    put_part(printer, indent, &used);
    struct detail_list notes = detail_notes(exception);
    for (struct slice note; leg->next == MODEL_NONE && detail_next_text(&notes, &note);) {
        text_truncate(text, 0);
        text_string(text, "note: ");
        text_clean(text, note);
        put_part(printer, indent, &used);
    }
    text_string(printer->out, "\n");
}

void
journey_print_swallowed(struct printer *printer, const struct exception *exception, const char *indent)
{
    struct text *text = &printer->line;
    size_t used = 0;
    text_truncate(text, 0);
    if (!cancellation_put_asker(text, printer->model, exception))
        text_string(text, "cancelled");
    put_part(printer, indent, &used);
    text_truncate(text, 0);
    cancellation_put_landing(text, printer->model, exception);
    text_string(text, " and was caught there");
    put_part(printer, indent, &used);
    text_string(printer->out, "\n");
}

static void
put_caught(struct text *out, const struct model *model, const struct exception *exception)
{
    const struct code *code = model->calls[exception->caught_by].code;
    bool outside = !slice_equals(exception->file, code->file) || !slice_equals(exception->function, code->qualname);
    label_exception(out, model, exception, true, 60);
    text_string(out, " raised");
    put_line(out, exception->file, exception->line);
    if (outside && exception->function.length) {
        text_string(out, " in ");
        text_name(out, exception->function);
    }
    journey_put_cause(out, model, exception);
}

static void
put_handler(struct text *out, const struct exception *exception, bool outside)
{
    if (outside && exception->caught_line)
        text_format(out, "came in at line %u, ", exception->caught_line);
    text_string(out, "caught here");
    if (exception->handler_line)
        text_format(out, ", handlers from line %u", exception->handler_line);
}

void
journey_print_caught(struct printer *printer, uint32_t call, const char *indent)
{
    uint32_t count;
    const struct model *model = printer->model;
    const struct caught *caught = exception_caught_in(model, call, &count);
    struct text *text = &printer->line;
    for (uint32_t i = 0; i < count; i++) {
        size_t used = 0;
        text_truncate(text, 0);
        if (i == CAUGHT_SHOWN) {
            text_format(text, "%s%u more raised and caught here", printer->glyphs->dots, count - i);
            i = count;
        }
        else {
            put_caught(text, model, &model->exceptions[caught[i].exception]);
        }
        put_part(printer, indent, &used);
        if (i < count) {
            const struct exception *exception = &model->exceptions[caught[i].exception];
            text_truncate(text, 0);
            put_handler(text, exception, !slice_equals(exception->function, model->calls[call].code->qualname));
            put_part(printer, indent, &used);
        }
        text_string(printer->out, "\n");
    }
}
