/* Two runs as a tree that opens: signs beside colours, what is folded, what is in calls of one run alone. */
#include <stdlib.h>

#include "../../src/show/html.h"
#include "check_html.h"
#include "diff_fixture.h"
#include "random_trace.h"
#include "story_builder.h"

static void
tell(struct diff_fixture *f, struct text *tree, unsigned lines)
{
    struct text text = {0};
    struct show_options show = {.lines = lines, .width = 100};
    struct show_diff_options options = {.name_a = "a.flow", .name_b = "b.flow", .values = true};
    bool same;
    CHECK_NUMBER(html_diff(&text, tree, &f->a.model, &f->b.model, &show, &options, &same), 0);
    CHECK(text.length == f->text.length && memcmp(text.data, f->text.data, text.length) == 0);
    text_bytes(tree, "", 1);
    text_free(&text);
}

/* Without elements, but "[+" for one that is open, "[" for one that is shut. */
static void
outline_of(struct text *out, const char *html)
{
    const char *at = strstr(html, "<div class=\"h\">");
    for (at = strstr(at, "</div>\n") + 7; *at; at++) {
        if (*at != '<') {
            text_bytes(out, at, 1);
            continue;
        }
        const char *end = strchr(at, '>');
        if (strncmp(at, "<details", 8) == 0)
            text_string(out, memmem(at, (size_t)(end - at), " open", 5) ? "[+" : "[");
        else if (strncmp(at, "</details", 9) == 0)
            text_string(out, "]");
        at = end;
    }
    text_bytes(out, "", 1);
}

static void
check_tree(const char *a, const char *b, unsigned lines, const char *expected, int line)
{
    struct diff_fixture f = {0};
    struct text tree = {0}, outline = {0};
    build_story(&f.a.b, a);
    build_story(&f.b.b, b);
    diff_end(&f, lines);
    tell(&f, &tree, lines);
    outline_of(&outline, tree.data);
    if (strncmp(outline.data, expected, strlen(expected)) != 0)
        unit_fail(__FILE__, line, "\n%sinstead of\n%s", outline.data, expected);
    text_free(&tree);
    text_free(&outline);
    diff_finish(&f);
}

#define TREE(a, b, expected) check_tree(a, b, 200, expected, __LINE__)

TEST(html_diff_has_a_sign_for_each_difference)
{
    TREE("main{ load(1):1 price(1) save }", "main{ load(1):2 price(3) log }",
         "[+  main()\n"
         "[+~ load(a=1) #2\n  result: 1 → 2\n]\n"
         "[+~ price(a=1) #3\n  a: 1 → 3\n]\n"
         "- save() #4\n"
         "+ log() #4\n"
         "]\n");
}

TEST(html_diff_counts_what_is_alike)
{
    TREE("main{ a b c(1) d }", "main{ a b c(2) d }",
         "[+  main()\n… 2 calls alike\n[+~ c(a=1) #4\n  a: 1 → 2\n]\n… 1 call alike\n]\n");
}

TEST(html_diff_opens_what_one_run_alone_did)
{
    TREE("main{ load }", "main{ load pay{ charge(1):2 log{ print } } }",
         "[+  main()\n… 1 call alike\n[+ pay() 3 calls in it  #3\ncharge(a=1) → 2\n[log()\nprint()\n]\n]\n]\n");
}

TEST(html_diff_of_equal_runs_is_a_sentence)
{
    struct diff_fixture f = {0};
    struct text tree = {0};
    build_story(&f.a.b, "main{ load }");
    build_story(&f.b.b, "main{ load }");
    diff_end(&f, 200);
    tell(&f, &tree, 200);
    CHECK(strstr(tree.data, "<div class=\"f\">The runs are the same: 2 calls.</div>"));
    text_free(&tree);
    diff_finish(&f);
}

/* --- any two traces ------------------------------------------------------- */

TEST(html_diff_of_any_traces_is_closed)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random_trace r[2];
        struct reader readers[2];
        struct model models[2];
        struct text text = {0}, tree = {0};
        struct show_options show = {.lines = seed % 3 ? 20u * (unsigned)(seed % 5) : 0, .width = 100};
        struct show_diff_options options = {.name_a = "a.flow", .name_b = "b.flow", .values = true};
        bool same;
        for (uint64_t i = 0; i < 2; i++) {
            random_trace(&r[i], seed + i, 20u << seed % 6);
            CHECK_NUMBER(build_open(&r[i].b, &readers[i]), 0);
            CHECK_NUMBER(model_build(&models[i], &readers[i]), 0);
        }
        CHECK_NUMBER(html_diff(&text, &tree, &models[0], &models[1], &show, &options, &same), 0);
        text_bytes(&tree, "", 1);
        check_balanced(&tree, seed);
        text_free(&text);
        text_free(&tree);
        for (int i = 0; i < 2; i++) {
            model_free(&models[i]);
            reader_close(&readers[i]);
            build_free(&r[i].b);
        }
    }
}

/* Calls one within the other, the innermost of which differ. */
static void
build_deep(struct diff_fixture *f, int depth)
{
    for (int side = 0; side < 2; side++) {
        struct text calls = {0};
        for (int i = 0; i < depth; i++)
            text_format(&calls, "f%d{ ", i);
        text_string(&calls, side ? "g(1) h{ i{ j } } " : "g(2) ");
        for (int i = 0; i < depth; i++)
            text_string(&calls, "} ");
        text_bytes(&calls, "", 1);
        build_story(side ? &f->b.b : &f->a.b, calls.data);
        text_free(&calls);
    }
    diff_end(f, 0);
}

TEST(html_diff_nests_no_deeper_than_browsers_do)
{
    struct diff_fixture f = {0};
    struct text tree = {0};
    build_deep(&f, 400);
    tell(&f, &tree, 0);
    CHECK_NUMBER(count_of(tree.data, "<details"), 250);
    CHECK_NUMBER(count_of(tree.data, "<b>f"), 400);
    CHECK_NUMBER(count_of(tree.data, "<b>h<"), 1);
    CHECK_NUMBER(count_of(tree.data, "<b>i<"), 1);
    check_balanced(&tree, 0);
    text_free(&tree);
    diff_finish(&f);
}
