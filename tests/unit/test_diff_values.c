/* Which values of two runs are the same: what varies from run to run, and what was cut off. */
#include "diff_fixture.h"

/* A trace in which f was called with what `put` writes. */
static void
build_value(struct trace_builder *b, void (*put)(struct trace_builder *b, int variant), int variant)
{
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_header(b)->start_unix_ns = (1795645195u + (uint64_t)variant * 3600) * 1000000000u; /* 2026-11-25 22:19:55 */
    build_header(b)->start_mono_ns = build_header(b)->start_ticks = 52323000000000u + (uint64_t)variant * 60000000000u;
    build_chunk(b, 1, 1, 0);
    b->chunk->pid = (uint32_t)(16060 + variant);
    b->chunk->first_ticks = b->chunk->first_ns = build_header(b)->start_ticks;
    build_record(b, 10, FLOW_CALL_VALUES);
    build_code(b, "f", 0, 1);
    put(b, variant);
    build_record(b, 10, FLOW_RETURN);
}

typedef void put_function(struct trace_builder *b, int variant);

static bool
same(put_function *put, const char *ignored, struct diff_fixture *f)
{
    *f = (struct diff_fixture){0};
    build_value(&f->a.b, put, 0);
    build_value(&f->b.b, put, 1);
    if (ignored)
        diff_ignore(f, ignored);
    diff_end(f, 200);
    return f->same;
}

static void
check(put_function *put, const char *ignored, const char *expected, int line)
{
    struct diff_fixture f;
    same(put, ignored, &f);
    if (!diff_says(&f, expected))
        unit_fail(__FILE__, line, "\"%s\" is not in:\n%.*s", expected, (int)f.text.length, f.text.data);
    diff_finish(&f);
}

#define SAME(put) check(put, NULL, "The runs are the same: 1 call.", __LINE__)
#define TOLD(put, words) check(put, NULL, words, __LINE__)

/* --- texts -------------------------------------------------------------- */

static const char *texts[2];

static void
put_texts(struct trace_builder *b, int variant)
{
    build_str(b, texts[variant]);
}

static void
put_state(struct trace_builder *b, int variant)
{
    build_typed(b, FLOW_VALUE_TEXT, "Task");
    build_text(b, texts[variant]);
}

static void
check_texts(const char *a, const char *b, put_function *put, bool expected, int line)
{
    struct diff_fixture f;
    texts[0] = a;
    texts[1] = b;
    if (same(put, NULL, &f) != expected)
        unit_fail(__FILE__, line, "%s and %s", a, b);
    diff_finish(&f);
}

#define SAME_TEXT(a, b) check_texts(a, b, put_texts, true, __LINE__)
#define OTHER_TEXT(a, b) check_texts(a, b, put_texts, false, __LINE__)

TEST(addresses_in_texts_make_no_difference)
{
    SAME_TEXT("<Order object at 0x7f3a12c45d60>", "<Order object at 0x7f11bb0a1d20>");
    SAME_TEXT("0x7f3a12c45d60", "0x55aa12c45d601");
    OTHER_TEXT("<Order object at 0x7f3a12c45d60>", "<Cart object at 0x7f11bb0a1d20>");
    OTHER_TEXT("0x1f", "0x2f");
}

TEST(random_ids_in_texts_make_no_difference)
{
    SAME_TEXT("a38676b7-392a-4c7d-91be-8df7506c8816", "24fb8077-35e2-4bb9-a2f9-e13200d88b14");
    SAME_TEXT("id=24fb807735e24bb9a2f9e13200d88b14;", "id=a38676b7392a4c7d91be8df7506c8816;");
    /* made of a name: the same each time */
    OTHER_TEXT("a38676b7-392a-5c7d-91be-8df7506c8816", "24fb8077-35e2-5bb9-a2f9-e13200d88b14");
    OTHER_TEXT("24fb807735e24bb9", "a38676b7392a4c7d");
}

TEST(temporary_paths_make_no_difference)
{
    SAME_TEXT("/tmp/tmpobaidcc2/x.txt", "/tmp/tmp_4k2s9qz/x.txt");
    SAME_TEXT("/var/tmp/build-obaidcc2", "/var/tmp/build-q4k2s9qz");
    SAME_TEXT("/tmp/pytest-of-me/pytest-7/x", "/tmp/pytest-of-me/pytest-18/x");
    OTHER_TEXT("/tmp/tmpobaidcc2/x.txt", "/tmp/tmpobaidcc2/y.txt");
    OTHER_TEXT("/home/obaidcc2", "/home/q4k2s9qz");
    OTHER_TEXT("/tmp/a.txt", "/tmp/b.txt");
    OTHER_TEXT("tmpfile_a", "tmpfile_b");
}

