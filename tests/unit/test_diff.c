/* Two runs as one tree: what is paired, what differs, where they part first. */
#include <stdlib.h>

#include "diff_fixture.h"
#include "random_trace.h"
#include "story_builder.h"

static void
compare_stories(struct diff_fixture *f, const char *a, const char *b)
{
    *f = (struct diff_fixture){0};
    build_story(&f->a.b, a);
    build_story(&f->b.b, b);
    diff_end(f, 200);
}

/* The first difference: of which kind, which calls, what, and how many agree before. */
static void
check_first(const char *a, const char *b, enum diff_kind kind, unsigned what, uint32_t call_a, uint32_t call_b,
            uint32_t agree, const char *words, int line)
{
    struct diff_fixture f;
    compare_stories(&f, a, b);
    if (f.same) {
        unit_fail(__FILE__, line, "%s and %s are the same", a, b);
    }
    else {
        const struct diff_node *node = &f.diff.nodes[f.diff.first];
        if (node->kind != kind || f.diff.first_what != what || node->a != call_a || node->b != call_b
            || f.diff.agree != agree)
            unit_fail(__FILE__, line, "kind %u, what %u, calls %u and %u, %u agree", node->kind, f.diff.first_what,
                      node->a, node->b, f.diff.agree);
        if (!diff_says(&f, words))
            unit_fail(__FILE__, line, "\"%s\" is not in:\n%.*s", words, (int)f.text.length, f.text.data);
    }
    diff_finish(&f);
}

#define FIRST(a, b, kind, what, call_a, call_b, agree, words) \
    check_first(a, b, kind, what, call_a, call_b, agree, words, __LINE__)

#define NONE MODEL_NONE

TEST(two_runs_that_did_the_same_are_the_same)
{
    struct diff_fixture f;
    const char *story = "main{ load(1):2 price(3):4*5 fib(3){ fib(2) fib(1) } pay{ charge! }^ save? ";
    compare_stories(&f, story, story);
    CHECK(f.same);
    CHECK_TEXT(f.text.data, f.text.length, "The runs are the same: 13 calls.\n");
    diff_finish(&f);
}

TEST(a_changed_argument_is_where_two_runs_part)
{
    FIRST("main{ price(1) price(1) price(1) }", "main{ price(1) price(1) price(2) }", DIFF_PAIR, DIFF_ARGUMENTS, 3, 3,
          3, "The 3rd call of price got a=2 instead of 1; up to there 3 calls agree.");
    FIRST("main(1)", "main(2)", DIFF_PAIR, DIFF_ARGUMENTS, 0, 0, 0, "The call of main got a=2 instead of 1, before");
}

TEST(an_argument_changes_before_what_comes_of_it)
{
    FIRST("main{ price(1){ tax(1):1 }:5 }:9", "main{ price(2){ tax(2):1 }:6 }:8", DIFF_PAIR, DIFF_ARGUMENTS, 1, 1, 1,
          "The call of price got a=2 instead of 1");
}

TEST(a_changed_result_is_where_two_runs_part)
{
    FIRST("main{ price(1):5 price(1):5 }", "main{ price(1):5 price(1):6 }", DIFF_PAIR, DIFF_RESULT, 2, 2, 2,
          "The 2nd call of price returned 6 instead of 5; up to there 2 calls agree.");
    /* the inner one returns first */
    FIRST("main{ price(1){ tax:1 }:5 }:9", "main{ price(1){ tax:2 }:6 }:8", DIFF_PAIR, DIFF_RESULT, 2, 2, 2,
          "The call of tax returned 2 instead of 1");
}

TEST(a_call_that_is_gone_is_where_two_runs_part)
{
    FIRST("main{ load(1) price(2) save(3) }", "main{ load(1) save(3) }", DIFF_GONE, 0, 2, NONE, 2,
          "main no longer called price(a=2); up to there 2 calls agree. See call #3 of a.flow, below main.");
}

TEST(a_call_that_was_added_is_where_two_runs_part)
{
    FIRST("main{ load(1) save(3) }", "main{ load(1) price(2) save(3) }", DIFF_ADDED, 0, NONE, 2, 2,
          "main also called price(a=2); up to there 2 calls agree. See call #3 of b.flow, below main.");
    FIRST("main{ load(1){ read } }:1", "main{ load(1){ read } save }:2", DIFF_ADDED, 0, NONE, 3, 3,
          "main also called save()");
    FIRST("main", "main{ save }", DIFF_ADDED, 0, NONE, 1, 1, "main also called save()");
}

