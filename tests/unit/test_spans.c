/* Intervals that nest, of calls that may be suspended: what timelines are given. */
#include "../../src/export/spans.h"

#include "model_fixture.h"

struct spans_fixture {
    struct fixture f;
    struct suspensions suspensions;
    struct text told;
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
on_wait(void *context, uint32_t call, uint64_t from_ns, uint64_t to_ns)
{
    put(context, "~", call, "");
    text_format(&((struct spans_fixture *)context)->told, "@%llu-%llu", (unsigned long long)from_ns,
                (unsigned long long)to_ns);
    return 0;
}

static void
check_spans(struct spans_fixture *s, const char *expected, const char *file, int line)
{
    static const struct span_visitor visitor = {on_track, on_begin, on_end, on_wait};
    struct model_watcher watcher = {.event = suspensions_event, .context = &s->suspensions};
    CHECK_NUMBER(build_open(&s->f.b, &s->f.reader), 0);
    CHECK_NUMBER(model_build_watched(&s->f.model, &s->f.reader, &watcher), 0);
    CHECK_NUMBER(suspensions_finish(&s->suspensions, &s->f.model), 0);
    CHECK_NUMBER(spans_walk(&s->f.model, &s->suspensions, &visitor, s), 0);
    check_told(&s->told, expected, file, line);
    suspensions_free(&s->suspensions);
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
