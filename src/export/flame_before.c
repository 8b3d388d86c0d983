/* flame_before.c - an earlier trace laid under this one: stacks that are called alike are the same, wherever their
 * functions stand in their files, and whatever the processes' numbers.
 */
#include "flame.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/hash.h"
#include "../model/id_map.h"
#include "../model/label.h"

#define VANISHED_MAX 200
#define PATH_MAX_FRAMES 12

/* Of equal names below the same node the first is the same as the first, and so on. */
static uint64_t
key_of(const struct stacks *stacks, const struct stack_node *node)
{
    if (node->kind == STACK_FUNCTION) {
        const struct code *code = stacks->functions.codes[node->of];
        return hash_name(hash_name(node->kind, code_module(code)), code->qualname);
    }
    if (node->kind == STACK_PROCESS)
        return hash_name(node->kind, process_info(&stacks->model->processes[node->of], "program"));
    struct text name = {0};
    stacks_label(&name, stacks, node);
    uint64_t key = hash_name(STACK_TRACK, text_content(&name));
    text_free(&name);
    return key;
}

/* How many nodes below `parent` have had this key. False without memory. */
static bool
count_equal(struct id_map *seen, uint32_t parent, uint64_t key, uint32_t *out)
{
    uint32_t *count = id_map_get(seen, parent, key);
    *out = count ? (*count)++ : 0;
    return count || id_map_put(seen, parent, key, 1);
}

static int
index_nodes(struct id_map *out, const struct stacks *now)
{
    struct id_map seen = {0};
    bool enough = true;
    for (uint32_t i = 0; enough && i < now->count; i++) {
        uint64_t key = key_of(now, &now->nodes[i]);
        uint32_t parent = now->nodes[i].parent, nth;
        enough = count_equal(&seen, parent + 1, key, &nth) && id_map_put(out, parent + 1, hash_mix(key, nth), i);
    }
    id_map_free(&seen);
    return enough ? 0 : -ENOMEM;
}

static int
match_nodes(struct flame_before *out, const struct id_map *known)
{
    struct id_map seen = {0};
    bool enough = true;
    for (uint32_t i = 0; enough && i < out->stacks.count; i++) {
        const struct stack_node *node = &out->stacks.nodes[i];
        uint32_t parent = node->parent == MODEL_NONE ? MODEL_NONE : out->match[node->parent];
        uint64_t key = key_of(&out->stacks, node);
        uint32_t nth;
        out->match[i] = MODEL_NONE;
        if (parent == MODEL_NONE && node->parent != MODEL_NONE)
            continue;
        enough = count_equal(&seen, node->parent + 1, key, &nth);
        const uint32_t *same = enough ? id_map_get(known, parent + 1, hash_mix(key, nth)) : NULL;
        if (!same)
            continue;
        out->match[i] = *same;
        out->was[*same] = (struct flame_was){(uint64_t)node->self_ns, (uint64_t)node->waits_ns, node->calls};
    }
    id_map_free(&seen);
    return enough ? 0 : -ENOMEM;
}

int
flame_before_build(struct flame_before *out, const struct stacks *now, const struct model *before,
                   const struct progress *progress)
{
    struct id_map known = {0};
    int ret = stacks_build(&out->stacks, before, progress);
    if (ret < 0)
        return ret;
    out->match = malloc(((size_t)out->stacks.count + 1) * sizeof *out->match);
    out->was = calloc((size_t)now->count + 1, sizeof *out->was);
    ret = out->match && out->was ? index_nodes(&known, now) : -ENOMEM;
    ret = ret == 0 ? match_nodes(out, &known) : ret;
    id_map_free(&known);
    return ret;
}

void
flame_before_free(struct flame_before *before)
{
    stacks_free(&before->stacks);
    free(before->match);
    free(before->was);
    *before = (struct flame_before){0};
}

/* --- what is there no more ---------------------------------------------------- */

struct vanished {
    uint32_t node;
    struct flame_was was;
};

static int
by_size(const void *left, const void *right)
{
    const struct vanished *a = left, *b = right;
    uint64_t first = a->was.self_ns + a->was.waits_ns, second = b->was.self_ns + b->was.waits_ns;
    if (first != second)
        return first < second ? 1 : -1;
    if (a->was.calls != b->was.calls)
        return a->was.calls < b->was.calls ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

static bool
is_top(const struct flame_before *before, uint32_t node)
{
    uint32_t parent = before->stacks.nodes[node].parent;
    return before->match[node] == MODEL_NONE && (parent == MODEL_NONE || before->match[parent] != MODEL_NONE);
}

/* Each node that has no match counts in the topmost one above it. */
static uint32_t
find_vanished(const struct flame_before *before, struct vanished *out, uint32_t *place_of)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < before->stacks.count; i++) {
        const struct stack_node *node = &before->stacks.nodes[i];
        if (before->match[i] != MODEL_NONE)
            continue;
        place_of[i] = is_top(before, i) ? count++ : place_of[node->parent];
        struct vanished *vanished = &out[place_of[i]];
        if (is_top(before, i))
            *vanished = (struct vanished){.node = i};
        vanished->was.self_ns += (uint64_t)node->self_ns;
        vanished->was.waits_ns += (uint64_t)node->waits_ns;
        vanished->was.calls += node->calls;
    }
    return count;
}

/* Its frames, outermost first; of a deep one the innermost. */
static void
put_path(struct sink *sink, const struct stacks *stacks, uint32_t node)
{
    uint32_t path[PATH_MAX_FRAMES];
    uint32_t depth = 0;
    struct text text = {0};
    for (; node != MODEL_NONE && depth < PATH_MAX_FRAMES; node = stacks->nodes[node].parent)
        path[depth++] = node;
    text_string(&text, node == MODEL_NONE ? "" : "… › ");
    while (depth-- > 0) {
        stacks_label(&text, stacks, &stacks->nodes[path[depth]]);
        text_string(&text, depth ? " › " : "");
    }
    sink->error = text.failed && !sink->error ? -ENOMEM : sink->error;
    sink_json(sink, (struct slice){text.data ? text.data : "", text.failed ? 0 : text.length});
    text_free(&text);
}

int
flame_before_put_vanished(struct sink *sink, const struct flame_before *before)
{
    size_t n = (size_t)before->stacks.count + 1;
    struct vanished *vanished = malloc(n * sizeof *vanished);
    uint32_t *place_of = malloc(n * sizeof *place_of);
    int ret = vanished && place_of ? 0 : -ENOMEM;
    uint32_t count = ret == 0 ? find_vanished(before, vanished, place_of) : 0;
    if (count)
        qsort(vanished, count, sizeof *vanished, by_size);
    uint32_t shown = count < VANISHED_MAX ? count : VANISHED_MAX;
    sink_string(sink, ",\n\"vanished\":[");
    for (uint32_t i = 0; i < shown; i++) {
        sink_string(sink, i ? ",\n[" : "[");
        put_path(sink, &before->stacks, vanished[i].node);
        sink_format(sink, ",%llu,%llu,%llu]", (unsigned long long)vanished[i].was.self_ns,
                    (unsigned long long)vanished[i].was.waits_ns, (unsigned long long)vanished[i].was.calls);
    }
    sink_format(sink, "],\n\"vanished_left_out\":%u", count - shown);
    free(vanished);
    free(place_of);
    return ret;
}
