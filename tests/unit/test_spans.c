/* Intervals that nest, of calls that may be suspended: what timelines are given. */
#include "../../src/export/facts.h"
#include "../../src/export/spans.h"
#include "../../src/model/select.h"

#include "model_fixture.h"

struct spans_fixture {
    struct fixture f;
    struct text told;
    bool names;
    const char *hidden; /* function */
};

static void
begin_trace(struct spans_fixture *s, enum flow_clock clock)
{
    *s = (struct spans_fixture){0};
    build_trace(&s->f.b, clock);
    build_chunk(&s->f.b, 1, 1, 0);
}

static const struct model *
model_of(void *context)
{
    return &((struct spans_fixture *)context)->f.model;
}

static void
put(void *context, const char *mark, uint32_t call, const char *edge)
{
    struct text *told = &((struct spans_fixture *)context)->told;
    text_string(told, told->length ? " " : "");
    text_string(told, mark);
    text_slice(told, model_of(context)->calls[call].code->qualname);
    text_string(told, edge);
}

static int
on_track(void *context, uint32_t track)
{
    struct text *told = &((struct spans_fixture *)context)->told;
    text_format(told, "%s%u:", told->length ? " " : "", track);
    return 0;
}

static int
on_begin(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    put(context, "(", call, edge == SPAN_SUSPENDED ? "+" : "");
    text_format(&((struct spans_fixture *)context)->told, "@%llu", (unsigned long long)ns);
    return 0;
}

static int
on_end(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    put(context, ")", call, edge == SPAN_SUSPENDED ? "+" : edge == SPAN_OPEN ? "?" : "");
    text_format(&((struct spans_fixture *)context)->told, "@%llu", (unsigned long long)ns);
    return 0;
}

static int
on_wait(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns)
{
    CHECK_NUMBER(model_of(context)->pauses.items[pause].of, call);
    put(context, "~", call, "");
    struct text *told = &((struct spans_fixture *)context)->told;
    text_format(told, "@%llu-%llu", (unsigned long long)from_ns, (unsigned long long)to_ns);
    if (((struct spans_fixture *)context)->names) {
        text_string(told, "[");
        facts_pause(told, model_of(context), &model_of(context)->pauses.items[pause]);
        text_string(told, "]");
    }
    return 0;
}

static void
hide(struct model *model, const char *function)
{
    struct filter filter = {0};
    struct text error = {0};
    CHECK_NUMBER(filter_add(&filter, "--hide", function, &error), 0);
    CHECK_NUMBER(model_select(model, &filter, &error), 0);
    filter_free(&filter);
    text_free(&error);
}

static void
check_spans(struct spans_fixture *s, const char *expected, const char *file, int line)
{
    static const struct span_visitor visitor = {on_track, on_begin, on_end, on_wait};
    struct model_watcher watcher = {.pauses = PAUSES_EACH};
    CHECK_NUMBER(build_open(&s->f.b, &s->f.reader), 0);
    CHECK_NUMBER(model_build_watched(&s->f.model, &s->f.reader, &watcher), 0);
    if (s->hidden)
        hide(&s->f.model, s->hidden);
    CHECK_NUMBER(spans_walk(&s->f.model, &visitor, s), 0);
    check_told(&s->told, expected, file, line);
    text_free(&s->told);
    finish(&s->f);
}

#define CHECK_SPANS(s, expected) check_spans(s, expected, __FILE__, __LINE__)

TEST(calls_are_spans_that_nest)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_call(&s.f.b, 10, "main");
    build_call(&s.f.b, 10, "first");
    build_record(&s.f.b, 5, FLOW_RETURN);
    build_call(&s.f.b, 0, "second");
    build_call(&s.f.b, 0, "inner");
    build_record(&s.f.b, 0, FLOW_RETURN);
    build_record(&s.f.b, 0, FLOW_RETURN);
    build_record(&s.f.b, 5, FLOW_RETURN);
    build_chunk(&s.f.b, 1, 2, 0);
    build_call(&s.f.b, 1, "other");
    build_call(&s.f.b, 1, "open");
    CHECK_SPANS(&s, "0: (main@10 (first@20 )first@25 (second@25 (inner@25 )inner@25 )second@25 )main@30"
                    " 1: (other@31 (open@32 )open?@32 )other?@32");
}

TEST(a_generator_that_nothing_interrupts_is_one_span)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_call(&s.f.b, 10, "main");
    build_generator(&s.f.b, 10, "generator", 1);
    build_yield(&s.f.b, 5);
    build_resume(&s.f.b, 100, "generator", 1);
    build_call(&s.f.b, 1, "helper");
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_yield(&s.f.b, 1);
    build_resume(&s.f.b, 50, "generator", 1);
    build_record(&s.f.b, 2, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (main@10 (generator@20 ~generator@25-125 (helper@126 )helper@127 ~generator@128-178 "
                    ")generator@180 )main@181");
}

TEST(a_generator_is_cut_where_its_consumer_works)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_call(&s.f.b, 10, "main");
    build_generator(&s.f.b, 10, "generator", 1);
    build_yield(&s.f.b, 5);
    build_call(&s.f.b, 5, "work");
    build_record(&s.f.b, 5, FLOW_RETURN);
    build_resume(&s.f.b, 5, "generator", 1);
    build_yield(&s.f.b, 5);
    build_call(&s.f.b, 5, "work");
    build_resume(&s.f.b, 1, "generator", 1);
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (main@10 (generator@20 )generator+@25 (work@30 )work@35 (generator+@40 )generator+@45 "
                    "(work@50 (generator+@51 )generator@52 )work@53 )main@54");
}

