#include "../../src/model/story.h"

#include "random_trace.h"
#include "story_builder.h"
#include "unit.h"

struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct model model;
    struct outline outline;
    struct story story;
};

static void
open_story(struct fixture *f, uint32_t budget)
{
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    CHECK_NUMBER(model_build(&f->model, &f->reader), 0);
    CHECK_NUMBER(outline_build(&f->outline, &f->model, budget > 0), 0);
    CHECK_NUMBER(story_build(&f->story, &f->outline, budget), 0);
}

static void
begin(struct fixture *f, const char *calls, uint32_t budget)
{
    build_story(&f->b, calls);
    open_story(f, budget);
}

static void
tell_again(struct fixture *f, uint32_t budget)
{
    story_free(&f->story);
    CHECK_NUMBER(story_build(&f->story, &f->outline, budget), 0);
}

static void
finish(struct fixture *f)
{
    story_free(&f->story);
    outline_free(&f->outline);
    model_free(&f->model);
    reader_close(&f->reader);
    build_free(&f->b);
}

/* --- what must hold of any story ---------------------------------------- */

struct sums {
    uint64_t shown, folded, left_out, lines;
};

static bool
is_member(const struct story_line *line, uint32_t call)
{
    for (uint32_t i = 0; i < line->count; i++)
        if (line->calls[i] == call)
            return true;
    return false;
}

/* A line's calls were made by those of the line above; those behind a chain's note by the chain's last. */
static void
check_members(const struct fixture *f, const struct story_line *line, uint8_t *seen)
{
    const struct story_line *lines = f->story.lines;
    uint64_t inside = 0;
    for (uint32_t i = 0; i < line->count; i++) {
        uint32_t call = line->calls[i];
        CHECK(!seen[call]);
        seen[call] = 1;
        inside += f->outline.calls[call] - 1;
        uint32_t maker = outline_parent(&f->model, call);
        if (line->parent == MODEL_NONE)
            CHECK_NUMBER(maker, MODEL_NONE);
        else if (!lines[line->parent].chain && f->model.call_count < 2000)
            CHECK(is_member(&lines[line->parent], maker));
    }
    CHECK_NUMBER(line->inside, inside);
}

static void
add_up(const struct fixture *f, uint32_t number, struct sums *sums, uint8_t *seen)
{
    const struct model *model = &f->model;
    for (; number != MODEL_NONE; number = f->story.lines[number].next_sibling) {
        const struct story_line *line = &f->story.lines[number];
        sums->lines += line->skipped ? 2 : 1;
        sums->left_out += line->skipped_calls;
        sums->folded += line->chain;
        CHECK(line->chain ? line->count == 0 : line->count > 0);
        if (line->parent != MODEL_NONE)
            CHECK_NUMBER(line->depth, f->story.lines[line->parent].depth + 1);
        check_members(f, line, seen);
        sums->shown += line->count;
        if (line->count) {
            uint32_t exception = call_exception(model, &model->calls[line->calls[0]]);
            struct leg leg;
            sums->lines += exception != MODEL_NONE && !model->exceptions[exception].benign
                           && exception_leg_at(model, &model->exceptions[exception], line->calls[0], &leg);
            uint32_t caught;
            exception_caught_in(model, line->calls[0], &caught);
            sums->lines += caught > CAUGHT_SHOWN ? CAUGHT_SHOWN + 1 : caught;
        }
        if (line->opened || line->chain)
            add_up(f, line->first_child, sums, seen);
        else if (line->recursion)
            sums->folded += line->inside;
        else
            sums->left_out += line->inside;
    }
}

/* All calls are shown, told of in a word, or counted as left out; no line is one too many. */
static struct sums
check_story(const struct fixture *f, uint32_t budget, const char *what)
{
    struct sums sums = {0};
    uint8_t *seen = calloc(f->model.call_count + 1, 1);
    add_up(f, f->story.first_root, &sums, seen);
    uint64_t all = f->model.call_count - f->outline.hidden - f->outline.inherited;
    if (sums.shown + sums.folded + sums.left_out != all || sums.left_out != f->story.calls_left_out)
        unit_fail(__FILE__, __LINE__,
                  "%s in %u lines: %llu shown, %llu folded, %llu left out (it says %llu) of %llu calls", what, budget,
                  (unsigned long long)sums.shown, (unsigned long long)sums.folded, (unsigned long long)sums.left_out,
                  (unsigned long long)f->story.calls_left_out, (unsigned long long)all);
    if (sums.lines != f->story.used || (budget && sums.lines > budget))
        unit_fail(__FILE__, __LINE__, "%s has %llu lines, says it has %u, and should have %u", what,
                  (unsigned long long)sums.lines, f->story.used, budget);
    if (!budget && (sums.shown != all || sums.folded))
        unit_fail(__FILE__, __LINE__, "%s: only %llu of all calls are shown", what, (unsigned long long)sums.shown);
    free(seen);
    return sums;
}

