/* diff_align.c - two sequences of calls, paired in order.
 *
 * Three times, each time in the gaps that are left: calls that are equal with
 * all in them, then those of the same function and arguments, then those of the
 * same function. Each time by the greedy algorithm of Myers, "An O(ND)
 * Difference Algorithm". Where that takes many edits, calls that are there once
 * in both are paired first, and between them it goes on in blocks, so that its
 * time and memory are bounded.
 */
#include <errno.h>
#include <stdlib.h>

#include "diff.h"
#include "keyed.h"

#define EDITS_MAX 100 /* of a block */
#define LONG 400      /* calls from which on those that are there once are looked for */

struct aligner {
    const uint64_t *a, *b;  /* keys */
    uint32_t *pairs;
    struct keyed *sorted_a; /* Owned; room for all, as the rest here */
    struct keyed *sorted_b;
    uint32_t *partner;
    uint32_t *tails, *before;
    int32_t (*reached)[2 * EDITS_MAX + 3];
};

/* --- in blocks ---------------------------------------------------------- */

struct range {
    uint32_t a, a_end, b, b_end;
};

/* Calls at both ends that are equal are paired. */
static void
trim(struct aligner *aligner, struct range *range)
{
    while (range->a < range->a_end && range->b < range->b_end && aligner->a[range->a] == aligner->b[range->b])
        aligner->pairs[range->a++] = range->b++;
    while (range->a < range->a_end && range->b < range->b_end
           && aligner->a[range->a_end - 1] == aligner->b[range->b_end - 1])
        aligner->pairs[--range->a_end] = --range->b_end;
}

/* As far as `edits` edits lead on this diagonal (x - y). */
static int32_t
reach(const struct aligner *aligner, const struct range *range, int32_t edits, int32_t diagonal)
{
    const int32_t *before = edits ? aligner->reached[edits - 1] + EDITS_MAX + 1 : NULL;
    int32_t x = 0;
    if (before && (diagonal == -edits || (diagonal != edits && before[diagonal - 1] < before[diagonal + 1])))
        x = before[diagonal + 1];
    else if (before)
        x = before[diagonal - 1] + 1;
    int32_t n = (int32_t)(range->a_end - range->a);
    int32_t m = (int32_t)(range->b_end - range->b);
    while (x < n && x - diagonal < m
           && aligner->a[range->a + (uint32_t)x] == aligner->b[range->b + (uint32_t)(x - diagonal)])
        x++;
    return x;
}

/* Pairs what lies on the way to x on that diagonal. */
static void
go_back(struct aligner *aligner, const struct range *range, int32_t edits, int32_t diagonal)
{
    int32_t x = aligner->reached[edits][EDITS_MAX + 1 + diagonal];
    for (;; edits--) {
        const int32_t *before = edits ? aligner->reached[edits - 1] + EDITS_MAX + 1 : NULL;
        bool down = before
                    && (diagonal == -edits || (diagonal != edits && before[diagonal - 1] < before[diagonal + 1]));
        int32_t start = !before ? 0 : down ? before[diagonal + 1] : before[diagonal - 1] + 1;
        for (; x > start; x--)
            aligner->pairs[range->a + (uint32_t)x - 1] = range->b + (uint32_t)(x - 1 - diagonal);
        if (!before)
            return;
        diagonal += down ? 1 : -1;
        x = before[diagonal];
    }
}

/* The furthest that EDITS_MAX edits lead. */
struct furthest {
    int32_t sum, x, diagonal;
};

static void
look_further(struct furthest *best, const struct range *range, int32_t x, int32_t diagonal)
{
    int32_t y = x - diagonal;
    if (x > (int32_t)(range->a_end - range->a) || y > (int32_t)(range->b_end - range->b))
        return; /* has left the sequences */
    if (x + y > best->sum || (x + y == best->sum && abs(diagonal) < abs(best->diagonal)))
        *best = (struct furthest){x + y, x, diagonal};
}

