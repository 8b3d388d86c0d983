#include "diff.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"
#include "diff_build.h"

/* --- nodes -------------------------------------------------------------- */

struct diff_node *
diff_append(struct diff *diff, struct diff_node node)
{
    void *nodes = diff->nodes;
    if (!array_make_room(&nodes, diff->node_count, &diff->node_room, sizeof *diff->nodes))
        return NULL;
    diff->nodes = nodes;
    diff->nodes[diff->node_count] = node;
    return &diff->nodes[diff->node_count++];
}

static bool
arguments_differ(struct diff *diff, const struct call *a, const struct call *b)
{
    struct value value_a = call_arguments(diff->a.model, a);
    struct value value_b = call_arguments(diff->b.model, b);
    uint32_t count = a->code->parameter_count;
    if (count != b->code->parameter_count)
        return true; /* another signature */
    for (uint32_t i = 0; i < count; i++) {
        struct value end_a = value_a;
        struct value end_b = value_b;
        bool ends = !value_a.data || !value_b.data || value_a.data >= value_a.end || value_b.data >= value_b.end;
        if (ends || value_skip(diff->a.match.reader, &end_a) < 0 || value_skip(diff->b.match.reader, &end_b) < 0)
            return false; /* as far as they were recorded */
        if (diff_side_compares(&diff->a, a->code, i)
            && likeness_differ(&diff->a.match, &diff->b.match, value_a, value_b, NULL))
            return true;
        value_a = end_a;
        value_b = end_b;
    }
    return false;
}

static bool
exceptions_differ(struct diff *diff, const struct call *a, const struct call *b)
{
    uint32_t index_a = call_exception(diff->a.model, a);
    uint32_t index_b = call_exception(diff->b.model, b);
    if (index_a == MODEL_NONE || index_b == MODEL_NONE)
        return index_a != index_b;
    const struct exception *left = &diff->a.model->exceptions[index_a];
    const struct exception *right = &diff->b.model->exceptions[index_b];
    if (!slice_equals(left->type, right->type))
        return true;
    return diff->a.values && likeness_differ(&diff->a.match, &diff->b.match, left->message, right->message, NULL);
}

uint8_t
diff_compare(struct diff *diff, uint32_t number_a, uint32_t number_b)
{
    if (number_a == diff->a.model->call_count)
        return 0; /* the root */
    const struct call *a = &diff->a.model->calls[number_a];
    const struct call *b = &diff->b.model->calls[number_b];
    uint8_t what = 0;
    if (diff->a.values && diff->a.begin[number_a] != diff->b.begin[number_b] && arguments_differ(diff, a, b))
        what |= DIFF_ARGUMENTS;
    bool generates = code_yields(a->code);
    if (generates && call_suspensions(diff->a.model, a) != call_suspensions(diff->b.model, b))
        what |= DIFF_YIELDS;
    if (a->outcome != b->outcome)
        return what | DIFF_OUTCOME;
    if (exceptions_differ(diff, a, b))
        what |= DIFF_EXCEPTION;
    if (diff->a.values && a->outcome == OUTCOME_RETURNED
        && likeness_differ(&diff->a.match, &diff->b.match, call_result(diff->a.model, a), call_result(diff->b.model, b),
                           NULL))
        what |= DIFF_RESULT;
    return what;
}

/* --- where they part first ---------------------------------------------- */

/* By the calls of the first run: `call` has just begun, or all within it has ended and so does the call `end`;
 * or, behind that, something begins in the call `end`. */
struct moment {
    uint32_t call;
    bool behind;
    uint64_t end; /* greater is earlier: the inner ones end first */
};

static bool
is_earlier(struct moment a, struct moment b)
{
    if (a.call != b.call)
        return a.call < b.call;
    if (a.behind != b.behind)
        return b.behind;
    return a.behind && a.end > b.end;
}

static const uint8_t AT_BEGIN = DIFF_ARGUMENTS | DIFF_NAME;
static const uint8_t AT_END = DIFF_RESULT | DIFF_OUTCOME | DIFF_EXCEPTION | DIFF_YIELDS;

