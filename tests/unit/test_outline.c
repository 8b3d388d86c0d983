#include "../../src/model/outline.h"

#include "story_builder.h"
#include "unit.h"

/* --- folding a sequence ------------------------------------------------- */

#define SEQUENCE_MAX 4096

/* A sequence of shapes as letters, and the line that each goes to as digits and letters. */
static void
check_fold(const char *shapes, const char *lines, int line)
{
    uint64_t numbers[64] = {0};
    uint32_t positions[64], scratch[64];
    char got[65] = "";
    uint32_t count = (uint32_t)strlen(shapes), most = 0;
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = (uint8_t)shapes[i];
    uint32_t folded = fold_sequence(numbers, count, positions, scratch);
    for (uint32_t i = 0; i < count; i++) {
        got[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[positions[i] % 36];
        most = positions[i] + 1 > most ? positions[i] + 1 : most;
    }
    if (strcmp(got, lines) != 0 || folded != most)
        unit_fail(__FILE__, line, "%s is folded to %u lines: %s instead of %s", shapes, folded, got, lines);
}

#define FOLDS(shapes, lines) check_fold(shapes, lines, __LINE__)

TEST(equal_neighbours_are_one_line)
{
    FOLDS("", "");
    FOLDS("a", "0");
    FOLDS("aaaa", "0000");
    FOLDS("aabbb", "00111");
    FOLDS("aabaa", "00122");
}

TEST(a_loop_is_one_round_of_it)
{
    FOLDS("abab", "0101");
    FOLDS("ababab", "010101");
    FOLDS("abcabcabc", "012012012");
    FOLDS("xabababy", "01212123");
    FOLDS("abcdefghabcdefgh", "0123456701234567");
    FOLDS("abcdefghiabcdefghi", "0123456789abcdefgh"); /* a longer round than is looked for */
    FOLDS("aba", "012");
}

TEST(runs_within_rounds)
{
    FOLDS("aababbab", "00101101");
    FOLDS("abbbabab", "01110101");
    FOLDS("aabbaabb", "00110011");
}

TEST(the_period_that_folds_most_is_taken)
{
    FOLDS("ababacababac", "012345012345"); /* not rounds of two within each round of six */
    FOLDS("abababab", "01010101");
    FOLDS("ababcababc", "0123401234");
    FOLDS("ababababcababc", "01010101234345");
}

TEST(an_interrupted_loop_begins_again_with_its_opener)
{
    /* The round that "x" breaks off leaves "b" behind: "ba" would repeat as well, but is no round. */
    FOLDS("abababxbababab", "01010123454545");
    FOLDS("abcabcabxcabcabc", "0120123456789789");
}

static uint32_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* What holds for any sequence: no line is empty, lines begin in order, and a line has one shape. */
static void
check_any_fold(const uint64_t *shapes, uint32_t count)
{
    static uint32_t positions[SEQUENCE_MAX], scratch[SEQUENCE_MAX], again[SEQUENCE_MAX];
    uint32_t lines = fold_sequence(shapes, count, positions, scratch);
    uint32_t begun = 0;
    uint64_t shape_of_line[SEQUENCE_MAX];
    CHECK(lines <= count);
    for (uint32_t i = 0; i < count; i++) {
        if (positions[i] == begun)
            shape_of_line[begun++] = shapes[i];
        if (positions[i] >= begun || shape_of_line[positions[i]] != shapes[i])
            unit_fail(__FILE__, __LINE__, "shape %u of %u goes to line %u", i, count, positions[i]);
    }
    CHECK_NUMBER(begun, lines);
    CHECK_NUMBER(fold_sequence(shapes, count, again, scratch), lines);
    CHECK(memcmp(again, positions, count * sizeof *again) == 0);
}

TEST(any_sequence_folds_to_lines_of_one_shape)
{
    static uint64_t shapes[SEQUENCE_MAX];
    uint64_t state = 0x1234567;
    for (int round = 0; round < 3000; round++) {
        uint32_t count = next_random(&state) % (round % 100 ? 40 : SEQUENCE_MAX);
        uint32_t kinds = 1 + next_random(&state) % 6;
        for (uint32_t i = 0; i < count; i++)
            shapes[i] = i >= kinds && next_random(&state) % 10 ? shapes[i - kinds] : next_random(&state) % kinds;
        check_any_fold(shapes, count);
    }
}

TEST(a_sequence_without_end_is_folded_in_one_pass)
{
    uint32_t count = 999999; /* whole rounds of seven */
    uint64_t *shapes = malloc(count * sizeof *shapes);
    uint32_t *positions = malloc(count * sizeof *positions);
    uint32_t *scratch = malloc(count * sizeof *scratch);
    for (uint32_t i = 0; i < count; i++)
        shapes[i] = i % 7 % 5;
    CHECK_NUMBER(fold_sequence(shapes, count, positions, scratch), 7);
    for (uint32_t i = 0; i < count; i++)
        shapes[i] = i; /* nothing to fold */
    CHECK_NUMBER(fold_sequence(shapes, count, positions, scratch), count);
    free(shapes);
    free(positions);
    free(scratch);
}

/* --- the outline -------------------------------------------------------- */

struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct model model;
    struct outline outline;
};

