#include "chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyed.h"

unsigned
chain_rank(const struct story *story, const struct story_line *line)
{
    unsigned flags = story->outline->flags[line->calls[0]];
    return flags & OUTLINE_ERROR ? 0 : flags & OUTLINE_RUNNING ? 1 : 2;
}

/* Was a function called in it that had not been called before? */
static bool
is_new(const struct story *story, const struct story_line *line)
{
    return story->outline->flags[line->calls[0]] & OUTLINE_NEW;
}

uint32_t
chain_line_cost(const struct story *story, const struct story_line *line)
{
    const struct model *model = story->outline->model;
    uint32_t exception = call_exception(model, &model->calls[line->calls[0]]);
    struct leg leg;
    bool raised = exception != MODEL_NONE && !model->exceptions[exception].benign
                  && exception_leg_at(model, &model->exceptions[exception], line->calls[0], &leg);
    uint32_t caught;
    exception_caught_in(model, line->calls[0], &caught);
    bool told = raised || call_kept_cancellation(model, line->calls[0]);
    return 1 + told + (caught > CAUGHT_SHOWN ? CAUGHT_SHOWN + 1 : caught);
}

uint32_t
chain_cost(const struct story *story, uint32_t line)
{
    uint32_t cost = 0;
    for (; line != MODEL_NONE; line = story->lines[line].next_sibling)
        cost += chain_line_cost(story, &story->lines[line]) + (story->lines[line].skipped > 0);
    return cost;
}

void
chain_forget(struct story *story, uint32_t base)
{
    while (story->line_count > base)
        free(story->lines[--story->line_count].calls);
}

/* --- gathering ---------------------------------------------------------- */

static int
compare_calls(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Takes all members of the lines over. */
static bool
merge_lines(struct story *story, const struct keyed *places, uint32_t count)
{
    struct story_line *first = &story->lines[places[0].index];
    size_t members = 0;
    for (uint32_t i = 0; i < count; i++)
        members += story->lines[places[i].index].count;
    uint32_t *calls = malloc(members * sizeof *calls);
    if (!calls)
        return false;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct story_line *line = &story->lines[places[i].index];
        memcpy(calls + used, line->calls, line->count * sizeof *calls);
        used += line->count;
        first->inside += i ? line->inside : 0;
        free(line->calls);
        line->calls = NULL;
    }
    qsort(calls, members, sizeof *calls, compare_calls);
    first->calls = calls;
    first->count = (uint32_t)members;
    first->scattered = true;
    return true;
}

static struct keyed *
sort_by_shape(const struct story *story, uint32_t base, uint32_t lines, uint32_t *shapes)
{
    struct keyed *places = malloc(lines * sizeof *places);
    *shapes = 0;
    if (!places)
        return NULL;
    for (uint32_t i = 0; i < lines; i++)
        places[i] = (struct keyed){story->outline->shape[story->lines[base + i].calls[0]], base + i};
    qsort(places, lines, sizeof *places, keyed_compare);
    for (uint32_t i = 0; i < lines; i++)
        *shapes += i == 0 || places[i].key != places[i - 1].key;
    return places;
}

static void
close_ranks(struct story *story, uint32_t base)
{
    uint32_t kept = base;
    for (uint32_t i = base; i < story->line_count; i++) {
        if (!story->lines[i].calls)
            continue;
        story->lines[kept] = story->lines[i];
        story->lines[kept].next_sibling = kept + 1;
        kept++;
    }
    story->lines[kept - 1].next_sibling = MODEL_NONE;
    story->line_count = kept;
}

int
chain_gather(struct story *story, uint32_t base, uint32_t *lines, uint32_t limit)
{
    uint32_t shapes;
    struct keyed *places = sort_by_shape(story, base, *lines, &shapes);
    if (!places)
        return -ENOMEM;
    int ret = 0;
    bool worth = shapes < *lines && (shapes <= limit || shapes <= *lines / 2);
    for (uint32_t i = 0, count; worth && ret == 0 && i < *lines; i += count) {
        for (count = 1; i + count < *lines && places[i + count].key == places[i].key; count++)
            continue;
        if (count > 1 && !merge_lines(story, places + i, count))
            ret = -ENOMEM;
    }
    free(places);
    if (worth && ret == 0) {
        close_ranks(story, base);
        *lines = shapes;
    }
    return ret;
}

/* --- leaving siblings out ----------------------------------------------- */

/* How much a line is wanted among too many siblings. */
struct candidate {
    unsigned order; /* what failed or runs comes first, then the last line, what is new, the biggest */
    uint64_t inside;
    uint32_t line;
};