static struct moment
begin_of(uint32_t call)
{
    return (struct moment){.call = call};
}

/* Something is there in the second run. */
static struct moment
behind(const struct diff *diff, const struct diff_node *node)
{
    uint64_t parent = diff->nodes[node->parent].a;
    bool root = node->parent == 0;
    if (node->after == MODEL_NONE)
        return begin_of(0);
    return (struct moment){node->after, true, root ? 1 : 2 * parent + 3};
}

static struct moment
end_of(const struct diff *diff, uint32_t call)
{
    return (struct moment){diff->a.last[call], true, 2 * (uint64_t)call + 2};
}

/* The first of its differences that is told of a node; false if it has none of its own. */
static bool
moment_of(const struct diff *diff, const struct diff_node *node, struct moment *out, uint8_t *what)
{
    *what = 0;
    if (node->kind == DIFF_ALIKE)
        return false;
    if (node->kind == DIFF_GONE)
        *out = begin_of(node->a);
    else if (node->kind == DIFF_ADDED)
        *out = behind(diff, node);
    else if (node->what & DIFF_MOVED) {
        struct moment here = behind(diff, node);
        struct moment there = begin_of(node->a);
        *out = is_earlier(here, there) ? here : there;
        *what = DIFF_MOVED;
    }
    else if (node->what & AT_BEGIN) {
        *out = begin_of(node->a);
        *what = node->what & AT_BEGIN;
    }
    else if (node->what & AT_END) {
        *out = end_of(diff, node->a);
        *what = node->what & AT_END;
    }
    else
        return false;
    return true;
}

static uint32_t
count_before(const struct diff *diff, struct moment moment, uint32_t except)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < diff->a.model->call_count && (i < moment.call || (moment.behind && i == moment.call)); i++)
        count += diff->a.calls[i] > 0 && i != except;
    return count;
}

static void
find_first(struct diff *diff)
{
    struct moment best = {0};
    diff->first = MODEL_NONE;
    for (uint32_t i = 1; i < diff->node_count; i++) {
        struct moment moment;
        uint8_t what;
        if (!moment_of(diff, &diff->nodes[i], &moment, &what))
            continue;
        if (diff->first != MODEL_NONE && !is_earlier(moment, best))
            continue;
        best = moment;
        diff->first = i;
        diff->first_what = what;
    }
    if (diff->first != MODEL_NONE)
        diff->agree = count_before(diff, best, diff->nodes[diff->first].a);
}

/* --- all of it ---------------------------------------------------------- */

static void
count_differences(struct diff *diff)
{
    for (uint32_t i = diff->node_count; i-- > 1;) {
        struct diff_node *node = &diff->nodes[i];
        node->differences += node->what || node->kind == DIFF_GONE || node->kind == DIFF_ADDED;
        diff->nodes[node->parent].differences += node->differences;
    }
}

static int
build(struct diff *diff)
{
    struct diff_builder builder = {.diff = diff};
    struct diff_node root = {
        .a = diff->a.model->call_count, .b = diff->b.model->call_count, .parent = MODEL_NONE, .kind = DIFF_PAIR};
    if (!diff_append(diff, root))
        return -ENOMEM;
    int ret = 0;
    for (uint32_t i = 0; ret == 0 && i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        if (node->kind == DIFF_PAIR && diff->a.whole[node->a] != diff->b.whole[node->b])
            ret = diff_add_children(&builder, i);
    }
    diff_builder_close(&builder);
    return ret;
}

int
diff_build(struct diff *out, const struct model *a, const struct model *b, const struct diff_options *options)
{
    *out = (struct diff){.first = MODEL_NONE};
    int ret = diff_side_open(&out->a, a, options->values, &options->ignored);
    if (ret == 0)
        ret = diff_side_open(&out->b, b, options->values, &options->ignored);
    if (ret == 0)
        ret = build(out);
    if (ret < 0) {
        diff_free(out);
        return ret;
    }
    count_differences(out);
    find_first(out);
    return 0;
}

void
diff_free(struct diff *diff)
{
    diff_side_close(&diff->a);
    diff_side_close(&diff->b);
    free(diff->nodes);
    *diff = (struct diff){0};
}
