/* Functions that took another time in one of two runs: which of them are told, and how. */
#include "../../src/model/diff_time.h"

#include "diff_fixture.h"

#define MS 1000000u

/* --- the rule ----------------------------------------------------------- */

#define MANY 40

/* `calls` calls of about these times, spread evenly by as much below and above. */
static bool
differs(uint64_t before, uint64_t after, uint64_t spread, uint32_t calls)
{
    uint64_t old[MANY], now[MANY];
    struct diff_time time = {0};
    for (uint32_t i = 0; i < calls; i++) {
        uint64_t off = calls > 1 ? 2 * spread * i / (calls - 1) : spread;
        old[calls - 1 - i] = before + off - spread;
        now[i] = after + off - spread;
    }
    bool found = diff_time_differs(old, now, calls, calls, &time);
    CHECK_NUMBER(time.calls, calls);
    CHECK(time.before + 1 >= before && time.before <= before + 1);
    CHECK(time.after + 1 >= after && time.after <= after + 1);
    return found;
}

TEST(a_change_within_the_spread_is_noise)
{
    CHECK(!differs(10 * MS, 10 * MS, MS, 20));
    CHECK(differs(10 * MS, 20 * MS, MS, 20));
    CHECK(differs(20 * MS, 10 * MS, MS, 20));
    /* Evenly spread by 4 ms, half of the calls lie within 2 ms: 3 × (2 + 2) ms */
    CHECK(!differs(10 * MS, 21 * MS, 4 * MS, 31));
    CHECK(differs(10 * MS, 23 * MS, 4 * MS, 31));
}

TEST(a_change_of_little_is_none)
{
    CHECK(!differs(10 * MS, 10 * MS + MS / 2, 0, 40)); /* 5 % */
    CHECK(differs(10 * MS, 12 * MS, 0, 40));
    CHECK(!differs(MS / 10, MS / 8, 0, 39)); /* 0.975 ms in all */
    CHECK(differs(MS / 10, MS / 8, 0, 40));
}

TEST(of_few_calls_half_of_the_time_is_noise)
{
    CHECK(!differs(10 * MS, 19 * MS, 0, 1));
    CHECK(!differs(10 * MS, 20 * MS, 0, 4));
    CHECK(differs(10 * MS, 21 * MS, 0, 1));
    CHECK(differs(21 * MS, 10 * MS, 0, 1));
    CHECK(differs(10 * MS, 15 * MS, 0, 5));
}

TEST(no_calls_have_no_time)
{
    uint64_t times[] = {1, 2};
    struct diff_time time = {0};
    CHECK(!diff_time_differs(times, times, 0, 2, &time));
    CHECK(!diff_time_differs(times, times, 2, 0, &time));
}

/* --- two runs ----------------------------------------------------------- */

static void
begin_run(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
    build_call(&f->b, 10, "main");
}

static void
add_calls(struct fixture *f, const char *name, uint64_t ns, uint32_t calls)
{
    for (uint32_t i = 0; i < calls; i++) {
        build_call(&f->b, 10, name);
        build_record(&f->b, ns, FLOW_RETURN);
    }
}

static void
compare(struct diff_fixture *f)
{
    build_record(&f->a.b, 10, FLOW_RETURN);
    build_record(&f->b.b, 10, FLOW_RETURN);
    end(&f->a);
    end(&f->b);
    struct show_options show = {.lines = 200, .width = 100};
    struct show_diff_options options = {.name_a = "a.flow", .name_b = "b.flow", .values = true, .time = true};
    CHECK_NUMBER(show_diff(&f->text, &f->a.model, &f->b.model, &show, &options, &f->same), 0);
}

static void
finish_both(struct diff_fixture *f)
{
    text_free(&f->text);
    finish(&f->a);
    finish(&f->b);
}

TEST(the_function_that_took_longer_is_told_and_not_its_callers)
{
    struct diff_fixture f = {0};
    begin_run(&f.a);
    add_calls(&f.a, "price", MS, 10);
    add_calls(&f.a, "save", 4 * MS, 10);
    begin_run(&f.b);
    add_calls(&f.b, "price", 3 * MS, 10);
    add_calls(&f.b, "save", 2 * MS, 10);
    compare(&f);
    CHECK(!f.same);
    CHECK_TEXT(f.text.data, f.text.length,
               "The runs are the same: 21 calls.\n"
               "\n"
               "Times of 3 functions were compared, medians of what their calls ran themselves; beyond the noise\n"
               "are:\n"
               "\n"
               "    before     after    change  calls  function\n"
               "   1.00 ms   3.00 ms    +200 %     10  price  file.py:7\n"
               "   4.00 ms   2.00 ms     -50 %     10  save  file.py:7\n");
    finish_both(&f);
}

TEST(runs_that_took_as_long_are_the_same)
{
    struct diff_fixture f = {0};
    begin_run(&f.a);
    add_calls(&f.a, "price", 100 * MS, 10);
    begin_run(&f.b);
    add_calls(&f.b, "price", 101 * MS, 10);
    compare(&f);
    CHECK(f.same);
    SAYS(&f, "none of them changed");
    finish_both(&f);
}

TEST(calls_of_one_run_alone_have_nothing_to_be_compared_with)
{
    struct diff_fixture f = {0};
    begin_run(&f.a);
    add_calls(&f.a, "price", 10 * MS, 1);
    begin_run(&f.b);
    add_calls(&f.b, "price", 10 * MS, 1);
    add_calls(&f.b, "price", 90 * MS, 3);
    add_calls(&f.b, "extra", 90 * MS, 3);
    compare(&f);
    CHECK(!f.same);
    SAYS(&f, "Times of 2 functions were compared");
    SAYS(&f, "none of them changed");
    finish_both(&f);
}

/* A coroutine that waits. */
static void
add_waits(struct fixture *f, uint64_t ns, uint32_t calls)
{
    for (uint32_t i = 1; i <= calls; i++) {
        build_generator(&f->b, 10, "fetch", i);
        build_yield(&f->b, 10);
        build_resume(&f->b, ns, "fetch", i);
        build_record(&f->b, 10, FLOW_RETURN);
    }
}

TEST(waits_are_compared_apart)
{
    struct diff_fixture f = {0};
    begin_run(&f.a);
    add_waits(&f.a, 5 * MS, 6);
    begin_run(&f.b);
    add_waits(&f.b, 9 * MS, 6);
    compare(&f);
    SAYS(&f, "   5.00 ms   9.00 ms     +80 %      6  fetch, waiting  file.py:7\n");
    finish_both(&f);
}
