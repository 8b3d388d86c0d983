/* Who calls whom: what `flowtrace graph` prints, to the letter. */
#include "../../src/model/graph.h"
#include "../../src/show/graph_view.h"

#include "model_fixture.h"
#include "random_trace.h"
#include "story_builder.h"

static struct graph_options
usual(void)
{
    return (struct graph_options){.show = {.lines = 200, .width = 60}};
}

static void
check_graph(const struct fixture *f, struct graph_options options, const char *expected, int line)
{
    struct text text = {0};
    CHECK_NUMBER(show_graph(&text, &f->model, &options), 0);
    check_told(&text, expected, __FILE__, line);
    text_free(&text);
}

#define DRAWS(f, options, expected) check_graph(f, options, expected, __LINE__)

/* The functions of that name, by code. */
static bool *
named(const struct fixture *f, const char *name)
{
    bool *wanted = calloc(f->reader.code_count + 1u, sizeof *wanted);
    for (uint32_t i = 0; i < f->reader.code_count; i++)
        wanted[i] = slice_is(f->reader.codes[i]->qualname, name);
    return wanted;
}

TEST(a_graph_merges_the_callees_of_each_function)
{
    struct fixture f;
    build_story(&f.b, "main{ load{ parse } run{ parse*3 save } run{ parse } }");
    end(&f);
    DRAWS(&f, usual(),
          "10 calls of 5 functions\n\n"
          "main\n"
          "├─ load\n"
          "│  └─ parse\n"
          "└─ run                                                    ×2\n"
          "   ├─ parse                                               ×4\n"
          "   └─ save\n");
    finish(&f);
}

TEST(a_function_is_opened_once_and_referred_to_later)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ p{ q r } } b{ p{ q } } }");
    end(&f);
    DRAWS(&f, usual(),
          "8 calls of 6 functions\n\n"
          "main\n"
          "├─ a\n"
          "│  └─ p\n"
          "│     ├─ q                                                ×2\n"
          "│     └─ r\n"
          "└─ b\n"
          "   └─ p  as above\n");
    finish(&f);
    build_story(&f.b, "main{ a{ b{ p{ q } } } p{ q } }");
    end(&f);
    DRAWS(&f, usual(),
          "7 calls of 5 functions\n\n"
          "main\n"
          "├─ a\n"
          "│  └─ b\n"
          "│     └─ p  as below\n"
          "└─ p\n"
          "   └─ q                                                   ×2\n");
    finish(&f);
}

TEST(cycles_of_a_graph_are_marked)
{
    struct fixture f;
    build_story(&f.b, "main{ fib{ fib{ fib fib } fib } ping{ pong{ ping{ pong } } } }");
    end(&f);
    DRAWS(&f, usual(),
          "10 calls of 4 functions\n\n"
          "main\n"
          "├─ fib\n"
          "│  └─ fib ↻                                               ×4\n"
          "└─ ping\n"
          "   └─ pong                                                ×2\n"
          "      └─ ping ↻\n");
    finish(&f);
}

TEST(a_graph_of_one_function_has_what_led_there_and_on)
{
    struct fixture f;
    build_story(&f.b, "main{ load{ parse{ lex*2 } } run{ parse{ lex } save } run{ save } log }");
    end(&f);
    struct graph_options options = usual();
    bool *wanted = named(&f, "parse");
    options.wanted = wanted;
    DRAWS(&f, options,
          "12 calls of 7 functions\n\n"
          "parse  file.py:7  called by                               ×2\n"
          "├─ load\n"
          "│  └─ main\n"
          "└─ run\n" /* once, though it ran twice: the other time it did not call parse */
          "   └─ main\n\n"
          "parse  file.py:7  calls                                   ×2\n"
          "└─ lex                                                    ×3\n");
    free(wanted);
    wanted = named(&f, "main");
    options.wanted = wanted;
    options.depth = 2;
    DRAWS(&f, options,
          "12 calls of 7 functions\n\n"
          "main  file.py:7  called by nobody that was recorded\n\n"
          "main  file.py:7  calls\n"
          "├─ load  … 1 function\n"
          "├─ run  … 2 functions                                     ×2\n"
          "└─ log\n\n"
          "Not shown: 3 lines; --lines N and --depth N show more, --all\n"
          "everything.\n");
    free(wanted);
    wanted = named(&f, "save");
    options.wanted = wanted;
    options.depth = 0;
    DRAWS(&f, options,
          "12 calls of 7 functions\n\n"
          "save  file.py:7  called by                                ×2\n"
          "└─ run                                                    ×2\n"
          "   └─ main                                                ×2\n\n"
          "save  file.py:7  calls nothing that was recorded          ×2\n");
    free(wanted);
    finish(&f);
}

