#include "story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "chain.h"

#define RECURSION_MIN 12 /* fewer calls of itself are shown one by one */
#define CHAIN_MIN 8      /* as are fewer calls that are each the only one in the one before */
#define CHAIN_MIN_ASKED 3 /* of any functions, where chains are asked for */

/* Lines that wait to be opened, best first. */
struct queue {
    uint32_t *lines; /* Owned; a heap */
    uint32_t count, room;
};

struct teller {
    struct story *story;
    struct queue queue;
    uint64_t *shapes;    /* Owned; of one call's children */
    uint32_t *children;  /* Owned */
    uint32_t *positions; /* Owned */
    uint32_t *scratch;   /* Owned */
    uint32_t room;
    uint32_t budget;     /* UINT32_MAX: none */
    bool sparing;        /* no chain may take all that is left */
};

/* --- lines -------------------------------------------------------------- */

static uint32_t
add_line(struct story *story, uint32_t parent, uint32_t depth)
{
    void *lines = story->lines;
    if (!array_make_room(&lines, story->line_count, &story->line_room, sizeof *story->lines))
        return MODEL_NONE;
    story->lines = lines;
    story->lines[story->line_count] = (struct story_line){
        .parent = parent, .depth = depth, .first_child = MODEL_NONE, .next_sibling = MODEL_NONE};
    return story->line_count++;
}

static bool
add_member(struct story *story, uint32_t number, uint32_t call)
{
    struct story_line *line = &story->lines[number];
    void *calls = line->calls;
    if (!array_make_room_by_count(&calls, line->count, sizeof *line->calls))
        return false;
    line->calls = calls;
    line->calls[line->count++] = call;
    line->inside += story->outline->calls[call] - 1;
    return true;
}

/* --- the queue ---------------------------------------------------------- */

static bool
has_new_inside(const struct story *story, const struct story_line *line)
{
    return story->outline->flags[line->calls[0]] & OUTLINE_NEW_INSIDE;
}

static bool
is_better(const struct story *story, uint32_t left, uint32_t right)
{
    const struct story_line *a = &story->lines[left];
    const struct story_line *b = &story->lines[right];
    if (chain_rank(story, a) != chain_rank(story, b))
        return chain_rank(story, a) < chain_rank(story, b);
    if (a->depth != b->depth) /* one exception's way to its end rather than the beginnings of many */
        return chain_rank(story, a) == 0 ? a->depth > b->depth : a->depth < b->depth;
    if (chain_rank(story, a) == 0)
        return left < right;
    if (has_new_inside(story, a) != has_new_inside(story, b))
        return has_new_inside(story, a);
    if (a->inside != b->inside)
        return a->inside > b->inside;
    return left < right;
}

static bool
enqueue(struct teller *teller, uint32_t line)
{
    struct queue *queue = &teller->queue;
    void *lines = queue->lines;
    if (!array_make_room(&lines, queue->count, &queue->room, sizeof *queue->lines))
        return false;
    queue->lines = lines;
    uint32_t i = queue->count++;
    for (; i > 0 && is_better(teller->story, line, queue->lines[(i - 1) / 2]); i = (i - 1) / 2)
        queue->lines[i] = queue->lines[(i - 1) / 2];
    queue->lines[i] = line;
    return true;
}

static uint32_t
dequeue(struct teller *teller)
{
    struct queue *queue = &teller->queue;
    uint32_t best = queue->lines[0];
    uint32_t last = queue->lines[--queue->count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && is_better(teller->story, queue->lines[child + 1], queue->lines[child]))
            child++;
        if (!is_better(teller->story, queue->lines[child], last))
            break;
        queue->lines[i] = queue->lines[child];
        i = child;
    }
    queue->lines[i] = last;
    return best;
}

/* --- opening a line ----------------------------------------------------- */

static bool
make_room(struct teller *teller, uint32_t count)
{
    if (count < teller->room)
        return true;
    uint32_t room = teller->room ? 2 * teller->room : 64;
    uint64_t *shapes = realloc(teller->shapes, room * sizeof *shapes);
    teller->shapes = shapes ? shapes : teller->shapes;
    uint32_t *children = realloc(teller->children, room * sizeof *children);
    teller->children = children ? children : teller->children;
    uint32_t *positions = realloc(teller->positions, room * sizeof *positions);
    teller->positions = positions ? positions : teller->positions;
    uint32_t *scratch = realloc(teller->scratch, room * sizeof *scratch);
    teller->scratch = scratch ? scratch : teller->scratch;
    if (!shapes || !children || !positions || !scratch)
        return false;
    teller->room = room;
    return true;
}

