#include "../../src/model/tally.h"

#include "model_fixture.h"
#include "random_trace.h"
#include "story_builder.h"

/* --- the median --------------------------------------------------------- */

static int
compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

TEST(any_rank_of_any_values_is_selected)
{
    uint64_t state = 77;
    for (int round = 0; round < 400; round++) {
        uint64_t values[200], sorted[200];
        size_t count = 1 + random_number(&state, 199);
        uint32_t kinds = 1 + random_number(&state, round % 3 ? 1000000 : 4);
        for (size_t i = 0; i < count; i++)
            sorted[i] = values[i] = random_number(&state, kinds);
        qsort(sorted, count, sizeof *sorted, compare_numbers);
        size_t rank = random_number(&state, (uint32_t)count);
        CHECK_NUMBER(tally_select(values, count, rank), sorted[rank]);
        CHECK_NUMBER(tally_select(values, count, 0), sorted[0]);
        CHECK_NUMBER(tally_select(values, count, count - 1), sorted[count - 1]);
    }
}

TEST(a_million_equal_or_sorted_values_take_one_pass_each)
{
    size_t count = 1000000;
    uint64_t *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = 5;
    CHECK_NUMBER(tally_select(values, count, count / 2), 5);
    for (size_t i = 0; i < count; i++)
        values[i] = i;
    CHECK_NUMBER(tally_select(values, count, count / 3), count / 3);
    free(values);
}

/* --- functions ---------------------------------------------------------- */

static struct tally
tally_of(const struct fixture *f, enum tally_by by)
{
    struct tally tally;
    CHECK_NUMBER(tally_build(&tally, &f->model, by, true), 0);
    return tally;
}

static struct tally_row
row(const struct fixture *f, const struct tally *tally, const char *name)
{
    for (uint32_t i = 0; i < tally->count; i++)
        if (slice_is(f->model.calls[tally->rows[i].first].code->qualname, name))
            return tally->rows[i];
    unit_fail(__FILE__, __LINE__, "no row of %s", name);
    return (struct tally_row){0};
}

/* Each event comes 10 ns after the one before. */
TEST(total_holds_what_was_called_and_self_does_not)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } b }");
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row all = row(&f, &tally, "main"), a = row(&f, &tally, "a"), b = row(&f, &tally, "b");
    CHECK_NUMBER(tally.count, 3);
    CHECK_NUMBER(tally.calls, 4);
    CHECK_NUMBER(all.calls, 1);
    CHECK_NUMBER(all.total_ns, 70);
    CHECK_NUMBER(all.self_ns, 30);
    CHECK_NUMBER(a.total_ns, 30);
    CHECK_NUMBER(a.self_ns, 20);
    CHECK_NUMBER(b.calls, 2);
    CHECK_NUMBER(b.total_ns, 20);
    CHECK_NUMBER(b.self_ns, 20);
    CHECK_NUMBER(b.max_ns, 10);
    tally_free(&tally);
    finish(&f);
}

TEST(recursion_counts_each_moment_once)
{
    struct fixture f;
    build_story(&f.b, "fib{ fib{ fib } fib } ping{ pong{ ping{ pong } } }");
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row fib = row(&f, &tally, "fib"), ping = row(&f, &tally, "ping"), pong = row(&f, &tally, "pong");
    CHECK_NUMBER(fib.calls, 4);
    CHECK_NUMBER(fib.total_ns, 70); /* not 70 + 30 + 10 + 10 */
    CHECK_NUMBER(fib.self_ns, 70);
    CHECK_NUMBER(ping.total_ns, 70);
    CHECK_NUMBER(pong.total_ns, 50);
    CHECK_NUMBER(ping.self_ns + pong.self_ns, 70);
    tally_free(&tally);
    finish(&f);
}

TEST(a_function_that_comes_back_beside_itself_counts_each_time)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } c{ a{ b } } a }");
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(row(&f, &tally, "a").total_ns, 30 + 30 + 10);
    tally_free(&tally);
    finish(&f);
}

