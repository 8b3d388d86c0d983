/* Tracks as lanes over time: what each did when, which lanes there are, and how they are drawn. */
#include "../../src/show/timeline.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "../../src/model/select.h"
#include "../../src/show/timeline_axis.h"
#include "random_filter.h"
#include "random_trace.h"
#include "story_builder.h"
#include "unit.h"

struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct model model;
    struct text text;
};

static void
begin(struct fixture *f)
{
    *f = (struct fixture){0};
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
}

static void
end(struct fixture *f)
{
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    struct model_watcher watcher = {.pauses = PAUSES_FOLDED};
    CHECK_NUMBER(model_build_watched(&f->model, &f->reader, &watcher), 0);
}

static void
finish(struct fixture *f)
{
    text_free(&f->text);
    model_free(&f->model);
    reader_close(&f->reader);
    build_free(&f->b);
}

static void
filter(struct fixture *f, const char *option, const char *text)
{
    struct filter filter = {0};
    struct text error = {0};
    CHECK_NUMBER(filter_add(&filter, option, text, &error), 0);
    CHECK_NUMBER(model_select(&f->model, &filter, &error), 0);
    filter_free(&filter);
    text_free(&error);
}

static const struct range always = {0, UINT64_MAX};

/* Of names in 11 columns, as "main thread" has, the bars have 40. */
static const struct show_options narrow = {.width = 52, .lines = 50};

/* What stands between the header and the legend. */
static void
check_drawn(struct fixture *f, const struct show_options *options, struct range within, const char *expected,
            const char *file, int line)
{
    text_truncate(&f->text, 0);
    CHECK_NUMBER(show_timeline(&f->text, &f->model, within, options), 0);
    text_bytes(&f->text, "", 1);
    char *told = strstr(f->text.data, "\n\n");
    told = told ? told + 2 : f->text.data;
    char *rest = strstr(told, "\n\n");
    if (rest)
        rest[1] = '\0';
    if (strcmp(told, expected) != 0)
        unit_fail(file, line, "draws\n%sinstead of\n%s", told, expected);
}

/* What stands below the lanes that were drawn last, in one line. */
static void
check_foot(struct fixture *f, const char *expected)
{
    char *foot = f->text.data + strlen(f->text.data) + 1;
    size_t length = f->text.length - (size_t)(foot - f->text.data) - 2; /* without the last newline */
    for (size_t i = 0; i < length; i++)
        foot[i] = foot[i] == '\n' ? ' ' : foot[i];
    CHECK_TEXT(foot, length, expected);
}

#define DRAWS(options, within, expected) check_drawn(&f, &(options), within, expected, __FILE__, __LINE__)

static void
build_return(struct fixture *f, uint64_t dt)
{
    build_record(&f->b, dt, FLOW_RETURN);
}

/* --- what is drawn ------------------------------------------------------ */

#define AXIS                                             \
    "            0         100 ns    200 ns    300 ns\n" \
    "            ┬─────────┬─────────┬─────────┬─────────\n"

TEST(calls_are_named_where_they_divide_their_thread)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 0, "main");
    build_call(&f.b, 0, "load");
    build_return(&f, 100);
    build_call(&f.b, 0, "a_name_that_is_too_long");
    build_return(&f, 100);
    build_call(&f.b, 50, "ends");
    build_unwind(&f.b, 149, 1, "ValueError", 9);
    build_return(&f, 1);
    end(&f);
    DRAWS(narrow, always, AXIS "main thread █load█████████████████████ends█████████✗\n");
    finish(&f);
}

TEST(a_call_that_runs_for_less_than_half_of_a_slice_is_low)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 0, "first");
    build_return(&f, 104);
    build_call(&f.b, 196, "second");
    build_return(&f, 100);
    end(&f);
    DRAWS(narrow, always, AXIS "main thread █first████▄                   █second███\n");
    struct show_options ascii = narrow;
    ascii.ascii = true;
    DRAWS(ascii, always,
          "            0         100 ns    200 ns    300 ns\n"
          "            |---------|---------|---------|---------\n"
          "main thread #first####+                   #second###\n");
    finish(&f);
}