TEST(callers_may_be_a_cycle)
{
    struct fixture f;
    build_story(&f.b, "main{ ping{ pong{ ping{ pong } } } }");
    end(&f);
    struct graph_options options = usual();
    bool *wanted = named(&f, "pong");
    options.wanted = wanted;
    DRAWS(&f, options,
          "5 calls of 3 functions\n\n"
          "pong  file.py:7  called by                                ×2\n"
          "└─ ping                                                   ×2\n"
          "   ├─ main\n"
          "   └─ pong ↻\n\n"
          "pong  file.py:7  calls                                    ×2\n"
          "└─ ping\n"
          "   └─ pong ↻\n");
    free(wanted);
    finish(&f);
}

TEST(who_is_called_by_nobody_too_says_so)
{
    struct fixture f;
    build_story(&f.b, "work main{ work }");
    end(&f);
    struct graph_options options = usual();
    bool *wanted = named(&f, "work");
    options.wanted = wanted;
    DRAWS(&f, options,
          "3 calls of 2 functions\n\n"
          "work  file.py:7  called by                                ×2\n"
          "├─ (nobody that was recorded)\n"
          "└─ main\n\n"
          "work  file.py:7  calls nothing that was recorded          ×2\n");
    free(wanted);
    finish(&f);
}

TEST(a_graph_has_times_as_the_story_has)
{
    struct fixture f;
    build_story(&f.b, "main{ fib{ fib{ fib } } }");
    end(&f);
    struct graph_options options = usual();
    options.show.time = true;
    DRAWS(&f, options,
          "4 calls of 2 functions · 80 ns\n\n"
          "main                                                   70 ns\n"
          "└─ fib                                                 50 ns\n"
          "   └─ fib ↻                                        ×2  30 ns\n"); /* not 30 + 10 */
    bool *wanted = named(&f, "fib");
    options.wanted = wanted;
    DRAWS(&f, options,
          "4 calls of 2 functions · 80 ns\n\n"
          "fib  file.py:7  called by                          ×3  50 ns\n"
          "├─ main                                                50 ns\n"
          "└─ fib ↻                                           ×2  30 ns\n\n"
          "fib  file.py:7  calls                              ×3  50 ns\n"
          "└─ fib ↻                                           ×2  30 ns\n");
    free(wanted);
    finish(&f);
}

/* A task of `fetch`, created by main, that waits. */
TEST(what_was_created_is_marked_and_waits_stand_apart)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_thread(&f.b, 1001, true, "MainThread");
    build_call(&f.b, 10, "main");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-1");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-1");
    build_generator(&f.b, 10, "fetch", 1);
    build_yield(&f.b, 30);
    build_resume(&f.b, 100, "fetch", 1);
    build_record(&f.b, 20, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    struct graph_options options = usual();
    options.show.time = true;
    DRAWS(&f, options,
          "2 calls of 2 functions · 180 ns\n\n"
          "main                                                  170 ns\n"
          "└─ ⇢ task: fetch                         50 ns + 100 ns wait\n");
    options.show.time = false;
    bool *wanted = named(&f, "fetch");
    options.wanted = wanted;
    DRAWS(&f, options,
          "2 calls of 2 functions\n\n"
          "fetch  file.py:7  called by\n"
          "└─ ⇢ task of main\n\n"
          "fetch  file.py:7  calls nothing that was recorded\n");
    free(wanted);
    finish(&f);
}