TEST(a_call_in_the_place_of_another_is_told_with_it)
{
    FIRST("main{ load(1) price(2) save(3) }", "main{ load(1) quote(2) save(3) }", DIFF_GONE, 0, 2, NONE, 2,
          "main called quote(a=2) instead of price(a=2)");
}

TEST(another_end_is_where_two_runs_part)
{
    FIRST("main{ pay:1 }", "main{ pay! }", DIFF_PAIR, DIFF_OUTCOME, 1, 1, 1,
          "The call of pay raised ValueError('message'); before it returned 1");
    FIRST("main{ pay! }", "main{ pay }", DIFF_PAIR, DIFF_OUTCOME, 1, 1, 1,
          "The call of pay returned; before it raised ValueError('message')");
    FIRST("main{ pay }", "main{ pay?", DIFF_PAIR, DIFF_OUTCOME, 1, 1, 1,
          "The call of pay did not end; before it returned");
}

TEST(what_an_exception_kept_from_being_called_is_told_with_it)
{
    struct diff_fixture f;
    compare_stories(&f, "main{ load(1) save(2) }", "main{ load(1) }!");
    SAYS(&f, "main no longer called save(a=2): it raised ValueError('message')");
    diff_finish(&f);
}

TEST(calls_in_another_order_are_where_two_runs_part)
{
    FIRST("main{ load(1) price(2) save(3) }", "main{ load(1) save(3) price(2) }", DIFF_PAIR, DIFF_MOVED, 2, 3, 2,
          "main called price(a=2) in another order: behind save(a=3) instead of behind load(a=1)");
    struct diff_fixture f;
    compare_stories(&f, "main{ a b c d e }", "main{ e a b c d }");
    CHECK_NUMBER(f.diff.nodes[0].differences, 1);
    SAYS(&f, "main called e() in another order: first instead of behind d()");
    SAYS(&f, "1 call in another order.");
    diff_finish(&f);
}

TEST(equal_calls_are_paired_before_similar_ones)
{
    struct diff_fixture f;
    compare_stories(&f, "main{ price(1) price(2) price(3) price(4) }", "main{ price(1) price(3) price(4) }");
    CHECK_NUMBER(f.diff.nodes[0].differences, 1);
    CHECK_NUMBER(f.diff.nodes[f.diff.first].a, 2);
    diff_finish(&f);
}

TEST(what_is_alike_is_counted_and_what_is_alike_in_its_difference_told_once)
{
    struct diff_fixture f;
    compare_stories(&f, "main{ load(1) price(1):1*5 save(9)*20 }", "main{ load(1) price(1):2*5 save(9)*20 }");
    static const char told[] = "  main()\n"
                               "  ├─ … 1 call alike\n"
                               "~ ├─ price(a=1)  #3\n"
                               "  │     result: 1 → 2\n"
                               "  ├─ … 4 more such, the last #7\n"
                               "  └─ … 20 calls alike\n"
                               "\n"
                               "5 calls changed.\n";
    SAYS(&f, told);
    diff_finish(&f);
}

TEST(a_tree_of_differences_has_a_sign_before_each)
{
    struct diff_fixture f;
    compare_stories(&f, "main{ shop{ load(1) price(2):5 drop{ x y } } }", "main{ shop{ load(1) price(3):6 add } }");
    static const char told[] =
        "- a.flow · 7 calls\n"
        "+ b.flow · 5 calls\n"
        "\n"
        "The call of price got a=3 instead of 2; up to there 3 calls agree. See call #4 of a.flow, call #4 of\n"
        "b.flow, below shop, main.\n"
        "\n"
        "  main()\n"
        "  └─ shop()\n"
        "     ├─ … 1 call alike\n"
        "~    ├─ price(a=2)  #4\n"
        "     │     a: 2 → 3\n"
        "     │     result: 5 → 6\n"
        "-    ├─ drop()  … 2 calls  #5\n"
        "+    └─ add()  #5\n"
        "\n"
        "1 call changed, 1 call gone with 2 in them, 1 call added.\n";
    CHECK_TEXT(f.text.data, f.text.length, told);
    diff_finish(&f);
}