static const uint32_t budgets[] = {6, 8, 9, 10, 13, 20, 40, 96, 200, 1000, 0};

TEST(any_story_adds_up_and_keeps_its_budget)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct fixture f;
        struct random_trace r;
        char what[32];
        random_trace(&r, seed, 20u << seed % 6);
        f.b = r.b;
        open_story(&f, budgets[0]);
        snprintf(what, sizeof what, "seed %u", (unsigned)seed);
        for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
            tell_again(&f, budgets[i]);
            check_story(&f, budgets[i], what);
        }
        finish(&f);
    }
}

/* --- the ways of exceptions ---------------------------------------------- */

/* By call: the line that it is a member of, or MODEL_NONE. */
static uint32_t *
lines_by_call(const struct fixture *f)
{
    uint32_t *lines = malloc((f->model.call_count + (size_t)1) * sizeof *lines);
    memset(lines, 0xff, (f->model.call_count + (size_t)1) * sizeof *lines);
    for (uint32_t i = 0; i < f->story.line_count; i++)
        for (uint32_t k = 0; k < f->story.lines[i].count; k++)
            lines[f->story.lines[i].calls[k]] = i;
    return lines;
}

/* Is it one of a row of calls that a note stands for, whose last ended by the same exception? */
static bool
is_in_chain(const struct fixture *f, const struct story_line *above, uint32_t call)
{
    const struct story_line *lines = f->story.lines;
    if (!above->opened || above->first_child == MODEL_NONE || !lines[above->first_child].chain)
        return false;
    const struct story_line *last = &lines[lines[above->first_child].first_child];
    const struct call *calls = f->model.calls;
    return call_exception(&f->model, &calls[last->calls[0]]) == call_exception(&f->model, &calls[call]);
}

static bool
was_left(const struct fixture *f, uint32_t call)
{
    uint32_t exception = call_exception(&f->model, &f->model.calls[call]);
    return exception != MODEL_NONE && !f->model.exceptions[exception].benign
           && !(f->outline.flags[call] & OUTLINE_HIDDEN);
}

/* Calls that exceptions left which are nowhere, `left_out` where there was no line for them. */
static uint32_t
count_lost(const struct fixture *f, uint32_t *left_out)
{
    uint32_t *lines = lines_by_call(f), lost = 0;
    *left_out = 0;
    for (uint32_t call = 0; call < f->model.call_count; call++) {
        uint32_t at = call;
        if (!was_left(f, call) || lines[call] != MODEL_NONE)
            continue;
        while (at != MODEL_NONE && lines[at] == MODEL_NONE)
            at = outline_parent(&f->model, at);
        const struct story_line *above = at == MODEL_NONE ? NULL : &f->story.lines[lines[at]];
        bool folded = above && (above->recursion || (above->opened && f->story.lines[above->first_child].chain));
        if (folded)
            lost += !is_in_chain(f, above, call);
        else
            ++*left_out;
    }
    free(lines);
    return lost;
}

/* Lines that the ways of all exceptions take where each call on them has one, and so many as it tells of them. */
static uint32_t
lines_of_ways(const struct fixture *f)
{
    uint32_t sum = 0;
    for (uint32_t call = 0; call < f->model.call_count; call++) {
        uint32_t caught;
        exception_caught_in(&f->model, call, &caught);
        sum += f->outline.flags[call] & OUTLINE_ERROR ? 2 + caught : 0;
    }
    return sum;
}

/* What is folded hides no exception's way; where lines don't suffice the ways of exceptions come first. True if there
 * were lines enough for some. */
