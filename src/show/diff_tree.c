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
#include "diff_printer.h"

#define FOLD_MIN 3 /* differences of one shape, from which on the first stands for all */
#define SIGN_COLUMNS 2
#define HEAD_LINES 8 /* those around the tree */

/* What stands on a line, with the lines of its changes: one difference, or the first of several of its shape; or, of
 * node MODEL_NONE, calls that are alike. */
struct item {
    uint32_t node;
    uint32_t members;
    uint32_t last;  /* node */
    uint64_t alike; /* calls */
};

struct tree {
    struct diff_printer *printer;
    const struct diff *diff;
    const struct glyphs *glyphs;
    uint64_t *shapes;      /* Owned; by node */
    uint32_t *first_item;  /* Owned; by node; MODEL_NONE: its children are not told */
    uint32_t *item_count;  /* Owned; by node: so many are told ... */
    uint32_t *told;        /* Owned; ... which hold so many of its differences */
    struct item *items;    /* Owned */
    uint32_t count, room;
    uint32_t begin;        /* of the items of the node that is being looked at */
    uint64_t *keys;        /* Owned; of one node's children that differ, as the rest here */
    uint32_t *nodes, *positions, *scratch, *seen;
    uint32_t wide;         /* children for which there is room in these */
};

static bool
differs(const struct diff *diff, uint32_t node)
{
    return diff->nodes[node].differences > 0;
}

/* --- shapes ------------------------------------------------------------- */

/* Differences of one shape have the same function, the same kinds of changes, and such in them. */
static void
find_shapes(struct tree *tree)
{
    const struct diff *diff = tree->diff;
    for (uint32_t i = diff->node_count; i-- > 0;) {
        const struct diff_node *node = &diff->nodes[i];
        uint64_t hash = hash_mix(node->kind, node->what);
        const struct diff_side *side = node->a != MODEL_NONE ? &diff->a : &diff->b;
        uint32_t call = node->a != MODEL_NONE ? node->a : node->b;
        if (i && node->kind != DIFF_ALIKE)
            hash = hash_mix(hash, side->functions[side->model->calls[call].code->index]);
        for (uint32_t k = 0; k < node->child_count; k++)
            if (differs(diff, node->first_child + k))
                hash = hash_mix(hash, tree->shapes[node->first_child + k]);
        tree->shapes[i] = hash;
    }
}

/* --- items -------------------------------------------------------------- */

static bool
add_item(struct tree *tree, struct item item)
{
    void *items = tree->items;
    if (!array_make_room(&items, tree->count, &tree->room, sizeof item))
        return false;
    tree->items = items;
    tree->items[tree->count++] = item;
    return true;
}

static bool
make_wide(struct tree *tree, uint32_t children)
{
    if (children <= tree->wide)
        return true;
    free(tree->keys);
    free(tree->nodes);
    free(tree->positions);
    free(tree->scratch);
    free(tree->seen);
    tree->wide = children;
    tree->keys = malloc(children * sizeof *tree->keys);
    tree->nodes = malloc(children * sizeof *tree->nodes);
    tree->positions = malloc(children * sizeof *tree->positions);
    tree->scratch = malloc(children * sizeof *tree->scratch);
    tree->seen = malloc(children * sizeof *tree->seen);
    return tree->keys && tree->nodes && tree->positions && tree->scratch && tree->seen;
}

/* The calls in children from node `begin` to `end` that do not differ. */
static bool
add_alike(struct tree *tree, uint32_t begin, uint32_t end)
{
    struct item item = {.node = MODEL_NONE};
    bool any = false;
    for (uint32_t i = begin; i < end; i++)
        if (!differs(tree->diff, i)) {
            item.alike += tree->diff->nodes[i].calls;
            any = true;
        }
    if (any && tree->count > tree->begin && tree->items[tree->count - 1].node == MODEL_NONE) {
        tree->items[tree->count - 1].alike += item.alike;
        return true;
    }
    return !any || add_item(tree, item);
}

/* Where the block of folded lines ends that begins with difference `begin`; the most members that a line in it has. */
static uint32_t
end_of_block(const struct tree *tree, uint32_t begin, uint32_t count, uint32_t *most)
{
    /* scratch[line]: the last difference on it; seen[line]: how many there are */
    uint32_t end = begin;
    *most = 0;
    for (uint32_t i = begin; i <= end && i < count; i++) {
        uint32_t line = tree->positions[i];
        end = tree->scratch[line] > end ? tree->scratch[line] : end;
        *most = tree->seen[line] > *most ? tree->seen[line] : *most;
    }
    return end + 1;
}