TEST(what_is_left_out_of_the_differences_is_said)
{
    struct diff_fixture f = {0};
    char a[6000] = "main{", b[6000] = "main{";
    for (int i = 0; i < 50; i++) { /* of many shapes */
        sprintf(a + strlen(a), " f%d(1){ g(%d) }", i, i % 7);
        sprintf(b + strlen(b), " f%d(2){ g(%d) }", i, i % 5);
    }
    build_story(&f.a.b, strcat(a, " }"));
    build_story(&f.b.b, strcat(b, " }"));
    diff_end(&f, 40);
    SAYS(&f, "more differences\n");
    SAYS(&f, "; --lines N shows more, --all everything.\n");
    uint32_t lines = 0;
    for (size_t i = 0; i < f.text.length; i++)
        lines += f.text.data[i] == '\n';
    CHECK(lines <= 44);
    diff_finish(&f);
}

/* --- ignored ------------------------------------------------------------ */

TEST(an_ignored_function_is_left_out_with_what_it_calls)
{
    struct diff_fixture f = {0};
    build_story(&f.a.b, "main{ log{ write(1) } save(1) }");
    build_story(&f.b.b, "main{ save(1) log{ write(2) } log }");
    diff_ignore(&f, "l?g");
    diff_ignore(&f, "none*");
    diff_end(&f, 200);
    CHECK_TEXT(
        f.text.data, f.text.length,
        "The runs are the same: 2 calls.\nNo function, parameter or field goes by the name of --ignore none*.\n");
    diff_finish(&f);
}

TEST(an_ignored_parameter_makes_no_difference)
{
    struct diff_fixture f = {0};
    build_story(&f.a.b, "main{ save(1) }");
    build_story(&f.b.b, "main{ save(2) }");
    diff_ignore(&f, "a");
    diff_end(&f, 200);
    CHECK(f.same);
    diff_finish(&f);
}

TEST(a_function_is_named_with_its_module_or_without)
{
    const char *pattern = "shop.Cart.*";
    bool used = false;
    struct names names = {&pattern, &used, 1};
    CHECK(names_hold_function(&names, (struct slice){"shop", 4}, (struct slice){"Cart.add", 8}));
    CHECK(used);
    CHECK(!names_hold_function(&names, (struct slice){"bank", 4}, (struct slice){"Cart.add", 8}));
}

/* --- tasks -------------------------------------------------------------- */

struct job {
    const char *name;
    int argument;
};

/* main starts these; they run in the order of `turns`. */
static void
build_tasks(struct trace_builder *b, enum flow_spawn kind, const struct job *jobs, const char *turns)
{
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    build_thread(b, 1, true, "MainThread");
    build_call(b, 10, "main");
    for (uint64_t i = 0; i < strlen(turns); i++)
        build_link(b, FLOW_EXTENDED_SPAWN, i + 1, kind, jobs[i].name);
    build_record(b, 10, FLOW_RETURN);
    for (size_t i = 0; i < strlen(turns); i++) {
        int number = turns[i] - '1';
        build_link(b, FLOW_EXTENDED_ORIGIN, (uint64_t)number + 1, kind, jobs[number].name);
        build_record(b, 5, FLOW_CALL_VALUES);
        build_code_definition(b, 77, "fetch", 0, 1);
        build_int(b, jobs[number].argument);
        build_record(b, 5, FLOW_RETURN);
    }
}

static void
compare_tasks(struct diff_fixture *f, enum flow_spawn kind, const struct job *a, const char *turns_a,
              const struct job *b, const char *turns_b)
{
    *f = (struct diff_fixture){0};
    build_tasks(&f->a.b, kind, a, turns_a);
    build_tasks(&f->b.b, kind, b, turns_b);
    diff_end(f, 200);
}

TEST(whose_turn_it_was_is_no_difference)
{
    static const struct job jobs[] = {{"Task-2", 1}, {"Task-3", 2}, {"Task-4", 3}};
    static const struct job others[] = {{"Task-12", 1}, {"Task-13", 2}, {"Task-14", 3}};
    struct diff_fixture f;
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "123", others, "312");
    CHECK(f.same);
    diff_finish(&f);
    compare_tasks(&f, FLOW_SPAWN_JOB, jobs, "123", jobs, "231");
    CHECK(f.same);
    diff_finish(&f);
}

