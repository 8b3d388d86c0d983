#include "../../src/model/label.h"
#include "random_trace.h"
#include "show_fixture.h"

/* --- durations and counts ----------------------------------------------- */

static void
check_duration(uint64_t ns, const char *expected, int line)
{
    struct text text = {0};
    show_duration(&text, ns, false);
    if (text.length != strlen(expected) || memcmp(text.data, expected, text.length))
        unit_fail(__FILE__, line, "%llu ns is \"%.*s\", not \"%s\"", (unsigned long long)ns, (int)text.length,
                  text.data, expected);
    text_free(&text);
}

#define DURATION(ns, expected) check_duration(ns, expected, __LINE__)

TEST(durations_have_three_digits)
{
    DURATION(0, "0 ns");
    DURATION(1, "1 ns");
    DURATION(512, "512 ns");
    DURATION(1234, "1.23 µs");
    DURATION(12345, "12.3 µs");
    DURATION(123456, "123 µs");
    DURATION(45600000, "45.6 ms");
    DURATION(7890000000, "7.89 s");
    DURATION(738000000000, "12.3 min");
    DURATION(86400000000000, "1440 min");
}

TEST(durations_change_their_unit_at_a_thousand)
{
    DURATION(999, "999 ns");
    DURATION(1000, "1.00 µs");
    DURATION(9994, "9.99 µs");
    DURATION(9996, "10.0 µs");
    DURATION(99940, "99.9 µs");
    DURATION(99960, "100 µs");
    DURATION(999400, "999 µs");
    DURATION(999600, "1.00 ms"); /* not 1000 µs */
    DURATION(999400000, "999 ms");
    DURATION(999600000, "1.00 s");
    DURATION(119900000000, "120 s");
    DURATION(120000000000, "2.00 min");
}

static void
check_range(uint64_t low, uint64_t high, bool ascii, const char *expected, int line)
{
    struct text text = {0};
    show_duration_range(&text, low, high, ascii);
    if (text.length != strlen(expected) || memcmp(text.data, expected, text.length))
        unit_fail(__FILE__, line, "\"%.*s\" instead of \"%s\"", (int)text.length, text.data, expected);
    text_free(&text);
}

#define RANGE(low, high, expected) check_range(low, high, false, expected, __LINE__)

TEST(ranges_of_durations)
{
    RANGE(200, 200, "200 ns");
    RANGE(200, 300, "200 … 300 ns");
    RANGE(200000, 3410000, "0.20 … 3.41 ms");
    RANGE(20000, 3410000, "20.0 µs … 3.41 ms");
    RANGE(1, 3000000000, "1 ns … 3.00 s");
    RANGE(0, 7, "0 … 7 ns");
    RANGE(0, 7000, "0 ns … 7.00 µs");
    RANGE(1000000, 1000900, "1.00 ms"); /* what differs does not show */
    check_range(1500, 2500, true, "1.50 ... 2.50 us", __LINE__);
}

TEST(counts_are_grouped)
{
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = {{0, "0"},
                  {7, "7"},
                  {999, "999"},
                  {1000, "1,000"},
                  {1234567, "1,234,567"},
                  {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct text text = {0};
        label_count(&text, counts[i].count);
        CHECK_TEXT(text.data, text.length, counts[i].text);
        text_free(&text);
    }
}

TEST(names_longer_than_any_line_are_cut)
{
    static char name[3000];
    struct text text = {0};
    memset(name, 'q', sizeof name);
    struct code code = {.qualname = {name, sizeof name}, .module = {"", 0}, .file = {"", 0}};
    label_function(&text, &code);
    CHECK(text.length < 500);
    CHECK_TEXT(text.data + text.length - 4, 4, "q…");
    text_free(&text);
}

TEST(signals_have_names)
{
    CHECK_TEXT(show_signal_name(9), strlen(show_signal_name(9)), "SIGKILL");
    CHECK_TEXT(show_signal_name(12345), strlen(show_signal_name(12345)), "a signal");
}

/* --- stories ------------------------------------------------------------ */

static const struct show_options PLAIN = {
    .lines = 200, .width = 80, .arguments = true, .results = true, .exceptions = 8};

static void
show(struct fixture *f, const struct show_options *options)
{
    show_view(f, show_tree, options);
}

#define SHOWS(expected) check_view(&f, show_tree, &options, expected, __FILE__, __LINE__)

TEST(a_story_shows_as_a_tree)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ load(5):7 pay{ charge! }^ save? ");
    SHOWS("main()  … still running\n"
          "├─ load(a=5) → 7\n"
          "├─ pay()  ✗ ValueError\n"
          "│  └─ charge()  ✗ ValueError('message')\n"
          "│        raised raiser.py:41 in raiser · left charge, pay\n"
          "│        caught in main (file.py:9)\n"
          "└─ save()  … still running\n");
    options.ascii = true;
    SHOWS("main()  ... still running\n"
          "|- load(a=5) -> 7\n"
          "|- pay()  ! ValueError\n"
          "|  `- charge()  ! ValueError('message')\n"
          "|        raised raiser.py:41 in raiser - left charge, pay\n"
          "|        caught in main (file.py:9)\n"
          "`- save()  ... still running\n");
    options.arguments = options.results = options.ascii = false;
    options.width = 120;
    SHOWS("main()  … still running\n"
          "├─ load(…)\n"
          "├─ pay()  ✗ ValueError\n"
          "│  └─ charge()  ✗ ValueError('message')\n"
          "│        raised raiser.py:41 in raiser · left charge, pay · caught in main (file.py:9)\n"
          "└─ save()  … still running\n");
    finish(&f);
}

