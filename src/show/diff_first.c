/* diff_first.c - where two runs part: "The 3rd call of price got rule='new' instead of 'vip'; up to there 812 calls
 * agree." */
#include <stdlib.h>
#include <string.h>

#include "../model/outline.h"
#include "diff_printer.h"

#define VALUE_COLUMNS 60
#define CALL_COLUMNS 70
#define CALLERS_MAX 6

static void
put_ordinal(struct text *out, uint32_t n)
{
    uint32_t tens = n % 100;
    label_count(out, n);
    text_string(out, tens / 10 == 1   ? "th"
                     : tens % 10 == 1 ? "st"
                     : tens % 10 == 2 ? "nd"
                     : tens % 10 == 3 ? "rd"
                                      : "th");
}

/* Which call of its function it is in its run, and how many there are. */
static uint32_t
ordinal_of(const struct diff_side *side, uint32_t call, uint32_t *total)
{
    uint64_t function = side->functions[side->model->calls[call].code->index];
    uint32_t ordinal = 0;
    *total = 0;
    for (uint32_t i = 0; i < side->model->call_count; i++) {
        if (!side->calls[i] || side->functions[side->model->calls[i].code->index] != function)
            continue;
        ++*total;
        ordinal += i <= call;
    }
    return ordinal;
}

/* "The 3rd call of price" */
static void
put_subject(struct text *out, const struct diff_side *side, uint32_t call)
{
    uint32_t total;
    uint32_t ordinal = ordinal_of(side, call, &total);
    text_string(out, "The ");
    if (total > 1) {
        put_ordinal(out, ordinal);
        text_string(out, " ");
    }
    text_string(out, "call of ");
    label_function(out, side->model->calls[call].code);
}

static void
put_dangling(struct text *out, struct diff_printer *printer, bool in_a, uint32_t call)
{
    diff_put_call(out, printer, in_a, call, CALL_COLUMNS);
}

/* "main", or "The program" for what nobody called. */
static void
put_caller(struct text *out, const struct diff_printer *printer, const struct diff_node *node)
{
    const struct diff_node *parent = &printer->diff->nodes[node->parent];
    if (node->parent == 0)
        text_string(out, "The program");
    else
        label_function(out, printer->diff->a.model->calls[parent->a].code);
}

/* --- what happened ------------------------------------------------------ */

/* As a task, a thread, a job of its own. */
static bool
is_started(const struct diff_node *node)
{
    return node->spawned && node->parent != 0;
}

/* A node next to this, of that kind, under the same parent: what came instead; or NULL. */
static const struct diff_node *
neighbour(const struct diff *diff, const struct diff_node *node, enum diff_kind kind)
{
    uint32_t index = (uint32_t)(node - diff->nodes);
    const struct diff_node *parent = &diff->nodes[node->parent];
    uint32_t end = parent->first_child + parent->child_count;
    int step = node->kind == DIFF_GONE ? 1 : -1;
    for (uint32_t i = index; i >= parent->first_child && i < end; i += (uint32_t)step) {
        const struct diff_node *other = &diff->nodes[i];
        if (other->kind == kind && other->spawned == node->spawned)
            return other;
        if (other->kind != node->kind)
            return NULL;
    }
    return NULL;
}

/* ": it raised ValueError('no more')" of a caller that had not. */
static void
put_why_gone(struct text *out, struct diff_printer *printer, const struct diff_node *node)
{
    const struct diff_node *parent = &printer->diff->nodes[node->parent];
    struct diff_changes changes;
    struct diff_node outcome = *parent;
    outcome.what = DIFF_OUTCOME;
    if (node->parent == 0 || !(parent->what & DIFF_OUTCOME))
        return;
    diff_changes_read(printer, &outcome, VALUE_COLUMNS, &changes);
    text_string(out, ": it ");
    text_slice(out, text_content(&changes.items[0].now));
    diff_changes_free(&changes);
}

static void
put_gone(struct text *out, struct diff_printer *printer, const struct diff_node *node)
{
    const struct diff_node *instead = neighbour(printer->diff, node, DIFF_ADDED);
    put_caller(out, printer, node);
    if (instead) {
        text_string(out, is_started(node) ? " started " : " called ");
        put_dangling(out, printer, false, instead->b);
        text_string(out, " instead of ");
    }
    else {
        text_string(out, is_started(node) ? " no longer started " : " no longer called ");
    }
    put_dangling(out, printer, true, node->a);
    put_why_gone(out, printer, node);
}

static void
put_added(struct text *out, struct diff_printer *printer, const struct diff_node *node)
{
    put_caller(out, printer, node);
    text_string(out, is_started(node) ? " also started " : " also called ");
    put_dangling(out, printer, false, node->b);
}

/* "behind load()", "first": where the parent called it. */
static void
put_position(struct text *out, struct diff_printer *printer, const struct diff_side *side, uint32_t parent,
             uint32_t call)
{
    uint32_t before = MODEL_NONE;
    for (uint32_t c = side->first_child[parent]; c != MODEL_NONE && c != call; c = side->next[c])
        before = c;
    if (before == MODEL_NONE) {
        text_string(out, "first");
        return;
    }
    text_string(out, "behind ");
    diff_put_call(out, printer, side == &printer->diff->a, before, CALL_COLUMNS / 2);
}

