/* journey.c - the way of an exception: raised, what it left, where it ended. */
#include <string.h>

#include "printer.h"

static void
put_origin(struct text *out, const struct model *model, const struct exception *exception)
{
    const struct code *code = model->calls[exception->first_call].code;
    bool outside = !slice_equals(exception->file, code->file) || !slice_equals(exception->function, code->qualname);
    text_string(out, "raised");
    if (exception->line) {
        text_string(out, " ");
        text_clean(out, label_file(exception->file));
        text_format(out, ":%u", exception->line);
    }
    if (outside && exception->function.length) {
        text_string(out, " in ");
        text_clean(out, exception->function);
    }
    if (exception->cause.length) {
        text_string(out, " from ");
        text_clean(out, exception->cause);
    }
}

static void
put_path(struct text *out, const struct model *model, const struct exception *exception, const struct glyphs *glyphs,
         unsigned most)
{
    const struct call *calls = model->calls;
    uint32_t call = exception->first_call;
    uint32_t index = calls[call].exception;
    uint32_t left = 0;
    text_string(out, "left ");
    for (uint32_t names = 0; names < most && call != MODEL_NONE && calls[call].exception == index; names++) {
        const struct code *code = calls[call].code;
        uint32_t times = 0;
        for (; call != MODEL_NONE && calls[call].exception == index && calls[call].code == code; times++)
            call = calls[call].parent;
        text_string(out, names ? ", " : "");
        label_function(out, code);
        if (times > 1)
            text_format(out, " %s%u", glyphs->times, times);
        left += times;
    }
    if (exception->calls_left > left)
        text_format(out, ", %s%u more", glyphs->dots, exception->calls_left - left);
}

static void
put_catcher(struct text *out, const struct model *model, const struct exception *exception)
{
    const struct code *code = model->calls[exception->caught_by].code;
    text_string(out, "caught in ");
    label_function(out, code);
    text_string(out, " (");
    text_clean(out, label_file(code->file));
    if (exception->caught_line)
        text_format(out, ":%u", exception->caught_line);
    text_string(out, exception->caught_below ? ") or library code it called" : ")");
}

bool
journey_goes_on(const struct model *model, const struct exception *exception)
{
    const struct track *track = &model->tracks[model->calls[exception->last_call].track];
    if (exception->caught_by != MODEL_NONE || track->creator != MODEL_NONE
        || model->calls[exception->last_call].origin == FLOW_SPAWN_CALLBACK)
        return false;
    /* A part of a program was recorded, or library code called it: pytest its tests, say. */
    bool library = exception->caught_below && track->kind == TRACK_MAIN && !slice_is(exception->type, "SystemExit");
    return library || process_info(&model->processes[track->process], "part").length > 0;
}

static void
put_end(struct text *out, const struct model *model, const struct exception *exception)
{
    const struct track *track = &model->tracks[model->calls[exception->last_call].track];
    if (exception->caught_by != MODEL_NONE) {
        put_catcher(out, model, exception);
    }
    else if (journey_goes_on(model, exception)) {
        text_string(out, "went on to where nothing was recorded");
    }
    else if (track->kind == TRACK_TASK) {
        bool cancelled = slice_is(exception->type, "CancelledError");
        text_string(out, cancelled ? "so task " : "kept by task ");
        text_clean(out, track->name);
        text_string(out, cancelled ? " was cancelled" : " for who awaits it");
    }
    else if (model->calls[exception->last_call].origin == FLOW_SPAWN_CALLBACK) {
        text_string(out, "not caught: the event loop reported it");
    }
    else if (model->calls[exception->last_call].origin == FLOW_SPAWN_JOB) {
        text_string(out, "kept for who asks for the job's result");
    }
    else if (track->kind == TRACK_THREAD || track->kind == TRACK_GREENLET) {
        text_format(out, "not caught: it ended %s ", label_track_kind(track));
        label_track_name(out, track);
    }
    else {
        text_string(out, slice_is(exception->type, "SystemExit") ? "ended the program, as it asked"
                                                                 : "not caught: it ended the program");
    }
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
    bool cut = columns > width;
    size_t length = cut ? text_fit(printer->line.data, printer->line.length, width - 3) : printer->line.length;
    printer_put(printer, STYLE_RED, printer->line.data, length);
    if (cut)
        printer_put(printer, STYLE_RED, printer->glyphs->dots, strlen(printer->glyphs->dots));
    *used += columns;
}

void
journey_print(struct printer *printer, const struct exception *exception, const char *indent)
{
    struct text *text = &printer->line;
    size_t used = 0;
    text_truncate(text, 0);
    if (!cancellation_put_asker(text, printer->model, exception))
        put_origin(text, printer->model, exception);
    put_part(printer, indent, &used);
    text_truncate(text, 0);
    if (cancellation_put_landing(text, printer->model, exception))
        put_part(printer, indent, &used);
    text_truncate(text, 0);
    put_path(text, printer->model, exception, printer->glyphs, printer->options->exceptions);
    put_part(printer, indent, &used);
    text_truncate(text, 0);
    put_end(text, printer->model, exception);
    put_part(printer, indent, &used);
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
