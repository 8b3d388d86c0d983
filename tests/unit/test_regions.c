/* Regions are calls that are suspended with what they stand on, and may stand on something else then. */
#include "../../src/model/filter.h"
#include "model_fixture.h"

static void
begin(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
}

static void
begin_region(struct trace_builder *b, uint64_t dt, const char *name, uint64_t id)
{
    build_record(b, dt, FLOW_CALL);
    build_code(b, name, FLOW_CODE_REGION | FLOW_CODE_GENERATOR, 0);
    build_number(b, id);
}

static void
suspend(struct trace_builder *b, uint64_t dt, enum flow_yield how)
{
    build_record(b, dt, FLOW_YIELD);
    build_number(b, how);
    build_byte(b, FLOW_VALUE_ABSENT);
}

static void
resume(struct trace_builder *b, uint64_t dt, const char *name, uint64_t id)
{
    build_record(b, dt, FLOW_RESUME);
    build_number(b, id);
    build_code(b, name, FLOW_CODE_REGION | FLOW_CODE_GENERATOR, 0);
}

TEST(a_region_that_steps_aside_has_not_waited)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 10, "main");
    build_call(&f.b, 10, "set_up");
    begin_region(&f.b, 10, "whole", 1);
    suspend(&f.b, 10, FLOW_YIELD_ASIDE);
    build_record(&f.b, 10, FLOW_RETURN); /* of set_up */
    resume(&f.b, 10, "whole", 1);
    build_call(&f.b, 10, "test");
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN); /* of the region */
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    const struct call *whole = &f.model.calls[2];
    CHECK_NUMBER(whole->parent, 1);
    CHECK_NUMBER(f.model.calls[3].parent, 2);
    CHECK_NUMBER(whole->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(call_duration(whole), 60);
    CHECK_NUMBER(call_waiting_ns(&f.model, whole), 0);
    CHECK_NUMBER(call_suspensions(&f.model, whole), 0);
    finish(&f);
}

TEST(a_region_waits_with_its_coroutine_and_not_with_its_generator)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 10, "fetch", 1);
    begin_region(&f.b, 10, "send", 2);
    suspend(&f.b, 10, FLOW_YIELD_AWAIT);
    build_yield(&f.b, 0);
    build_resume(&f.b, 100, "fetch", 1);
    resume(&f.b, 0, "send", 2);
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    build_call(&f.b, 10, "plain");
    begin_region(&f.b, 10, "other", 3);
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(call_waiting_ns(&f.model, &f.model.calls[1]), 100);
    CHECK_NUMBER(call_running_ns(&f.model, &f.model.calls[1]), 20);
    CHECK_NUMBER(call_may_wait(&f.model, &f.model.calls[1]), true);
    CHECK_NUMBER(call_may_wait(&f.model, &f.model.calls[3]), false);
    CHECK_NUMBER(f.model.driver_count, 0);
    finish(&f);
}

TEST(what_is_thrown_into_a_coroutine_comes_up_in_its_region)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 10, "outer", 1);
    begin_region(&f.b, 10, "part", 2);
    build_generator(&f.b, 10, "inner", 3);
    build_yield(&f.b, 10);
    suspend(&f.b, 0, FLOW_YIELD_AWAIT);
    build_yield(&f.b, 0);
    build_throw(&f.b, 10, "inner", 3, 7, "TimeoutError");
    build_unwind(&f.b, 10, 7, NULL, 0);
    build_throw(&f.b, 10, "outer", 1, 7, NULL);
    resume(&f.b, 0, "part", 2);
    build_unwind(&f.b, 10, 7, NULL, 0);
    build_unwind(&f.b, 10, 7, NULL, 0);
    end(&f);
    const struct exception *exception = &f.model.exceptions[0];
    CHECK_NUMBER(exception->calls_left, 3);
    CHECK_NUMBER(exception->first_leg, MODEL_NONE); /* one way, nowhere raised again */
    CHECK_NUMBER(exception->last_call, 0);
    CHECK_NUMBER(f.model.calls[1].outcome, OUTCOME_RAISED);
    finish(&f);
}

TEST(a_region_flag_alone_makes_no_generator)
{
    struct fixture f;
    begin(&f);
    build_record(&f.b, 10, FLOW_CALL);
    build_code(&f.b, "odd", FLOW_CODE_REGION, 0);
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_CALL);
    build_code(&f.b, "note", FLOW_CODE_NOTE, 0);
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(f.model.call_count, 2);
    CHECK_NUMBER(f.reader.damaged, 0);
    finish(&f);
}

/* How many calls pass, or -1. */
static int
count_of(const struct fixture *f, const char *name)
{
    struct filter filter = {0};
    struct text error = {0};
    uint8_t keep[8] = {0};
    int count = 0;
    CHECK_NUMBER(filter_add(&filter, "--test", name, &error), 0);
    int ret = filter_mark(&filter, &f->model, keep, &error);
    for (uint32_t i = 0; i < f->model.call_count; i++)
        count += keep[i];
    filter_free(&filter);
    text_free(&error);
    return ret < 0 ? -1 : count;
}

TEST(a_test_is_named_from_any_part_on)
{
    struct fixture f;
    begin(&f);
    begin_region(&f.b, 10, "tests/test_cart.py::TestCart::test_add[2-b]", 1);
    build_call(&f.b, 10, "test_add");
    build_record(&f.b, 10, FLOW_RETURN);
    build_record(&f.b, 10, FLOW_RETURN);
    build_call(&f.b, 10, "test_other");
    build_record(&f.b, 10, FLOW_RETURN);
    end(&f);
    static const char *const fit[] = {"tests/test_cart.py::TestCart::test_add[2-b]",
                                      "test_cart.py::TestCart::test_add",
                                      "TestCart::test_add",
                                      "test_add",
                                      "test_add[2-b]",
                                      "test_a*",
                                      "*add[2*]",
                                      "test_cart.py::*",
                                      "/tests/test_cart.py::TestCart::test_add[2-b]"};
    static const char *const no[] = {"/tests/test_cart.py::TestCart::test_add",
                                     "/test_cart.py::TestCart::test_add[2-b]",
                                     "/tests/test_cart.py::TestCart::test_add[2-b]x",
                                     "/tests/test_cart.py::TestCart::test_add[*]",
                                     "/",
                                     "add",
                                     "test_ad",
                                     "test_add[2]",
                                     "test_other",
                                     "test_add?2-b]",
                                     "",
                                     "*sub"};
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        CHECK_NUMBER(count_of(&f, fit[i]), 2);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK_NUMBER(count_of(&f, no[i]), -1);
    finish(&f);
}