TEST(min_median_and_max_are_of_each_call)
{
    struct fixture f;
    build_story(&f.b, "f f{ x } f{ x x x } f{ x x } main{ f f }"); /* 10 30 70 50 10 10 */
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row r = row(&f, &tally, "f");
    CHECK_NUMBER(r.calls, 6);
    CHECK_NUMBER(r.min_ns, 10);
    CHECK_NUMBER(r.median_ns, 10); /* half of them, rounded up, took that long at most */
    CHECK_NUMBER(r.max_ns, 70);
    CHECK_NUMBER(row(&f, &tally, "main").median_ns, 50);
    tally_free(&tally);
    finish(&f);
}

/* main 10 ... 180; the coroutine runs 20 ... 50 and 150 ... 170. */
TEST(waits_are_no_running_time)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "main");
    build_generator(&f.b, 10, "fetch", 1);
    build_yield(&f.b, 30);
    build_resume(&f.b, 100, "fetch", 1);
    build_record(&f.b, 20, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row all = row(&f, &tally, "main"), fetch = row(&f, &tally, "fetch");
    CHECK_NUMBER(fetch.total_ns, 50);
    CHECK_NUMBER(fetch.self_ns, 50);
    CHECK_NUMBER(fetch.waits_ns, 100);
    CHECK_NUMBER(fetch.max_ns, 50);
    CHECK_NUMBER(all.total_ns, 170);
    CHECK_NUMBER(all.self_ns, 120);
    CHECK_NUMBER(all.waits_ns, 0);
    tally_free(&tally);
    finish(&f);
}

/* What a generator does between its items is its consumer's time, and nothing that it waits for. */
TEST(a_generator_does_not_wait_for_its_consumer)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "main");
    build_record(&f.b, 10, FLOW_CALL);
    build_code_definition(&f.b, 50, "items", FLOW_CODE_GENERATOR, 0);
    build_number(&f.b, 1);
    build_yield(&f.b, 5);
    build_record(&f.b, 100, FLOW_RESUME);
    build_number(&f.b, 1);
    build_code_definition(&f.b, 50, "items", FLOW_CODE_GENERATOR, 0);
    build_record(&f.b, 7, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row items = row(&f, &tally, "items");
    CHECK_NUMBER(items.calls, 1);
    CHECK_NUMBER(items.total_ns, 12);
    CHECK_NUMBER(items.waits_ns, 0);
    CHECK_NUMBER(row(&f, &tally, "main").self_ns, 132 - 12);
    tally_free(&tally);
    finish(&f);
}

/* Begun by `make`, which ends at 40 of its time 20 ... 40; it goes on elsewhere. */
TEST(a_generator_that_outlives_who_began_it_takes_no_more_than_that_ran)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "make");
    build_generator(&f.b, 10, "items", 1);
    build_yield(&f.b, 10);
    build_record(&f.b, 10, FLOW_RETURN);
    build_call(&f.b, 10, "use");
    build_resume(&f.b, 10, "items", 1);
    build_record(&f.b, 500, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(row(&f, &tally, "items").total_ns, 510);
    CHECK_NUMBER(row(&f, &tally, "make").total_ns, 30);
    CHECK(row(&f, &tally, "make").self_ns >= 10 && row(&f, &tally, "make").self_ns <= 20);
    tally_free(&tally);
    finish(&f);
}

TEST(exceptions_stops_and_cancellations_are_told_apart)
{
    struct fixture f;
    build_story(&f.b, "main{ charge! charge charge! }");
    for (int i = 0; i < 3; i++) {
        static const char *const types[] = {"StopIteration", "GeneratorExit", "CancelledError"};
        build_call(&f.b, 1, "take");
        build_unwind(&f.b, 1, 50 + (uint64_t)i, types[i], 9);
    }
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    struct tally_row charge = row(&f, &tally, "charge"), take = row(&f, &tally, "take");
    CHECK_NUMBER(charge.calls, 3);
    CHECK_NUMBER(charge.raised, 2);
    CHECK_NUMBER(charge.stops, 0);
    CHECK_NUMBER(row(&f, &tally, "main").raised, 0);
    CHECK_NUMBER(take.calls, 3);
    CHECK_NUMBER(take.raised, 0);
    CHECK_NUMBER(take.stops, 2);
    CHECK_NUMBER(take.cancelled, 1);
    tally_free(&tally);
    finish(&f);
}