TEST(the_header_sums_up)
{
    struct fixture f;
    struct show_options options = PLAIN;
    options.time = true;
    begin(&f, "main{ f*1200 g! } h!");
    show(&f, &options);
    static const char header[] = "1,203 calls · 24.1 µs · 2 exceptions, 1 not caught\n\n";
    CHECK(strncmp(f.text.data, header, strlen(header)) == 0);
    finish(&f);
}

TEST(a_trace_without_calls_says_so)
{
    struct fixture f;
    begin(&f, "");
    show(&f, &PLAIN);
    CHECK(strncmp(f.text.data, "No call of the program's own code was recorded.", 47) == 0);
    finish(&f);
}

TEST(folded_calls_show_how_many_and_how_long)
{
    struct fixture f;
    struct show_options options = PLAIN;
    options.time = true;
    options.width = 50;
    build_story(&f.b, "");
    struct story_builder s = {.b = &f.b, .tick = 500};
    story_calls(&s, "main{ price(1):2 price(1):2 ");
    s.tick = 3000;
    story_calls(&s, "price(1):2");
    end(&f);
    SHOWS("main()  … still running                    8.00 µs\n"
          "└─ price(a=1) → 2               ×3  0.50 … 3.00 µs\n");
    finish(&f);
}

TEST(what_is_left_out_is_counted)
{
    struct fixture f;
    struct show_options options = PLAIN;
    char calls[2048] = "main{ ";
    for (int i = 0; i < 100; i++)
        snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "f%d{ a } ", i);
    strcat(calls, "}");
    begin(&f, calls);
    options.lines = 24;
    show(&f, &options);
    unsigned lines = 0;
    for (const char *p = f.text.data; *p; p++)
        lines += *p == '\n';
    CHECK(lines <= 24);
    CHECK(strstr(f.text.data, "more lines here, "));
    CHECK(strstr(f.text.data, "\nNot shown: "));
    options.lines = 0;
    show(&f, &options);
    CHECK(!strstr(f.text.data, "Not shown"));
    CHECK(!strstr(f.text.data, "more lines"));
    finish(&f);
}

TEST(recursions_on_one_line_are_as_deep_as_the_deepest)
{
    struct fixture f;
    struct show_options options = PLAIN;
#define DEEP_4 "fib{ fib{ fib{ fib fib } fib{ fib fib } } fib{ fib{ fib fib } fib{ fib fib } } } "
    begin(&f, "main{ " DEEP_4 "fib{ " DEEP_4 DEEP_4 "} }");
    SHOWS("main()\n"
          "└─ fib()  ↻ 44 calls of itself, depth 5                                       ×2\n");
    finish(&f);
}

TEST(chains_and_recursion_in_a_word)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ down{ down{ down{ down{ down{ down{ down{ down{ down{ end } } } } } } } } } "
              "fib{ fib{ fib{ fib fib } fib{ fib fib } } fib{ fib{ fib fib } fib{ fib fib } } } }");
    SHOWS("main()\n"
          "├─ down()\n"
          "│  └─ … 7 calls, one within the other\n"
          "│     └─ down()\n"
          "│        └─ end()\n"
          "└─ fib()  ↻ 14 calls of itself, depth 4\n");
    finish(&f);
}

