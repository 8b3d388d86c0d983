#include "way.h"

#include <stdio.h>
#include <string.h>

/* "errors.py:13   #7", the numbers below each other. */
static void
put_place(struct text *right, const struct model *model, struct slice file, uint32_t line, uint32_t call)
{
    char number[24];
    int digits = snprintf(number, sizeof number, "%u", model_call_number(model, model->call_count - 1)) + 1;
    if (line) {
        text_name(right, label_file(file));
        text_format(right, ":%u", line);
    }
    snprintf(number, sizeof number, "#%u", call == MODEL_NONE ? 0 : model_call_number(model, call));
    text_format(right, call == MODEL_NONE ? "  %*s" : "  %*s", digits, call == MODEL_NONE ? "" : number);
}

static void
put_label(struct text *before, size_t indent, const char *label)
{
    text_truncate(before, 0);
    text_format(before, "%*s%-11s", (int)indent, "", label);
    text_bytes(before, "", 1);
}

void
way_print_call(struct printer *printer, size_t indent, const char *label, uint32_t call, uint32_t line,
               unsigned without)
{
    struct text before = {0};
    struct text right = {0};
    put_label(&before, indent, label);
    put_place(&right, printer->model, printer->model->calls[call].code->file, line, call);
    line_print_call(printer, call, before.data ? before.data : "", without | LINE_ORIGIN, &right);
    text_free(&before);
    text_free(&right);
}

void
way_print_words(struct printer *printer, size_t indent, const char *label, struct style style, struct text *right)
{
    struct text *text = &printer->line;
    const char *dots = printer->glyphs->dots;
    struct text before = {0};
    put_label(&before, indent, label);
    size_t begin = *label ? text_columns(before.data, before.length - 1) : indent;
    size_t after = printer_columns(right);
    size_t width = printer->options->width;
    size_t room = width > begin + after + 10 ? width - begin - after - 2 : 10;
    size_t mark = text_columns(dots, strlen(dots));
    if (printer_columns(text) > room && !printer->options->wide) {
        text_truncate(text, text_fit(text->data, text->length, room - mark));
        text_string(text, dots);
    }
    printer_put(printer, STYLE_DIM, before.data, begin);
    printer_put(printer, style, text->data, text->length);
    if (after && width > begin + after + 10) {
        for (size_t used = begin + printer_columns(text); used + after < width; used++)
            text_string(printer->out, " ");
        size_t end = right->length;
        while (end > 0 && right->data[end - 1] == ' ')
            end--;
        printer_put(printer, STYLE_DIM, right->data, end);
    }
    text_string(printer->out, "\n");
    text_truncate(text, 0);
    text_free(&before);
}

void
way_print_sentence(struct printer *printer, size_t indent, const char *label)
{
    way_print_words(printer, indent, label, STYLE_PLAIN, &(struct text){0});
}

/* --- the way of one ----------------------------------------------------- */

static bool
is_raised_in(const struct exception *exception, const struct code *code)
{
    return !exception->function.length
           || (slice_equals(exception->file, code->file) && slice_equals(exception->function, code->qualname));
}

static const char *
deed(const struct exception *exception)
{
    return exception->meaning == FLOW_EXCEPTION_EXIT        ? "asked in"
           : exception->meaning == FLOW_EXCEPTION_INTERRUPT ? "came in"
                                                            : "raised in";
}

/* In code that was not recorded. */
static void
print_raised_outside(struct printer *printer, size_t indent, const struct exception *exception)
{
    struct text right = {0};
    text_truncate(&printer->line, 0);
    text_name(&printer->line, exception->function);
    put_place(&right, printer->model, exception->file, exception->line, MODEL_NONE);
    way_print_words(printer, indent, deed(exception), STYLE_PLAIN, &right);
    text_free(&right);
}

/* The next call that it left and that is of other code; *times those of the same. MODEL_NONE behind the last. */
static uint32_t
next_step(const struct model *model, const struct leg *leg, uint32_t call, uint32_t *left, uint32_t *times)
{
    const struct call *calls = model->calls;
    const struct code *code = calls[call].code;
    uint32_t exception = call_exception(model, &calls[call]);
    *times = 0;
    do {
        ++*times;
        ++*left;
        call = calls[call].parent;
    } while (call != MODEL_NONE && call_exception(model, &calls[call]) == exception && calls[call].code == code
             && *left < leg->calls_left);
    return call != MODEL_NONE && call_exception(model, &calls[call]) == exception && *left < leg->calls_left
               ? call
               : MODEL_NONE;
}

static uint32_t
count_steps(const struct model *model, const struct leg *leg)
{
    uint32_t steps = 0, left = 0, times;
    for (uint32_t call = leg->first_call; call != MODEL_NONE; call = next_step(model, leg, call, &left, &times))
        steps++;
    return steps;
}

static void
print_more(struct printer *printer, size_t indent, uint32_t steps)
{
    struct text *text = &printer->line;
    text_truncate(text, 0);
    text_format(text, "%s ", printer->glyphs->dots);
    label_counted(text, steps, " more call", " more calls");
    way_print_words(printer, indent, "left", STYLE_DIM, &(struct text){0});
}

