#include "../../src/show/html.h"

#include "../../src/show/html_writer.h"
#include "check_html.h"
#include "random_trace.h"
#include "show_fixture.h"

static const struct html_options ALL = {
    .arguments = true, .results = true, .time = true, .lines = 200, .opened = 30, .exceptions = 8};

/* --- text --------------------------------------------------------------- */

typedef void html_function(struct text *, struct slice);

static void
check_text(html_function *function, const char *data, size_t length, const char *expected, int line)
{
    struct text text = {0};
    function(&text, (struct slice){data, length});
    if (text.length != strlen(expected) || (text.length && memcmp(text.data, expected, text.length) != 0))
        unit_fail(__FILE__, line, "\"%.*s\" instead of \"%s\"", (int)text.length, text.data ? text.data : "", expected);
    text_free(&text);
}

#define ESCAPED(text, expected) check_text(html_escape, text, sizeof text - 1, expected, __LINE__)
#define STYLED(text, expected) check_text(html_styled, text, sizeof text - 1, expected, __LINE__)

TEST(html_escapes_what_means_something_in_it)
{
    ESCAPED("</script><b a='1' c=\"2\">&amp;", "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
    ESCAPED("быстро 取得 é", "быстро 取得 é");
    ESCAPED("a\nb\tc", "a\nb\tc");
    ESCAPED("", "");
}

TEST(html_holds_no_character_that_it_must_not_hold)
{
    ESCAPED("a\0b\x1b[31mc\x7f", "a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd[31mc\xef\xbf\xbd");
    ESCAPED("\xed\xb2\x80!\xff\xc3", "\xef\xbf\xbd!\xef\xbf\xbd\xef\xbf\xbd"); /* a lone surrogate; no UTF-8 */
    ESCAPED("\xef\xbf\xbe\xc2\x85", "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(html_has_elements_for_the_colours_of_a_terminal)
{
    STYLED("\n\033[1mname\033[0m(a<1)\033[32m → 2\033[0m\n\n", "<b>name</b>(a&lt;1)<span class=\"g\"> → 2</span>");
    STYLED("\033[31mone \033[2mtwo\033[0m three", "<span class=\"r\">one </span><span class=\"d\">two</span> three");
    STYLED("\033[2mtwo\033[0m\033[2m words\033[0m\033[1m!\033[0m", "<span class=\"d\">two words</span><b>!</b>");
    STYLED("\033[31mopen", "<span class=\"r\">open</span>");
    STYLED("\033[99m\033[x", "\xef\xbf\xbd[x");
}

/* --- trees -------------------------------------------------------------- */

/* What stands between the head and the foot, without elements but those that open and close. */
static void
outline_of(struct text *out, const char *html)
{
    const char *at = strstr(html, "<div class=\"h\">");
    at = at ? strchr(at, '\n') + 1 : strstr(html, "flowtrace\">\n") + 12;
    for (; *at; at++) {
        if (*at != '<') {
            text_bytes(out, at, 1);
            continue;
        }
        if (strncmp(at, "<details open>", 14) == 0)
            text_string(out, "[+");
        else if (strncmp(at, "<details", 8) == 0)
            text_string(out, "[");
        else if (strncmp(at, "</details", 9) == 0)
            text_string(out, "]");
        at = strchr(at, '>');
    }
    text_bytes(out, "", 1);
}

static void
check_tree(const char *calls, unsigned lines, unsigned opened, const char *expected, int line)
{
    struct fixture f;
    struct text outline = {0};
    struct html_options options = ALL;
    begin(&f, calls);
    options.lines = lines;
    options.opened = opened;
    options.time = false;
    CHECK_NUMBER(html_story(&f.text, &f.model, &options), 0);
    text_bytes(&f.text, "", 1);
    outline_of(&outline, f.text.data);
    if (strcmp(outline.data, expected) != 0)
        unit_fail(__FILE__, line, "\n%sinstead of\n%s", outline.data, expected);
    text_free(&outline);
    finish(&f);
}

#define TREE(calls, lines, opened, expected) check_tree(calls, lines, opened, expected, __LINE__)

TEST(html_nests_lines_as_the_story_does)
{
    TREE("main{ load(5):7 pay{ charge } }", 0, 30, "[+main()\nload(a=5) → 7\n[+pay()\ncharge()\n]\n]\n\n");
}

TEST(html_opens_what_the_story_tells_first)
{
    TREE("main{ load{ read } pay{ charge } }", 0, 3, "[+main()\n[load()\nread()\n]\n[pay()\ncharge()\n]\n]\n\n");
    TREE("main{ load{ read } pay{ charge } }", 0, 0, "[main()\n[load()\nread()\n]\n[pay()\ncharge()\n]\n]\n\n");
}

TEST(html_tells_the_calls_of_a_folded_line_one_by_one)
{
    TREE("main{ load(1):1 load(2):2 }", 0, 30,
         "[+main()\n[load(a=1 … 2) → 1 … 2 ×2\n[each of the 2 calls\nload(a=1) → 1 #2\nload(a=2) → 2 #3\n]\n]\n]\n\n");
}

TEST(html_tells_the_way_of_an_exception)
{
    TREE("main{ pay{ charge! }^ }", 0, 2,
         "[+main()\n[pay()  ✗ ValueError\n[+charge()  ✗ ValueError(&#39;message&#39;)\n"
         "raised raiser.py:41 in raiser · left charge, pay · caught in main (file.py:9)\n]\n]\n]\n\n");
}

/* --- any trace ---------------------------------------------------------- */

TEST(html_of_any_trace_is_closed)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random_trace r;
        struct reader reader;
        struct model model;
        struct text text = {0};
        struct html_options options = ALL;
        options.lines = seed % 3 ? 20u * (unsigned)(seed % 5) : 0;
        random_trace(&r, seed, 20u << seed % 6);
        CHECK_NUMBER(build_open(&r.b, &reader), 0);
        CHECK_NUMBER(model_build(&model, &reader), 0);
        CHECK_NUMBER(html_story(&text, &model, &options), 0);
        for (uint32_t call = 0; call < model.call_count; call += 7)
            CHECK_NUMBER(html_call(&text, &model, call, &options), 0);
        text_bytes(&text, "", 1);
        check_balanced(&text, seed);
        text_free(&text);
        model_free(&model);
        reader_close(&reader);
        build_free(&r.b);
    }
}

TEST(html_nests_no_deeper_than_browsers_do)
{
    struct fixture f;
    struct text calls = {0};
    for (int i = 0; i < 400; i++)
        text_format(&calls, "f%d{ ", i);
    text_bytes(&calls, "", 1);
    begin(&f, calls.data);
    struct html_options options = ALL;
    options.lines = 0;
    CHECK_NUMBER(html_story(&f.text, &f.model, &options), 0);
    text_bytes(&f.text, "", 1);
    CHECK_NUMBER(count_of(f.text.data, "<details"), 250);
    CHECK_NUMBER(count_of(f.text.data, "still running"), 400);
    check_balanced(&f.text, 0);
    text_free(&calls);
    finish(&f);
}

TEST(html_of_no_calls_says_why)
{
    TREE("", 200, 30,
         "No call of the program&#39;s own code was recorded. Its own is what lies in the script&#39;s "
         "folder or\nproject; --include NAME takes an installed package or another file in.\n\n\n");
}
