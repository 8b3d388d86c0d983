#include "model_fixture.h"

/* main makes task 7, of which fetch() waits for the first time. */
static void
begin(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
    build_generator(&f->b, 1, "main", 1);
    build_link(&f->b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_link(&f->b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f->b, 1, "fetch", 2);
    build_yield(&f->b, 1);
}

static void
request(struct fixture *f, uint64_t task, uint64_t scope, uint64_t line, bool by_top, const char *via)
{
    build_cancel(&f->b, FLOW_CANCEL_REQUEST, (uint64_t[]){task, scope, line << 1 | by_top}, 3, via);
}

/* It is thrown into fetch(), at line 20, and leaves it or not. */
static void
land(struct fixture *f, bool leaves)
{
    build_throw(&f->b, 1, "fetch", 2, 5, "CancelledError");
    build_cancel(&f->b, FLOW_CANCEL_LANDED, (uint64_t[]){20}, 1, NULL);
    if (leaves)
        build_unwind(&f->b, 1, 5, "CancelledError", 0);
    else
        build_record(&f->b, 1, FLOW_RETURN);
    build_record(&f->b, 1, FLOW_RETURN);
}

static void
check_landed(const struct fixture *f, uint32_t by, uint32_t line, const char *via)
{
    const struct exception *exception = &f->model.exceptions[0];
    CHECK_NUMBER(exception->landed_in, 1);
    CHECK_NUMBER(exception->landed_line, 20);
    CHECK(exception->cancel != MODEL_NONE);
    if (exception->cancel == MODEL_NONE)
        return;
    const struct cancel *cancel = &f->model.cancels[exception->cancel];
    CHECK_NUMBER(cancel->by, by);
    CHECK_NUMBER(cancel->line, line);
    CHECK_TEXT(cancel->via.data, cancel->via.length, via);
}

TEST(who_cancelled_is_found_at_the_landing)
{
    for (int leaves = 0; leaves < 2; leaves++) {
        struct fixture f;
        begin(&f);
        request(&f, 7, 0, 12, true, "");
        land(&f, leaves);
        end(&f);
        check_landed(&f, 0, 12, "");
        CHECK_NUMBER(call_cancelled(&f.model, &f.model.calls[1]), 0);
        CHECK(call_kept_cancellation(&f.model, 1) == !leaves);
        CHECK(!call_kept_cancellation(&f.model, 0));
        finish(&f);
    }
}

TEST(the_first_request_counts)
{
    struct fixture f;
    begin(&f);
    request(&f, 7, 0, 12, true, "");
    request(&f, 7, 0, 0, false, "Ctrl-C");
    land(&f, true);
    end(&f);
    check_landed(&f, 0, 12, "");
    finish(&f);
}

TEST(a_request_by_nobody_that_is_known)
{
    struct fixture f;
    begin(&f);
    request(&f, 7, 0, 12, false, "Ctrl-C");
    land(&f, true);
    end(&f);
    check_landed(&f, MODEL_NONE, 0, "Ctrl-C");
    finish(&f);
}

TEST(a_scope_cancels_for_the_call_that_made_it)
{
    struct fixture f;
    begin(&f);
    build_cancel(&f.b, FLOW_CANCEL_SCOPE, (uint64_t[]){9, 4}, 2, "timeout(0.5)");
    request(&f, 7, 9, 0, false, "timeout");
    land(&f, true);
    end(&f);
    check_landed(&f, 0, 4, "timeout(0.5)");
    finish(&f);
}

/* A task is none, though somebody has asked it to end. */
TEST(only_a_scope_cancels_for_another)
{
    struct fixture f;
    begin(&f);
    request(&f, 9, 0, 4, true, "");
    request(&f, 7, 9, 12, true, "gather");
    land(&f, true);
    end(&f);
    check_landed(&f, 0, 12, "gather");
    finish(&f);
}

TEST(what_was_asked_of_another_task_explains_nothing)
{
    struct fixture f;
    begin(&f);
    request(&f, 8, 0, 12, true, "");
    land(&f, true);
    end(&f);
    CHECK_NUMBER(f.model.exceptions[0].cancel, MODEL_NONE);
    CHECK_NUMBER(f.model.exceptions[0].landed_in, 1);
    finish(&f);
}

TEST(one_request_explains_one_exception)
{
    struct fixture f;
    begin(&f);
    request(&f, 7, 0, 12, true, "");
    build_throw(&f.b, 1, "fetch", 2, 5, "CancelledError");
    build_yield(&f.b, 1);
    build_throw(&f.b, 1, "fetch", 2, 6, "CancelledError");
    build_unwind(&f.b, 1, 6, "CancelledError", 0);
    end(&f);
    CHECK(f.model.exceptions[0].cancel != MODEL_NONE);
    CHECK_NUMBER(f.model.exceptions[1].cancel, MODEL_NONE);
    finish(&f);
}

TEST(cancels_with_parts_missing_or_wild_are_survived)
{
    uint8_t whole[64];
    uint8_t *p = varint_put(whole, FLOW_CANCEL_REQUEST);
    p = varint_put(varint_put(varint_put(p, 7), 7), 1 << 1 | 1);
    p = varint_put(p, 3);
    memcpy(p, "via", 3);
    p += 3;
    for (unsigned kind = 0; kind < 6; kind++)
        for (size_t length = 0; length <= (size_t)(p - whole); length++) {
            struct fixture f;
            whole[0] = (uint8_t)kind;
            begin(&f);
            build_extended(&f.b, FLOW_EXTENDED_CANCEL, whole, length);
            land(&f, true);
            build_extended(&f.b, FLOW_EXTENDED_CANCEL, whole, length);
            end(&f);
            finish(&f);
        }
    const uint64_t wild[] = {0, UINT64_MAX, UINT32_MAX, 7};
    for (unsigned i = 0; i < 64; i++) {
        struct fixture f;
        begin(&f);
        uint64_t numbers[] = {wild[i % 4], wild[i / 4 % 4], wild[i / 16]};
        build_cancel(&f.b, FLOW_CANCEL_SCOPE, numbers, 2, "x");
        build_cancel(&f.b, FLOW_CANCEL_REQUEST, numbers, 3, "x");
        build_cancel(&f.b, FLOW_CANCEL_LANDED, numbers, 1, NULL);
        land(&f, true);
        end(&f);
        finish(&f);
    }
}
