/* header.c - what stands above and below a story: the program, its counts, what is not shown. */
#include "printer.h"

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
        label_counted(out, count, kinds[i].one, kinds[i].many);
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
    return !exception_is_caught(exception) && kind != TRACK_TASK && kind != TRACK_GREENLET
           && last->origin != FLOW_SPAWN_JOB && last->origin != FLOW_SPAWN_INTERPRETER;
}

static void
count_exceptions(const struct model *model, uint32_t *all, uint32_t *uncaught, uint32_t *unknown)
{
    *all = *uncaught = *unknown = 0;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        bool seen = exception->calls_left > 0 || exception_is_caught(exception);
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
put_status(struct text *out, const struct process *process, const char *dot)
{
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

/* Those that a story tells: neither copied by a fork nor definitions that called nothing. */
static uint64_t
count_calls(const struct printer *printer)
{
    const struct model *model = printer->model;
    if (printer->outline)
        return model->call_count - printer->outline->hidden - printer->outline->inherited;
    uint64_t count = 0;
    for (uint32_t i = model->call_count, parent = MODEL_NONE; i-- > 0;) { /* the parent of the call that follows */
        const struct call *call = &model->calls[i];
        count += call->origin != CALL_INHERITED && !(call_is_definition(call) && parent != i);
        parent = call->parent;
    }
    return count;
}

void
header_print(struct printer *printer)
{
    const struct model *model = printer->model;
    const char *dot = printer->glyphs->dot;
    struct text *text = &printer->line;
    uint32_t exceptions, uncaught, unknown;
    count_exceptions(model, &exceptions, &uncaught, &unknown);
    struct slice program = process_info(&model->processes[0], "program");
    text_truncate(text, 0);
    if (model->run_count)
        label_counted(text, model->run_count, " run", " runs");
    else
        text_clean(text, program);
    size_t name = text->length;
    if (name)
        text_format(text, " %s ", dot);
    label_counted(text, count_calls(printer), " call", " calls");
    put_tracks(text, model, dot);
    uint32_t processes = count_processes(model, false);
    uint32_t interpreters = count_processes(model, true);
    if (processes > 1) {
        text_format(text, " %s ", dot);
        label_counted(text, processes, "", " processes");
    }
    if (interpreters) {
        text_format(text, " %s ", dot);
        label_counted(text, interpreters, " sub-interpreter", " sub-interpreters");
    }
    if (printer->options->time) {
        text_format(text, " %s ", dot);
        show_duration(text, model->duration_ns, printer->options->ascii);
    }
    if (exceptions) {
        text_format(text, " %s ", dot);
        label_counted(text, exceptions, " exception", " exceptions");
        if (uncaught)
            text_format(text, ", %u not caught", uncaught);
        else if (!unknown)
            text_string(text, ", all caught");
    }
    if (!model->run_count)
        put_status(text, &model->processes[0], dot);
    printer_put_head(printer, name);
}

void
header_print_while(struct printer *printer)
{
    const struct show_options *options = printer->options;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    if (options->live_from_ns)
        show_duration_range(text, options->live_from_ns, options->live_to_ns, options->ascii);
    else {
        text_string(text, "up to ");
        show_duration(text, options->live_to_ns, options->ascii);
    }
    text_format(text, " %s ", printer->glyphs->dot);
    label_counted(text, count_calls(printer), " call", " calls");
    size_t column = 0;
    printer_put_wrapped(printer, STYLE_BOLD, text_content(text), &column);
    text_string(printer->out, "\n");
}

#define RECOVERED_TOLD 4

void
header_print_run(struct printer *printer, uint32_t number)
{
    const struct model *model = printer->model;
    const char *dot = printer->glyphs->dot;
    struct text *text = &printer->line;
    const struct process *first = NULL;
    uint32_t processes = 0;
    for (uint32_t i = 0; i < model->process_count; i++) {
        processes += model->processes[i].run == number && !model->processes[i].interpreter.length;
        first = !first && model->processes[i].run == number ? &model->processes[i] : first;
    }
    text_truncate(text, 0);
    text_format(text, "run %u %s ", number, dot);
    text_clean(text, model->runs[number - 1].name);
    if (first) {
        text_format(text, " %s ", dot);
        label_program(text, first);
    }
    if (processes > 1) {
        text_format(text, " %s ", dot);
        label_counted(text, processes, "", " processes");
    }
    if (first)
        put_status(text, first, dot);
    size_t column = 0;
    printer_put_wrapped(printer, STYLE_BOLD, text_content(text), &column);
    text_string(printer->out, "\n");
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

/* Of the first processes that say so: of the runs that were joined, each may. */
static bool
put_recovered(struct text *text, const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->process_count && count < RECOVERED_TOLD; i++) {
        struct slice missing = process_info(&model->processes[i], "recovered");
        if (!missing.length)
            continue;
        count++;
        text_string(text, text->length ? " Recovered: " : "Recovered: ");
        text_clean(text, missing);
        text_string(text, ".");
    }
    return count > 0;
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

/* Of a trace that would take too much memory. */
static void
put_left_out(struct text *text, const struct model *model, const struct show_hints *hints)
{
    if (!model->reader->calls_left_out)
        return;
    text_string(text, text->length ? " Not read: " : "Not read: ");
    label_counted(text, model->reader->calls_left_out, " older call", " older calls");
    text_format(text, "; %s.", hints->newest);
}

void
header_put_missing(struct text *text, const struct model *model)
{
    header_put_missing_as(text, model, show_hints(NULL));
}

void
header_put_missing_as(struct text *text, const struct model *model, const struct show_hints *hints)
{
    put_left_out(text, model, hints);
    put_bound(text, model);
    if (put_recovered(text, model) || !is_incomplete(model))
        return;
    text_string(text, text->length ? " " : "");
    text_format(text, "Part of this trace is missing: %s.", hints->missing);
}

void
header_put_filtered(struct text *text, const struct model *model)
{
    if (!model->whole_count)
        return;
    text_string(text, "Filters leave ");
    label_count(text, model_count_calls(model));
    text_string(text, " of ");
    label_counted(text, model->whole_count, " call.", " calls.");
}

void
header_print_foot(struct printer *printer)
{
    const struct story *story = printer->story;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    header_put_filtered(text, printer->model);
    const struct show_hints *hints = show_hints(printer->options);
    const char *not_shown = text->length ? " Not shown: " : "Not shown: ";
    if (story->calls_left_out) {
        text_string(text, not_shown);
        label_counted(text, story->calls_left_out, " call", " calls");
        text_format(text, "; %s.", hints->more);
    }
    if (printer->outline->hidden) {
        text_string(text, story->calls_left_out ? " Nor " : not_shown);
        label_counted(text, printer->outline->hidden, " class body or annotation", " class bodies and annotations");
        if (!story->calls_left_out && *hints->hidden)
            text_format(text, " (%s)", hints->hidden);
        text_string(text, ".");
    }
    header_put_missing_as(text, printer->model, hints);
    put_no_identity(text, printer->model);
    if (printer->options->sources)
        show_changed(text, printer->model);
    if (!text->length)
        return;
    text_string(printer->out, "\n");
    printer_put_note(printer, text_content(text));
}

void
header_print_nothing(struct text *out, const struct model *model)
{
    header_print_nothing_as(out, model, show_hints(NULL));
}

void
header_print_nothing_as(struct text *out, const struct model *model, const struct show_hints *hints)
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
    else if (!process && model->reader->header->unrecorded) {
        text_string(out, "No call was recorded: there was no room for it, on the disk or in memory.\n");
    }
    else if (model->reader->damaged) {
        text_format(out, "No call can be read: this trace is damaged or cut off; %s.\n", hints->missing);
    }
    else {
        text_string(out,
                    "No call of the program's own code was recorded. Its own is what lies in the script's folder or\n"
                    "project; --include NAME takes an installed package or another file in.\n");
    }
}