/* Pairs all of the range, if that takes no more than EDITS_MAX edits. Else tells how far they lead. */
static bool
align_block(struct aligner *aligner, const struct range *range, struct furthest *best)
{
    int32_t n = (int32_t)(range->a_end - range->a);
    int32_t m = (int32_t)(range->b_end - range->b);
    *best = (struct furthest){.sum = -1};
    for (int32_t edits = 0; edits <= EDITS_MAX; edits++) {
        for (int32_t diagonal = -edits; diagonal <= edits; diagonal += 2) {
            int32_t x = reach(aligner, range, edits, diagonal);
            aligner->reached[edits][EDITS_MAX + 1 + diagonal] = x;
            if (x == n && x - diagonal == m) {
                go_back(aligner, range, edits, diagonal);
                return true;
            }
            if (edits == EDITS_MAX)
                look_further(best, range, x, diagonal);
        }
    }
    return false;
}

static void
align_blocks(struct aligner *aligner, struct range range)
{
    for (;;) {
        trim(aligner, &range);
        if (range.a == range.a_end || range.b == range.b_end)
            return;
        struct furthest best;
        if (align_block(aligner, &range, &best) || best.sum < 0)
            return;
        go_back(aligner, &range, EDITS_MAX, best.diagonal);
        range.a += (uint32_t)best.x;
        range.b += (uint32_t)(best.x - best.diagonal);
    }
}

/* --- by what is there once ---------------------------------------------- */

static uint32_t
sort_keys(struct keyed *out, const uint64_t *keys, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++)
        out[i - from] = (struct keyed){keys[i], i};
    qsort(out, end - from, sizeof *out, keyed_compare);
    return end - from;
}

static uint32_t
run_length(const struct keyed *items, uint32_t count, uint32_t from)
{
    uint32_t i = from + 1;
    while (i < count && items[i].key == items[from].key)
        i++;
    return i - from;
}

/* partner[a] for calls that are there once in both; MODEL_NONE for others. */
static void
find_partners(struct aligner *aligner, const struct range *range)
{
    uint32_t n = sort_keys(aligner->sorted_a, aligner->a, range->a, range->a_end);
    uint32_t m = sort_keys(aligner->sorted_b, aligner->b, range->b, range->b_end);
    for (uint32_t i = range->a; i < range->a_end; i++)
        aligner->partner[i] = MODEL_NONE;
    for (uint32_t i = 0, j = 0; i < n && j < m;) {
        uint32_t runs_a = run_length(aligner->sorted_a, n, i);
        uint32_t runs_b = run_length(aligner->sorted_b, m, j);
        uint64_t key_a = aligner->sorted_a[i].key;
        uint64_t key_b = aligner->sorted_b[j].key;
        if (key_a == key_b && runs_a == 1 && runs_b == 1)
            aligner->partner[aligner->sorted_a[i].index] = aligner->sorted_b[j].index;
        i += key_a <= key_b ? runs_a : 0;
        j += key_b <= key_a ? runs_b : 0;
    }
}

/* Of the partners the most that are in one order: the longest increasing subsequence. Those are paired. */
static void
pair_partners(struct aligner *aligner, const struct range *range)
{
    uint32_t length = 0;
    for (uint32_t i = range->a; i < range->a_end; i++) {
        if (aligner->partner[i] == MODEL_NONE)
            continue;
        uint32_t low = 0;
        uint32_t high = length;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (aligner->partner[aligner->tails[middle]] < aligner->partner[i])
                low = middle + 1;
            else
                high = middle;
        }
        aligner->before[i] = low ? aligner->tails[low - 1] : MODEL_NONE;
        aligner->tails[low] = i;
        length += low == length;
    }
    for (uint32_t i = length ? aligner->tails[length - 1] : MODEL_NONE; i != MODEL_NONE; i = aligner->before[i])
        aligner->pairs[i] = aligner->partner[i];
}

/* --- one key ------------------------------------------------------------ */

/* Aligns the gaps between what is paired in the range already. Each is paired within itself only. */
static void
align_between(struct aligner *aligner, const struct range *range, void (*align)(struct aligner *, struct range))
{
    struct range gap = {.a = range->a, .b = range->b};
    for (uint32_t i = range->a; i <= range->a_end; i++) {
        uint32_t pair = i < range->a_end ? aligner->pairs[i] : range->b_end;
        if (pair == MODEL_NONE)
            continue;
        gap.a_end = i;
        gap.b_end = pair;
        align(aligner, gap);
        gap.a = i + 1;
        gap.b = pair + 1;
    }
}

