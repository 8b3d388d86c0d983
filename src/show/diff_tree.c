/* diff_tree.c - the tree of differences: what is gone, added, changed; what is alike is counted.
 *
 *     main()
 *     ├─ … 812 calls alike
 *   ~ ├─ price(order=3, rule='vip')  #813
 *     │    rule: 'vip' → 'new'
 *   - └─ save(order=3)  #815
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "diff_items.h"

#define SIGN_COLUMNS 2

/* --- lines -------------------------------------------------------------- */

static const struct glyphs *
glyphs_of(const struct diff_printer *printer)
{
    return printer->a.glyphs;
}

static void
put_sign(struct diff_printer *printer, struct style style, const char *sign)
{
    diff_put(printer, style, (struct slice){sign, strlen(sign)});
    text_string(printer->out, " ");
}

void
diff_put_numbers(struct text *out, const struct diff *diff, const struct diff_node *node)
{
    uint32_t a = node->a != MODEL_NONE ? model_call_number(diff->a.model, node->a) : 0;
    uint32_t b = node->b != MODEL_NONE ? model_call_number(diff->b.model, node->b) : 0;
    text_format(out, "#%u", a ? a : b);
    if (a && b && a != b)
        text_format(out, ", #%u", b);
}

/* The call as the story has it, in printer->line, without a newline. */
static void
make_line(struct diff_printer *printer, struct printer *side, const struct diff_node *node, size_t taken,
          const struct text *prefix, const char *branch)
{
    uint32_t call = node->kind == DIFF_ADDED ? node->b : node->a;
    struct story_line line = {.calls = &call, .count = 1, .opened = node->kind == DIFF_PAIR};
    line.inside = line.opened ? 0 : node->calls - 1;
    size_t width = printer->options->width;
    printer->of_line.width = (unsigned)(width > taken + 20 ? width - taken : 20);
    printer->of_line.results = printer->diff->a.values && !(node->what & (DIFF_RESULT | DIFF_OUTCOME));
    text_truncate(&printer->line, 0);
    text_truncate(&side->prefix, 0);
    text_bytes(&side->prefix, prefix->data, prefix->length);
    line_print(side, &line, branch);
    if (printer->line.length && printer->line.data[printer->line.length - 1] == '\n')
        text_truncate(&printer->line, printer->line.length - 1);
}

static void
print_call(struct diff_printer *printer, const struct diff_node *node, const struct text *prefix, const char *branch)
{
    bool changed = node->kind == DIFF_PAIR;
    struct style style = node->kind == DIFF_GONE ? STYLE_RED : node->kind == DIFF_ADDED ? STYLE_GREEN : STYLE_CYAN;
    struct text numbers = {.ascii = printer->options->ascii};
    if (node->what || !changed)
        text_string(&numbers, "  ");
    if (node->what || !changed)
        diff_put_numbers(&numbers, printer->diff, node);
    if (node->what & DIFF_MOVED)
        text_string(&numbers, printer->options->width < 60 ? "  moved" : "  in another order");
    printer->of_line.color = changed && printer->options->color;
    make_line(printer, node->kind == DIFF_ADDED ? &printer->b : &printer->a, node,
              SIGN_COLUMNS + printer_columns(&numbers), prefix, branch);
    put_sign(printer, style, node->kind == DIFF_GONE ? "-" : node->kind == DIFF_ADDED ? "+" : node->what ? "~" : " ");
    diff_put(printer, changed ? STYLE_PLAIN : style, text_content(&printer->line));
    diff_put(printer, STYLE_DIM, text_content(&numbers));
    text_string(printer->out, "\n");
    text_free(&numbers);
}

/* A line of words at its place in the tree. */
static void
print_words(struct diff_printer *printer, const struct text *prefix, const char *branch, const struct text *words)
{
    size_t before = printer_columns(prefix) + text_columns(branch, strlen(branch)) + SIGN_COLUMNS;
    size_t room = printer->options->width > before + 8 ? printer->options->width - before : 8;
    struct slice text = text_content(words);
    text.length = text_fit(text.data, text.length, room);
    put_sign(printer, STYLE_PLAIN, " ");
    diff_put(printer, STYLE_DIM, text_content(prefix));
    diff_put(printer, STYLE_DIM, (struct slice){branch, strlen(branch)});
    diff_put(printer, STYLE_DIM, text);
    text_string(printer->out, "\n");
}

/* Behind what takes `used` columns already. */
static void
put_cut(struct diff_printer *printer, struct style style, const struct text *text, size_t used)
{
    struct slice slice = text_content(text);
    size_t mark = printer->options->ascii ? 3 : 1;
    size_t room = printer->options->width > used + 8 ? printer->options->width - used : 8;
    bool cut = printer_columns(text) > room;
    if (cut)
        slice.length = text_fit(slice.data, slice.length, room - mark);
    diff_put(printer, style, slice);
    if (cut)
        diff_put(printer, style, (struct slice){glyphs_of(printer)->dots, strlen(glyphs_of(printer)->dots)});
}