/* --- values in lines ---------------------------------------------------- */

static void
build_order(struct trace_builder *b, int id, int total, const char *customer)
{
    build_typed(b, FLOW_VALUE_FIELDS, "Order");
    build_number(b, 3);
    build_number(b, 3);
    build_string(b, "id");
    build_int(b, id);
    build_string(b, "total");
    build_int(b, total);
    build_string(b, "customer");
    build_str(b, customer);
}

/* Calls of save(a, b, c), each with its order. */
static void
build_orders(struct fixture *f, int count, int total_step, const char *last_customer)
{
    build_story(&f->b, "");
    for (int i = 1; i <= count; i++) {
        build_record(&f->b, 10, FLOW_CALL_VALUES);
        build_code_definition(&f->b, 50, "save", 0, 2);
        build_order(&f->b, i, 40 + i * total_step, i == count ? last_customer : "ada");
        build_byte(&f->b, FLOW_VALUE_TRUE);
        build_record(&f->b, 10, FLOW_RETURN_VALUE);
        build_int(&f->b, i);
    }
    end(f);
}

TEST(one_difference_shows_as_a_range)
{
    struct fixture f;
    struct show_options options = PLAIN;
    build_orders(&f, 12, 0, "ada");
    SHOWS("save(a=Order(id=1 … 12, total=40, customer='ada'), b=True) → 1 … 12          ×12\n");
    options.ascii = true;
    SHOWS("save(a=Order(id=1 ... 12, total=40, customer='ada'), b=True) -> 1 ... 12     x12\n");
    finish(&f);
}

TEST(more_differences_show_the_type)
{
    struct fixture f;
    struct show_options options = PLAIN;
    build_orders(&f, 12, 1, "ada");
    SHOWS("save(a=Order(id=1 … 12, …), b=True) → 1 … 12                                 ×12\n");
    options.width = 60;
    SHOWS("save(a=Order(id=1 … 12, …), b=True) → 1 … 12             ×12\n");
    finish(&f);
}

TEST(equal_values_are_no_range)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ f(3):4 f(3):4 g(3):4 g(3):5 h(3):4 h(4):4 }");
    SHOWS("main()\n"
          "├─ f(a=3) → 4"
          "                                                                 ×2\n"
          "├─ g(a=3) → 4 … 5"
          "                                                             ×2\n"
          "└─ h(a=3 … 4) → 4"
          "                                                             ×2\n");
    finish(&f);
}

/* f(a='first…', b='second…', ...) with texts of `length`; it returned a number or raised. */
static void
build_long_arguments(struct fixture *f, int parameters, size_t length, bool raises)
{
    char text[200];
    build_story(&f->b, "");
    build_call(&f->b, 10, "main");
    build_record(&f->b, 10, FLOW_CALL_VALUES);
    build_code(&f->b, "work", 0, (uint32_t)parameters);
    for (int i = 0; i < parameters; i++) {
        memset(text, 'm' + i, length);
        text[length] = '\0';
        build_str(&f->b, text);
    }
    if (raises) {
        build_unwind(&f->b, 10, 1, "ValueError", 9);
    }
    else {
        build_record(&f->b, 10, FLOW_RETURN_VALUE);
        build_int(&f->b, 42);
    }
    end(f);
}

TEST(arguments_are_cut_where_one_begins)
{
    struct fixture f;
    struct show_options options = PLAIN;
    build_long_arguments(&f, 8, 20, false);
    options.width = 400;
    SHOWS("main()  … still running\n"
          "└─ work(a='mmmmmmmmmmmmmmmmmmmm', b='nnnnnnnnnnnnnnnnnnnn', c='oooooooooooooooooooo', "
          "d='pppppppppppppppppppp', e='qqqqqqqqqqqqqqqqqqqq', f='rrrrrrrrrrrrrrrrrrrr', "
          "g='ssssssssssssssssssss', h='tttttttttttttttttttt') → 42\n");
    options.width = 160;
    SHOWS("main()  … still running\n"
          "└─ work(a='mmmmmmmmmm…', b='nnnnnnnnnn…', c='oooooooooo…', d='pppppppppp…', e='qqqqqqqqqq…', "
          "f='rrrrrrrrrr…', g='ssssssssss…', h='tttttttttt…') → 42\n");
    options.width = 80;
    SHOWS("main()  … still running\n"
          "└─ work(a='mmmmmmmmm…', b='nnnnnnnnn…', c='ooooooooo…', …) → 42\n");
    options.width = 40;
    SHOWS("main()  … still running\n"
          "└─ work(a='mmmmmmmmm…', …) → 42\n");
    options.width = 22;
    SHOWS("main()  … still run…\n"
          "└─ work(…) → 42\n");
    finish(&f);
}