/* Lists siblings and folds them. Returns the number of lines; *count the children. */
static uint32_t
fold_siblings(struct teller *teller, uint32_t first, uint32_t *count)
{
    const struct outline *outline = teller->story->outline;
    uint32_t n = 0;
    for (uint32_t c = first; c != MODEL_NONE; c = outline->next_sibling[c], n++) {
        if (!make_room(teller, n))
            return MODEL_NONE;
        teller->children[n] = c;
        teller->shapes[n] = outline->shape[c];
    }
    *count = n;
    return fold_sequence(teller->shapes, n, teller->positions, teller->scratch);
}

/* Adds the children of one more member to the lines that begin at `base`. */
static bool
add_members(struct teller *teller, uint32_t first, uint32_t base, uint32_t lines)
{
    uint32_t count;
    uint32_t folded = fold_siblings(teller, first, &count);
    if (folded == MODEL_NONE)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = teller->positions[i] < lines ? teller->positions[i] : lines - 1;
        if (!add_member(teller->story, base + position, teller->children[i]))
            return false;
    }
    return true;
}

/* New lines, chained as siblings, for the folded children. Their number, or MODEL_NONE without memory. */
static uint32_t
add_lines(struct teller *teller, uint32_t parent, uint32_t depth, const uint32_t *heads, uint32_t head_count)
{
    struct story *story = teller->story;
    uint32_t count;
    uint32_t lines = fold_siblings(teller, heads[0], &count);
    uint32_t base = story->line_count;
    if (lines == MODEL_NONE)
        return MODEL_NONE;
    for (uint32_t i = 0; i < lines; i++) {
        uint32_t line = add_line(story, parent, depth);
        if (line == MODEL_NONE)
            return MODEL_NONE;
        if (i > 0)
            story->lines[line - 1].next_sibling = line;
    }
    for (uint32_t i = 0; lines && i < head_count; i++)
        if (!add_members(teller, heads[i], base, lines))
            return MODEL_NONE;
    return lines;
}

static bool
enqueue_chain(struct teller *teller, uint32_t line)
{
    struct story *story = teller->story;
    for (; line != MODEL_NONE; line = story->lines[line].next_sibling) {
        struct story_line *here = &story->lines[line];
        unsigned flags = story->outline->flags[here->calls[0]];
        if (here->inside == 0)
            continue;
        here->recursion = flags & OUTLINE_RECURSION && !(flags & (OUTLINE_ERROR | OUTLINE_RUNNING))
                          && here->inside / here->count >= RECURSION_MIN && teller->budget != UINT32_MAX;
        if (!here->recursion && !enqueue(teller, line))
            return false;
    }
    return true;
}

/* --- chains ----------------------------------------------------------- */

/* How much of the room a chain may take: what an exception went through may lie deeper.
 * When its way is at its end the chain need not spare. */
static uint32_t
share_of(const struct teller *teller, uint32_t base, uint32_t lines)
{
    uint32_t room = teller->budget - teller->story->used;
    uint32_t share = room / 3 + 2;
    for (uint32_t i = base; i < base + lines; i++)
        if (chain_line_cost(teller->story, &teller->story->lines[i]) > 1)
            share = room;
    if (share > teller->budget / 4 + 4)
        share = teller->budget / 4 + 4;
    return share < room ? share : room;
}

/* Opens a chain of lines if it fits the budget, thinned out if need be: 1, 0 or -ENOMEM. */
static int
open_chain(struct teller *teller, uint32_t base, uint32_t lines, bool must)
{
    struct story *story = teller->story;
    uint32_t limit = teller->sparing ? share_of(teller, base, lines) : teller->budget - story->used;
    int ret = 1;
    if (chain_cost(story, base) > limit) {
        ret = chain_gather(story, base, &lines, limit);
        ret = ret < 0 ? ret : chain_thin_out(story, base, lines, limit);
    }
    if (ret < 0)
        return ret;
    if (!ret && !must) {
        chain_forget(story, base);
        return 0;
    }
    for (uint32_t i = base; i != MODEL_NONE; i = story->lines[i].next_sibling)
        story->calls_left_out += story->lines[i].skipped_calls;
    story->used += chain_cost(story, base);
    return enqueue_chain(teller, base) ? 1 : -ENOMEM;
}

/* May this call, the only one in another, go on a chain? No exception's way is folded, nor what still runs. */
static bool
is_plain(const struct model *model, uint32_t call)
{
    return model->calls[call].outcome == OUTCOME_RETURNED && !model->calls[call].origin
           && call_exception(model, &model->calls[call]) == MODEL_NONE && !call_kept_cancellation(model, call);
}

/* The last of a chain of any calls, each the only one that the one before made. */
static uint32_t
plain_end(const struct outline *outline, uint32_t call, uint32_t *length)
{
    *length = 0;
    for (uint32_t child = outline->first_child[call];
         child != MODEL_NONE && outline->next_sibling[child] == MODEL_NONE && is_plain(outline->model, child);
         child = outline->first_child[child]) {
        ++*length;
        call = child;
    }
    return call;
}