static void
align_range(struct aligner *aligner, struct range range)
{
    trim(aligner, &range);
    if (range.a == range.a_end || range.b == range.b_end)
        return;
    struct furthest unused;
    if (range.a_end - range.a + (range.b_end - range.b) > LONG) {
        if (align_block(aligner, &range, &unused))
            return;
        find_partners(aligner, &range);
        pair_partners(aligner, &range);
    }
    align_between(aligner, &range, align_blocks);
}

/* --- all three ---------------------------------------------------------- */

enum level { WHOLE, BEGIN, FUNCTION };

static void
take_keys(uint64_t *out, const struct diff_side *side, const uint32_t *calls, uint32_t count, enum level level)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = level == WHOLE   ? side->whole[calls[i]]
                 : level == BEGIN ? side->begin[calls[i]]
                                  : side->functions[side->model->calls[calls[i]].code->index];
}

static int
open_aligner(struct aligner *out, uint32_t n, uint32_t m)
{
    size_t a = (size_t)n + 1;
    size_t b = (size_t)m + 1;
    bool is_long = a + b > LONG;
    *out = (struct aligner){.reached = malloc((EDITS_MAX + 1) * sizeof *out->reached)};
    if (is_long) {
        out->sorted_a = malloc(a * sizeof *out->sorted_a);
        out->sorted_b = malloc(b * sizeof *out->sorted_b);
        out->partner = malloc(a * sizeof *out->partner);
        out->tails = malloc(a * sizeof *out->tails);
        out->before = malloc(a * sizeof *out->before);
    }
    bool ok = out->reached
              && (!is_long || (out->sorted_a && out->sorted_b && out->partner && out->tails && out->before));
    return ok ? 0 : -ENOMEM;
}

static void
close_aligner(struct aligner *aligner)
{
    free(aligner->sorted_a);
    free(aligner->sorted_b);
    free(aligner->partner);
    free(aligner->tails);
    free(aligner->before);
    free(aligner->reached);
}

/* Most lists differ in their middle: what is equal at both ends is paired without more. */
static void
pair_ends(const struct diff_side *side_a, const uint32_t *a, uint32_t *n, uint32_t *start,
          const struct diff_side *side_b, const uint32_t *b, uint32_t *m, uint32_t *pairs)
{
    while (*start < *n && *start < *m && side_a->whole[a[*start]] == side_b->whole[b[*start]]) {
        pairs[*start] = *start;
        ++*start;
    }
    while (*n > *start && *m > *start && side_a->whole[a[*n - 1]] == side_b->whole[b[*m - 1]]) {
        --*n;
        --*m;
        pairs[*n] = *m;
    }
}

int
diff_align(const struct diff_side *side_a, const uint32_t *a, uint32_t n, const struct diff_side *side_b,
           const uint32_t *b, uint32_t m, uint32_t *pairs)
{
    for (uint32_t i = 0; i < n; i++)
        pairs[i] = MODEL_NONE;
    uint32_t start = 0;
    pair_ends(side_a, a, &n, &start, side_b, b, &m, pairs);
    n -= start;
    m -= start;
    if (n == 0 || m == 0)
        return 0;
    struct aligner aligner;
    uint64_t *keys = malloc(((size_t)n + m) * sizeof *keys);
    int ret = open_aligner(&aligner, n, m);
    if (!keys)
        ret = -ENOMEM;
    aligner.a = keys;
    aligner.b = keys ? keys + n : NULL;
    aligner.pairs = pairs + start;
    for (enum level level = WHOLE; ret == 0 && level <= FUNCTION; level++) {
        take_keys(keys, side_a, a + start, n, level);
        take_keys(keys + n, side_b, b + start, m, level);
        align_between(&aligner, &(struct range){.a_end = n, .b_end = m}, align_range);
    }
    for (uint32_t i = 0; i < n; i++)
        if (aligner.pairs[i] != MODEL_NONE)
            aligner.pairs[i] += start;
    close_aligner(&aligner);
    free(keys);
    return ret;
}