TEST(how_a_call_ended_is_never_cut)
{
    for (int raises = 0; raises < 2; raises++) {
        struct fixture f;
        struct show_options options = PLAIN;
        build_long_arguments(&f, 6, 120, raises);
        for (options.width = raises ? 38 : 24; options.width <= 200; options.width++) {
            show(&f, &options);
            if (!strstr(f.text.data, raises ? ")  ✗ ValueError('message')\n" : ") → 42\n"))
                unit_fail(__FILE__, __LINE__, "%u columns hide how it ended:\n%s", options.width, f.text.data);
        }
        finish(&f);
    }
}

TEST(one_long_argument_keeps_its_brackets)
{
    struct fixture f;
    struct show_options options = PLAIN;
    build_story(&f.b, "");
    build_record(&f.b, 10, FLOW_CALL_VALUES);
    build_code(&f.b, "work", 0, 1);
    build_order(&f.b, 7, 100, "a customer with a very long name of his own");
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    options.width = 60;
    SHOWS("work(a=Order(id=7, total=100, customer='a customer wit…'))\n");
    finish(&f);
}

/* --- journeys ----------------------------------------------------------- */

TEST(a_journey_takes_the_lines_that_it_needs)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ first_step{ second_step{ third_step{ fourth_step! }^ }^ }^ }");
    options.width = 140;
    SHOWS("main()\n"
          "└─ first_step()  ✗ ValueError\n"
          "   └─ second_step()  ✗ ValueError\n"
          "      └─ third_step()  ✗ ValueError\n"
          "         └─ fourth_step()  ✗ ValueError('message')\n"
          "               raised raiser.py:41 in raiser · left fourth_step, third_step, second_step, first_step · "
          "caught in main (file.py:9)\n");
    options.width = 70;
    SHOWS("main()\n"
          "└─ first_step()  ✗ ValueError\n"
          "   └─ second_step()  ✗ ValueError\n"
          "      └─ third_step()  ✗ ValueError\n"
          "         └─ fourth_step()  ✗ ValueError('message')\n"
          "               raised raiser.py:41 in raiser\n"
          "               left fourth_step, third_step, second_step, first_step\n"
          "               caught in main (file.py:9)\n");
    options.width = 50;
    SHOWS("main()\n"
          "└─ first_step()  ✗ ValueError\n"
          "   └─ second_step()  ✗ ValueError\n"
          "      └─ third_step()  ✗ ValueError\n"
          "         └─ fourth_step()  ✗ ValueError('messag…\n"
          "               raised raiser.py:41 in raiser\n"
          "               left fourth_step, third_step, se…\n"
          "               caught in main (file.py:9)\n");
    finish(&f);
}

TEST(recursion_that_raised_is_one_step_of_the_journey)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ down{ down{ down! }^ }^ }^");
    show(&f, &options);
    CHECK(strstr(f.text.data, "left down ×3, main\n"));
    CHECK(strstr(f.text.data, "not caught: it ended the program\n"));
    CHECK(strstr(f.text.data, "1 exception, 1 not caught\n"));
    finish(&f);
}

/* --- what must hold of any trace ---------------------------------------- */

static bool
is_harmless(uint32_t c)
{
    return c == '\n'
           || (c >= ' ' && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !(c >= 0x200b && c <= 0x200f)
               && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0xd800 && c <= 0xdfff));
}

static void
check_characters(const struct text *text, const struct show_options *options, const char *what)
{
    for (size_t i = 0; i < text->length;) {
        uint32_t c;
        size_t n = text_decode(text->data + i, text->length - i, &c);
        bool whole = c != 0xfffd || n == 3;
        if (!whole || !is_harmless(c) || (options->ascii && c > '~')) {
            unit_fail(__FILE__, __LINE__, "%s prints character %#x at %zu of\n%.*s", what, (unsigned)c, i,
                      (int)text->length, text->data);
            return;
        }
        i += n;
    }
}

static void
check_widths(const struct text *text, const struct show_options *options, const char *what)
{
    const char *end = text->data + text->length;
    const char *line;
    for (line = text->data; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t columns = text_columns(line, (size_t)(next - line));
        if (columns > options->width)
            unit_fail(__FILE__, __LINE__, "%s in %u columns has a line of %zu:\n%.*s", what, options->width, columns,
                      (int)(next - line), line);
        line = next + 1;
    }
}

