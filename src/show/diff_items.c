/* diff_items.c - which differences a tree of them tells, and what stands for what. */
#include "diff_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"

#define FOLD_MIN 3   /* differences of one shape, from which on the first stands for all */
#define HEAD_LINES 8 /* those around the tree */

static bool
differs(const struct diff *diff, uint32_t node)
{
    return diff->nodes[node].differences > 0;
}

/* --- shapes ------------------------------------------------------------- */

/* Differences of one shape have the same function, the same kinds of changes, and such in them. */
static void
find_shapes(struct diff_items *tree)
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
add_item(struct diff_items *tree, struct diff_item item)
{
    void *items = tree->items;
    if (!array_make_room(&items, tree->count, &tree->room, sizeof item))
        return false;
    tree->items = items;
    tree->items[tree->count++] = item;
    return true;
}

static bool
make_wide(struct diff_items *tree, uint32_t children)
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
add_alike(struct diff_items *tree, uint32_t begin, uint32_t end)
{
    struct diff_item item = {.node = MODEL_NONE};
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
end_of_block(const struct diff_items *tree, uint32_t begin, uint32_t count, uint32_t *most)
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
add_single(struct diff_items *tree, uint32_t begin, uint32_t end)
{
    bool ok = true;
    for (uint32_t i = begin; ok && i < end; i++) {
        uint32_t node = tree->nodes[i];
        ok = add_item(tree, (struct diff_item){node, 1, node, 0});
        if (ok && i + 1 < end)
            ok = add_alike(tree, node + 1, tree->nodes[i + 1]);
    }
    return ok;
}

/* A line for each position in the block: its first member, and what is alike before the next one's. */
static bool
add_folded(struct diff_items *tree, uint32_t begin, uint32_t end)
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
        ok = ok
             && add_item(tree, (struct diff_item){last_first, tree->seen[here], tree->nodes[tree->scratch[here]], 0});
    }
    return ok && add_alike(tree, last_first + 1, tree->nodes[end - 1]);
}

static bool
holds(const struct diff_items *tree, uint32_t begin, uint32_t end, uint32_t node)
{
    for (uint32_t i = begin; i < end; i++)
        if (tree->nodes[i] == node)
            return true;
    return false;
}

/* All that could be told of a node's children; `kept` stands on a line of its own. */
static bool
add_items(struct diff_items *tree, uint32_t index, uint32_t kept)
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
lines_of(const struct diff_items *tree, const struct diff_item *item)
{
    if (item->node == MODEL_NONE)
        return 1;
    return 1u + (item->members > 1 ? 1u : 0u) + diff_changes_lines(tree->printer, &tree->diff->nodes[item->node]);
}

/* Tells as many children of a node as there is room for; up to `least` in any case. */
static bool
open_node(struct diff_items *tree, uint32_t index, uint32_t *room, uint32_t least)
{
    if (!add_items(tree, index, least))
        return false;
    const struct diff_item *items = tree->items + tree->first_item[index];
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
    tree->rank[index] = tree->first_item[index];
    tree->count = tree->first_item[index] + told;
    return true;
}

/* What of a node is told: its place among its parent's. */
static void
mark_told(struct diff_items *tree, uint32_t index)
{
    for (uint32_t i = 0; i < tree->item_count[index]; i++) {
        const struct diff_item *item = &tree->items[tree->first_item[index] + i];
        if (item->node != MODEL_NONE)
            tree->told[item->node] = 1;
    }
}

/* The way to where the runs part is told in any case; then what lies high. */
static bool
choose(struct diff_items *tree)
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

int
diff_items_open(struct diff_items *out, struct diff_printer *printer)
{
    *out = (struct diff_items){.printer = printer, .diff = printer->diff};
    size_t count = (size_t)out->diff->node_count + 1;
    out->shapes = malloc(count * sizeof *out->shapes);
    out->first_item = malloc(count * sizeof *out->first_item);
    out->item_count = calloc(count, sizeof *out->item_count);
    out->told = calloc(count, sizeof *out->told);
    out->rank = calloc(count, sizeof *out->rank);
    if (!out->shapes || !out->first_item || !out->item_count || !out->told || !out->rank)
        return -ENOMEM;
    memset(out->first_item, 0xff, count * sizeof *out->first_item); /* MODEL_NONE */
    find_shapes(out);
    return choose(out) ? 0 : -ENOMEM;
}