static void
open_story(struct fixture *f, bool hide)
{
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    CHECK_NUMBER(model_build(&f->model, &f->reader), 0);
    CHECK_NUMBER(outline_build(&f->outline, &f->model, hide), 0);
}

static void
begin(struct fixture *f, const char *calls, bool hide)
{
    build_story(&f->b, calls);
    open_story(f, hide);
}

static void
finish(struct fixture *f)
{
    outline_free(&f->outline);
    model_free(&f->model);
    reader_close(&f->reader);
    build_free(&f->b);
}

/* The n-th call of this function, from 0. */
static uint32_t
find(const struct fixture *f, const char *qualname, unsigned n)
{
    for (uint32_t i = 0; i < f->model.call_count; i++) {
        struct slice name = f->model.calls[i].code->qualname;
        if (name.length == strlen(qualname) && memcmp(name.data, qualname, name.length) == 0 && n-- == 0)
            return i;
    }
    unit_fail(__FILE__, __LINE__, "no such call of %s", qualname);
    return 0;
}

static uint64_t
shape(const struct fixture *f, const char *qualname, unsigned n)
{
    return f->outline.shape[find(f, qualname, n)];
}

static unsigned
flags(const struct fixture *f, const char *qualname, unsigned n)
{
    return f->outline.flags[find(f, qualname, n)];
}

TEST(an_outline_knows_sizes_and_depths)
{
    struct fixture f;
    begin(&f, "main{ a{ b{ c } b } d } other", false);
    const struct outline *o = &f.outline;
    uint32_t main_call = find(&f, "main", 0);
    CHECK_NUMBER(o->first_root, main_call);
    CHECK_NUMBER(o->next_sibling[main_call], find(&f, "other", 0));
    CHECK_NUMBER(o->next_sibling[find(&f, "other", 0)], MODEL_NONE);
    CHECK_NUMBER(o->first_child[main_call], find(&f, "a", 0));
    CHECK_NUMBER(o->next_sibling[find(&f, "a", 0)], find(&f, "d", 0));
    CHECK_NUMBER(o->next_sibling[find(&f, "b", 0)], find(&f, "b", 1));
    CHECK_NUMBER(o->calls[main_call], 6);
    CHECK_NUMBER(o->calls[find(&f, "a", 0)], 4);
    CHECK_NUMBER(o->calls[find(&f, "d", 0)], 1);
    CHECK_NUMBER(o->depth[main_call], 4);
    CHECK_NUMBER(o->depth[find(&f, "b", 0)], 2);
    CHECK_NUMBER(o->depth[find(&f, "d", 0)], 1);
    CHECK_NUMBER(o->hidden, 0);
    finish(&f);
}

TEST(calls_that_did_alike_have_equal_shapes)
{
    struct fixture f;
    begin(&f, "main{ pay{ a b } pay{ a b } pay{ b a } pay{ a } pay{ a b }? ", false);
    CHECK(shape(&f, "pay", 0) == shape(&f, "pay", 1));
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 2)); /* another order */
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 3)); /* one call less */
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 4)); /* not at its end */
    CHECK(shape(&f, "a", 0) == shape(&f, "a", 2));
    CHECK(shape(&f, "a", 0) != shape(&f, "b", 0));
    finish(&f);
}

TEST(how_often_a_loop_ran_makes_no_other_shape)
{
    struct fixture f;
    begin(&f, "main{ pay{ a*3 } pay{ a } pay{ a b a b a b c } pay{ a b a b c } pay{ a b c } }", false);
    CHECK(shape(&f, "pay", 0) == shape(&f, "pay", 1));
    CHECK(shape(&f, "pay", 2) == shape(&f, "pay", 3));
    CHECK(shape(&f, "pay", 3) == shape(&f, "pay", 4));
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 4));
    finish(&f);
}