TEST(a_task_is_paired_by_what_it_does_and_then_by_its_turn)
{
    static const struct job jobs[] = {{"Task-2", 1}, {"Task-3", 2}, {"Task-4", 3}};
    static const struct job others[] = {{"Task-2", 1}, {"Task-3", 9}, {"Task-4", 3}};
    struct diff_fixture f;
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "123", others, "312");
    CHECK_NUMBER(f.diff.nodes[0].differences, 1);
    SAYS(&f, "The 2nd call of fetch got a=9 instead of 2");
    diff_finish(&f);
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "123", others, "1");
    CHECK_NUMBER(f.diff.nodes[0].differences, 2);
    SAYS(&f, "main no longer started fetch(a=2)");
    diff_finish(&f);
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "1", jobs, "12");
    SAYS(&f, "main also started fetch(a=2)");
    diff_finish(&f);
}

TEST(a_name_that_was_given_to_a_task_counts)
{
    static const struct job jobs[] = {{"reader", 1}, {"writer", 1}};
    static const struct job swapped[] = {{"writer", 1}, {"reader", 1}};
    static const struct job others[] = {{"reader", 1}, {"printer", 1}};
    struct diff_fixture f;
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "12", swapped, "12");
    CHECK(f.same);
    diff_finish(&f);
    compare_tasks(&f, FLOW_SPAWN_TASK, jobs, "12", others, "12");
    CHECK_NUMBER(f.diff.nodes[0].differences, 1);
    SAYS(&f, "The 2nd call of fetch ran in task printer instead of writer");
    diff_finish(&f);
}

/* --- for any trace ------------------------------------------------------ */

TEST(any_trace_is_the_same_as_itself)
{
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct diff_fixture f = {0};
        struct random_trace a, b;
        random_trace(&a, seed, 20 + (uint32_t)seed * 10);
        random_trace(&b, seed, 20 + (uint32_t)seed * 10);
        f.a.b = a.b;
        f.b.b = b.b;
        diff_end(&f, 200);
        if (!f.same)
            unit_fail(__FILE__, __LINE__, "seed %u:\n%.*s", (unsigned)seed, (int)f.text.length, f.text.data);
        diff_finish(&f);
    }
}

/* Each difference is counted once, parents come first, and what is told can be shown on a terminal. */
static void
check_nodes(const struct diff *diff, uint64_t seed)
{
    uint64_t differences = 0;
    for (uint32_t i = 1; i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        differences += node->what || node->kind == DIFF_GONE || node->kind == DIFF_ADDED;
        if (node->parent >= i || (node->kind == DIFF_GONE) != (node->b == MODEL_NONE)
            || (node->kind == DIFF_ADDED) != (node->a == MODEL_NONE))
            unit_fail(__FILE__, __LINE__, "node %u of seed %u", i, (unsigned)seed);
    }
    CHECK_NUMBER(diff->nodes[0].differences, differences);
}

/* Every call of either run stands in one node, or in one that stands for it. */
static void
check_sums(const struct diff *diff)
{
    uint64_t a = 0, b = 0;
    for (uint32_t i = 1; i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        bool whole = node->kind == DIFF_ALIKE
                     || (node->kind == DIFF_PAIR && diff->a.whole[node->a] == diff->b.whole[node->b]);
        bool gone = node->kind == DIFF_GONE, added = node->kind == DIFF_ADDED;
        a += added ? 0 : whole || gone ? node->calls : 1;
        b += gone ? 0 : whole || added ? node->calls : 1;
    }
    if (diff->node_count == 1)
        return; /* the same */
    CHECK_NUMBER(a, diff->a.compared);
    CHECK_NUMBER(b, diff->b.compared);
}

TEST(any_two_traces_can_be_compared)
{
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct diff_fixture f = {0};
        struct random_trace a, b;
        random_trace(&a, seed, 300);
        random_trace(&b, seed % 2 ? seed : seed + 1, seed % 3 ? 300 : 280);
        f.a.b = a.b;
        f.b.b = b.b;
        diff_end(&f, seed % 5 ? 60 : 0);
        check_nodes(&f.diff, seed);
        check_sums(&f.diff);
        for (size_t i = 0; i < f.text.length; i++)
            if ((uint8_t)f.text.data[i] < 32 && f.text.data[i] != '\n') {
                unit_fail(__FILE__, __LINE__, "byte %d in the text of seed %u", f.text.data[i], (unsigned)seed);
                break;
            }
        diff_finish(&f);
    }
}

/* --- a planted change --------------------------------------------------- */