TEST(a_time_of_the_run_makes_no_difference_and_any_other_does)
{
    SAME_TEXT("at 2026-11-25 22:19:55.506142", "at 2026-11-25 23:19:56.1");
    SAME_TEXT("2026-11-25T22:19:55+00:00", "2026-11-26T01:19:55+02:00"); /* in local time */
    SAME_TEXT("report-2026-11-25.csv", "report-2026-11-26.csv");
    OTHER_TEXT("at 2024-01-01 00:00:00", "at 2024-01-02 00:00:00");
    OTHER_TEXT("2026-11-25 is it", "2026-13-25 is it");
    OTHER_TEXT("1-2", "1-3");
}

TEST(a_number_in_a_name_that_was_not_chosen_makes_no_difference)
{
    check_texts("Task(Task-12, pending)", "Task(Task-7, pending)", put_state, true, __LINE__);
    check_texts("Task(Task-12, pending)", "Task(Task-12, done)", put_state, false, __LINE__);
    check_texts("Thread(Thread-3 (work), running)", "Thread(Thread-4 (work), running)", put_state, true, __LINE__);
    OTHER_TEXT("Task-12", "Task-7"); /* the program's own text */
}

TEST(a_long_text_is_shown_where_it_differs)
{
    texts[0] = "the same for a very long time, for a hundred characters at least and a few more so that the cut text "
               "shows nothing of the end, which is one";
    texts[1] = "the same for a very long time, for a hundred characters at least and a few more so that the cut text "
               "shows nothing of the end, which is two";
    TOLD(put_texts, "which is one'");
    TOLD(put_texts, "which is two'");
}

TEST(no_text_acts_on_a_terminal)
{
    struct diff_fixture f;
    texts[0] = "\x1b[2Jone";
    texts[1] = "\x1b[2Jtwo\n";
    same(put_texts, NULL, &f);
    CHECK(!memchr(f.text.data, '\x1b', f.text.length));
    SAYS(&f, "a='\\x1b[2Jtwo\\n' instead of '\\x1b[2Jone'");
    diff_finish(&f);
}

/* --- numbers ------------------------------------------------------------ */

static void
put_int(struct trace_builder *b, uint64_t number)
{
    build_byte(b, FLOW_VALUE_INT);
    build_number(b, varint_zigzag((int64_t)number));
}

static void
put_float(struct trace_builder *b, double number)
{
    build_byte(b, FLOW_VALUE_FLOAT);
    build_bytes(b, &number, sizeof number);
}

static void
put_address(struct trace_builder *b, int variant)
{
    put_int(b, variant ? 140265734613888u : 94265734613888u);
}

static void
put_pid(struct trace_builder *b, int variant)
{
    put_int(b, 16060u + (unsigned)variant);
}

static void
put_clocks(struct trace_builder *b, int variant)
{
    uint64_t now = 1795645195u + (uint64_t)variant * 3600;
    build_head(b, FLOW_VALUE_LIST, 4, 4);
    put_int(b, now);
    put_int(b, now * 1000000000u + 55);
    put_float(b, (double)now + 0.25);
    put_float(b, 52323.4 + 60 * variant);
}

static void
put_other_time(struct trace_builder *b, int variant)
{
    put_int(b, 1795645195u + 50000u + (uint64_t)variant);
}

static void
put_amount(struct trace_builder *b, int variant)
{
    put_int(b, 16000u + (unsigned)variant);
}

static void
put_what_varies_in_one_run_only(struct trace_builder *b, int variant)
{
    (void)variant;
    build_head(b, FLOW_VALUE_LIST, 3, 3);
    put_int(b, 16060);      /* the pid of the first run */
    put_int(b, 1795645196); /* when it ran */
    build_head(b, FLOW_VALUE_SET, 2, 2);
    put_int(b, 16061);      /* of the second */
    build_str(b, "2026-11-25 22:19:56");
}

TEST(what_varies_in_one_run_only_is_the_same_as_itself)
{
    SAME(put_what_varies_in_one_run_only);
}

TEST(readings_of_a_clock_and_ids_make_no_difference)
{
    SAME(put_address);
    SAME(put_pid);
    SAME(put_clocks);
    TOLD(put_other_time, "a=1795695196 instead of 1795695195");
    TOLD(put_amount, "a=16001 instead of 16000");
}

/* --- types -------------------------------------------------------------- */