TEST(an_awaited_coroutine_waits_within_its_span)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_generator(&s.f.b, 1, "outer", 1);
    build_generator(&s.f.b, 1, "inner", 2);
    build_yield(&s.f.b, 1);
    build_yield(&s.f.b, 1);
    build_resume(&s.f.b, 10, "outer", 1);
    build_resume(&s.f.b, 1, "inner", 2);
    build_yield(&s.f.b, 1);
    build_yield(&s.f.b, 1);
    build_resume(&s.f.b, 10, "outer", 1);
    build_call(&s.f.b, 1, "handler");
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (outer@1 (inner@2 ~inner@3-15 )inner?@16 ~outer@17-27 (handler@28 )handler@29 )outer@30");
}

TEST(a_generator_that_never_goes_on_ends_where_it_was_suspended)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_call(&s.f.b, 1, "main");
    build_generator(&s.f.b, 1, "generator", 1);
    build_yield(&s.f.b, 1);
    build_record(&s.f.b, 100, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (main@1 (generator@2 )generator?@3 )main@103");
}

TEST(spans_of_a_trace_without_times_have_a_clock_of_their_own)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_NONE);
    build_call(&s.f.b, 0, "main");
    build_generator(&s.f.b, 0, "generator", 1);
    build_yield(&s.f.b, 0);
    build_call(&s.f.b, 0, "work");
    build_record(&s.f.b, 0, FLOW_RETURN);
    build_resume(&s.f.b, 0, "generator", 1);
    build_record(&s.f.b, 0, FLOW_RETURN);
    build_record(&s.f.b, 0, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (main@1000 (generator@2000 )generator+@3000 (work@4000 )work@5000 (generator+@6000 "
                    ")generator@7000 )main@8000");
}

TEST(a_generator_driven_by_another_thread_stays_on_its_track)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_generator(&s.f.b, 10, "generator", 1);
    build_yield(&s.f.b, 5);
    build_chunk(&s.f.b, 1, 2, 0);
    build_call(&s.f.b, 10, "worker");
    build_resume(&s.f.b, 10, "generator", 1);
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (generator@10 ~generator@15-35 )generator@36 1: (worker@25 )worker@37");
}

static void
build_value_yield(struct trace_builder *b, uint64_t dt, int value)
{
    build_record(b, dt, FLOW_YIELD);
    build_number(b, FLOW_YIELD_PLAIN);
    build_int(b, value);
}

TEST(each_wait_knows_what_it_was_for)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    s.names = true;
    build_generator(&s.f.b, 10, "main", 1);
    build_await(&s.f.b, 10, 3, NULL);
    build_resume(&s.f.b, 10, "main", 1);
    build_await(&s.f.b, 10, 4, "slow");
    build_resume(&s.f.b, 10, "main", 1);
    build_generator(&s.f.b, 10, "values", 2);
    build_value_yield(&s.f.b, 1, 7);
    build_resume(&s.f.b, 10, "values", 2);
    build_value_yield(&s.f.b, 1, 8);
    build_resume(&s.f.b, 10, "values", 2);
    build_record(&s.f.b, 1, FLOW_RETURN);
    build_record(&s.f.b, 1, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (main@10 ~main@20-30[wait: Future] ~main@40-50[wait: task slow] (values@60 "
                    "~values@61-71[yield 7] ~values@72-82[yield 8] )values@83 )main@84");
}

/* outer awaits inner, which says what for; then outer goes on, inner on top of it. */
static void
build_awaiting(struct spans_fixture *s)
{
    begin_trace(s, FLOW_CLOCK_MONOTONIC);
    s->names = true;
    build_generator(&s->f.b, 1, "outer", 1);
    build_generator(&s->f.b, 1, "inner", 2);
    build_await(&s->f.b, 1, 5, "slow");
    build_yield(&s->f.b, 1);
    build_resume(&s->f.b, 10, "outer", 1);
    build_resume(&s->f.b, 1, "inner", 2);
    build_record(&s->f.b, 1, FLOW_RETURN);
    build_call(&s->f.b, 1, "handler");
    build_record(&s->f.b, 1, FLOW_RETURN);
    build_record(&s->f.b, 1, FLOW_RETURN);
}

TEST(who_awaits_a_hidden_call_waits_for_what_that_waited_for)
{
    struct spans_fixture s;
    build_awaiting(&s);
    CHECK_SPANS(&s, "0: (outer@1 (inner@2 ~inner@3-15[wait: task slow] )inner@16 (handler@17 )handler@18 )outer@19");
    build_awaiting(&s);
    s.hidden = "inner";
    CHECK_SPANS(&s, "0: (outer@1 ~outer@4-14[wait: task slow] (handler@17 )handler@18 )outer@19");
    build_awaiting(&s);
    s.hidden = "outer";
    CHECK_SPANS(&s, "0: (inner@2 ~inner@3-15[wait: task slow] )inner@16 (handler@17 )handler@18");
}

TEST(what_a_call_yields_that_was_open_when_a_chunk_began_is_a_wait_too)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_chunk_end(&s.f.b);
    build_chunk(&s.f.b, 1, 1, 4);
    build_open_generator(&s.f.b, "worker", 3, 5, 1);
    build_value_yield(&s.f.b, 10, 1);
    build_resume(&s.f.b, 20, "worker", 3);
    build_record(&s.f.b, 5, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (worker@0 ~worker@10-30 )worker@35");
}

TEST(a_call_whose_suspension_was_lost_goes_on_without_a_wait)
{
    struct spans_fixture s;
    begin_trace(&s, FLOW_CLOCK_MONOTONIC);
    build_generator(&s.f.b, 10, "worker", 3);
    build_chunk(&s.f.b, 1, 1, 4);
    build_resume(&s.f.b, 20, "worker", 3);
    build_record(&s.f.b, 5, FLOW_RETURN);
    CHECK_SPANS(&s, "0: (worker@10 )worker@35");
}