#define PLANTED 60

struct plant {
    uint32_t function[PLANTED], calls[PLANTED]; /* in the subtree */
    uint32_t parent[PLANTED];
    uint32_t count;
};

enum change { NO_CHANGE, OTHER_ARGUMENT, OTHER_RESULT, OTHER_END, DROPPED, ADDED, SWAPPED, CHANGES };

static void
grow(struct plant *plant, uint64_t *state)
{
    plant->count = PLANTED;
    plant->parent[0] = MODEL_NONE;
    uint32_t open[PLANTED] = {0}, depth = 1;
    for (uint32_t i = 1; i < PLANTED; i++) {
        while (depth > 1 && random_number(state, 2))
            depth--;
        plant->function[i] = random_number(state, 5);
        plant->parent[i] = open[depth - 1];
        open[depth++] = i;
    }
    for (uint32_t i = PLANTED; i-- > 0;) {
        plant->calls[i] += 1;
        if (i)
            plant->calls[plant->parent[i]] += plant->calls[i];
    }
}

static void
put_begin(struct trace_builder *b, uint32_t function, uint32_t argument)
{
    static const char *const names[] = {"f", "g", "h", "k", "l"};
    build_record(b, 10, FLOW_CALL_VALUES);
    build_code_definition(b, function, names[function], 0, 1);
    build_byte(b, FLOW_VALUE_INT);
    build_number(b, argument);
}

static void
put_end(struct trace_builder *b, uint32_t result, bool raises)
{
    static uint64_t exceptions;
    if (raises) {
        build_unwind(b, 10, ++exceptions, "KeyError", 3);
        return;
    }
    build_record(b, 10, FLOW_RETURN_VALUE);
    build_byte(b, FLOW_VALUE_INT);
    build_number(b, result);
}

/* The subtree from call `i` on, up to call `end`, each with the change if it is the one. */
static void
put_calls(struct trace_builder *b, const struct plant *plant, uint32_t i, uint32_t end, enum change change,
          uint32_t place)
{
    uint32_t stack[PLANTED], until[PLANTED], depth = 0;
    for (;; i++) {
        while (depth && (i == end || i >= until[depth - 1])) {
            uint32_t done = stack[--depth];
            put_end(b, 1000 + done * 2 + (change == OTHER_RESULT && done == place),
                    change == OTHER_END && done == place);
        }
        if (i >= end)
            return;
        if (change == DROPPED && i == place) {
            i += plant->calls[i] - 1;
            continue;
        }
        if (change == ADDED && i == place) {
            put_begin(b, 4, 9999);
            put_end(b, 9999, false);
        }
        put_begin(b, plant->function[i], 2000 + i * 2 + (change == OTHER_ARGUMENT && i == place));
        stack[depth] = i;
        until[depth++] = i + plant->calls[i];
    }
}

static void
build_plant(struct trace_builder *b, const struct plant *plant, enum change change, uint32_t place)
{
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    put_calls(b, plant, 0, plant->count, change, place);
}

TEST(a_planted_change_is_found_as_the_first)
{
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 150; round++) {
        struct plant plant = {0};
        struct diff_fixture f = {0};
        grow(&plant, &state);
        enum change change = (enum change)(OTHER_ARGUMENT + round % 5);
        uint32_t place = 1 + random_number(&state, PLANTED - 1);
        build_plant(&f.a.b, &plant, NO_CHANGE, 0);
        build_plant(&f.b.b, &plant, change, place);
        diff_end(&f, 200);
        const struct diff_node *node = f.same ? f.diff.nodes : &f.diff.nodes[f.diff.first];
        uint8_t what = change == OTHER_ARGUMENT ? DIFF_ARGUMENTS
                       : change == OTHER_RESULT ? DIFF_RESULT
                       : change == OTHER_END    ? DIFF_OUTCOME
                                                : 0;
        enum diff_kind kind = change == DROPPED ? DIFF_GONE : change == ADDED ? DIFF_ADDED : DIFF_PAIR;
        uint32_t call = change == ADDED ? node->b : node->a;
        uint32_t agree = change == OTHER_RESULT || change == OTHER_END ? place + plant.calls[place] - 1 : place;
        if (f.same || node->kind != kind || node->what != what || call != place || f.diff.agree != agree
            || f.diff.nodes[0].differences != 1)
            unit_fail(__FILE__, __LINE__, "round %d: change %u of call %u:\n%.*s", round, change, place,
                      (int)f.text.length, f.text.data);
        diff_finish(&f);
    }
}