static bool
check_ways(struct fixture *f, const char *what)
{
    bool told = false;
    uint32_t needed = lines_of_ways(f);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        uint32_t left_out;
        tell_again(f, budgets[i]);
        uint32_t lost = count_lost(f, &left_out);
        bool suffices = !budgets[i] || needed <= budgets[i] / 4;
        told |= suffices && needed && budgets[i];
        if (lost || (suffices && left_out))
            unit_fail(__FILE__, __LINE__, "%s in %u lines: %u lost, %u left out, %u needed", what, budgets[i], lost,
                      left_out, needed);
    }
    return told;
}

TEST(the_way_of_no_exception_of_random_traces_is_lost)
{
    unsigned told = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct fixture f;
        struct random_trace r;
        char what[32];
        random_trace(&r, seed, 20u << seed % 6);
        f.b = r.b;
        open_story(&f, budgets[0]);
        snprintf(what, sizeof what, "seed %u", (unsigned)seed);
        told += check_ways(&f, what);
        finish(&f);
    }
    CHECK(told > 20);
}

/* A call as text, with all that a story folds in it: rows of calls in each other, recursion, loops; now and then an
 * exception, which ends its way anywhere. */
struct writer_of_stories {
    uint64_t state;
    char *p, *end;
};

static bool put_call(struct writer_of_stories *w, uint32_t depth);

static void
put(struct writer_of_stories *w, const char *text)
{
    if ((size_t)(w->end - w->p) > strlen(text))
        w->p = stpcpy(w->p, text);
}

/* It goes on, or was caught there; or another does for it. */
static bool
put_end(struct writer_of_stories *w, bool raises)
{
    uint32_t kind = raises ? random_number(&w->state, 10) : 0;
    put(w, kind == 0 ? "} " : kind == 1 ? "}! " : "}^ ");
    return kind > 0;
}

static bool
put_row(struct writer_of_stories *w, uint32_t depth)
{
    uint32_t length = 1 + random_number(&w->state, 24), turns = random_number(&w->state, 2);
    for (uint32_t i = 0; i < length; i++)
        put(w, turns && i % 2 ? "even{ " : "odd{ ");
    bool raises = put_call(w, depth + 2);
    for (uint32_t i = 0; i < length; i++)
        raises = put_end(w, raises);
    return raises;
}

static bool
put_recursion(struct writer_of_stories *w, uint32_t levels)
{
    if (levels == 0 || random_number(&w->state, 10) == 0) {
        bool raises = random_number(&w->state, 60) == 0;
        put(w, raises ? "fib! " : "fib ");
        return raises;
    }
    put(w, "fib{ ");
    bool raises = put_recursion(w, levels - 1) || put_recursion(w, levels - 1);
    return put_end(w, raises);
}

static bool
put_some(struct writer_of_stories *w, uint32_t depth)
{
    static const char *const names[] = {"load{ ", "parse{ ", "price{ ", "save{ "};
    bool raises = false;
    put(w, names[random_number(&w->state, 4)]);
    for (uint32_t i = random_number(&w->state, 6); i > 0 && !raises; i--)
        raises = put_call(w, depth + 1);
    return put_end(w, raises);
}

static bool
put_call(struct writer_of_stories *w, uint32_t depth)
{
    uint32_t kind = depth > 5 || w->end - w->p < 8000 ? 5 : random_number(&w->state, 8);
    if (kind == 0)
        return put_row(w, depth);
    if (kind == 1)
        return put_recursion(w, 2 + random_number(&w->state, 4));
    if (kind > 5)
        return put_some(w, depth);
    bool raises = random_number(&w->state, 30) == 0;
    put(w, raises ? "leaf! " : kind == 2 ? "leaf*20 " : "leaf ");
    return raises;
}

TEST(rows_and_recursion_and_loops_hide_no_exception)
{
    static char text[32768];
    unsigned told = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct fixture f;
        char what[32];
        struct writer_of_stories w = {seed * 0x9e3779b97f4a7c15u, text, text + sizeof text};
        put(&w, "main{ ");
        while (w.p - text < 1500 && !put_some(&w, 0))
            continue;
        put(&w, "} ");
        begin(&f, text, budgets[0]);
        snprintf(what, sizeof what, "story %u", (unsigned)seed);
        told += check_ways(&f, what);
        finish(&f);
    }
    CHECK(told > 50);
}

/* --- some stories ------------------------------------------------------- */