/* main calls run, which runs an event loop: a task, and a callback in the midst of it. */
static void
build_loop(struct fixture *f)
{
    begin(f);
    build_call(&f->b, 0, "main");
    build_call(&f->b, 50, "run");
    build_link(&f->b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_link(&f->b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f->b, 50, "fetch", 2);
    build_yield(&f->b, 50);
    build_call(&f->b, 50, "beat");
    build_return(f, 20);
    build_resume(&f->b, 80, "fetch", 2);
    build_return(f, 50);
    build_return(f, 0);
    build_return(f, 50);
    end(f);
}

TEST(a_thread_waits_while_its_event_loop_runs_and_a_task_while_it_is_suspended)
{
    struct fixture f;
    build_loop(&f);
    DRAWS(narrow, always,
          AXIS "main thread ██████run█──────────██─────────────█████\n"
               "⇢ Task-2         ·····█████─fetch─────────█████\n");
    check_foot(&f, "█ runs, ─ waits, · created, not begun. A column is 10 ns.");
    finish(&f);
}

TEST(what_filters_leave_is_drawn_alone_in_the_time_that_it_takes)
{
    struct fixture f;
    build_loop(&f);
    filter(&f, "--function", "fetch");
    DRAWS(narrow, always,
          "         100 ns  150 ns   200 ns  250 ns   300 ns\n"
          "         ┬───────┬────────┬───────┬────────┬────────\n"
          "⇢ Task-2 █fetch███─────────────────────────█████████\n");
    check_foot(&f, "█ runs, ─ waits. A column is 6 ns. Filters leave 1 of 4 calls.");
    finish(&f);
}

TEST(a_range_of_time_is_drawn_as_wide_as_there_is_room)
{
    struct fixture f;
    build_loop(&f);
    DRAWS(narrow, ((struct range){190, 230}),
          "            190 ns    200 ns    210 ns    220 ns\n"
          "            ┬─────────┬─────────┬─────────┬─────────\n"
          "main thread ─run──────█beat███████████████──────────\n"
          "⇢ Task-2    ─fetch──────────────────────────────────\n");
    finish(&f);
}

TEST(a_task_that_never_goes_on_waits_until_the_end)
{
    struct fixture f;
    begin(&f);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "stuck");
    build_generator(&f.b, 0, "wait", 2);
    build_yield(&f.b, 100);
    build_call(&f.b, 250, "after");
    build_return(&f, 50);
    end(&f);
    DRAWS(narrow, always,
          "            0         100 ns    200 ns    300 ns\n"
          "            ┬─────────┬─────────┬─────────┬─────────\n"
          "main thread                                    █████\n"
          "⇢ stuck     █wait█████──────────────────────────────\n");
    finish(&f);
}

TEST(a_cancelled_task_ends_with_a_sign_of_its_own)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 0, "main");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "forever");
    build_generator(&f.b, 0, "forever", 2);
    build_yield(&f.b, 100);
    build_throw(&f.b, 285, "forever", 2, 1, "CancelledError");
    build_unwind(&f.b, 10, 1, NULL, 0);
    build_return(&f, 5);
    end(&f);
    f.model.exceptions[0].meaning = FLOW_EXCEPTION_CANCEL;
    DRAWS(narrow, always,
          "            0         100 ns    200 ns    300 ns\n"
          "            ┬─────────┬─────────┬─────────┬─────────\n"
          "main thread ─main──────────────────────────────────█\n"
          "⇢ forever   █forever██────────────────────────────█⊘\n");
    check_foot(&f, "█ runs, ─ waits, ⊘ cancelled. A column is 10 ns.");
    finish(&f);
}

TEST(greenlets_take_turns)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 0, "main");
    build_greenlet(&f.b, 4, 0, "", false);
    build_call(&f.b, 100, "child");
    build_greenlet(&f.b, 0, 0, "", false);
    build_call(&f.b, 100, "own");
    build_return(&f, 50);
    build_greenlet(&f.b, 4, 0, "", false);
    build_call(&f.b, 0, "inner");
    build_return(&f, 50);
    build_return(&f, 50);
    build_greenlet(&f.b, 0, 0, "", false);
    build_return(&f, 50);
    end(&f);
    DRAWS(narrow, always,
          "             0        100 ns    200 ns    300 ns\n"
          "             ┬────────┬─────────┬─────────┬─────────\n"
          "main thread  ─main──────────────█████▄──────────────\n"
          "⇢ greenlet 4          ──child────────██████████▄\n");
    finish(&f);
}

TEST(processes_have_headings)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 0, "main");
    build_return(&f, 400);
    build_chunk(&f.b, 2, 2, 0);
    build_thread(&f.b, 1002, true, "MainThread");
    build_call(&f.b, 0, "other");
    build_return(&f, 0);
    end(&f);
    DRAWS(narrow, always,
          AXIS "process 1001\n"
               "main thread █main███████████████████████████████████\n"
               "process 1002\n"
               "main thread                                        ▄\n");
    finish(&f);
}

/* --- more lanes than lines ---------------------------------------------- */