/* --- big ones ----------------------------------------------------------- */

/* Goes on in another chunk where this one is full. */
static void
make_chunk(struct trace_builder *b, uint32_t *sequence)
{
    if (b->chunk && b->p - (uint8_t *)b->chunk < (ptrdiff_t)FLOW_UNIT_SIZE - 300)
        return;
    build_chunk(b, 1, 1, (*sequence)++);
    build_record(b, 0, FLOW_CALL);
    build_code_definition(b, 0, "f", 0, 0);
    build_record(b, 0, FLOW_RETURN);
}

static void
put_sibling(struct trace_builder *b, bool other)
{
    build_record(b, 0, FLOW_CALL);
    if (other)
        build_code_definition(b, 1, "g", 0, 0);
    else
        build_number(b, 1);
}

static void
build_siblings(struct trace_builder *b, uint32_t count, uint32_t other)
{
    uint32_t sequence = 0;
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < count; i++) {
        make_chunk(b, &sequence);
        put_sibling(b, i == other);
        build_record(b, 0, FLOW_RETURN);
    }
}

TEST(a_million_siblings_are_compared)
{
    struct diff_fixture f = {0};
    build_siblings(&f.a.b, 1000000, 500000);
    build_siblings(&f.b.b, 1000000, 700000);
    diff_end(&f, 200);
    SAYS(&f, "in another order");
    CHECK_NUMBER(f.diff.nodes[0].differences, 1);
    diff_finish(&f);
}

static void
build_depth(struct trace_builder *b, uint32_t depth, bool other)
{
    uint32_t sequence = 0;
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < 2 * depth; i++) {
        make_chunk(b, &sequence);
        if (i < depth)
            put_sibling(b, other && i == depth - 1);
        else
            build_record(b, 0, FLOW_RETURN);
    }
}

TEST(calls_of_any_depth_are_compared)
{
    struct diff_fixture f = {0};
    build_depth(&f.a.b, 50000, false);
    build_depth(&f.b.b, 50000, true);
    diff_end(&f, 200);
    SAYS(&f, "f called g() instead of f(); up to there ");
    diff_finish(&f);
}

/* --- sequences ---------------------------------------------------------- */

static uint32_t
aligned(const char *a, const char *b)
{
    struct diff_fixture f;
    compare_stories(&f, a, b);
    uint32_t differences = f.diff.nodes[0].differences;
    diff_finish(&f);
    return differences;
}

TEST(long_stretches_that_were_put_in_do_not_lose_the_rest)
{
    static char a[60000], b[60000];
    strcpy(a, "main{");
    strcpy(b, "main{");
    for (int i = 0; i < 600; i++) {
        sprintf(a + strlen(a), " f%d(%d) g", i % 50, i % 100);
        sprintf(b + strlen(b), " f%d(%d) g", i % 50, i % 100);
        if (i == 300)
            for (int k = 0; k < 150; k++)
                strcat(b, " h(7)");
    }
    strcat(a, " }");
    strcat(b, " }");
    CHECK_NUMBER(aligned(a, b), 150);
    CHECK_NUMBER(aligned(b, a), 150);
}

TEST(a_sequence_of_nothing_that_is_there_once_is_aligned_in_blocks)
{
    static char a[60000], b[60000];
    strcpy(a, "main{");
    strcpy(b, "main{");
    for (int i = 0; i < 3000; i++) {
        sprintf(a + strlen(a), " f(%d)", i % 3);
        sprintf(b + strlen(b), " f(%d)", i % 10 == 5 ? 9 : i % 3); /* 300 edits: more than one block has */
    }
    strcat(a, " }");
    strcat(b, " }");
    CHECK_NUMBER(aligned(a, b), 300);
}

TEST(empty_traces_are_compared)
{
    struct diff_fixture f;
    compare_stories(&f, "", "");
    CHECK_TEXT(f.text.data, f.text.length, "The runs are the same: 0 calls.\n");
    diff_finish(&f);
    compare_stories(&f, "", "main{ f }");
    SAYS(&f, "The program also called main(), before anything else.");
    diff_finish(&f);
    compare_stories(&f, "main{ f }", "");
    SAYS(&f, "The program no longer called main(), before anything else.");
    diff_finish(&f);
}
