#include "../../src/model/select.h"

#include "../../src/model/child_lists.h"
#include "check_model.h"
#include "model_fixture.h"
#include "random_filter.h"
#include "random_trace.h"
#include "story_builder.h"

/* Conditions as "--hide load --first 3"; what went wrong is left in `error`. */
static int
narrow(struct fixture *f, const char *conditions, struct text *error)
{
    struct filter filter = {0};
    char words[256];
    int ret = 0;
    snprintf(words, sizeof words, "%s", conditions);
    char *rest = NULL;
    for (char *option = strtok_r(words, " ", &rest); option && ret == 0; option = strtok_r(NULL, " ", &rest)) {
        char *text = strtok_r(NULL, " ", &rest);
        ret = filter_add(&filter, option, text ? text : "", error);
    }
    ret = ret ? ret : model_select(&f->model, &filter, error);
    filter_free(&filter);
    return ret;
}

/* "main(load price(pay))" */
static void
put_call(struct text *out, const struct model *model, const struct child_lists *lists, uint32_t call)
{
    text_slice(out, model->calls[call].code->qualname);
    uint32_t child = lists->first[call];
    text_string(out, child != MODEL_NONE ? "(" : "");
    for (uint32_t c = child; c != MODEL_NONE; c = lists->next[c]) {
        text_string(out, c != child ? " " : "");
        put_call(out, model, lists, c);
    }
    text_string(out, child != MODEL_NONE ? ")" : "");
}

static void
put_tree(struct text *out, const struct model *model)
{
    bool any = false;
    struct child_lists lists;
    CHECK_NUMBER(child_lists_build(&lists, model), 0);
    for (uint32_t i = 0; i < model->call_count; i++)
        if (model->calls[i].parent == MODEL_NONE) {
            text_string(out, any ? " " : "");
            put_call(out, model, &lists, i);
            any = true;
        }
    child_lists_free(&lists);
}

/* `expected` is the tree that the conditions leave of the calls, or what is wrong with them. */
static void
check_left(const char *calls, const char *conditions, const char *expected)
{
    struct fixture f = {0};
    struct text text = {0};
    build_story(&f.b, calls);
    end(&f);
    int ret = narrow(&f, conditions, &text);
    if (ret == 0) {
        const char *broken = check_model(&f.model);
        CHECK_TEXT(broken ? broken : "", broken ? strlen(broken) : 0, "");
        put_tree(&text, &f.model);
    }
    CHECK_TEXT(text.data ? text.data : "", text.length, expected);
    text_free(&text);
    finish(&f);
}

#define SHOP "main{ load{ read } price(1){ tax:3 } price(2){ tax:4 } pay{ charge{ send! }^ } report{ price(3) } }"

TEST(filters_by_name)
{
    check_left(SHOP, "", "main(load(read) price(tax) price(tax) pay(charge(send)) report(price))");
    check_left(SHOP, "--function price", "price price price");
    check_left(SHOP, "--function p*", "price price pay price");
    check_left(SHOP, "--function price --function tax", "price(tax) price(tax) price");
    check_left(SHOP, "--hide price", "main(load(read) tax tax pay(charge(send)) report)");
    check_left(SHOP, "--hide main --hide pay", "load(read) price(tax) price(tax) charge(send) report(price)");
    check_left(SHOP, "--under pay", "pay(charge(send))");
    check_left(SHOP, "--under pay --under load", "load(read) pay(charge(send))");
    check_left(SHOP, "--callers-of tax", "main(price(tax) price(tax))");
    check_left(SHOP, "--only charge", "main(pay(charge(send)))");
    check_left(SHOP, "--under report --callers-of price", "report(price)");
    check_left(SHOP, "--only price --hide main --depth 2", "price price report");
}