static void
print_change(struct diff_printer *printer, const struct text *prefix, const struct diff_change *change)
{
    size_t before = printer_columns(prefix) + SIGN_COLUMNS;
    size_t columns = before + printer_columns(&change->name) + 2 + printer_columns(&change->old)
                     + printer_columns(&change->now) + 3;
    bool fits = columns <= printer->options->width;
    for (int line = 0; line < (fits ? 1 : 2); line++) {
        put_sign(printer, line ? STYLE_GREEN : fits ? STYLE_PLAIN : STYLE_RED, fits ? " " : line ? "+" : "-");
        diff_put(printer, STYLE_DIM, text_content(prefix));
        put_cut(printer, STYLE_PLAIN, &change->name, before + 8);
        text_string(printer->out, ": ");
        size_t used = before + 2 + printer_columns(&change->name);
        if (line == 0)
            put_cut(printer, STYLE_RED, &change->old, fits ? 0 : used);
        text_string(printer->out, fits ? glyphs_of(printer)->arrow : "");
        if (fits || line == 1)
            put_cut(printer, STYLE_GREEN, &change->now, fits ? 0 : used);
        text_string(printer->out, "\n");
    }
}

/* The prefix is that of what stands under the call. */
static void
print_changes(struct diff_printer *printer, const struct diff_node *node, const struct text *prefix)
{
    struct diff_changes changes;
    size_t before = printer_columns(prefix) + SIGN_COLUMNS + 8;
    size_t room = printer->options->width > before + 24 ? printer->options->width - before : 24;
    diff_changes_read(printer, node, (unsigned)(room > 100 ? room * 2 / 5 : room * 2 / 3), &changes);
    for (uint32_t i = 0; i < changes.count && i < DIFF_CHANGES_MAX; i++)
        print_change(printer, prefix, &changes.items[i]);
    if (changes.count > DIFF_CHANGES_MAX) {
        struct text words = {.ascii = printer->options->ascii};
        text_format(&words, "%s ", glyphs_of(printer)->dots);
        label_counted(&words, changes.count - DIFF_CHANGES_MAX, " more place", " more places");
        print_words(printer, prefix, "", &words);
        text_free(&words);
    }
    diff_changes_free(&changes);
}

/* --- the tree ----------------------------------------------------------- */

/* A tree deeper than the page is wide still needs room for its words. */
static void
put_bar(const struct diff_printer *printer, struct text *prefix, const char *bar)
{
    if (printer_columns(prefix) < printer->options->width / 2)
        text_string(prefix, bar);
}

void
diff_put_more_such(struct text *out, const struct diff *diff, const struct diff_item *item)
{
    text_dots(out);
    text_string(out, " ");
    label_counted(out, item->members - 1, " more such, ", " more such, the last ");
    diff_put_numbers(out, diff, &diff->nodes[item->last]);
}

void
diff_put_counted(struct text *out, uint64_t count, const char *one, const char *many)
{
    text_dots(out);
    text_string(out, " ");
    label_counted(out, count, one, many);
}

static void
print_note(struct diff_printer *printer, const struct text *prefix, const char *branch, const struct diff_step *step)
{
    struct text words = {.ascii = printer->options->ascii};
    if (step->kind == DIFF_STEP_ALIKE)
        diff_put_counted(&words, step->item->alike, " call alike", " calls alike");
    else if (step->kind == DIFF_STEP_MORE)
        diff_put_more_such(&words, printer->diff, step->item);
    else
        diff_put_counted(&words, step->rest, " more difference", " more differences");
    print_words(printer, prefix, branch, &words);
    printer->left_out += step->rest;
    text_free(&words);
}

/* The prefix is that of its level, and becomes that of what stands under it. */
static void
print_item(struct diff_printer *printer, struct text *prefix, const char *branch, const struct diff_step *step)
{
    const struct diff_node *node = &printer->diff->nodes[step->item->node];
    print_call(printer, node, prefix, branch);
    if (!step->root)
        put_bar(printer, prefix, step->last ? glyphs_of(printer)->gap : glyphs_of(printer)->bar);
    size_t length = prefix->length;
    text_string(prefix, step->entered ? glyphs_of(printer)->bar : glyphs_of(printer)->gap);
    print_changes(printer, node, prefix);
    text_truncate(prefix, length);
}

static void
print_step(struct diff_printer *printer, struct text *prefix, const struct diff_step *step)
{
    const struct glyphs *glyphs = glyphs_of(printer);
    const char *branch = step->root ? "" : step->last ? glyphs->last : glyphs->branch;
    if (step->kind == DIFF_STEP_LEAVE)
        return;
    if (step->kind == DIFF_STEP_CALL)
        print_item(printer, prefix, branch, step);
    else
        print_note(printer, prefix, branch, step);
}

int
diff_print_tree(struct diff_printer *printer)
{
    struct diff_items items;
    struct diff_walk walk = {0};
    struct diff_step step;
    struct text prefix = {0};
    int ret = diff_items_open(&items, printer);
    while (ret == 0 && diff_walk_next(&walk, &items, &step)) {
        size_t inner;
        text_truncate(&prefix, *step.mark);
        print_step(printer, &prefix, &step);
        inner = prefix.length;
        if (step.entered)
            walk.levels[walk.depth - 1].mark = inner;
    }
    ret = ret == 0 && walk.failed ? -ENOMEM : ret;
    diff_walk_free(&walk);
    text_free(&prefix);
    diff_items_close(&items);
    return ret;
}