TEST(a_graph_keeps_to_its_lines)
{
    struct fixture f;
    char story[4000] = "main{ ";
    for (int i = 0; i < 100; i++)
        snprintf(story + strlen(story), sizeof story - strlen(story), "f%d{ g%d } ", i, i);
    strcat(story, "}");
    build_story(&f.b, story);
    end(&f);
    struct graph_options options = usual();
    options.show.lines = 12;
    DRAWS(&f, options,
          "201 calls of 201 functions\n\n"
          "main\n"
          "├─ f0  … 1 function\n"
          "├─ f1  … 1 function\n"
          "├─ f2  … 1 function\n"
          "├─ f3  … 1 function\n"
          "├─ f4  … 1 function\n"
          "├─ f5  … 1 function\n"
          "└─ … 94 more functions, 94 calls\n\n"
          "Not shown: 100 lines; --lines N and --depth N show more,\n"
          "--all everything.\n");
    finish(&f);
}

TEST(many_roots_keep_to_their_lines)
{
    struct fixture f;
    char story[4000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(story + strlen(story), sizeof story - strlen(story), "f%d ", i);
    build_story(&f.b, story);
    end(&f);
    struct graph_options options = usual();
    options.show.lines = 6;
    options.show.ascii = true;
    DRAWS(&f, options,
          "100 calls of 100 functions\n\n"
          "f0\nf1\nf2\nf3\nf4\nf5\n"
          "... 94 more functions that nobody called\n\n"
          "Not shown: 94 lines; --lines N and --depth N show more,\n"
          "--all everything.\n");
    finish(&f);
}

TEST(names_in_a_graph_do_nothing_to_a_terminal)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "a\x1b[31m\nb");
    build_call(&f.b, 10, "\xe5\x8f\x96\xff");
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    struct graph_options options = usual();
    DRAWS(&f, options,
          "2 calls of 2 functions\n\n"
          "a\\x1b[31m\\nb\n"
          "└─ 取\xef\xbf\xbd\n");
    options.show.width = 1;
    options.show.ascii = true;
    DRAWS(&f, options,
          "2\ncalls\nof\n2\nfunctions\n\n"
          "a\n"
          "`\n");
    finish(&f);
}

TEST(a_graph_of_nothing_says_why)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    end(&f);
    struct text text = {0};
    struct graph_options options = usual();
    CHECK_NUMBER(show_graph(&text, &f.model, &options), 0);
    CHECK(text.length > 33 && memcmp(text.data, "No call of the program's own code", 33) == 0);
    text_free(&text);
    finish(&f);
}

TEST(one_open_call_is_a_graph)
{
    struct fixture f;
    build_story(&f.b, "main?");
    end(&f);
    DRAWS(&f, usual(), "1 call of 1 function\n\nmain\n");
    finish(&f);
}

/* --- deep and wide ------------------------------------------------------ */

static void
build_many(struct fixture *f, uint32_t calls, uint32_t functions, bool nested)
{
    uint32_t sequence = 0;
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    for (uint32_t i = 0; i < calls; i++) {
        char name[16];
        if (f->b.p - (uint8_t *)f->b.chunk > (ptrdiff_t)FLOW_UNIT_SIZE - 1000)
            build_chunk(&f->b, 1, 1, ++sequence);
        snprintf(name, sizeof name, "f%u", i % functions);
        build_record(&f->b, 1, FLOW_CALL);
        build_code_definition(&f->b, i % functions, name, 0, 0);
        if (!nested)
            build_record(&f->b, 1, FLOW_RETURN);
    }
    end(f);
}

TEST(a_recursion_of_50000_is_one_line)
{
    struct fixture f;
    build_many(&f, 50000, 1, true);
    DRAWS(&f, usual(),
          "50,000 calls of 1 function\n\n"
          "f0\n"
          "└─ f0 ↻                                              ×49,999\n");
    finish(&f);
}