TEST(shapes_are_what_calls_did)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } a{ b } a a{ b b } a{ b c } }");
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(row(&f, &tally, "a").shapes, 3); /* { b } as often as may be, nothing, { b c } */
    CHECK_NUMBER(row(&f, &tally, "b").shapes, 1);
    CHECK_NUMBER(row(&f, &tally, "main").shapes, 1);
    tally_free(&tally);
    CHECK_NUMBER(tally_build(&tally, &f.model, TALLY_FUNCTION, false), 0);
    CHECK_NUMBER(row(&f, &tally, "a").shapes, 0);
    tally_free(&tally);
    finish(&f);
}

TEST(calls_that_have_not_ended_count_up_to_the_end)
{
    struct fixture f;
    build_story(&f.b, "main{ a wait?");
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(tally.open, 2);
    CHECK_NUMBER(tally.calls, 3);
    CHECK_NUMBER(row(&f, &tally, "main").open, 1);
    CHECK_NUMBER(row(&f, &tally, "a").open, 0);
    CHECK_NUMBER(row(&f, &tally, "main").total_ns, 30);
    tally_free(&tally);
    finish(&f);
}

/* Each process numbers its code for itself. */
TEST(a_function_of_two_processes_is_one_row)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    for (uint32_t process = 1; process <= 2; process++) {
        build_chunk(&f.b, process, 1, 0);
        build_thread(&f.b, 1000 + process, true, "MainThread");
        build_record(&f.b, 10, FLOW_CALL);
        build_code_definition(&f.b, 60 + process, "work", 0, 0);
        build_record(&f.b, 10 * process, FLOW_RETURN);
    }
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(tally.count, 1);
    CHECK_NUMBER(tally.rows[0].calls, 2);
    CHECK_NUMBER(tally.rows[0].total_ns, 30);
    CHECK_NUMBER(tally.rows[0].shapes, 1);
    tally_free(&tally);
    tally = tally_of(&f, TALLY_TRACK);
    CHECK_NUMBER(tally.count, 2);
    CHECK_NUMBER(tally.rows[1].total_ns, 20);
    tally_free(&tally);
    finish(&f);
}

TEST(files_modules_and_tracks_count_each_moment_once)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } b }");
    build_chunk(&f.b, 1, 2, 0);
    build_thread(&f.b, 1002, false, "worker");
    build_call(&f.b, 10, "work");
    build_record(&f.b, 40, FLOW_RETURN);
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FILE);
    CHECK_NUMBER(tally.count, 1);
    CHECK_NUMBER(tally.rows[0].calls, 5);
    CHECK_NUMBER(tally.rows[0].total_ns, 70 + 40); /* of two tracks */
    CHECK_NUMBER(tally.rows[0].self_ns, 70 + 40);
    tally_free(&tally);
    tally = tally_of(&f, TALLY_MODULE);
    CHECK_NUMBER(tally.count, 1);
    CHECK_NUMBER(tally.rows[0].total_ns, 110);
    tally_free(&tally);
    tally = tally_of(&f, TALLY_TRACK);
    CHECK_NUMBER(tally.count, 2);
    CHECK_NUMBER(tally.rows[0].total_ns, 70);
    CHECK_NUMBER(tally.rows[1].total_ns, 40);
    CHECK_NUMBER(tally.rows[1].calls, 1);
    tally_free(&tally);
    finish(&f);
}

TEST(a_trace_of_nothing_has_no_rows)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    end(&f);
    for (int by = TALLY_FUNCTION; by <= TALLY_TRACK; by++) {
        struct tally tally = tally_of(&f, (enum tally_by)by);
        CHECK_NUMBER(tally.count, 0);
        CHECK_NUMBER(tally.calls, 0);
        tally_free(&tally);
    }
    struct tally_exceptions exceptions;
    CHECK_NUMBER(tally_exceptions(&exceptions, &f.model), 0);
    CHECK_NUMBER(exceptions.count, 0);
    tally_exceptions_free(&exceptions);
    finish(&f);
}

/* --- deep and wide ------------------------------------------------------ */

static void
make_room(struct trace_builder *b, uint32_t *sequence)
{
    if (b->p - (uint8_t *)b->chunk > (ptrdiff_t)FLOW_UNIT_SIZE - 1000)
        build_chunk(b, 1, 1, ++*sequence);
}