/* The last of a chain of calls of one function, or two by turns, each the only one
 * that the one before made and ended as that did. */
static uint32_t
chain_end(const struct outline *outline, uint32_t call, uint32_t *length)
{
    const struct model *model = outline->model;
    const struct call *calls = model->calls;
    const struct code *first = calls[call].code;
    uint32_t child = outline->first_child[call];
    const struct code *second = child != MODEL_NONE ? calls[child].code : NULL;
    *length = 0;
    while (child != MODEL_NONE && outline->next_sibling[child] == MODEL_NONE
           && calls[child].code == (*length % 2 ? first : second) && !calls[child].origin
           && calls[child].outcome == calls[call].outcome
           && call_exception(model, &calls[child]) == call_exception(model, &calls[call])) {
        ++*length;
        call = child;
        child = outline->first_child[call];
    }
    return call;
}

/* 1: opened as a note and the last call; 0: there is no long chain, or no room; -ENOMEM. */
static int
open_as_chain(struct teller *teller, uint32_t number)
{
    struct story *story = teller->story;
    uint32_t length = 0;
    bool asked = story->outline->chains;
    if ((teller->budget == UINT32_MAX && !asked) || story->lines[number].count != 1)
        return 0;
    uint32_t call = story->lines[number].calls[0];
    uint32_t last = asked ? plain_end(story->outline, call, &length) : chain_end(story->outline, call, &length);
    if (length < (asked ? CHAIN_MIN_ASKED : CHAIN_MIN) || teller->budget - story->used < 3)
        return 0;
    uint32_t depth = story->lines[number].depth;
    uint32_t note = add_line(story, number, depth + 1);
    uint32_t end = note == MODEL_NONE ? MODEL_NONE : add_line(story, note, depth + 2);
    if (end == MODEL_NONE || !add_member(story, end, last))
        return -ENOMEM;
    story->lines[note].chain = length - 1;
    story->lines[note].first_child = end;
    story->lines[number].first_child = note;
    story->lines[number].opened = true;
    story->used += 1 + chain_line_cost(story, &story->lines[end]);
    story->lines[number].rank = story->lines[note].rank = story->used;
    return enqueue_chain(teller, end) ? 1 : -ENOMEM;
}

static int
open_line(struct teller *teller, uint32_t number)
{
    struct story *story = teller->story;
    uint32_t count = story->lines[number].count;
    int chained = open_as_chain(teller, number);
    if (chained)
        return chained < 0 ? chained : 0;
    uint32_t *heads = malloc(count * sizeof *heads);
    if (!heads)
        return -ENOMEM;
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        heads[used] = story->outline->first_child[story->lines[number].calls[i]];
        used += heads[used] != MODEL_NONE;
    }
    uint32_t base = story->line_count;
    uint32_t lines = used ? add_lines(teller, number, story->lines[number].depth + 1, heads, used) : 0;
    free(heads);
    if (lines == MODEL_NONE)
        return -ENOMEM;
    int ret = lines ? open_chain(teller, base, lines, false) : 0;
    if (ret > 0) {
        story->lines[number].opened = true;
        story->lines[number].first_child = base;
        story->lines[number].rank = story->used;
    }
    else if (ret == 0 && lines) {
        story->calls_left_out += story->lines[number].inside;
    }
    return ret < 0 ? ret : 0;
}

static int
tell(struct story *out, const struct outline *outline, uint32_t budget, bool sparing)
{
    *out = (struct story){.outline = outline, .first_root = MODEL_NONE};
    struct teller teller = {.story = out, .budget = budget, .sparing = sparing};
    int ret = 0;
    if (outline->first_root != MODEL_NONE) {
        uint32_t lines = add_lines(&teller, MODEL_NONE, 0, &outline->first_root, 1);
        ret = lines == MODEL_NONE ? -ENOMEM : open_chain(&teller, 0, lines, true);
        out->first_root = 0;
    }
    while (ret >= 0 && teller.queue.count)
        ret = open_line(&teller, dequeue(&teller));
    free(teller.queue.lines);
    free(teller.shapes);
    free(teller.children);
    free(teller.positions);
    free(teller.scratch);
    if (ret < 0)
        story_free(out);
    return ret < 0 ? ret : 0;
}

/* Everything, if that fits; else sparingly. */
int
story_build(struct story *out, const struct outline *outline, uint32_t budget)
{
    int ret = tell(out, outline, budget ? budget : UINT32_MAX, false);
    if (ret < 0 || out->calls_left_out == 0)
        return ret;
    story_free(out);
    return tell(out, outline, budget, true);
}

void
story_free(struct story *story)
{
    chain_forget(story, 0);
    free(story->lines);
    *story = (struct story){0};
}