/* Each calls the next: a tree as deep as there are functions. */
TEST(a_chain_of_90000_functions_is_drawn_without_recursion)
{
    enum { FUNCTIONS = 90000 };
    struct fixture f;
    build_many(&f, FUNCTIONS, FUNCTIONS, true);
    struct text text = {0};
    struct graph_options options = usual();
    options.show.lines = 0;
    CHECK_NUMBER(show_graph(&text, &f.model, &options), 0);
    uint32_t lines = 0;
    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    CHECK_NUMBER(lines, FUNCTIONS + 2);
    text_free(&text);
    finish(&f);
}

TEST(a_hundred_thousand_roots_are_cut_to_the_budget)
{
    struct fixture f;
    build_many(&f, 100000, 100000, false);
    struct text text = {0};
    struct graph_options options = usual();
    CHECK_NUMBER(show_graph(&text, &f.model, &options), 0);
    CHECK(text.length < 20000);
    text_free(&text);
    finish(&f);
}

/* --- of any trace ------------------------------------------------------- */

/* In how many lines of a tree each edge stands, and whether each function is opened at most once. */
static void
check_tree(const struct graph *graph, const struct graph_tree *tree, uint32_t budget)
{
    uint32_t *opened = calloc(graph->functions.count + 1u, sizeof *opened);
    uint32_t *numbers = calloc(tree->count + 1u, sizeof *numbers);
    CHECK(!budget || tree->count <= budget);
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct graph_line *line = &tree->lines[i];
        CHECK(line->enter < tree->count && line->leave > line->enter && line->leave <= tree->count);
        numbers[line->enter]++;
        if (line->state == GRAPH_OPEN)
            CHECK_NUMBER(++opened[line->function], 1);
        CHECK((line->state == GRAPH_OPEN) == (line->first_child != MODEL_NONE));
        if (line->state == GRAPH_CYCLE) {
            uint32_t above = line->parent;
            while (above != MODEL_NONE && tree->lines[above].function != line->function)
                above = tree->lines[above].parent;
            CHECK(above != MODEL_NONE);
        }
    }
    for (uint32_t i = 0; i < tree->count; i++)
        CHECK_NUMBER(numbers[i], 1);
    free(opened);
    free(numbers);
}

TEST(the_edges_of_any_trace_sum_to_all_calls)
{
    for (uint64_t seed = 1; seed < 80; seed++) {
        struct random_trace r;
        struct fixture f;
        struct graph graph;
        random_trace(&r, seed, 300);
        f.b = r.b;
        end(&f);
        CHECK_NUMBER(graph_build(&graph, &f.model, GRAPH_ALL, NULL), 0);
        uint64_t calls = 0, by_function = 0;
        for (uint32_t i = 0; i < graph.edge_count; i++)
            calls += graph.edges[i].calls.calls;
        for (uint32_t i = 0; i < graph.functions.count; i++)
            by_function += graph.nodes[i].calls;
        CHECK_NUMBER(calls, f.model.call_count);
        CHECK_NUMBER(by_function, f.model.call_count);
        for (uint32_t budget = 0; budget < 40; budget += 13) {
            struct graph_tree tree;
            CHECK_NUMBER(graph_tree_build(&tree, &graph, MODEL_NONE, false, budget, seed % 4), 0);
            check_tree(&graph, &tree, budget);
            if (!budget && seed % 4 == 0) {
                CHECK_NUMBER(tree.count, graph.edge_count); /* each edge once */
                CHECK_NUMBER(tree.skipped, 0);
            }
            graph_tree_free(&tree);
            CHECK_NUMBER(graph_tree_build(&tree, &graph, (uint32_t)seed % graph.functions.count, true, budget, 0), 0);
            check_tree(&graph, &tree, budget);
            graph_tree_free(&tree);
        }
        graph_free(&graph);
        finish(&f);
    }
}
