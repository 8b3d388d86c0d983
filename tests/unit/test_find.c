/* The texts that values are compared with, the ways of values, and the lines of flowtrace find. */
#include "../../src/show/find.h"

#include "../../src/model/glob.h"
#include "../../src/model/nearest.h"
#include "../../src/model/value_path.h"
#include "check_model.h"
#include "model_fixture.h"
#include "random_trace.h"
#include "story_builder.h"

/* --- names -------------------------------------------------------------- */

static bool
matches(const char *pattern, const char *text)
{
    return glob_matches(pattern, (struct slice){text, strlen(text)});
}

TEST(globs_are_those_of_a_shell)
{
    CHECK(matches("price", "price") && !matches("price", "prices") && !matches("price", "pric"));
    CHECK(matches("*", "") && matches("*", "price") && matches("p*e", "price") && !matches("p*x", "price"));
    CHECK(matches("**a**b**", "xaxxb") && !matches("**a**b**", "xbxxa"));
    CHECK(matches("p?ice", "price") && !matches("?", "") && matches("?", "\xd1\x8b"));
    CHECK(matches("[a-m]x", "cx") && !matches("[a-m]x", "nx") && matches("[!a-m]x", "nx") && !matches("[^a-m]x", "cx"));
    CHECK(matches("[]]", "]") && matches("[[]", "[") && matches("[a-]", "-") && !matches("[!]]", "]"));
    CHECK(matches("[\xd1\x8a-\xd1\x8c]*", "\xd1\x8b!"));
    CHECK(matches("", "") && !matches("", "a") && !matches("a", ""));
    CHECK_NUMBER(glob_fault("a[b"), 2);
    CHECK_NUMBER(glob_fault("[a]["), 4);
    CHECK_NUMBER(glob_fault("[]"), 1);
    CHECK_NUMBER(glob_fault("[]] a*?"), 0);
}