TEST(an_exception_makes_another_shape)
{
    struct fixture f;
    begin(&f, "main{ pay{ a! } pay{ a } pay{ a! } pay{ a!}^ }", false);
    CHECK(shape(&f, "pay", 0) == shape(&f, "pay", 2));
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 1));
    CHECK(shape(&f, "pay", 0) != shape(&f, "pay", 3));
    CHECK(flags(&f, "main", 0) & OUTLINE_ERROR);
    CHECK(flags(&f, "pay", 0) & OUTLINE_ERROR);
    CHECK(!(flags(&f, "pay", 1) & OUTLINE_ERROR));
    finish(&f);
}

TEST(another_exception_makes_another_shape)
{
    struct fixture f;
    build_story(&f.b, "");
    struct story_builder s = {.b = &f.b, .tick = 1};
    static const char *const types[] = {"ValueError", "KeyError", "ValueError"};
    for (uint32_t i = 0; i < 3; i++) {
        story_calls(&s, "f?");
        build_unwind(&f.b, 1, i + 1, types[i], 0);
    }
    open_story(&f, false);
    CHECK(shape(&f, "f", 0) != shape(&f, "f", 1));
    CHECK(shape(&f, "f", 0) == shape(&f, "f", 2));
    finish(&f);
}

TEST(control_flow_is_no_error)
{
    struct fixture f;
    build_story(&f.b, "main{ ");
    build_call(&f.b, 1, "next");
    build_unwind(&f.b, 1, 1, "StopIteration", 9);
    open_story(&f, false);
    CHECK(!(flags(&f, "main", 0) & OUTLINE_ERROR));
    CHECK(flags(&f, "main", 0) & OUTLINE_RUNNING);
    CHECK(!(flags(&f, "next", 0) & OUTLINE_RUNNING));
    finish(&f);
}

TEST(what_still_runs_is_known_from_above)
{
    struct fixture f;
    begin(&f, "first main{ done inner{ deep? ", false);
    CHECK(flags(&f, "main", 0) & OUTLINE_RUNNING);
    CHECK(flags(&f, "inner", 0) & OUTLINE_RUNNING);
    CHECK(!(flags(&f, "done", 0) & OUTLINE_RUNNING));
    CHECK(!(flags(&f, "first", 0) & OUTLINE_RUNNING));
    finish(&f);
}

TEST(recursion_has_one_shape_however_deep)
{
    struct fixture f;
    begin(&f, "main{ fib{ fib{ fib fib } fib } fib{ fib } fib fib{ fib{ other } } fib{ fib! }^ }", false);
    CHECK(flags(&f, "fib", 0) & OUTLINE_RECURSION);
    CHECK(!(flags(&f, "main", 0) & OUTLINE_RECURSION));
    CHECK(shape(&f, "fib", 0) == shape(&f, "fib", 5));  /* fib{ fib } */
    CHECK(shape(&f, "fib", 0) == shape(&f, "fib", 7));  /* fib */
    CHECK(shape(&f, "fib", 0) != shape(&f, "fib", 8));  /* something else was called in it */
    CHECK(!(flags(&f, "fib", 8) & OUTLINE_RECURSION));
    CHECK(shape(&f, "fib", 0) != shape(&f, "fib", 10)); /* it raised */
    CHECK_NUMBER(f.outline.depth[find(&f, "fib", 0)], 3);
    finish(&f);
}

TEST(definitions_that_call_nothing_are_hidden)
{
    struct fixture f;
    static const char calls[] = "main{ A% B%{ helper } C%! D.__annotate__ E.__annotate__{ helper } not_annotate }";
    begin(&f, calls, true);
    CHECK_NUMBER(f.outline.hidden, 2);
    CHECK(flags(&f, "A", 0) & OUTLINE_HIDDEN);
    CHECK(flags(&f, "D.__annotate__", 0) & OUTLINE_HIDDEN);
    CHECK(!(flags(&f, "B", 0) & OUTLINE_HIDDEN));
    CHECK(!(flags(&f, "C", 0) & OUTLINE_HIDDEN));
    CHECK_NUMBER(f.outline.calls[find(&f, "main", 0)], f.model.call_count - 2);
    CHECK_NUMBER(f.outline.first_child[find(&f, "main", 0)], find(&f, "B", 0));
    CHECK_NUMBER(f.outline.next_sibling[find(&f, "C", 0)], find(&f, "E.__annotate__", 0));
    finish(&f);
    begin(&f, calls, false);
    CHECK_NUMBER(f.outline.hidden, 0);
    CHECK_NUMBER(f.outline.first_child[find(&f, "main", 0)], find(&f, "A", 0));
    finish(&f);
}