/* A task for each letter, which begins with the function of that name. */
static void
build_tasks(struct fixture *f, const char *functions)
{
    uint32_t known[26] = {0};
    char name[16];
    begin(f);
    build_call(&f->b, 0, "main");
    for (uint64_t i = 0; functions[i]; i++) {
        snprintf(name, sizeof name, "task %u", (unsigned)i);
        build_link(&f->b, FLOW_EXTENDED_ORIGIN, 7 + i, FLOW_SPAWN_TASK, name);
        build_record(&f->b, 0, FLOW_CALL);
        if (known[functions[i] - 'a'])
            build_number(&f->b, known[functions[i] - 'a']);
        else
            build_code(&f->b, (char[]){functions[i], '\0'}, FLOW_CODE_COROUTINE, 0);
        known[functions[i] - 'a'] = known[functions[i] - 'a'] ? known[functions[i] - 'a'] : f->b.functions;
        build_number(&f->b, 2 + i);
        build_return(f, 10 + i);
    }
    build_return(f, 0);
    end(f);
}

static const char *
lanes_of(struct fixture *f, unsigned lines)
{
    static char found[256];
    struct timeline timeline;
    struct text text = {0};
    CHECK_NUMBER(timeline_build(&timeline, &f->model, always, lines), 0);
    for (uint32_t i = 0; i < timeline.count; i++) {
        const struct timeline_lane *lane = &timeline.lanes[i];
        text_string(&text, i ? ", " : "");
        text_slice(&text, f->model.calls[lane->first_root].code->qualname);
        if (lane->count > 1)
            text_format(&text, " x%u", lane->count);
    }
    for (int kind = 0; kind < 4; kind++)
        if (timeline.left_out[kind])
            text_format(&text, ", not %u of kind %d: %llu ns", timeline.left_out[kind], kind,
                        (unsigned long long)timeline.left_out_ns);
    snprintf(found, sizeof found, "%.*s", (int)text.length, text.data);
    text_free(&text);
    timeline_free(&timeline);
    return found;
}

#define LANES(lines, expected) CHECK_TEXT(lanes_of(&f, lines), strlen(lanes_of(&f, lines)), expected)

TEST(lanes_alike_share_one_where_there_are_more_than_fit)
{
    struct fixture f;
    build_tasks(&f, "abbcbc");
    LANES(0, "main, a, b, b, c, b, c");
    LANES(7, "main, a, b, b, c, b, c");
    LANES(6, "main, a, b x3, c, c");
    LANES(5, "main, a, b x3, c, c");
    LANES(4, "main, a, b x3, c x2");
    LANES(3, "main, b x3, c x2, not 1 of kind 2: 10 ns");
    LANES(2, "main, b x3, not 3 of kind 2: 38 ns");
    LANES(1, "main, not 6 of kind 2: 75 ns");
    finish(&f);
}

TEST(what_is_not_shown_is_said)
{
    struct fixture f;
    build_tasks(&f, "abbcbc");
    struct show_options options = narrow;
    options.lines = 10;
    DRAWS(options, always,
          "            0         20 ns      40 ns      60 ns\n"
          "            ┬─────────┬──────────┬──────────┬───────\n"
          "main thread ─main───────────────────────────────────\n"
          "⇢ b() ×3         █████████████      ▄███████\n"
          "⇢ c() ×2                     ▄███████       ████████\n");
    check_foot(&f, "█ runs, ▄ less than half of the time, ─ waits. A column is 2 ns. 5 tracks that begin with the same "
                   "function share a lane (×): --lines N shows more of them alone. Not shown: 1 task, which ran 10 ns "
                   "in all; --lines N shows more, --all everything, --track NAME one.");
    finish(&f);
}

/* --- pauses ------------------------------------------------------------- */

TEST(pauses_that_follow_each_other_at_once_are_one_but_no_long_one_is_with_them)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 0, "ticks", 2);
    for (int i = 0; i < 10; i++) {
        build_yield(&f.b, 5);
        build_resume(&f.b, 5, "ticks", 2);
    }
    build_yield(&f.b, 5);
    build_resume(&f.b, 1000000, "ticks", 2);
    build_return(&f, 0);
    end(&f);
    /* 100 ns are less than a 4096th of a millisecond. */
    CHECK_NUMBER(f.model.pauses.count, 2);
    CHECK_NUMBER(f.model.pauses.items[0].start_ns, 5);
    CHECK_NUMBER(f.model.pauses.items[0].end_ns, 100);
    CHECK_NUMBER(f.model.pauses.items[0].ran_ns, 45);
    CHECK_NUMBER(f.model.pauses.items[1].start_ns, 105);
    CHECK_NUMBER(f.model.pauses.items[1].ran_ns, 0);
    finish(&f);
}

/* --- the axis ----------------------------------------------------------- */

static const char *
ticks_of(uint64_t from, uint64_t to, uint32_t columns)
{
    static char found[512];
    struct axis axis = axis_make(from, to, columns, true);
    struct text text = {0};
    uint64_t ns;
    uint32_t column;
    for (uint32_t i = 0; axis_tick(&axis, i, &ns, &column); i++) {
        text_format(&text, "%s%u:", i ? " " : "", column);
        axis_put_label(&text, &axis, ns);
    }
    snprintf(found, sizeof found, "%.*s", (int)text.length, text.data ? text.data : "");
    text_free(&text);
    return found;
}

