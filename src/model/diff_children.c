/* diff_children.c - the children of two calls that are a pair: what they called, in order, and what they started. */
#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"
#include "diff_build.h"
#include "keyed.h"

/* --- lists -------------------------------------------------------------- */

static bool
list_add(struct diff_list *list, uint32_t item)
{
    void *items = list->items;
    if (!array_make_room(&items, list->count, &list->room, sizeof *list->items))
        return false;
    list->items = items;
    list->items[list->count++] = item;
    return true;
}

static bool
list_all(struct diff_list *list, const struct diff_side *side, uint32_t first)
{
    list->count = 0;
    for (uint32_t call = first; call != MODEL_NONE; call = side->next[call])
        if (!list_add(list, call))
            return false;
    return true;
}

static bool
list_size(struct diff_list *list, uint32_t count)
{
    for (list->count = 0; list->count < count;)
        if (!list_add(list, MODEL_NONE))
            return false;
    return true;
}

void
diff_builder_close(struct diff_builder *builder)
{
    free(builder->calls_a.items);
    free(builder->calls_b.items);
    free(builder->pairs.items);
    free(builder->units_a.items);
    free(builder->units_b.items);
    free(builder->units_a.roots.items);
    free(builder->units_b.roots.items);
}

/* --- nodes -------------------------------------------------------------- */

struct place {
    uint32_t parent;  /* node */
    uint32_t begin;   /* the first node of its children */
    uint32_t after;   /* the last call of the first run before here */
    bool spawned;
    uint8_t name;     /* DIFF_NAME, until the first pair has it: the two tasks' names differ */
};

static bool
add_pair(struct diff *diff, const struct place *place, uint32_t a, uint32_t b, uint8_t what)
{
    bool alike = diff->a.whole[a] == diff->b.whole[b] && !what;
    struct diff_node *last = &diff->nodes[diff->node_count - 1];
    if (alike && diff->node_count > place->begin && last->kind == DIFF_ALIKE) {
        last->calls += diff->a.calls[a];
        return true;
    }
    struct diff_node node = {.a = a,
                             .b = b,
                             .parent = place->parent,
                             .calls = diff->a.calls[a],
                             .after = place->after,
                             .kind = alike ? DIFF_ALIKE : DIFF_PAIR,
                             .what = what,
                             .spawned = place->spawned};
    return diff_append(diff, node) != NULL;
}

static bool
add_single(struct diff *diff, const struct place *place, const struct diff_side *side, uint32_t call)
{
    bool gone = side == &diff->a;
    struct diff_node node = {.a = gone ? call : MODEL_NONE,
                             .b = gone ? MODEL_NONE : call,
                             .parent = place->parent,
                             .calls = side->calls[call],
                             .after = place->after,
                             .kind = gone ? DIFF_GONE : DIFF_ADDED,
                             .spawned = place->spawned};
    return diff_append(diff, node) != NULL;
}

/* --- calls that come elsewhere ------------------------------------------ */

#define MOVED 0x80000000u /* in pairs: a partner that is out of order */

static uint32_t
list_strays(struct keyed *out, const struct diff_list *calls, const uint64_t *keys, const uint32_t *pairs,
            uint32_t none_is)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < calls->count; i++)
        if (pairs[i] == none_is)
            out[count++] = (struct keyed){keys[calls->items[i]], i};
    if (count > 1)
        qsort(out, count, sizeof *out, keyed_compare);
    return count;
}

/* Pairs, by one key, calls that were left without a partner. */
static void
pair_strays(const struct diff_builder *builder, const uint64_t *keys_a, const uint64_t *keys_b, uint32_t *pairs,
            uint32_t *taken, struct keyed *a, struct keyed *b)
{
    uint32_t n = list_strays(a, &builder->calls_a, keys_a, pairs, MODEL_NONE);
    uint32_t m = list_strays(b, &builder->calls_b, keys_b, taken, 0);
    for (uint32_t i = 0, j = 0; keyed_next_equal(a, n, &i, b, m, &j); i++, j++) {
        pairs[a[i].index] = b[j].index | MOVED;
        taken[b[j].index] = 2;
    }
}

static int
find_moved(struct diff_builder *builder, uint32_t *taken)
{
    const struct diff_side *side_a = &builder->diff->a;
    const struct diff_side *side_b = &builder->diff->b;
    uint32_t *pairs = builder->pairs.items;
    struct keyed *strays = malloc(((size_t)builder->calls_a.count + builder->calls_b.count) * sizeof *strays);
    if (!strays)
        return -ENOMEM;
    struct keyed *others = strays + builder->calls_a.count;
    pair_strays(builder, side_a->whole, side_b->whole, pairs, taken, strays, others);
    pair_strays(builder, side_a->begin, side_b->begin, pairs, taken, strays, others);
    free(strays);
    return 0;
}

