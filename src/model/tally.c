#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "nesting.h"
#include "outline.h"

struct maker {
    const struct model *model;
    struct functions functions;
    enum tally_by by;
    struct tally_row *rows; /* Owned; by group, those of no call too */
    uint32_t count;
};

static uint32_t
group_of(const struct maker *maker, const struct call *call)
{
    return maker->by == TALLY_TRACK ? call->track : functions_of(&maker->functions, call);
}

static bool
counts(const struct call *call)
{
    return call->origin != CALL_INHERITED;
}

/* --- what needs no order ------------------------------------------------ */

static void
count_end(struct tally_row *row, const struct model *model, const struct call *call)
{
    row->open += call->outcome == OUTCOME_RUNNING;
    uint32_t index = call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE;
    if (index == MODEL_NONE)
        return;
    const struct exception *exception = &model->exceptions[index];
    if (exception->benign)
        row->stops++;
    else if (exception_is_cancellation(exception))
        row->cancelled++;
    else
        row->raised++;
}

static void
count_calls(struct maker *maker)
{
    const struct model *model = maker->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        if (!counts(call))
            continue;
        struct tally_row *row = &maker->rows[group_of(maker, call)];
        uint64_t ns = call_running_ns(model, call);
        if (row->calls++ == 0)
            *row = (struct tally_row){.first = i, .calls = 1, .min_ns = ns};
        row->min_ns = ns < row->min_ns ? ns : row->min_ns;
        row->max_ns = ns > row->max_ns ? ns : row->max_ns;
        count_end(row, model, call);
    }
}

/* --- the median --------------------------------------------------------- */

static void
swap(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Pivots at random: no order of the values, made by whomever, makes it slow. Those that equal the
 * pivot are done at once, since clocks have few values. */
uint64_t
tally_select(uint64_t *values, size_t count, size_t rank)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    size_t low = 0;
    size_t high = count;
    while (high - low > 1) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t pivot = values[low + state % (high - low)];
        size_t less = low;
        size_t more = high;
        for (size_t i = low; i < more;) {
            if (values[i] < pivot)
                swap(&values[i++], &values[less++]);
            else if (values[i] > pivot)
                swap(&values[i], &values[--more]);
            else
                i++;
        }
        if (rank < less)
            high = less;
        else if (rank >= more)
            low = more;
        else
            return pivot;
    }
    return values[low];
}

/* The running times of all calls, those of a group side by side. */
static int
find_medians(struct maker *maker)
{
    const struct model *model = maker->model;
    uint64_t *values = malloc(((size_t)model->call_count + 1) * sizeof *values);
    size_t *ends = malloc(((size_t)maker->count + 1) * sizeof *ends);
    bool enough = values && ends;
    size_t end = 0;
    for (uint32_t i = 0; enough && i < maker->count; i++) {
        ends[i] = end;
        end += maker->rows[i].calls;
    }
    for (uint32_t i = 0; enough && i < model->call_count; i++)
        if (counts(&model->calls[i]))
            values[ends[group_of(maker, &model->calls[i])]++] = call_running_ns(model, &model->calls[i]);
    for (uint32_t i = 0; enough && i < maker->count; i++) {
        struct tally_row *row = &maker->rows[i];
        if (row->calls)
            row->median_ns = tally_select(values + ends[i] - row->calls, row->calls, (row->calls - 1) / 2);
    }
    free(values);
    free(ends);
    return enough ? 0 : -ENOMEM;
}

/* --- total and self ----------------------------------------------------- */

static uint64_t
self_of(const struct nesting *nesting, uint32_t number)
{
    const struct model *model = nesting->model;
    const struct child_lists *children = &nesting->children;
    uint64_t left = call_running_ns(model, &model->calls[number]);
    for (uint32_t c = children->first[number]; c != MODEL_NONE && left; c = children->next[c]) {
        uint64_t ns = call_running_within(model, &model->calls[number], &model->calls[c]);
        left -= ns < left ? ns : left;
    }
    return left;
}

static int
add_times(struct maker *maker)
{
    struct nesting nesting;
    uint32_t *active = calloc((size_t)maker->count + 1, sizeof *active);
    int ret = active ? nesting_build(&nesting, maker->model) : -ENOMEM;
    while (ret == 0 && nesting_step(&nesting)) {
        const struct call *call = &maker->model->calls[nesting.call];
        uint32_t group = group_of(maker, call);
        if (!counts(call))
            continue;
        if (nesting.left) {
            active[group]--;
            continue;
        }
        struct tally_row *row = &maker->rows[group];
        row->self_ns += self_of(&nesting, nesting.call);
        if (active[group]++ == 0) {
            row->total_ns += call_running_ns(maker->model, call);
            row->waits_ns += call_awaiting_ns(maker->model, call);
        }
    }
    if (ret == 0)
        nesting_free(&nesting);
    free(active);
    return ret;
}

/* --- shapes ------------------------------------------------------------- */

static int
count_shapes(struct maker *maker)
{
    const struct model *model = maker->model;
    struct outline outline;
    struct id_map known = {0};
    int ret = outline_build(&outline, model, false);
    for (uint32_t i = 0; ret == 0 && i < model->call_count; i++) {
        uint32_t group = group_of(maker, &model->calls[i]);
        if (!counts(&model->calls[i]) || id_map_get(&known, group, outline.shape[i]))
            continue;
        maker->rows[group].shapes++;
        if (!id_map_put(&known, group, outline.shape[i], 0))
            ret = -ENOMEM;
    }
    id_map_free(&known);
    outline_free(&outline);
    return ret;
}

/* --- all of it ---------------------------------------------------------- */

static int
compare_rows(const void *left, const void *right)
{
    const struct tally_row *a = left;
    const struct tally_row *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static void
hand_over(struct maker *maker, struct tally *out)
{
    for (uint32_t i = 0; i < maker->count; i++) {
        if (!maker->rows[i].calls)
            continue;
        out->calls += maker->rows[i].calls;
        out->open += maker->rows[i].open;
        maker->rows[out->count++] = maker->rows[i];
    }
    out->rows = maker->rows;
    maker->rows = NULL;
    if (out->count)
        qsort(out->rows, out->count, sizeof *out->rows, compare_rows);
}

int
tally_build(struct tally *out, const struct model *model, enum tally_by by, bool shapes)
{
    static const enum functions_by groups[] = {FUNCTIONS_BY_NAME, FUNCTIONS_BY_FILE, FUNCTIONS_BY_MODULE,
                                               FUNCTIONS_BY_NAME};
    struct maker maker = {.model = model, .by = by};
    *out = (struct tally){0};
    int ret = functions_build(&maker.functions, model->reader, groups[by]);
    if (ret < 0)
        return ret;
    maker.count = by == TALLY_TRACK ? model->track_count : maker.functions.count;
    maker.rows = calloc((size_t)maker.count + 1, sizeof *maker.rows);
    ret = maker.rows ? 0 : -ENOMEM;
    if (ret == 0) {
        count_calls(&maker);
        ret = find_medians(&maker);
    }
    ret = ret == 0 ? add_times(&maker) : ret;
    ret = ret == 0 && shapes ? count_shapes(&maker) : ret;
    if (ret == 0)
        hand_over(&maker, out);
    free(maker.rows);
    functions_free(&maker.functions);
    return ret;
}

void
tally_free(struct tally *tally)
{
    free(tally->rows);
    *tally = (struct tally){0};
}