static void
put_one(struct trace_builder *b, int variant)
{
    if (variant)
        put_float(b, 1);
    else
        build_int(b, 1);
}

static void
put_str_in_two_ways(struct trace_builder *b, int variant)
{
    if (variant) {
        build_str(b, "caf\xc3\xa9");
        return;
    }
    build_head(b, FLOW_VALUE_STR, 4, 5);
    build_bytes(b, "caf\xc3\xa9", 5);
}

static void
put_numbered(struct trace_builder *b, int variant)
{
    build_byte(b, FLOW_VALUE_IDENTITY);
    build_number(b, 3 + (unsigned)variant);
    build_typed(b, FLOW_VALUE_OBJECT, "Order");
}

static void
put_classes(struct trace_builder *b, int variant)
{
    build_typed(b, FLOW_VALUE_OBJECT, variant ? "Order" : "Cart");
}

TEST(values_are_compared_as_what_they_are)
{
    TOLD(put_one, "a=1.0 instead of 1");
    SAME(put_str_in_two_ways);
    SAME(put_numbered);
    TOLD(put_classes, "a=Order instead of Cart");
}

/* --- containers --------------------------------------------------------- */

static void
put_set(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_SET, 3, 3);
    for (int i = 0; i < 3; i++)
        build_str(b, variant ? (char[]){(char)('c' - i), 0} : (char[]){(char)('a' + i), 0});
}

static void
put_dict(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_DICT, 2, 2);
    for (int i = 0; i < 2; i++) {
        build_str(b, i == variant ? "a" : "b");
        build_int(b, i == variant ? 1 : 2);
    }
}

static void
put_dict_that_changes(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_DICT, 2, 2);
    for (int i = 0; i < 2; i++) {
        build_str(b, i == variant ? "key" : "other");
        build_int(b, i == variant ? 1 + variant : 2);
    }
}

static void
put_nested(struct trace_builder *b, int variant)
{
    build_typed(b, FLOW_VALUE_FIELDS, "Order");
    build_number(b, 2);
    build_number(b, 2);
    build_string(b, "id");
    build_int(b, 7);
    build_string(b, "lines");
    build_head(b, FLOW_VALUE_LIST, 3, 3);
    build_int(b, 1);
    build_int(b, 2 + variant);
    build_int(b, 3);
}

static void
put_lengths(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_LIST, 2 + (unsigned)variant, 2 + (unsigned)variant);
    for (int i = 0; i < 2 + variant; i++)
        build_int(b, i);
}

TEST(what_differs_within_a_value_is_named)
{
    SAME(put_set);
    SAME(put_dict);
    TOLD(put_dict_that_changes, "a['key']=2 instead of 1");
    TOLD(put_nested, "a.lines[1]=3 instead of 2");
    TOLD(put_lengths, "a=[0, 1, 2] instead of [0, 1]");
}

TEST(a_field_can_be_ignored)
{
    check(put_nested, "lines", "The runs are the same", __LINE__);
    check(put_dict_that_changes, "k*", "The runs are the same", __LINE__);
}

/* --- cut off ------------------------------------------------------------ */

static void
put_cut_text(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_STR, 100, variant ? 5 : 3);
    build_bytes(b, "abcde", variant ? 5 : 3);
}

static void
put_cut_texts_that_differ(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_STR, 100, 3);
    build_bytes(b, variant ? "abx" : "aby", 3);
}

static void
put_lengths_of_texts(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_STR, 100 + (unsigned)variant, 3);
    build_bytes(b, "abc", 3);
}

static void
put_cut_list(struct trace_builder *b, int variant)
{
    unsigned count = variant ? 4 : 2;
    build_head(b, FLOW_VALUE_LIST, 9, count);
    for (unsigned i = 0; i < count; i++)
        build_int(b, (int)i);
}

static void
put_cut_set(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_SET, 9, 2);
    build_int(b, variant);
    build_int(b, 5 + variant);
}

static void
put_beyond(struct trace_builder *b, int variant)
{
    build_head(b, FLOW_VALUE_LIST, 1, 1);
    if (variant)
        build_byte(b, FLOW_VALUE_TRUNCATED);
    else
        build_str(b, "x");
}

TEST(what_was_cut_off_is_the_same_as_far_as_it_was_recorded)
{
    SAME(put_cut_text);
    SAME(put_cut_list);
    SAME(put_cut_set);
    SAME(put_beyond);
    TOLD(put_cut_texts_that_differ, "a='abx…' instead of 'aby…'");
    TOLD(put_lengths_of_texts, "a='abc…' instead of 'abc…'");
}