/* The line that stands for a call of this function, the n-th one; MODEL_NONE if none does. */
static uint32_t
find_line(const struct fixture *f, uint32_t from, const char *qualname, unsigned *n)
{
    for (uint32_t i = from; i != MODEL_NONE; i = f->story.lines[i].next_sibling) {
        const struct story_line *line = &f->story.lines[i];
        if (line->count) {
            struct slice name = f->model.calls[line->calls[0]].code->qualname;
            if (name.length == strlen(qualname) && memcmp(name.data, qualname, name.length) == 0 && (*n)-- == 0)
                return i;
        }
        uint32_t below = find_line(f, line->first_child, qualname, n);
        if (below != MODEL_NONE)
            return below;
    }
    return MODEL_NONE;
}

static const struct story_line *
get(const struct fixture *f, const char *qualname, unsigned n)
{
    static const struct story_line nothing = {
        .parent = MODEL_NONE, .first_child = MODEL_NONE, .next_sibling = MODEL_NONE};
    uint32_t line = find_line(f, f->story.first_root, qualname, &n);
    return line == MODEL_NONE ? &nothing : &f->story.lines[line];
}

TEST(a_small_story_is_told_in_full)
{
    struct fixture f;
    begin(&f, "main{ load{ parse } price(1) price(2) price(3) save }", 40);
    CHECK_NUMBER(f.story.used, 5);
    CHECK_NUMBER(f.story.calls_left_out, 0);
    CHECK_NUMBER(get(&f, "price", 0)->count, 3);
    CHECK_NUMBER(get(&f, "parse", 0)->depth, 2);
    CHECK_NUMBER(get(&f, "price", 1)->count, 0); /* there is one line of it */
    check_story(&f, 40, "a small story");
    finish(&f);
}

TEST(what_folded_calls_made_is_told_of_all_of_them)
{
    struct fixture f;
    begin(&f, "main{ order{ price(1) save } order{ price(2) price(3) save } order{ price(4) save } }", 40);
    CHECK_NUMBER(get(&f, "order", 0)->count, 3);
    CHECK_NUMBER(get(&f, "price", 0)->count, 4);
    CHECK_NUMBER(get(&f, "save", 0)->count, 3);
    CHECK_NUMBER(f.story.used, 4);
    const struct story_line *price = get(&f, "price", 0);
    for (uint32_t i = 1; i < price->count; i++)
        CHECK(price->calls[i - 1] < price->calls[i]);
    finish(&f);
}

TEST(the_way_to_an_exception_is_opened_first)
{
    struct fixture f;
    static const char calls[] =
        "main{ big{ a b c d e a c b d } big2{ a b c d e a b } small{ way{ to{ it{ fails! }^ }^ }^ } c1{ a b c d e } }";
    begin(&f, calls, 10);
    CHECK_NUMBER(get(&f, "fails", 0)->count, 1);
    CHECK(!get(&f, "big", 0)->opened);
    check_story(&f, 10, "an exception");
    finish(&f);
    begin(&f, "main{ big{ a b c d e a c b d } big2{ a b c d e a b } small{ way{ to{ it{ runs? ", 8);
    CHECK_NUMBER(get(&f, "runs", 0)->count, 1);
    CHECK(!get(&f, "big", 0)->opened);
    check_story(&f, 8, "what runs");
    finish(&f);
}

TEST(what_lies_high_is_opened_before_what_lies_deep)
{
    struct fixture f;
    begin(&f, "main{ a{ a1{ a2{ x y z w v u } } } b{ b1 b2 b3 b4 } }", 10);
    CHECK(get(&f, "a", 0)->opened);
    CHECK(get(&f, "b", 0)->opened);
    CHECK(!get(&f, "a2", 0)->opened);
    CHECK_NUMBER(get(&f, "a2", 0)->inside, 6);
    CHECK_NUMBER(f.story.calls_left_out, 6);
    finish(&f);
}

/* A hundred different calls: f00 ... f99, the 57th of which raises. */
static void
build_many(struct fixture *f, bool raises)
{
    char calls[2048] = "main{ ";
    for (int i = 0; i < 100; i++)
        snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "f%02d%s ", i, raises && i == 57 ? "!" : "");
    strcat(calls, "}");
    build_story(&f->b, calls);
}

