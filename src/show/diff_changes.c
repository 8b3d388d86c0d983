/* diff_changes.c - what two calls that are a pair have not in common. */
#include <stdlib.h>
#include <string.h>

#include "../model/value_text.h"
#include "diff_printer.h"
#include "values.h"

#define WHOLE_COLUMNS 4000 /* of a value in which the place is looked for where another differs */
#define LEAD 12            /* columns that are shown before that place */

/* --- one change --------------------------------------------------------- */

static struct diff_change *
add(struct diff_printer *printer, struct diff_changes *out, enum diff_what what)
{
    struct diff_change *change = out->count < DIFF_CHANGES_MAX ? &out->items[out->count] : NULL;
    bool ascii = printer->options->ascii;
    out->count++;
    if (change)
        *change = (struct diff_change){.what = what, .name.ascii = ascii, .old.ascii = ascii, .now.ascii = ascii};
    return change;
}

static size_t
common_start(struct slice a, struct slice b)
{
    size_t n = 0;
    while (n < a.length && n < b.length && a.data[n] == b.data[n])
        n++;
    while (n > 0 && n < a.length && ((uint8_t)a.data[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* The part of a text around the place where it differs from another. */
static void
put_window(struct text *out, struct slice text, size_t place, unsigned width)
{
    size_t begin = 0;
    if (place > LEAD && text_columns(text.data, text.length) > width)
        begin = text_fit_end(text.data, place, LEAD);
    if (begin)
        text_dots(out);
    size_t room = width > 8 ? width - 2 * (out->ascii ? 3u : 1u) : 6;
    size_t length = text_fit(text.data + begin, text.length - begin, room);
    text_bytes(out, text.data + begin, length);
    if (begin + length < text.length)
        text_dots(out);
}

static void
value_into(struct text *out, const struct reader *reader, struct value value, unsigned width)
{
    struct value_limits limits = {.width = width};
    if (!value.data)
        text_string(out, "?");
    else
        value_text(out, reader, &value, &limits);
}

/* Both as they are cut to the width; where that hides what differs, from there on. */
static void
put_values(struct diff_printer *printer, struct diff_change *change, struct value a, struct value b, unsigned width)
{
    const struct reader *reader_a = printer->diff->a.match.reader;
    const struct reader *reader_b = printer->diff->b.match.reader;
    value_into(&change->old, reader_a, a, width);
    value_into(&change->now, reader_b, b, width);
    if (!slice_equals(text_content(&change->old), text_content(&change->now)))
        return;
    struct text whole_a = {.ascii = printer->options->ascii};
    struct text whole_b = whole_a;
    value_into(&whole_a, reader_a, a, WHOLE_COLUMNS);
    value_into(&whole_b, reader_b, b, WHOLE_COLUMNS);
    size_t place = common_start(text_content(&whole_a), text_content(&whole_b));
    text_truncate(&change->old, 0);
    text_truncate(&change->now, 0);
    put_window(&change->old, text_content(&whole_a), place, width);
    put_window(&change->now, text_content(&whole_b), place, width);
    text_free(&whole_a);
    text_free(&whole_b);
}

static void
add_values(struct diff_printer *printer, struct diff_changes *out, enum diff_what what, struct slice name,
           struct value a, struct value b, unsigned width)
{
    struct diff *diff = printer->diff;
    struct value_changes places = {.ascii = printer->options->ascii};
    likeness_differ(&diff->a.match, &diff->b.match, a, b, &places);
    for (uint32_t i = 0; i < places.count && i < VALUE_CHANGES_MAX; i++) {
        struct diff_change *change = add(printer, out, what);
        if (!change)
            continue;
        text_name(&change->name, name);
        text_slice(&change->name, text_content(&places.items[i].path));
        put_values(printer, change, places.items[i].a, places.items[i].b, width);
    }
    out->count += places.count > VALUE_CHANGES_MAX ? places.count - VALUE_CHANGES_MAX : 0;
    value_changes_free(&places);
}

/* --- what can change ---------------------------------------------------- */

static void
put_parameters(struct text *out, const struct code *code)
{
    text_string(out, "(");
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        text_string(out, i ? ", " : "");
        text_name(out, code->parameters[i].name);
    }
    text_string(out, ")");
}

static void
add_arguments(struct diff_printer *printer, struct diff_changes *out, const struct call *a, const struct call *b,
              unsigned width)
{
    const struct diff *diff = printer->diff;
    if (a->code->parameter_count != b->code->parameter_count) {
        struct diff_change *change = add(printer, out, DIFF_ARGUMENTS);
        if (!change)
            return;
        text_string(&change->name, "parameters");
        put_parameters(&change->old, a->code);
        put_parameters(&change->now, b->code);
        return;
    }
    for (uint32_t i = 0; i < a->code->parameter_count; i++)
        if (diff_side_compares(&diff->a, a->code, i))
            add_values(printer, out, DIFF_ARGUMENTS, b->code->parameters[i].name, call_argument(diff->a.model, a, i),
                       call_argument(diff->b.model, b, i), width);
}

static void
put_exception(struct text *out, const struct model *model, const struct call *call, bool values, unsigned width)
{
    uint32_t index = call_exception(model, call);
    if (index != MODEL_NONE)
        label_exception(out, model, &model->exceptions[index], values, width);
}

/* "returned 12", "raised ValueError('x')"; or "returning 12", ... */
static void
put_outcome(struct text *out, const struct diff_side *side, const struct call *call, bool ing, unsigned width)
{
    struct value result = call_result(side->model, call);
    switch (call->outcome) {
    case OUTCOME_RETURNED:
        text_string(out, ing ? "returning" : "returned");
        if (side->values && result.data) {
            text_string(out, " ");
            value_into(out, side->match.reader, result, width);
        }
        break;
    case OUTCOME_RAISED:
        text_string(out, ing ? "raising " : "raised ");
        put_exception(out, side->model, call, side->values, width);
        break;
    case OUTCOME_ABANDONED: text_string(out, ing ? "being abandoned" : "was abandoned"); break;
    default: text_string(out, ing ? "running to the end" : "did not end");
    }
}

static void
add_outcome(struct diff_printer *printer, struct diff_changes *out, const struct call *a, const struct call *b,
            unsigned width)
{
    struct diff_change *change = add(printer, out, DIFF_OUTCOME);
    if (!change)
        return;
    text_string(&change->name, "outcome");
    put_outcome(&change->old, &printer->diff->a, a, false, width);
    put_outcome(&change->now, &printer->diff->b, b, false, width);
}

static void
add_exception(struct diff_printer *printer, struct diff_changes *out, const struct call *a, const struct call *b,
              unsigned width)
{
    const struct diff *diff = printer->diff;
    struct diff_change *change = add(printer, out, DIFF_EXCEPTION);
    if (!change)
        return;
    text_string(&change->name, "raised");
    put_exception(&change->old, diff->a.model, a, diff->a.values, width);
    put_exception(&change->now, diff->b.model, b, diff->b.values, width);
}

static void
add_yields(struct diff_printer *printer, struct diff_changes *out, const struct call *a, const struct call *b)
{
    struct diff_change *change = add(printer, out, DIFF_YIELDS);
    if (!change)
        return;
    text_string(&change->name, "yielded");
    text_format(&change->old, "%u%s", call_suspensions(printer->diff->a.model, a), printer->a.glyphs->times);
    text_format(&change->now, "%u%s", call_suspensions(printer->diff->b.model, b), printer->a.glyphs->times);
}

static void
add_name(struct diff_printer *printer, struct diff_changes *out, const struct call *a, const struct call *b)
{
    const struct track *old = &printer->diff->a.model->tracks[a->track];
    struct diff_change *change = add(printer, out, DIFF_NAME);
    if (!change)
        return;
    text_string(&change->name, label_track_kind(old));
    label_track_name(&change->old, old);
    label_track_name(&change->now, &printer->diff->b.model->tracks[b->track]);
}

void
diff_changes_read(struct diff_printer *printer, const struct diff_node *node, unsigned width, struct diff_changes *out)
{
    *out = (struct diff_changes){0};
    if (node->kind != DIFF_PAIR || node->parent == MODEL_NONE)
        return;
    const struct diff *diff = printer->diff;
    const struct call *a = &diff->a.model->calls[node->a];
    const struct call *b = &diff->b.model->calls[node->b];
    if (node->what & DIFF_NAME)
        add_name(printer, out, a, b);
    if (node->what & DIFF_ARGUMENTS)
        add_arguments(printer, out, a, b, width);
    if (node->what & DIFF_YIELDS)
        add_yields(printer, out, a, b);
    if (node->what & DIFF_OUTCOME)
        add_outcome(printer, out, a, b, width);
    if (node->what & DIFF_EXCEPTION)
        add_exception(printer, out, a, b, width);
    if (node->what & DIFF_RESULT)
        add_values(printer, out, DIFF_RESULT, (struct slice){"result", 6}, call_result(diff->a.model, a),
                   call_result(diff->b.model, b), width);
}

void
diff_changes_free(struct diff_changes *changes)
{
    for (uint32_t i = 0; i < changes->count && i < DIFF_CHANGES_MAX; i++) {
        text_free(&changes->items[i].name);
        text_free(&changes->items[i].old);
        text_free(&changes->items[i].now);
    }
    *changes = (struct diff_changes){0};
}

uint32_t
diff_changes_lines(struct diff_printer *printer, const struct diff_node *node)
{
    struct diff_changes changes;
    if (!(node->what & ~DIFF_MOVED))
        return 0;
    diff_changes_read(printer, node, 20, &changes);
    uint32_t lines = changes.count < DIFF_CHANGES_MAX ? changes.count : DIFF_CHANGES_MAX + 1;
    diff_changes_free(&changes);
    return lines;
}

void
diff_put_call(struct text *out, struct diff_printer *printer, bool in_a, uint32_t call, unsigned width)
{
    struct printer *side = in_a ? &printer->a : &printer->b;
    struct story_line line = {.calls = &call, .count = 1, .opened = true};
    size_t begin = out->length;
    label_function(out, side->model->calls[call].code);
    size_t named = out->length;
    for (unsigned each = width / 2; each > 8; each /= 2) {
        text_truncate(out, named);
        values_put_arguments(out, side, &line, each);
        if (text_columns(out->data + begin, out->length - begin) <= width)
            return;
    }
    text_truncate(out, named);
    text_string(out, "(");
    text_dots(out);
    text_string(out, ")");
}