TEST(filters_by_what_happened)
{
    check_left(SHOP, "--returned 4", "tax");
    check_left(SHOP, "--arg a=2", "price");
    check_left(SHOP, "--arg a=2 --arg a=3", "price price");
    check_left(SHOP, "--raised", "charge(send)");
    check_left(SHOP, "--raised ValueError", "charge(send)");
    check_left(SHOP, "--outcome raised --hide send", "charge");
    check_left("a{ b{ c{ d e?", "--outcome running", "a(b(c(e)))");
    check_left("a{ b }", "--outcome running", "");
    check_left(SHOP, "--depth 2", "main(load price price pay report)");
    check_left(SHOP, "--depth 3..3", "read tax tax charge price");
    check_left(SHOP, "--depth >3", "send");
    check_left(SHOP, "--duration ..10ns", "read tax tax send price");
    check_left(SHOP, "--between ..10ns", "main");
    check_left(SHOP, "--between 20ns..20ns", "main(load)");
    check_left(SHOP, "--first 3", "main(load(read))");
    check_left(SHOP, "--last 2", "report(price)");
    check_left(SHOP, "--first 3 --last 1", "read");
    check_left(SHOP, "--function price --first 2", "price price");
    check_left(SHOP, "--track MainThread --process 1 --first 1", "main");
    check_left(SHOP, "--track main --first 1", "main");
}

TEST(filters_that_name_nothing_suggest_what_is_there)
{
    check_left(SHOP, "--function prize", "no function matches 'prize'; did you mean price?");
    check_left(SHOP, "--hide sned", "no function matches 'sned'; did you mean send?");
    check_left(SHOP, "--under x*", "no function matches 'x*' in this trace");
    check_left(SHOP, "--function Price", "no function matches 'Price'; did you mean price?");
    check_left(SHOP, "--module shap", "no module matches 'shap' in this trace");
    check_left(SHOP, "--track MainTread", "no thread or task matches 'MainTread'; did you mean MainThread?");
    check_left(SHOP, "--raised ValueEror", "no exception matches 'ValueEror'; did you mean ValueError?");
    check_left(SHOP, "--arg b=2", "no parameter matches 'b'; did you mean a?");
    check_left(SHOP, "--process 7", "no process 7 in this trace; there are 1001");
}

TEST(filters_that_cannot_be_read_say_where)
{
    check_left("a", "--duration >3xs", "--duration '>3xs': no unit 'xs' at character 3; ns, us, ms, s, m");
    check_left("a", "--duration 1ms..2", "--duration '1ms..2': a unit is missing at character 7; ns, us, ms, s, m");
    check_left("a", "--duration 3", "--duration '3': a unit is missing at character 2; ns, us, ms, s, m");
    check_left("a", "--duration 3ms", "--duration '3ms': from or up to it?; as in 10ms.., ..10ms, 1ms..10ms");
    check_left("a", "--duration 3ms..1ms", "--duration '3ms..1ms': it ends before it begins");
    check_left("a", "--duration <0s", "--duration '<0s': nothing is less than 0");
    check_left("a", "--between x", "--between 'x': no number in 'x' at character 1; as in 10ms.., ..1s, 1ms..5ms");
    check_left("a", "--depth 2..x", "--depth '2..x': no number in 'x' at character 4; as in 3, 2..5, 3..");
    check_left("a", "--depth 2x", "--depth '2x': can't read 'x' at character 2; as in 3, 2..5, 3..");
    check_left("a", "--depth 99999999999999999999",
               "--depth '99999999999999999999': too large a number at character 1");
    check_left("a", "--function a[b",
               "--function 'a[b': nothing closes the [ at character 2; [[] stands for one itself");
    check_left("a", "--function", "--function '': a name is missing");
    check_left("a", "--outcome rased",
               "--outcome 'rased': a call has returned or raised, is running or abandoned; did you mean raised?");
    check_left("a", "--arg price",
               "--arg 'price': no = or ~ behind the name; as in order=12, or path~.txt for a part of it");
    check_left("a", "--arg =3",
               "--arg '=3': a name is missing at character 1; as in order=12, or path~.txt for a part of it");
    check_left("a", "--first 2..3", "--first '2..3': this is one whole number");
    check_left("a", "--process me", "--process 'me': no number in 'me' at character 1; as in 3, 2..5, 3..");
    check_left("a", "--sideways 3", "no filter is called --sideways");
}