static void
without_colors(struct text *out, const struct text *text)
{
    text_truncate(out, 0);
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] == '\033') {
            while (text->data[i] != 'm')
                i++;
            continue;
        }
        text_bytes(out, text->data + i, 1);
    }
}

static void
check_width(view_function *view, const struct model *model, struct show_options *options, const char *what)
{
    struct text plain = {0}, coloured = {0}, stripped = {0};
    CHECK_NUMBER(view(&plain, model, options), 0);
    check_characters(&plain, options, what);
    if (options->width >= 40)
        check_widths(&plain, options, what);
    options->color = true;
    CHECK_NUMBER(view(&coloured, model, options), 0);
    without_colors(&stripped, &coloured);
    CHECK(stripped.length == plain.length && memcmp(stripped.data, plain.data, plain.length) == 0);
    CHECK(coloured.length > plain.length);
    options->color = false;
    text_truncate(&plain, 0);
    CHECK_NUMBER(show_info(&plain, model, options), 0);
    check_characters(&plain, options, "info");
    text_free(&plain);
    text_free(&coloured);
    text_free(&stripped);
}

TEST(no_line_is_wider_than_the_terminal)
{
    static view_function *const views[] = {show_tree, show_errors, show_call};
    static const unsigned widths[] = {20, 30, 40, 41, 47, 60, 79, 80, 100, 160, 200};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct random_trace r;
        struct reader reader;
        struct model model;
        char what[32];
        random_trace(&r, seed, 20u << seed % 6);
        CHECK_NUMBER(build_open(&r.b, &reader), 0);
        CHECK_NUMBER(model_build(&model, &reader), 0);
        snprintf(what, sizeof what, "seed %u", (unsigned)seed);
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            struct show_options options = PLAIN;
            options.width = widths[i];
            options.time = (seed + i) % 3 > 0;
            options.ascii = (seed + i) % 4 == 0;
            options.lines = i % 5 == 0 ? 0 : 20 * (unsigned)i;
            options.call = 1 + (seed * 7 + i) % model.call_count;
            if (i % 3 == 1) {
                options.field_count = 3;
                memcpy(options.fields, (uint8_t[]){SHOW_SELF, SHOW_WHERE, SHOW_CALL}, 3);
            }
            for (size_t k = 0; k < sizeof views / sizeof *views; k++)
                check_width(views[k], &model, &options, what);
        }
        model_free(&model);
        reader_close(&reader);
        build_free(&r.b);
    }
}

TEST(minutes_have_room_beside_the_words)
{
    struct fixture f;
    struct show_options options = PLAIN;
    options.time = true;
    build_story(&f.b, "");
    for (int i = 0; i < 2; i++) {
        build_record(&f.b, 10, FLOW_CALL_VALUES);
        build_code_definition(&f.b, 50, "a_function_with_a_name_that_is_itself_as_wide_as_the_line", 0, 1);
        build_str(&f.b, "an argument that is as wide again, and another word or two behind it");
        build_record(&f.b, i ? 738000000000 : 12300, FLOW_RETURN);
    }
    end(&f);
    for (options.width = 44; options.width < 140; options.width++) {
        show(&f, &options);
        f.text.length--; /* the terminator */
        check_widths(&f.text, &options, "minutes");
        if (!strstr(f.text.data, "  ×2  12.3 µs … 12.3 min\n"))
            unit_fail(__FILE__, __LINE__, "%u columns:\n%s", options.width, f.text.data);
    }
    finish(&f);
}

TEST(names_of_parameters_are_harmless)
{
    struct fixture f;
    struct show_options options = PLAIN;
    build_story(&f.b, "");
    build_record(&f.b, 10, FLOW_CALL_VALUES);
    build_number(&f.b, 0);
    build_number(&f.b, 0);
    build_number(&f.b, 50);
    build_string(&f.b, "f");
    build_string(&f.b, "module");
    build_string(&f.b, "file.py");
    build_number(&f.b, 1);
    build_number(&f.b, 1);
    build_string(&f.b, "\x1b[31m\n");
    build_byte(&f.b, FLOW_PARAMETER_KEYWORD_ONLY);
    build_int(&f.b, 1);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    SHOWS("f(\\x1b[31m\\n=1)\n");
    finish(&f);
}