TEST(a_task_stands_under_whoever_created_it)
{
    struct fixture f;
    build_story(&f.b, "");
    build_generator(&f.b, 1, "main", 1);
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_yield(&f.b, 1);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f.b, 1, "fetch", 2);
    build_record(&f.b, 1, FLOW_RETURN);
    build_chunk(&f.b, 1, 2, 0);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 8, FLOW_SPAWN_THREAD, "of nobody");
    build_call(&f.b, 1, "worker");
    open_story(&f, false);
    CHECK_NUMBER(outline_parent(&f.model, find(&f, "fetch", 0)), find(&f, "main", 0));
    CHECK_NUMBER(outline_parent(&f.model, find(&f, "main", 0)), MODEL_NONE);
    CHECK_NUMBER(outline_parent(&f.model, find(&f, "worker", 0)), MODEL_NONE);
    CHECK_NUMBER(f.outline.calls[find(&f, "main", 0)], 2);
    CHECK_NUMBER(f.outline.next_sibling[find(&f, "main", 0)], find(&f, "worker", 0));
    finish(&f);
}

TEST(by_task_a_task_stands_beside_whoever_created_it)
{
    struct fixture f;
    struct outline outline;
    build_story(&f.b, "");
    build_call(&f.b, 1, "main");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f.b, 1, "fetch", 2);
    build_call(&f.b, 1, "clean");
    build_record(&f.b, 1, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    open_story(&f, false);
    CHECK_NUMBER(outline_build_by_task(&outline, &f.model, false), 0);
    uint32_t main = find(&f, "main", 0), fetch = find(&f, "fetch", 0), clean = find(&f, "clean", 0);
    CHECK_NUMBER(f.outline.calls[main], 3);
    CHECK_NUMBER(outline_creator_beside(&f.outline, fetch), MODEL_NONE);
    CHECK_NUMBER(outline.calls[main], 1);
    CHECK_NUMBER(outline.first_root, main);
    CHECK_NUMBER(outline.next_sibling[main], fetch);
    CHECK_NUMBER(outline.first_child[fetch], clean);
    CHECK_NUMBER(outline_creator_beside(&outline, fetch), main);
    CHECK_NUMBER(outline_creator_beside(&outline, clean), MODEL_NONE);
    outline_free(&outline);
    finish(&f);
}

TEST(a_creator_that_is_told_too_late_is_no_parent)
{
    struct fixture f;
    build_story(&f.b, "");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f.b, 1, "early", 2);
    build_record(&f.b, 1, FLOW_RETURN);
    build_call(&f.b, 1, "late");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    open_story(&f, false);
    CHECK_NUMBER(call_spawned_by(&f.model, &f.model.calls[find(&f, "early", 0)]), find(&f, "late", 0));
    CHECK_NUMBER(outline_parent(&f.model, find(&f, "early", 0)), MODEL_NONE);
    CHECK_NUMBER(f.outline.calls[find(&f, "late", 0)], 1);
    finish(&f);
}

TEST(an_origin_of_an_unknown_kind_is_none)
{
    static const uint32_t kinds[] = {0, 4, 128, 256, 257};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct fixture f;
        build_story(&f.b, "main{ ");
        build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_JOB, "");
        build_record(&f.b, 1, FLOW_RETURN);
        build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, (enum flow_spawn)kinds[i], "");
        build_call(&f.b, 1, "root");
        open_story(&f, false);
        CHECK_NUMBER(f.model.calls[find(&f, "root", 0)].origin, 0);
        CHECK_NUMBER(call_spawned_by(&f.model, &f.model.calls[find(&f, "root", 0)]), MODEL_NONE);
        CHECK_NUMBER(outline_parent(&f.model, find(&f, "root", 0)), MODEL_NONE);
        CHECK_NUMBER(f.outline.inherited, 0);
        finish(&f);
    }
}

TEST(no_depth_is_too_deep)
{
    struct fixture f;
    build_story(&f.b, "");
    struct story_builder s = {.b = &f.b, .tick = 1};
    for (uint32_t i = 0; i < 15000; i++)
        story_calls(&s, "down?");
    open_story(&f, true);
    CHECK_NUMBER(f.model.call_count, 15000);
    CHECK_NUMBER(f.outline.depth[0], 15000);
    CHECK_NUMBER(f.outline.calls[0], 15000);
    finish(&f);
}

TEST(an_empty_trace_has_an_empty_outline)
{
    struct fixture f;
    begin(&f, "", true);
    CHECK_NUMBER(f.outline.first_root, MODEL_NONE);
    finish(&f);
}