void
diff_items_close(struct diff_items *items)
{
    free(items->shapes);
    free(items->first_item);
    free(items->item_count);
    free(items->told);
    free(items->rank);
    free(items->items);
    free(items->keys);
    free(items->nodes);
    free(items->positions);
    free(items->scratch);
    free(items->seen);
}

bool
diff_items_any_in(const struct diff_items *items, uint32_t node)
{
    const struct diff_node *of = &items->diff->nodes[node];
    return of->child_count && of->differences > (of->what ? 1u : 0u);
}

/* --- the way through ------------------------------------------------------ */

/* Differences in a node's children that are not told. */
static uint32_t
count_rest(const struct diff_items *items, uint32_t node)
{
    uint32_t rest = items->diff->nodes[node].differences - (node && items->diff->nodes[node].what ? 1u : 0u);
    for (uint32_t i = 0; i < items->item_count[node]; i++) {
        const struct diff_item *item = &items->items[items->first_item[node] + i];
        if (item->node == MODEL_NONE)
            continue;
        uint32_t each = items->diff->nodes[item->node].differences;
        rest -= each * item->members < rest ? each * item->members : rest;
    }
    return rest;
}

static bool
enter(struct diff_walk *walk, const struct diff_items *items, uint32_t node)
{
    void *levels = walk->levels;
    if (!array_make_room(&levels, walk->depth, &walk->room, sizeof *walk->levels)) {
        walk->failed = true;
        return false;
    }
    walk->levels = levels;
    walk->levels[walk->depth++] = (struct diff_level){node, 0, MODEL_NONE, count_rest(items, node), 0};
    return true;
}

/* The next item of a level, or how many more such there are. */
static void
take_item(struct diff_level *level, const struct diff_item *items, uint32_t count, struct diff_step *step)
{
    if (level->such != MODEL_NONE) {
        step->kind = DIFF_STEP_MORE;
        step->item = &items[level->such];
        step->last = level->at == count && !level->rest;
        level->such = MODEL_NONE;
        return;
    }
    step->item = &items[level->at];
    step->kind = step->item->node == MODEL_NONE ? DIFF_STEP_ALIKE : DIFF_STEP_CALL;
    level->such = step->item->members > 1 ? level->at : MODEL_NONE;
    level->at++;
    step->last = level->at == count && !level->rest && step->item->members <= 1;
}

bool
diff_walk_next(struct diff_walk *walk, const struct diff_items *items, struct diff_step *step)
{
    if (!walk->begun && !enter(walk, items, 0))
        return false;
    walk->begun = true;
    if (!walk->depth)
        return false;
    struct diff_level *level = &walk->levels[walk->depth - 1];
    uint32_t count = items->first_item[level->node] == MODEL_NONE ? 0 : items->item_count[level->node];
    *step = (struct diff_step){.root = walk->depth == 1, .mark = &level->mark};
    if (level->such != MODEL_NONE || level->at < count) {
        take_item(level, items->items + items->first_item[level->node], count, step);
        step->entered = step->kind == DIFF_STEP_CALL && diff_items_any_in(items, step->item->node);
        if (!step->entered)
            return true;
        if (!enter(walk, items, step->item->node))
            return false;
        step->mark = &walk->levels[walk->depth - 2].mark;
        return true;
    }
    step->kind = level->rest ? DIFF_STEP_REST : DIFF_STEP_LEAVE;
    step->rest = level->rest;
    step->last = true;
    walk->depth -= !level->rest;
    level->rest = 0;
    return step->kind == DIFF_STEP_REST || walk->depth;
}

void
diff_walk_free(struct diff_walk *walk)
{
    free(walk->levels);
    *walk = (struct diff_walk){0};
}