TEST(too_many_siblings_are_thinned_out)
{
    struct fixture f;
    build_many(&f, true);
    open_story(&f, 40);
    CHECK_NUMBER(get(&f, "f00", 0)->count, 1);
    CHECK_NUMBER(get(&f, "f01", 0)->count, 1);
    CHECK_NUMBER(get(&f, "f57", 0)->count, 1);
    CHECK_NUMBER(get(&f, "f99", 0)->count, 1);
    CHECK_NUMBER(get(&f, "f99", 0)->next_sibling, MODEL_NONE);
    CHECK(get(&f, "f57", 0)->skipped > 0);
    struct sums sums = check_story(&f, 40, "thinned out");
    CHECK(sums.left_out > 50 && sums.left_out < 100);
    tell_again(&f, 90); /* of which one call may take about a quarter */
    CHECK(check_story(&f, 90, "thinned out less").lines < 60);
    tell_again(&f, 200); /* for all of it */
    CHECK_NUMBER(check_story(&f, 200, "in full").left_out, 0);
    tell_again(&f, 0);
    CHECK_NUMBER(check_story(&f, 0, "everything").left_out, 0);
    finish(&f);
}

/* Four functions without a rule: no loop, and more lines than there is room for. */
static void
build_mixed(struct fixture *f, const char *last)
{
    static const char *const made[] = {"one ", "two{ inner } ", "three ", "four "};
    static const char turns[] = "bbcdaadcbbdddbbbdaabacacdddddbcaabdbcdcddcdbcacbcabccaaddacadbacddaaadccbacaaaab";
    char calls[2048] = "main{ ";
    for (size_t i = 0; turns[i]; i++)
        snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "%s", made[turns[i] - 'a']);
    strcat(calls, last);
    strcat(calls, "}");
    build_story(&f->b, calls);
}

TEST(siblings_in_no_order_are_gathered)
{
    struct fixture f;
    build_mixed(&f, "one ");
    open_story(&f, 20);
    const struct story_line *first = get(&f, "one", 0);
    const struct story_line *second = get(&f, "two", 0);
    CHECK(first->scattered && second->scattered);
    CHECK_NUMBER(first->count, 24);
    CHECK_NUMBER(second->count, 17);
    for (uint32_t i = 1; i < first->count; i++)
        CHECK(first->calls[i - 1] < first->calls[i]);
    struct sums sums = check_story(&f, 20, "gathered");
    CHECK_NUMBER(sums.left_out, 0);
    tell_again(&f, 200); /* in order, where there is room */
    CHECK(!get(&f, "one", 0)->scattered);
    CHECK(check_story(&f, 200, "in order").lines > 30);
    finish(&f);
}

TEST(what_failed_among_them_stands_alone)
{
    struct fixture f;
    build_mixed(&f, "one! one ");
    open_story(&f, 20);
    CHECK_NUMBER(get(&f, "one", 0)->count, 24);
    bool found = false;
    for (uint32_t i = 0; i < f.story.line_count; i++)
        found |= f.story.lines[i].count == 1 && f.model.calls[f.story.lines[i].calls[0]].outcome == OUTCOME_RAISED
                 && f.story.lines[i].depth == 1;
    CHECK(found);
    check_story(&f, 20, "gathered but one");
    finish(&f);
}

TEST(order_is_kept_where_little_would_be_gained)
{
    struct fixture f;
    build_many(&f, false);
    open_story(&f, 20);
    for (uint32_t i = 0; i < f.story.line_count; i++)
        CHECK(!f.story.lines[i].scattered);
    finish(&f);
}

/* Of two subtrees of one size the one that has something new in it is opened. */
TEST(what_is_new_is_told_first)
{
    struct fixture f;
    begin(&f, "main{ old{ x x y y } new{ x x z z } other{ x y x y x y } }", 8);
    CHECK(!get(&f, "other", 0)->opened);
    CHECK(get(&f, "new", 0)->opened || get(&f, "old", 0)->opened);
    check_story(&f, 8, "new");
    finish(&f);
}