/* The calls that it left; of many the first and the last ones. */
static void
print_path(struct printer *printer, size_t indent, const struct exception *exception, const struct leg *leg)
{
    const struct model *model = printer->model;
    uint32_t steps = count_steps(model, leg);
    uint32_t most = printer->options->exceptions > 3 ? printer->options->exceptions : 4;
    uint32_t left = 0, times, step = 0;
    bool again = journey_is_again(model, exception, leg);
    bool here = again || is_raised_in(exception, model->calls[leg->first_call].code);
    if (!here)
        print_raised_outside(printer, indent, exception);
    for (uint32_t call = leg->first_call, next; call != MODEL_NONE; call = next, step++) {
        next = next_step(model, leg, call, &left, &times);
        uint32_t line = step || !here ? 0 : again ? leg->raise_line : exception->line;
        const char *label = step || !here ? "left" : again ? "again in" : deed(exception);
        if (steps <= most || step + 4 < most || step + 2 >= steps)
            way_print_call(printer, indent, label, call, line, LINE_RESULT | LINE_END);
        else if (step + 4 == most)
            print_more(printer, indent, steps - most + 2);
        if (times > 1 && (steps <= most || step + 4 < most || step + 2 >= steps)) {
            text_truncate(&printer->line, 0);
            text_format(&printer->line, "%s ", printer->glyphs->again);
            label_counted(&printer->line, times - 1, " more call of itself", " more calls of itself");
            way_print_words(printer, indent, "left", STYLE_DIM, &(struct text){0});
        }
    }
}

static void
print_catcher(struct printer *printer, size_t indent, const struct leg *leg)
{
    const struct model *model = printer->model;
    if (journey_is_caught_outside(model, leg)) {
        text_truncate(&printer->line, 0);
        text_string(&printer->line, "library code");
        way_print_sentence(printer, indent, "caught in");
        return;
    }
    unsigned without = model->calls[leg->caught_by].outcome == OUTCOME_RAISED ? LINE_END : 0;
    way_print_call(printer, indent, "caught in", leg->caught_by, leg->caught_line, without);
    if (!leg->caught_below)
        return;
    text_truncate(&printer->line, 0);
    text_string(&printer->line, "or in library code that it called");
    way_print_sentence(printer, indent, "");
}

static void
print_leg(struct printer *printer, size_t indent, const struct exception *exception, const struct leg *leg)
{
    struct text *text = &printer->line;
    if (leg->calls_left)
        print_path(printer, indent, exception, leg);
    if (leg->caught_by != MODEL_NONE) {
        print_catcher(printer, indent, leg);
        return;
    }
    text_truncate(text, 0);
    if (leg->calls_left) {
        journey_put_end(text, printer->model, exception, leg);
        way_print_sentence(printer, indent, "");
    }
}

/* Raised and caught in one call. */
static void
print_in_place(struct printer *printer, size_t indent, const struct exception *exception)
{
    const struct model *model = printer->model;
    if (exception->caught_by == MODEL_NONE)
        return;
    if (!is_raised_in(exception, model->calls[exception->caught_by].code)) {
        print_raised_outside(printer, indent, exception);
        way_print_call(printer, indent, "caught in", exception->caught_by, exception->caught_line, 0);
        return;
    }
    unsigned without = model->calls[exception->caught_by].outcome == OUTCOME_RAISED ? LINE_END : 0;
    way_print_call(printer, indent, "raised in", exception->caught_by, exception->line, without);
    text_truncate(&printer->line, 0);
    text_string(&printer->line, "caught there");
    if (exception->handler_line)
        text_format(&printer->line, ", handlers from line %u", exception->handler_line);
    way_print_sentence(printer, indent, "");
}

static void
print_details(struct printer *printer, size_t indent, const struct exception *exception)
{
    const struct model *model = printer->model;
    struct text *text = &printer->line;
    text_truncate(text, 0);
    if (cancellation_put_asker(text, model, exception))
        way_print_sentence(printer, indent, "");
    text_truncate(text, 0);
    if (cancellation_put_landing(text, model, exception)) {
        text_string(text, exception->calls_left ? "" : " and was caught there");
        way_print_sentence(printer, indent, "");
    }
    struct detail_list leaves = detail_leaves(exception);
    text_truncate(text, 0);
    if (leaves.total) {
        journey_put_leaves(text, leaves, printer->glyphs);
        way_print_sentence(printer, indent, "");
    }
    struct detail_list notes = detail_notes(exception);
    for (struct slice note; detail_next_text(&notes, &note);) {
        text_truncate(text, 0);
        text_clean(text, note);
        way_print_sentence(printer, indent, "note");
    }
}

void
way_print(struct printer *printer, size_t indent, const struct exception *exception)
{
    const struct model *model = printer->model;
    print_details(printer, indent, exception);
    if (!exception->calls_left) {
        print_in_place(printer, indent, exception);
        return;
    }
    if (exception->first_leg == MODEL_NONE) {
        struct leg leg = exception_as_leg(exception);
        print_leg(printer, indent, exception, &leg);
        return;
    }
    for (uint32_t i = exception->first_leg; i != MODEL_NONE; i = model->legs[i].next) {
        struct leg leg;
        if (exception_leg_at(model, exception, model->legs[i].first_call, &leg))
            print_leg(printer, indent, exception, &leg);
    }
}