TEST(calls_keep_their_numbers)
{
    struct fixture f = {0};
    struct text error = {0};
    build_story(&f.b, SHOP);
    end(&f);
    CHECK_NUMBER(model_call_number(&f.model, 3), 4);
    CHECK_NUMBER(narrow(&f, "--function price", &error), 0);
    CHECK_NUMBER(f.model.whole_count, 12);
    CHECK_NUMBER(model_call_number(&f.model, 0), 4);
    CHECK_NUMBER(model_call_number(&f.model, 2), 12);
    CHECK_NUMBER(narrow(&f, "--last 1", &error), 0);
    CHECK_NUMBER(f.model.call_count, 1);
    CHECK_NUMBER(f.model.whole_count, 12);
    CHECK_NUMBER(model_call_number(&f.model, 0), 12);
    finish(&f);
}

TEST(an_exception_keeps_the_part_of_its_way_that_is_left)
{
    struct fixture f = {0};
    struct text error = {0};
    build_story(&f.b, "main{ a{ b{ c{ d! }^ }^ }^ }");
    end(&f);
    CHECK_NUMBER(f.model.exceptions[0].calls_left, 4);
    CHECK_NUMBER(narrow(&f, "--hide d --hide b", &error), 0);
    const struct exception *exception = &f.model.exceptions[0];
    CHECK_NUMBER(f.model.exception_count, 1);
    CHECK_NUMBER(exception->calls_left, 2);
    CHECK_NUMBER(exception->first_call, 2);
    CHECK_NUMBER(exception->last_call, 1);
    CHECK_NUMBER(exception->caught_by, 0);
    CHECK(!exception->catcher);
    CHECK_NUMBER(narrow(&f, "--hide main", &error), 0);
    CHECK_NUMBER(exception->caught_by, MODEL_NONE);
    CHECK(exception->catcher && slice_is(exception->catcher->qualname, "main"));
    CHECK(exception_is_caught(exception));
    CHECK_NUMBER(narrow(&f, "--outcome returned", &error), 0);
    CHECK_NUMBER(f.model.exception_count, 0);
    CHECK_NUMBER(f.model.call_count, 0);
    finish(&f);
}

TEST(who_resumed_a_generator_and_is_left_out_is_not_told)
{
    struct fixture f = {0};
    struct text error = {0};
    uint32_t count;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "first");
    build_generator(&f.b, 10, "numbers", 5);
    build_yield(&f.b, 10);
    build_record(&f.b, 10, FLOW_RETURN);
    build_call(&f.b, 10, "second");
    build_resume(&f.b, 10, "numbers", 5);
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    call_drivers(&f.model, 1, &count);
    CHECK_NUMBER(count, 1);
    CHECK_NUMBER(narrow(&f, "--hide first", &error), 0);
    CHECK_NUMBER(call_drivers(&f.model, 0, &count)->driver, 1);
    CHECK_NUMBER(count, 1);
    CHECK_NUMBER(narrow(&f, "--hide second", &error), 0);
    call_drivers(&f.model, 0, &count);
    CHECK_NUMBER(count, 0);
    CHECK(!check_model(&f.model));
    finish(&f);
}

TEST(what_a_thread_called_comes_from_where_the_thread_came)
{
    struct fixture f = {0};
    struct text error = {0};
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_call(&f.b, 10, "main");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-1");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-1");
    build_call(&f.b, 10, "root");
    build_call(&f.b, 10, "inner");
    end(&f);
    CHECK_NUMBER(narrow(&f, "--hide root", &error), 0);
    CHECK_NUMBER(f.model.call_count, 2);
    CHECK_NUMBER(f.model.calls[1].parent, MODEL_NONE);
    CHECK_NUMBER(f.model.calls[1].origin, FLOW_SPAWN_TASK);
    CHECK_NUMBER(call_spawned_by(&f.model, &f.model.calls[1]), 0);
    CHECK(!check_model(&f.model));
    finish(&f);
}

/* --- random traces ------------------------------------------------------ */

/* A model as it was, to compare what is left with. */
struct before {
    struct call *calls;
    struct value *results;
    struct slice *types; /* of the exceptions that left them */
    uint32_t call_count;
};