#define TICKS(from, to, columns, expected) \
    CHECK_TEXT(ticks_of(from, to, columns), strlen(ticks_of(from, to, columns)), expected)

TEST(ticks_stand_at_round_times)
{
    TICKS(0, 10000000, 50, "0:0 10:2 ms 20:4 ms 30:6 ms 40:8 ms");
    TICKS(0, 5000, 50, "0:0 10:1 us 20:2 us 30:3 us 40:4 us");
    TICKS(1200000000, 1300000000, 50, "0:1.20 s 10:1.22 s 20:1.24 s 30:1.26 s 40:1.28 s");
    TICKS(1234567890, 1234567990, 100,
          "10:1.23456790 s 30:1.23456792 s 50:1.23456794 s 70:1.23456796 s 90:1.23456798 s");
    TICKS(0, 7200000000000, 40, "0:0 16:50 min 33:100 min");
    TICKS(0, 1, 10, "0:0");
    CHECK(strlen(ticks_of(UINT64_MAX - 2, UINT64_MAX, 10)) < 100);
}

/* --- what must hold of any trace ---------------------------------------- */

static double
time_of_roots(const struct timeline *timeline, const struct timeline_lane *lane)
{
    double sum = 0;
    for (uint32_t track = lane->track; track != MODEL_NONE; track = timeline->next[track])
        for (uint32_t i = timeline->roots_from[track]; i < timeline->roots_from[track + 1]; i++) {
            uint32_t root = timeline->roots[i];
            if (timeline->model->calls[root].parent == MODEL_NONE)
                sum += (double)(timeline_end(timeline, root) - timeline_start(timeline, root));
        }
    return sum;
}

static void
check_lane(const struct timeline *timeline, const struct timeline_lane *lane, struct timeline_cell *cells,
           uint32_t count)
{
    double sum = 0;
    CHECK_NUMBER(timeline_fill(timeline, lane, cells, count), 0);
    double cell_ns = (double)(timeline->to_ns - timeline->from_ns) / count;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(cells[i].runs > -1e-3 * cell_ns);
        CHECK(cells[i].waits > -1e-3 * cell_ns);
        CHECK(cells[i].call == MODEL_NONE || cells[i].call < timeline->model->call_count);
        sum += cells[i].runs + cells[i].waits;
    }
    CHECK(fabs(sum - time_of_roots(timeline, lane)) <= 1e-6 * sum + cell_ns);
}

TEST(all_the_time_of_a_track_is_drawn_and_all_tracks_are_counted)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct random_trace r;
        struct fixture f = {0};
        struct timeline timeline;
        struct timeline_cell cells[97];
        random_trace(&r, seed, 300);
        f.b = r.b;
        end(&f);
        uint64_t state = seed + 1;
        struct filter random = {0};
        struct text error = {0};
        if (seed % 2 && random_filter(&random, &f.model, &state))
            model_select(&f.model, &random, &error);
        filter_free(&random);
        text_free(&error);
        uint32_t tracks = 0, counted = 0;
        for (uint32_t i = 0; i < f.model.track_count; i++)
            tracks += f.model.tracks[i].call_count > 0;
        CHECK_NUMBER(timeline_build(&timeline, &f.model, always, (unsigned)(seed % 9)), 0);
        for (uint32_t i = 0; i < timeline.count; i++) {
            check_lane(&timeline, &timeline.lanes[i], cells, 1 + (uint32_t)(seed % 97));
            counted += timeline.lanes[i].count;
        }
        for (int kind = 0; kind < 4; kind++)
            counted += timeline.left_out[kind];
        CHECK_NUMBER(counted, tracks);
        timeline_free(&timeline);
        finish(&f);
    }
}

TEST(what_cannot_be_drawn_is_said_in_a_sentence)
{
    struct fixture f;
    struct show_options options = {.width = 16};
    build_loop(&f);
    CHECK_NUMBER(show_timeline(&f.text, &f.model, always, &options), -ERANGE);
    CHECK_TEXT(f.text.data, f.text.length,
               "a timeline needs 17 columns, not 16; --width N writes to more than there are");
    for (options.width = 17; options.width < 140; options.width++) {
        text_truncate(&f.text, 0);
        CHECK_NUMBER(show_timeline(&f.text, &f.model, always, &options), 0);
        for (size_t from = 0, to; from < f.text.length; from = to + 1) {
            const char *newline = memchr(f.text.data + from, '\n', f.text.length - from);
            to = newline ? (size_t)(newline - f.text.data) : f.text.length;
            CHECK(text_columns(f.text.data + from, to - from) <= options.width);
        }
    }
    finish(&f);
}