static void
put_moved(struct text *out, struct diff_printer *printer, const struct diff_node *node)
{
    const struct diff *diff = printer->diff;
    const struct diff_node *parent = &diff->nodes[node->parent];
    put_caller(out, printer, node);
    text_string(out, " called ");
    put_dangling(out, printer, false, node->b);
    text_string(out, " in another order");
    if (node->spawned)
        return;
    text_string(out, ": ");
    put_position(out, printer, &diff->b, parent->b, node->b);
    text_string(out, " instead of ");
    put_position(out, printer, &diff->a, parent->a, node->a);
}

/* "got rule='new' instead of 'vip'" */
static void
put_change(struct text *out, const struct diff_change *change)
{
    struct slice name = text_content(&change->name);
    struct slice old = text_content(&change->old);
    struct slice now = text_content(&change->now);
    bool whole = slice_is(name, "result");
    switch (change->what) {
    case DIFF_ARGUMENTS: text_string(out, slice_is(name, "parameters") ? " takes " : " got "); break;
    case DIFF_RESULT: text_string(out, " returned "); break;
    case DIFF_EXCEPTION: text_string(out, " raised "); break;
    case DIFF_YIELDS: text_string(out, " yielded "); break;
    case DIFF_NAME: text_string(out, " ran in "); break;
    default: text_string(out, " ");
    }
    if (change->what == DIFF_NAME) {
        text_slice(out, name);
        text_string(out, " ");
    }
    else if ((change->what == DIFF_ARGUMENTS && !slice_is(name, "parameters"))
             || (change->what == DIFF_RESULT && !whole)) {
        text_slice(out, name);
        text_string(out, "=");
    }
    text_slice(out, now);
    if (change->what == DIFF_OUTCOME) {
        text_string(out, "; before it ");
        text_slice(out, old);
        return;
    }
    text_string(out, " instead of ");
    text_slice(out, old);
}

/* The change that is told: the first of those that come first. */
static void
put_changed(struct text *out, struct diff_printer *printer, const struct diff_node *node)
{
    struct diff_changes changes;
    struct diff_node first = *node;
    first.what = printer->diff->first_what;
    diff_changes_read(printer, &first, VALUE_COLUMNS, &changes);
    put_subject(out, &printer->diff->a, node->a);
    if (changes.count)
        put_change(out, &changes.items[0]);
    else
        text_string(out, " differs");
    diff_changes_free(&changes);
}

static void
put_agreement(struct text *out, uint32_t agree)
{
    if (!agree) {
        text_string(out, ", before anything else.");
        return;
    }
    text_string(out, "; up to there ");
    label_counted(out, agree, " call agrees.", " calls agree.");
}

/* --- where to look ------------------------------------------------------ */

static void
put_number(struct text *out, const struct model *model, uint32_t call, const char *file)
{
    text_string(out, "call #");
    text_format(out, "%u of ", model_call_number(model, call));
    text_name(out, (struct slice){file, strlen(file)});
}

static void
put_callers(struct text *out, const struct model *model, uint32_t call)
{
    uint32_t parent = outline_parent(model, call);
    for (uint32_t i = 0; parent != MODEL_NONE; i++, parent = outline_parent(model, parent)) {
        text_string(out, i ? ", " : ", below ");
        if (i == CALLERS_MAX) {
            text_dots(out);
            return;
        }
        label_function(out, model->calls[parent].code);
    }
}

static void
put_place(struct text *out, const struct diff_printer *printer, const struct diff_node *node)
{
    const struct model *a = printer->diff->a.model;
    const struct model *b = printer->diff->b.model;
    text_string(out, " See ");
    if (node->a != MODEL_NONE)
        put_number(out, a, node->a, printer->name_a);
    if (node->a != MODEL_NONE && node->b != MODEL_NONE)
        text_string(out, ", ");
    if (node->b != MODEL_NONE)
        put_number(out, b, node->b, printer->name_b);
    if (node->b != MODEL_NONE)
        put_callers(out, b, node->b);
    else
        put_callers(out, a, node->a);
    text_string(out, ".");
}

void
diff_print_first(struct diff_printer *printer)
{
    const struct diff_node *node = &printer->diff->nodes[printer->diff->first];
    struct text text = {.ascii = printer->options->ascii};
    if (node->kind == DIFF_GONE)
        put_gone(&text, printer, node);
    else if (node->kind == DIFF_ADDED)
        put_added(&text, printer, node);
    else if (printer->diff->first_what & DIFF_MOVED)
        put_moved(&text, printer, node);
    else
        put_changed(&text, printer, node);
    put_agreement(&text, printer->diff->agree);
    size_t sentence = text.length;
    put_place(&text, printer, node);
    size_t column = 0;
    printer->a.out = printer->out;
    struct slice all = text_content(&text);
    bool color = printer->of_line.color;
    printer->of_line.color = printer->options->color;
    printer_put_wrapped(&printer->a, STYLE_BOLD, (struct slice){all.data, sentence}, &column);
    printer_put_wrapped(&printer->a, STYLE_PLAIN, (struct slice){all.data + sentence, all.length - sentence}, &column);
    printer->of_line.color = color;
    printer->a.out = &printer->line;
    text_string(printer->out, "\n");
    text_free(&text);
}