/* What a gap's note says of it. */
TEST(a_gap_knows_what_was_called_in_it)
{
    struct fixture f;
    char calls[4096] = "main{ ";
    for (int i = 0; i < 100; i++)
        snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "f%02d{ inner%d } ", i, i % 3);
    strcat(calls, "}");
    begin(&f, calls, 12);
    bool any = false;
    for (uint32_t i = 0; i < f.story.line_count; i++) {
        const struct story_line *line = &f.story.lines[i];
        if (line->depth != 1 || line->skipped < 50)
            continue;
        any = true;
        CHECK_NUMBER(line->skipped_functions, line->skipped + 3);
        CHECK(line->skipped_ns > 0);
    }
    CHECK(any);
    finish(&f);
}

TEST(roots_are_thinned_out_too)
{
    struct fixture f;
    build_story(&f.b, "");
    struct story_builder s = {.b = &f.b, .tick = 10};
    for (int i = 0; i < 100; i++) {
        char call[16];
        snprintf(call, sizeof call, "root%d", i);
        story_calls(&s, call);
    }
    open_story(&f, 12);
    CHECK_NUMBER(get(&f, "root0", 0)->count, 1);
    CHECK_NUMBER(get(&f, "root99", 0)->count, 1);
    check_story(&f, 12, "roots");
    finish(&f);
}

TEST(a_chain_is_a_note_and_its_last_call)
{
    struct fixture f;
    begin(&f, "main{ a{ b{ a{ b{ a{ b{ a{ b{ a{ b{ end } } } } } } } } } } }", 40);
    uint32_t note = get(&f, "a", 0)->first_child;
    CHECK_NUMBER(f.story.lines[note].chain, 8);
    CHECK_NUMBER(f.story.lines[note].count, 0);
    CHECK_NUMBER(get(&f, "b", 0)->depth, 3);
    CHECK_NUMBER(get(&f, "b", 1)->count, 0);
    CHECK_NUMBER(get(&f, "end", 0)->count, 1);
    CHECK_NUMBER(check_story(&f, 40, "a chain").folded, 8);
    tell_again(&f, 0);
    CHECK_NUMBER(check_story(&f, 0, "the whole chain").shown, 12);
    finish(&f);
}

TEST(a_short_chain_is_shown_call_by_call)
{
    struct fixture f;
    begin(&f, "main{ a{ b{ a{ b{ a{ b{ end } } } } } } }", 80);
    CHECK_NUMBER(f.story.used, 8);
    CHECK_NUMBER(get(&f, "b", 2)->depth, 6);
    finish(&f);
}

TEST(a_chain_ends_where_a_call_ended_otherwise)
{
    struct fixture f;
    begin(&f, "main{ a{ a{ a{ a{ a{ a{ a{ a{ a{ a{ a{ a! }^ }^ } } } } } } } } } }", 40);
    uint32_t note = get(&f, "a", 0)->first_child;
    CHECK_NUMBER(f.story.lines[note].chain, 7);
    CHECK_NUMBER(get(&f, "a", 1)->depth, 3); /* the last that returned */
    CHECK_NUMBER(get(&f, "a", 4)->count, 1); /* the three that raised follow, one by one */
    check_story(&f, 40, "a chain that ends");
    finish(&f);
}

TEST(recursion_is_told_in_a_word)
{
    struct fixture f;
    static const char calls[] =
        "main{ fib{ fib{ fib{ fib fib } fib{ fib fib } } fib{ fib{ fib fib } fib{ fib fib } } } other }";
    begin(&f, calls, 40);
    CHECK(get(&f, "fib", 0)->recursion);
    CHECK(!get(&f, "fib", 0)->opened);
    CHECK_NUMBER(get(&f, "fib", 0)->inside, 14);
    CHECK_NUMBER(f.story.calls_left_out, 0);
    CHECK_NUMBER(check_story(&f, 40, "recursion").folded, 14);
    tell_again(&f, 0);
    CHECK(!get(&f, "fib", 0)->recursion);
    CHECK_NUMBER(check_story(&f, 0, "all of the recursion").shown, 17);
    finish(&f);
    begin(&f, "main{ fib{ fib fib } }", 40); /* so little of it can be shown */
    CHECK(!get(&f, "fib", 0)->recursion);
    CHECK_NUMBER(get(&f, "fib", 1)->count, 2);
    finish(&f);
}

TEST(nothing_makes_no_story)
{
    struct fixture f;
    begin(&f, "", 40);
    CHECK_NUMBER(f.story.first_root, MODEL_NONE);
    CHECK_NUMBER(f.story.used, 0);
    finish(&f);
}