TEST(a_glob_of_many_stars_takes_no_longer)
{
    char text[20001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK(!matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static struct slice
nearest(const char *wanted, const char *const *names)
{
    struct nearest nearest = nearest_to(wanted);
    for (; *names; names++)
        nearest_try(&nearest, (struct slice){*names, strlen(*names)});
    return nearest.found;
}

TEST(the_nearest_name_is_suggested_if_one_is_near)
{
    static const char *const names[] = {"process", "Cart.total", "price", "f", "", NULL};
    CHECK(slice_is(nearest("proces", names), "process"));
    CHECK(slice_is(nearest("porcess", names), "process"));
    CHECK(slice_is(nearest("PRICE", names), "price"));
    CHECK(slice_is(nearest("totl", names), "Cart.total"));
    CHECK(slice_is(nearest("Cart.totla", names), "Cart.total"));
    CHECK(nearest("something_else", names).length == 0);
    CHECK(nearest("", (const char *const[]){"", NULL}).length == 0);
}

/* --- values ------------------------------------------------------------- */

/* Is the value that `put` writes found by each of these texts, which NULL ends? */
static void
check_found(void (*put)(struct trace_builder *), bool found, const char *const *texts)
{
    struct fixture f = {0};
    struct text scratch = {0};
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "f");
    build_record(&f.b, 10, FLOW_RETURN_VALUE);
    put(&f.b);
    end(&f);
    for (; *texts; texts++) {
        bool contains = **texts == '~';
        struct value_pattern pattern = value_pattern(*texts + contains, contains);
        struct value value = call_result(&f.model, &f.model.calls[0]);
        if (value_matches(&f.reader, value, &pattern, &scratch) != found)
            unit_fail(__FILE__, __LINE__, "%s", *texts);
    }
    text_free(&scratch);
    finish(&f);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
put_twelve(struct trace_builder *b)
{
    build_int(b, 12);
}

static void
put_minus(struct trace_builder *b)
{
    build_byte(b, FLOW_VALUE_INT);
    build_number(b, 2 * 1000000 - 1); /* zigzag: -1000000 */
}

static void
put_text(struct trace_builder *b)
{
    build_str(b, "it's a \"long\"\ntext");
}

/* Of 40 characters the first 6 are known. */
static void
put_cut_text(struct trace_builder *b)
{
    build_byte(b, FLOW_VALUE_STR);
    build_number(b, 40);
    build_number(b, 6);
    build_bytes(b, "abcdef", 6);
}

static void
put_order(struct trace_builder *b)
{
    build_byte(b, FLOW_VALUE_IDENTITY);
    build_number(b, 3);
    build_typed(b, FLOW_VALUE_FIELDS, "Order");
    build_number(b, 2);
    build_number(b, 2);
    build_string(b, "id");
    build_int(b, 7);
    build_string(b, "lines");
    build_head(b, FLOW_VALUE_LIST, 2, 2);
    build_str(b, "cup");
    build_byte(b, FLOW_VALUE_NONE);
}

TEST(values_are_compared_as_they_are_told)
{
    check_found(put_twelve, true, TEXTS("12", "~1", "~2", "~12", "1…", "…", "…2"));
    check_found(put_twelve, false, TEXTS("1", "012", "+12", "12.0", "'12'", "~3", "", "2…", "12…2"));
    check_found(put_minus, true, TEXTS("-1000000", "~-1"));
    check_found(put_minus, false, TEXTS("1000000", "- 1000000"));
    check_found(
        put_text, true,
        TEXTS("it's a \"long\"\ntext", "'it\\'s a \"long\"\\ntext'", "~long", "~\\n", "~\n", "it's…", "it…text"));
    check_found(put_text, false, TEXTS("it's a \"long\"", "'it's a \"long\"\\ntext'", "~Long", "it…long"));
    check_found(put_cut_text, true, TEXTS("~abc", "abc…", "'abc…'", "'abcdef…'"));
    check_found(put_cut_text, false, TEXTS("abcdef", "'abcdef'", "abd…"));
    check_found(put_order, true,
                TEXTS("Order#3(id=7, lines=['cup', None])", "Order#3", "Order#3(…)", "…cup…", "~cup", "~id=7"));
    check_found(put_order, false, TEXTS("Order", "Order#4", "Orders#3", "order#3", "cup", "~Order(", "Order(…)", "7"));
}

/* --- ways --------------------------------------------------------------- */

/* "returned by 2, got as a by 5 within" ... */
static void
put_way(struct text *out, const struct fixture *f, const char *value)
{
    struct value_path path;
    struct value_pattern pattern = value_pattern(value, false);
    CHECK_NUMBER(value_path_find(&path, &f->model, &pattern), 0);
    for (uint32_t i = 0; i < path.count; i++) {
        const struct sighting *sighting = &path.sightings[i];
        text_string(out, i ? " " : "");
        text_slice(out, f->model.calls[sighting->call].code->qualname);
        text_string(out, sighting->parameter == MODEL_NONE ? ":" : "(");
    }
    if (path.before)
        text_format(out, " %u before", path.before);
    if (path.count && !path.returned)
        text_string(out, " from elsewhere");
    value_path_free(&path);
}

static void
check_way(const char *calls, const char *value, const char *expected)
{
    struct fixture f = {0};
    struct text way = {0};
    build_story(&f.b, calls);
    end(&f);
    put_way(&way, &f, value);
    CHECK_TEXT(way.data ? way.data : "", way.length, expected);
    text_free(&way);
    finish(&f);
}

TEST(the_way_of_a_value_begins_with_who_returned_it)
{
    check_way("main{ make:7 use(7) other(8) }", "7", "make: use(");
    check_way("main{ make:7 use(7):7 }", "7", "make: use( use:");
    check_way("main{ make{ inner:7 }:7 use(7){ deep(7) }:7 }", "7", "inner: make: use( deep( use:");
    check_way("main{ use(7) make:7 use(7) }", "7", "make: use( 1 before");
    check_way("main{ use(7) use(7) }", "7", "use( use( from elsewhere");
    check_way("main{ use(7) }", "9", "");
}

TEST(what_holds_a_value_is_on_its_way)
{
    struct fixture f = {0};
    struct text way = {0};
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "make");
    build_record(&f.b, 10, FLOW_RETURN_VALUE);
    put_order(&f.b);
    end(&f);
    put_way(&way, &f, "Order#3");
    text_string(&way, " ");
    put_way(&way, &f, "cup");
    text_string(&way, " ");
    put_way(&way, &f, "7");
    text_string(&way, " ");
    put_way(&way, &f, "None");
    CHECK_TEXT(way.data, way.length, "make: make: make: make:");
    text_free(&way);
    finish(&f);
}

/* --- lines -------------------------------------------------------------- */

static void
find_random(uint64_t seed)
{
    struct random_trace r;
    struct fixture f = {0};
    struct text text = {0};
    uint32_t found = 0;
    random_trace(&r, seed, 60);
    f.b = r.b;
    end(&f);
    struct show_options options = {.lines = (unsigned)seed % 3 ? 0 : 5,
                                   .width = 20 + (unsigned)seed % 90,
                                   .ascii = seed & 1,
                                   .arguments = true,
                                   .results = true,
                                   .time = seed & 2};
    CHECK_NUMBER(find_print(&text, &f.model, &options, &found), 0);
    CHECK_NUMBER(found, f.model.call_count);
    CHECK(!memchr(text.data, '\x1b', text.length));
    text_truncate(&text, 0);
    struct value_pattern pattern = value_pattern(seed & 4 ? "main" : "12", false);
    CHECK_NUMBER(find_print_path(&text, &f.model, &options, &pattern, &found), 0);
    CHECK(found == 0 || text.length > 0);
    text_free(&text);
    finish(&f);
}

TEST(calls_of_random_traces_are_found)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        find_random(seed);
}