/* taken[j] by the calls of the second run: 1 has a partner, 2 one that is out of order. NULL without memory. */
static uint32_t *
find_taken(struct diff_builder *builder)
{
    uint32_t *taken = calloc((size_t)builder->calls_b.count + 1, sizeof *taken);
    uint32_t left = builder->calls_a.count;
    uint32_t right = builder->calls_b.count;
    for (uint32_t i = 0; taken && i < builder->calls_a.count; i++)
        if (builder->pairs.items[i] != MODEL_NONE) {
            taken[builder->pairs.items[i]] = 1;
            left--;
            right--;
        }
    if (taken && left && right && find_moved(builder, taken) < 0) {
        free(taken);
        return NULL;
    }
    return taken;
}

/* --- in order ----------------------------------------------------------- */

/* What the second run has before its call `end`. */
static bool
add_until(struct diff_builder *builder, const struct place *place, const uint32_t *taken, const uint32_t *moved,
          uint32_t *at, uint32_t end)
{
    struct diff *diff = builder->diff;
    bool ok = true;
    for (; ok && *at < end; ++*at) {
        uint32_t call = builder->calls_b.items[*at];
        if (taken[*at] == 0) {
            ok = add_single(diff, place, &diff->b, call);
        }
        else if (taken[*at] == 2) {
            uint32_t other = builder->calls_a.items[moved[*at]];
            ok = add_pair(diff, place, other, call, (uint8_t)(diff_compare(diff, other, call) | DIFF_MOVED));
        }
    }
    return ok;
}

static bool
add_merged(struct diff_builder *builder, struct place *place, const uint32_t *taken, const uint32_t *moved)
{
    struct diff *diff = builder->diff;
    uint32_t at = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < builder->calls_a.count; i++) {
        uint32_t call = builder->calls_a.items[i];
        uint32_t pair = builder->pairs.items[i];
        if (pair == MODEL_NONE) {
            ok = add_single(diff, place, &diff->a, call);
        }
        else if (!(pair & MOVED)) {
            uint32_t other = builder->calls_b.items[pair];
            bool alike = diff->a.whole[call] == diff->b.whole[other];
            uint8_t what = alike ? 0 : diff_compare(diff, call, other);
            ok = add_until(builder, place, taken, moved, &at, pair)
                 && add_pair(diff, place, call, other, what | place->name);
            place->name = 0;
            at = pair + 1;
        }
        place->after = diff->a.last[call];
    }
    return ok && add_until(builder, place, taken, moved, &at, builder->calls_b.count);
}

/* Pairs the two lists of calls and appends what comes of it. */
static int
add_in_order(struct diff_builder *builder, struct place *place)
{
    struct diff *diff = builder->diff;
    if (!list_size(&builder->pairs, builder->calls_a.count))
        return -ENOMEM;
    int ret = diff_align(&diff->a, builder->calls_a.items, builder->calls_a.count, &diff->b, builder->calls_b.items,
                         builder->calls_b.count, builder->pairs.items);
    if (ret < 0)
        return ret;
    uint32_t *taken = find_taken(builder);
    uint32_t *moved = malloc(((size_t)builder->calls_b.count + 1) * sizeof *moved);
    ret = taken && moved ? 0 : -ENOMEM;
    for (uint32_t i = 0; ret == 0 && i < builder->calls_a.count; i++) {
        uint32_t pair = builder->pairs.items[i];
        if (pair != MODEL_NONE && pair & MOVED)
            moved[pair & ~MOVED] = i;
    }
    if (ret == 0 && !add_merged(builder, place, taken, moved))
        ret = -ENOMEM;
    free(taken);
    free(moved);
    return ret;
}

/* --- what was started --------------------------------------------------- */

static bool
add_unit(struct diff_units *units, uint32_t first, uint32_t count)
{
    void *items = units->items;
    if (!array_make_room(&items, units->count, &units->room, sizeof *units->items))
        return false;
    units->items = items;
    units->items[units->count++] = (struct diff_unit){.first = first, .count = count, .pair = MODEL_NONE};
    return true;
}

/* Units in order of their first root: tracks are numbered as they begin. */
static int
list_units(struct diff_units *units, const struct diff_side *side, uint32_t first)
{
    struct diff_list *roots = &units->roots;
    units->count = 0;
    if (!list_all(roots, side, first))
        return -ENOMEM;
    struct keyed *sorted = malloc(((size_t)roots->count + 1) * sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    for (uint32_t i = 0; i < roots->count; i++)
        sorted[i] = (struct keyed){diff_side_unit(side, roots->items[i]), roots->items[i]};
    if (roots->count > 1)
        qsort(sorted, roots->count, sizeof *sorted, keyed_compare);
    bool ok = true;
    for (uint32_t i = 0; ok && i < roots->count;) {
        uint32_t begin = i;
        for (; i < roots->count && sorted[i].key == sorted[begin].key; i++)
            roots->items[i] = sorted[i].index;
        ok = add_unit(units, begin, i - begin);
    }
    free(sorted);
    return ok ? 0 : -ENOMEM;
}

enum unit_key { ALL_OF_IT, NAME_AND_BEGIN, NAME_AND_FUNCTION, FUNCTION };

static void
set_keys(struct diff_units *units, struct diff_side *side, enum unit_key kind)
{
    for (uint32_t i = 0; i < units->count; i++) {
        struct diff_unit *unit = &units->items[i];
        const uint32_t *roots = units->roots.items + unit->first;
        uint64_t hash = diff_side_unit_name(side, roots[0], kind != FUNCTION);
        for (uint32_t k = 0; kind == ALL_OF_IT && k < unit->count; k++)
            hash = hash_mix(hash, side->whole[roots[k]]);
        if (kind == NAME_AND_BEGIN)
            hash = hash_mix(hash, side->begin[roots[0]]);
        else if (kind != ALL_OF_IT)
            hash = hash_mix(hash, side->functions[side->model->calls[roots[0]].code->index]);
        unit->key = hash;
    }
}

static uint32_t
list_units_left(struct keyed *out, const struct diff_units *units)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < units->count; i++)
        if (units->items[i].pair == MODEL_NONE)
            out[count++] = (struct keyed){units->items[i].key, i};
    if (count > 1)
        qsort(out, count, sizeof *out, keyed_compare);
    return count;
}