static bool
add_single(struct tree *tree, uint32_t begin, uint32_t end)
{
    bool ok = true;
    for (uint32_t i = begin; ok && i < end; i++) {
        uint32_t node = tree->nodes[i];
        ok = add_item(tree, (struct item){node, 1, node, 0});
        if (ok && i + 1 < end)
            ok = add_alike(tree, node + 1, tree->nodes[i + 1]);
    }
    return ok;
}

/* A line for each position in the block: its first member, and what is alike before the next one's. */
static bool
add_folded(struct tree *tree, uint32_t begin, uint32_t end)
{
    bool ok = true;
    uint32_t line = MODEL_NONE;
    uint32_t last_first = 0;
    for (uint32_t i = begin; ok && i < end; i++) {
        uint32_t here = tree->positions[i];
        if (line != MODEL_NONE && here <= line)
            continue;
        if (line != MODEL_NONE)
            ok = add_alike(tree, last_first + 1, tree->nodes[i]);
        line = here;
        last_first = tree->nodes[i];
        ok = ok && add_item(tree, (struct item){last_first, tree->seen[here], tree->nodes[tree->scratch[here]], 0});
    }
    return ok && add_alike(tree, last_first + 1, tree->nodes[end - 1]);
}

static bool
holds(const struct tree *tree, uint32_t begin, uint32_t end, uint32_t node)
{
    for (uint32_t i = begin; i < end; i++)
        if (tree->nodes[i] == node)
            return true;
    return false;
}

/* All that could be told of a node's children; `kept` stands on a line of its own. */
static bool
add_items(struct tree *tree, uint32_t index, uint32_t kept)
{
    const struct diff_node *node = &tree->diff->nodes[index];
    uint32_t all = node->first_child + node->child_count;
    uint32_t count = 0;
    tree->first_item[index] = tree->begin = tree->count;
    if (!make_wide(tree, node->child_count))
        return false;
    for (uint32_t i = node->first_child; i < all; i++)
        if (differs(tree->diff, i)) {
            tree->keys[count] = tree->shapes[i];
            tree->nodes[count++] = i;
        }
    fold_sequence(tree->keys, count, tree->positions, tree->scratch);
    memset(tree->seen, 0, count * sizeof *tree->seen);
    for (uint32_t i = 0; i < count; i++) {
        tree->scratch[tree->positions[i]] = i;
        tree->seen[tree->positions[i]]++;
    }
    uint32_t before = node->first_child;
    bool ok = true;
    for (uint32_t i = 0; ok && i < count;) {
        uint32_t most;
        uint32_t end = end_of_block(tree, i, count, &most);
        bool fold = most >= FOLD_MIN && tree->printer->options->lines
                    && (kept == MODEL_NONE || !holds(tree, i + 1, end, kept));
        ok = add_alike(tree, before, tree->nodes[i]) && (fold ? add_folded : add_single)(tree, i, end);
        before = tree->nodes[end - 1] + 1;
        i = end;
    }
    ok = ok && add_alike(tree, before, all);
    tree->item_count[index] = tree->count - tree->first_item[index];
    return ok;
}

/* --- which are told ----------------------------------------------------- */

static uint32_t
lines_of(const struct tree *tree, const struct item *item)
{
    if (item->node == MODEL_NONE)
        return 1;
    return 1u + (item->members > 1 ? 1u : 0u) + diff_changes_lines(tree->printer, &tree->diff->nodes[item->node]);
}

/* Tells as many children of a node as there is room for; up to `least` in any case. */
static bool
open_node(struct tree *tree, uint32_t index, uint32_t *room, uint32_t least)
{
    if (!add_items(tree, index, least))
        return false;
    const struct item *items = tree->items + tree->first_item[index];
    uint32_t count = tree->item_count[index];
    uint32_t told = 0;
    for (; told < count; told++) {
        uint32_t lines = lines_of(tree, &items[told]);
        bool needed = least != MODEL_NONE && (items[told].node == MODEL_NONE || items[told].node <= least);
        if (lines + 1 > *room && !needed)
            break;
        *room -= lines < *room ? lines : *room;
    }
    tree->item_count[index] = told;
    tree->count = tree->first_item[index] + told;
    return true;
}

/* What of a node is told: its place among its parent's. */
static void
mark_told(struct tree *tree, uint32_t index)
{
    for (uint32_t i = 0; i < tree->item_count[index]; i++) {
        const struct item *item = &tree->items[tree->first_item[index] + i];
        if (item->node != MODEL_NONE)
            tree->told[item->node] = 1;
    }
}