TEST(a_recursion_of_50000_is_counted_without_recursion)
{
    enum { DEPTH = 50000 };
    struct fixture f;
    uint32_t sequence = 0;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    for (uint32_t i = 0; i < DEPTH; i++) {
        make_room(&f.b, &sequence);
        build_record(&f.b, 1, FLOW_CALL);
        build_code_definition(&f.b, 9, "down", 0, 0);
    }
    for (uint32_t i = 0; i < DEPTH; i++) {
        make_room(&f.b, &sequence);
        build_record(&f.b, 1, FLOW_RETURN);
    }
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(tally.count, 1);
    CHECK_NUMBER(tally.rows[0].calls, DEPTH);
    CHECK_NUMBER(tally.rows[0].total_ns, 2 * DEPTH - 1);
    CHECK_NUMBER(tally.rows[0].self_ns, 2 * DEPTH - 1);
    CHECK_NUMBER(tally.rows[0].median_ns, DEPTH - 1);
    tally_free(&tally);
    finish(&f);
}

TEST(a_hundred_thousand_functions_are_as_many_rows)
{
    enum { FUNCTIONS = 100000 };
    struct fixture f;
    uint32_t sequence = 0;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%u", i);
        make_room(&f.b, &sequence);
        build_record(&f.b, 1, FLOW_CALL);
        build_code_definition(&f.b, i, name, 0, 0);
        build_record(&f.b, 1, FLOW_RETURN);
    }
    end(&f);
    struct tally tally = tally_of(&f, TALLY_FUNCTION);
    CHECK_NUMBER(tally.count, FUNCTIONS);
    CHECK_NUMBER(tally.calls, FUNCTIONS);
    CHECK_NUMBER(tally.rows[FUNCTIONS - 1].calls, 1);
    tally_free(&tally);
    finish(&f);
}

TEST(of_any_trace_the_rows_sum_to_all_calls)
{
    for (uint64_t seed = 1; seed < 80; seed++) {
        struct random_trace r;
        struct fixture f;
        random_trace(&r, seed, 300);
        f.b = r.b;
        end(&f);
        for (int by = TALLY_FUNCTION; by <= TALLY_TRACK; by++) {
            struct tally tally = tally_of(&f, (enum tally_by)by);
            uint64_t calls = 0, self = 0, ran = 0;
            for (uint32_t i = 0; i < tally.count; i++) {
                const struct tally_row *t = &tally.rows[i];
                calls += t->calls;
                self += t->self_ns;
                CHECK(t->calls > 0 && t->shapes > 0 && t->shapes <= t->calls);
                CHECK(t->min_ns <= t->median_ns && t->median_ns <= t->max_ns && t->max_ns <= t->total_ns);
                CHECK(t->raised + t->stops + t->cancelled + t->open <= t->calls);
            }
            for (uint32_t i = 0; i < f.model.call_count; i++)
                if (f.model.calls[i].parent == MODEL_NONE)
                    ran += call_duration(&f.model.calls[i]);
            CHECK_NUMBER(calls, f.model.call_count);
            CHECK_NUMBER(tally.calls, calls);
            CHECK(self <= ran);
            tally_free(&tally);
        }
        finish(&f);
    }
}

/* --- exceptions --------------------------------------------------------- */

TEST(exceptions_are_counted_by_their_types)
{
    struct fixture f;
    build_story(&f.b, "main{ pay{ charge! }^ charge! charge }");
    build_call(&f.b, 1, "take");
    build_unwind(&f.b, 1, 77, "KeyError", 0);
    end(&f);
    struct tally_exceptions tally;
    CHECK_NUMBER(tally_exceptions(&tally, &f.model), 0);
    CHECK_NUMBER(tally.count, 2);
    CHECK_NUMBER(tally.rows[0].raised, 2);
    CHECK_NUMBER(tally.rows[0].left, 3);
    CHECK_NUMBER(tally.rows[0].caught, 2);
    CHECK_NUMBER(tally.rows[0].places, 1);
    CHECK_NUMBER(tally.rows[1].raised, 1);
    CHECK_NUMBER(tally.rows[1].caught, 0);
    tally_exceptions_free(&tally);
    finish(&f);
}