static void
pair_units(struct diff_units *units_a, struct diff_units *units_b, struct keyed *a, struct keyed *b)
{
    uint32_t n = list_units_left(a, units_a);
    uint32_t m = list_units_left(b, units_b);
    for (uint32_t i = 0, j = 0; keyed_next_equal(a, n, &i, b, m, &j); i++, j++) {
        units_a->items[a[i].index].pair = b[j].index;
        units_b->items[b[j].index].pair = a[i].index;
    }
}

static bool
copy_roots(struct diff_list *out, const struct diff_units *units, const struct diff_unit *unit)
{
    out->count = 0;
    for (uint32_t i = 0; i < unit->count; i++)
        if (!list_add(out, units->roots.items[unit->first + i]))
            return false;
    return true;
}

/* Of two tasks or threads that were given names. */
static bool
names_differ(struct diff *diff, uint32_t a, uint32_t b)
{
    return diff_side_unit_name(&diff->a, a, true) != diff_side_unit_name(&diff->b, b, true);
}

static int
add_units(struct diff_builder *builder, struct place *place)
{
    struct diff *diff = builder->diff;
    for (uint32_t i = 0; i < builder->units_a.count; i++) {
        const struct diff_unit *unit = &builder->units_a.items[i];
        const struct diff_unit *other = unit->pair != MODEL_NONE ? &builder->units_b.items[unit->pair] : NULL;
        builder->calls_b.count = 0;
        if (!copy_roots(&builder->calls_a, &builder->units_a, unit)
            || (other && !copy_roots(&builder->calls_b, &builder->units_b, other)))
            return -ENOMEM;
        struct place here = *place;
        here.after = builder->calls_a.items[0] - 1; /* a root comes behind its creator, or is call 0 */
        if (other && names_differ(diff, builder->calls_a.items[0], builder->calls_b.items[0]))
            here.name = DIFF_NAME;
        if (add_in_order(builder, &here) < 0)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < builder->units_b.count; i++) {
        const struct diff_unit *unit = &builder->units_b.items[i];
        for (uint32_t k = 0; unit->pair == MODEL_NONE && k < unit->count; k++)
            if (!add_single(diff, place, &diff->b, builder->units_b.roots.items[unit->first + k]))
                return -ENOMEM;
    }
    return 0;
}

static int
add_spawned(struct diff_builder *builder, struct place *place, uint32_t a, uint32_t b)
{
    struct diff *diff = builder->diff;
    struct diff_units *units_a = &builder->units_a;
    struct diff_units *units_b = &builder->units_b;
    if (list_units(units_a, &diff->a, a) < 0 || list_units(units_b, &diff->b, b) < 0)
        return -ENOMEM;
    struct keyed *strays = malloc(((size_t)units_a->count + units_b->count + 1) * sizeof *strays);
    if (!strays)
        return -ENOMEM;
    for (enum unit_key kind = ALL_OF_IT; kind <= FUNCTION; kind++) {
        set_keys(units_a, &diff->a, kind);
        set_keys(units_b, &diff->b, kind);
        pair_units(units_a, units_b, strays, strays + units_a->count);
    }
    free(strays);
    return add_units(builder, place);
}

int
diff_add_children(struct diff_builder *builder, uint32_t node)
{
    struct diff *diff = builder->diff;
    uint32_t a = diff->nodes[node].a;
    uint32_t b = diff->nodes[node].b;
    struct place place = {.parent = node, .begin = diff->node_count, .after = a};
    diff->nodes[node].first_child = diff->node_count;
    if (!list_all(&builder->calls_a, &diff->a, diff->a.first_child[a])
        || !list_all(&builder->calls_b, &diff->b, diff->b.first_child[b]))
        return -ENOMEM;
    int ret = add_in_order(builder, &place);
    place.spawned = true;
    place.after = diff->a.last[a];
    if (ret == 0 && (diff->a.first_spawned[a] != MODEL_NONE || diff->b.first_spawned[b] != MODEL_NONE))
        ret = add_spawned(builder, &place, diff->a.first_spawned[a], diff->b.first_spawned[b]);
    diff->nodes[node].child_count = diff->node_count - diff->nodes[node].first_child;
    return ret;
}