static int
compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    if (a->inside != b->inside)
        return a->inside > b->inside ? -1 : 1;
    return a->line < b->line ? -1 : 1;
}

static struct candidate *
rank_candidates(const struct story *story, uint32_t base, uint32_t lines)
{
    struct candidate *candidates = malloc(lines * sizeof *candidates);
    for (uint32_t i = 0; candidates && i < lines; i++) {
        const struct story_line *line = &story->lines[base + i];
        unsigned order = chain_rank(story, line) < 2 ? 0 : i + 1 == lines ? 1 : is_new(story, line) ? 2 : 3;
        candidates[i] = (struct candidate){.order = order, .inside = line->inside, .line = i};
    }
    if (candidates)
        qsort(candidates, lines, sizeof *candidates, compare_candidates);
    return candidates;
}

/* Of the lines that are kept, and a note for each gap. */
static uint32_t
cost_kept(const struct story *story, uint32_t base, uint32_t lines, const bool *keep)
{
    uint32_t cost = 0;
    for (uint32_t i = 0; i < lines; i++)
        cost += keep[i] ? chain_line_cost(story, &story->lines[base + i]) : keep[i - 1];
    return cost;
}

static void
link_kept(struct story *story, uint32_t base, uint32_t lines, const bool *keep)
{
    uint32_t kept = base;
    for (uint32_t i = base + 1; i < base + lines; i++) {
        const struct story_line *line = &story->lines[i];
        if (keep[i - base]) {
            story->lines[kept].next_sibling = i;
            kept = i;
            continue;
        }
        story->lines[kept].skipped++;
        story->lines[kept].skipped_calls += line->inside + line->count;
    }
    story->lines[kept].next_sibling = MODEL_NONE;
}

/* Those in a call's subtree that were not yet seen in this gap. */
static uint32_t
count_functions(const struct outline *outline, uint32_t root, uint32_t *seen, uint32_t gap)
{
    const struct model *model = outline->model;
    uint32_t count = 0;
    uint32_t call = root;
    for (;;) {
        uint32_t *function = &seen[model->calls[call].code->index];
        count += *function != gap;
        *function = gap;
        if (outline->first_child[call] != MODEL_NONE) {
            call = outline->first_child[call];
            continue;
        }
        while (call != root && outline->next_sibling[call] == MODEL_NONE)
            call = outline_parent(model, call);
        if (call == root)
            return count;
        call = outline->next_sibling[call];
    }
}

/* What stands in the notes of skipped lines: how many functions were called in them, and how long that ran. */
static bool
count_skipped(struct story *story, uint32_t base, uint32_t lines, const bool *keep)
{
    const struct model *model = story->outline->model;
    uint32_t *seen = calloc(model->reader->code_count + (size_t)1, sizeof *seen); /* in which gap, from 1 */
    uint32_t kept = base, gap = 1;
    for (uint32_t i = base; seen && i < base + lines; i++) {
        const struct story_line *line = &story->lines[i];
        if (keep[i - base]) {
            kept = i;
            gap++;
            continue;
        }
        for (uint32_t k = 0; k < line->count; k++) {
            story->lines[kept].skipped_ns += call_running_ns(model, &model->calls[line->calls[k]]);
            story->lines[kept].skipped_functions += count_functions(story->outline, line->calls[k], seen, gap);
        }
    }
    bool counted = seen;
    free(seen);
    return counted;
}

int
chain_thin_out(struct story *story, uint32_t base, uint32_t lines, uint32_t limit)
{
    if (chain_cost(story, base) <= limit)
        return 1;
    bool *keep = calloc(lines, sizeof *keep);
    struct candidate *candidates = rank_candidates(story, base, lines);
    int ret = -ENOMEM;
    if (keep && candidates) {
        keep[0] = true;
        uint32_t tries = 4 * limit < lines ? 4 * limit : lines;
        for (uint32_t i = 0; i < tries; i++) {
            bool kept = keep[candidates[i].line];
            keep[candidates[i].line] = true;
            if (!kept && cost_kept(story, base, lines, keep) > limit)
                keep[candidates[i].line] = false;
        }
        /* Better closed than open without what it would be opened for. */
        bool tells = candidates[0].order > 0 || keep[candidates[0].line];
        ret = tells && cost_kept(story, base, lines, keep) <= limit;
        link_kept(story, base, lines, keep);
        if (!count_skipped(story, base, lines, keep))
            ret = -ENOMEM;
    }
    free(candidates);
    free(keep);
    return ret;
}