/* The way to where the runs part is told in any case; then what lies high. */
static bool
choose(struct tree *tree)
{
    const struct diff *diff = tree->diff;
    uint32_t lines = tree->printer->options->lines;
    uint32_t room = lines == 0 ? UINT32_MAX : lines > HEAD_LINES + 4 ? lines - HEAD_LINES : 4;
    uint32_t depth = 0;
    for (uint32_t i = diff->first; i != 0; i = diff->nodes[i].parent)
        depth++;
    for (uint32_t i = diff->first; i != 0; i = diff->nodes[i].parent) {
        uint32_t share = room / depth--;
        uint32_t left = share;
        if (!open_node(tree, diff->nodes[i].parent, &left, i))
            return false;
        room -= share - left;
        mark_told(tree, diff->nodes[i].parent);
    }
    for (uint32_t i = 1; i < diff->node_count && room > 1; i++) {
        if (!tree->told[i] || tree->first_item[i] != MODEL_NONE || !diff->nodes[i].child_count)
            continue;
        if (!open_node(tree, i, &room, MODEL_NONE))
            return false;
        mark_told(tree, i);
    }
    return true;
}

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

static void
put_number(struct text *out, const struct diff *diff, const struct diff_node *node)
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
        put_number(&numbers, printer->diff, node);
    if (node->what & DIFF_MOVED)
        text_string(&numbers, printer->options->width < 60 ? "  moved" : "  in another order");
    printer->of_line.color = changed && printer->options->color;
    make_line(printer, node->kind == DIFF_ADDED ? &printer->b : &printer->a, node,
              SIGN_COLUMNS + printer_columns(&numbers), prefix, branch);
    put_sign(printer, style, node->kind == DIFF_GONE ? "-" : node->kind == DIFF_ADDED ? "+" : node->what ? "~" : " ");
    diff_put(printer, changed ? STYLE_PLAIN : style, printer_slice(&printer->line));
    diff_put(printer, STYLE_DIM, printer_slice(&numbers));
    text_string(printer->out, "\n");
    text_free(&numbers);
}

/* A line of words at its place in the tree. */
static void
print_words(struct diff_printer *printer, const struct text *prefix, const char *branch, const struct text *words)
{
    size_t before = printer_columns(prefix) + text_columns(branch, strlen(branch)) + SIGN_COLUMNS;
    size_t room = printer->options->width > before + 8 ? printer->options->width - before : 8;
    struct slice text = printer_slice(words);
    text.length = text_fit(text.data, text.length, room);
    put_sign(printer, STYLE_PLAIN, " ");
    diff_put(printer, STYLE_DIM, printer_slice(prefix));
    diff_put(printer, STYLE_DIM, (struct slice){branch, strlen(branch)});
    diff_put(printer, STYLE_DIM, text);
    text_string(printer->out, "\n");
}