static struct before
note(const struct model *model)
{
    struct before before = {.call_count = model->call_count};
    size_t room = model->call_count + (size_t)1;
    before.calls = malloc(room * sizeof *before.calls);
    before.results = malloc(room * sizeof *before.results);
    before.types = malloc(room * sizeof *before.types);
    memcpy(before.calls, model->calls, model->call_count * sizeof *before.calls);
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t exception = call_exception(model, &model->calls[i]);
        before.results[i] = call_result(model, &model->calls[i]);
        before.types[i] = exception != MODEL_NONE ? model->exceptions[exception].type : (struct slice){NULL, 0};
    }
    return before;
}

static uint32_t
kept_above(const struct before *before, const uint8_t *keep, uint32_t call)
{
    do
        call = before->calls[call].parent;
    while (call != MODEL_NONE && !keep[call]);
    return call;
}

/* Everything about a call that a filter must not change, in order of the calls that were kept. */
static void
compare(const struct before *before, const uint8_t *keep, const struct model *after)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < before->call_count; i++) {
        if (!keep[i])
            continue;
        const struct call *old = &before->calls[i], *new = &after->calls[number];
        uint32_t above = kept_above(before, keep, i);
        CHECK_NUMBER(model_call_number(after, number), i + 1);
        CHECK(old->code == new->code && old->track == new->track && old->outcome == new->outcome);
        CHECK(old->start_ns == new->start_ns && before->results[i].data == call_result(after, new).data);
        if (above == MODEL_NONE)
            CHECK_NUMBER(new->parent, MODEL_NONE);
        else
            CHECK(new->parent < number &&model_call_number(after, new->parent) == above + 1);
        uint32_t exception = call_exception(after, new);
        CHECK((exception != MODEL_NONE) == (before->types[i].data != NULL));
        CHECK(exception == MODEL_NONE || after->exceptions[exception].type.data == before->types[i].data);
        number++;
    }
    CHECK_NUMBER(number, after->call_count);
}

static uint32_t
exception_of(const struct model *model, uint32_t call)
{
    return call_exception(model, &model->calls[call]);
}

/* The kept calls that an exception left are those that it says. */
static void
compare_ways(const struct model *model)
{
    uint32_t *left = calloc(model->exception_count + (size_t)1, sizeof *left);
    for (uint32_t i = 0; i < model->call_count; i++)
        if (exception_of(model, i) != MODEL_NONE)
            left[exception_of(model, i)]++;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        const struct exception *exception = &model->exceptions[i];
        CHECK(exception->first_leg != MODEL_NONE || exception->calls_left == left[i]);
        CHECK(!exception->calls_left || exception_of(model, exception->first_call) == i);
        CHECK(!exception->calls_left || exception_of(model, exception->last_call) == i);
    }
    free(left);
}

static uint32_t
check_random(uint64_t seed)
{
    struct random_trace r;
    struct fixture f = {0};
    struct filter filter;
    struct text error = {0};
    uint64_t state = seed;
    random_trace(&r, seed, 300);
    f.b = r.b;
    struct model_watcher watcher = {.pauses = seed % 2 ? PAUSES_EACH : PAUSES_FOLDED};
    CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
    CHECK_NUMBER(model_build_watched(&f.model, &f.reader, &watcher), 0);
    struct before before = note(&f.model);
    uint8_t *keep = malloc(before.call_count + (size_t)1);
    CHECK(random_filter(&filter, &f.model, &state));
    int ret = filter_mark(&filter, &f.model, keep, &error);
    CHECK(ret == 0 || (ret == -22 && error.length));
    text_truncate(&error, 0);
    CHECK_NUMBER(model_select(&f.model, &filter, &error), ret);
    const char *broken = check_model(&f.model);
    if (broken)
        unit_fail(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)seed, broken);
    if (ret == 0) {
        compare(&before, keep, &f.model);
        compare_ways(&f.model);
    }
    uint32_t left = ret == 0 ? f.model.call_count : 0;
    free(keep);
    free(before.calls);
    free(before.results);
    free(before.types);
    filter_free(&filter);
    text_free(&error);
    finish(&f);
    return left;
}

TEST(whatever_filters_leave_of_random_traces_is_sound)
{
    uint32_t some = 0;
    for (uint64_t seed = 1; seed <= 400; seed++)
        some += check_random(seed) > 0;
    CHECK(some > 150); /* or this tests nothing */
}