/* Behind what takes `used` columns already. */
static void
put_cut(struct diff_printer *printer, struct style style, const struct text *text, size_t used)
{
    struct slice slice = printer_slice(text);
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
        diff_put(printer, STYLE_DIM, printer_slice(prefix));
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

struct level {
    uint32_t node;  /* whose children these are */
    uint32_t at;    /* the next of its items */
    uint32_t such;  /* an item of which is still to be said how many more there are, or MODEL_NONE */
    uint32_t rest;  /* differences in there that are not told */
    size_t prefix;  /* length of it */
};

struct walk {
    struct level *levels; /* Owned */
    uint32_t depth, room;
    struct text prefix;
};

/* A tree deeper than the page is wide still needs room for its words. */
static void
put_bar(const struct tree *tree, struct text *prefix, const char *bar)
{
    if (printer_columns(prefix) < tree->printer->options->width / 2)
        text_string(prefix, bar);
}

static void
print_alike(const struct tree *tree, const struct walk *walk, const char *branch, uint64_t calls)
{
    struct text words = {.ascii = tree->printer->options->ascii};
    text_format(&words, "%s ", tree->glyphs->dots);
    label_counted(&words, calls, " call alike", " calls alike");
    print_words(tree->printer, &walk->prefix, branch, &words);
    text_free(&words);
}

static void
print_more_such(const struct tree *tree, const struct walk *walk, const char *branch, const struct item *item)
{
    struct text words = {.ascii = tree->printer->options->ascii};
    const struct diff_node *last = &tree->diff->nodes[item->last];
    text_format(&words, "%s ", tree->glyphs->dots);
    label_counted(&words, item->members - 1, " more such, ", " more such, the last ");
    put_number(&words, tree->diff, last);
    print_words(tree->printer, &walk->prefix, branch, &words);
    text_free(&words);
}

/* Differences in a node's children that are not told. */
static uint32_t
count_rest(const struct tree *tree, uint32_t node)
{
    uint32_t rest = tree->diff->nodes[node].differences - (node && tree->diff->nodes[node].what ? 1u : 0u);
    for (uint32_t i = 0; i < tree->item_count[node]; i++) {
        const struct item *item = &tree->items[tree->first_item[node] + i];
        if (item->node == MODEL_NONE)
            continue;
        uint32_t each = tree->diff->nodes[item->node].differences;
        rest -= each * item->members < rest ? each * item->members : rest;
    }
    return rest;
}

static bool
enter(const struct tree *tree, struct walk *walk, uint32_t node)
{
    void *levels = walk->levels;
    if (!array_make_room(&levels, walk->depth, &walk->room, sizeof *walk->levels))
        return false;
    walk->levels = levels;
    walk->levels[walk->depth++] = (struct level){node, 0, MODEL_NONE, count_rest(tree, node), walk->prefix.length};
    return true;
}

static void
print_rest(const struct tree *tree, const struct walk *walk, const char *branch, uint32_t rest)
{
    struct text words = {.ascii = tree->printer->options->ascii};
    text_format(&words, "%s ", tree->glyphs->dots);
    label_counted(&words, rest, " more difference", " more differences");
    print_words(tree->printer, &walk->prefix, branch, &words);
    tree->printer->left_out += rest;
    text_free(&words);
}

/* Some of its children are told, or that there are some. */
static bool
is_opened(const struct tree *tree, uint32_t node)
{
    return tree->diff->nodes[node].child_count
           && tree->diff->nodes[node].differences > (tree->diff->nodes[node].what ? 1u : 0u);
}

static bool
print_item(const struct tree *tree, struct walk *walk, const struct item *item, bool last)
{
    bool root = walk->depth == 1;
    last &= item->members <= 1;
    const char *branch = root ? "" : last ? tree->glyphs->last : tree->glyphs->branch;
    if (item->node == MODEL_NONE) {
        print_alike(tree, walk, branch, item->alike);
        return true;
    }
    const struct diff_node *node = &tree->diff->nodes[item->node];
    print_call(tree->printer, node, &walk->prefix, branch);
    if (!root)
        put_bar(tree, &walk->prefix, last ? tree->glyphs->gap : tree->glyphs->bar);
    size_t length = walk->prefix.length;
    bool opened = is_opened(tree, item->node);
    text_string(&walk->prefix, opened ? tree->glyphs->bar : tree->glyphs->gap);
    print_changes(tree->printer, node, &walk->prefix);
    text_truncate(&walk->prefix, length);
    return !opened || enter(tree, walk, item->node);
}

/* What comes next at the innermost level; false if it could not be told for want of memory. */
static bool
print_next(const struct tree *tree, struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    uint32_t count = tree->first_item[level->node] == MODEL_NONE ? 0 : tree->item_count[level->node];
    const struct item *items = tree->items + (count ? tree->first_item[level->node] : 0);
    bool root = walk->depth == 1;
    uint32_t rest = level->rest;
    text_truncate(&walk->prefix, level->prefix);
    if (level->such != MODEL_NONE) {
        bool last = level->at == count && !rest;
        print_more_such(tree, walk, root ? "" : last ? tree->glyphs->last : tree->glyphs->branch, &items[level->such]);
        level->such = MODEL_NONE;
        return true;
    }
    if (level->at == count) {
        if (rest)
            print_rest(tree, walk, root ? "" : tree->glyphs->last, rest);
        walk->depth--;
        return true;
    }
    const struct item *item = &items[level->at];
    level->such = item->members > 1 ? level->at : MODEL_NONE;
    level->at++;
    return print_item(tree, walk, item, level->at == count && !rest);
}

static bool
open_tree(struct tree *tree)
{
    size_t count = (size_t)tree->diff->node_count + 1;
    tree->shapes = malloc(count * sizeof *tree->shapes);
    tree->first_item = malloc(count * sizeof *tree->first_item);
    tree->item_count = calloc(count, sizeof *tree->item_count);
    tree->told = calloc(count, sizeof *tree->told);
    if (!tree->shapes || !tree->first_item || !tree->item_count || !tree->told)
        return false;
    memset(tree->first_item, 0xff, count * sizeof *tree->first_item); /* MODEL_NONE */
    find_shapes(tree);
    return choose(tree);
}

static void
close_tree(struct tree *tree)
{
    free(tree->shapes);
    free(tree->first_item);
    free(tree->item_count);
    free(tree->told);
    free(tree->items);
    free(tree->keys);
    free(tree->nodes);
    free(tree->positions);
    free(tree->scratch);
    free(tree->seen);
}

int
diff_print_tree(struct diff_printer *printer)
{
    struct tree tree = {.printer = printer, .diff = printer->diff, .glyphs = glyphs_of(printer)};
    struct walk walk = {0};
    bool ok = open_tree(&tree) && enter(&tree, &walk, 0);
    while (ok && walk.depth)
        ok = print_next(&tree, &walk);
    free(walk.levels);
    text_free(&walk.prefix);
    close_tree(&tree);
    return ok ? 0 : -ENOMEM;
}
