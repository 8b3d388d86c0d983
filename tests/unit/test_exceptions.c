#include "../../src/model/detail.h"
#include "../../src/show/show.h"

#include "model_fixture.h"

/* id 6, an error, shop.Cart.Full, raised from exception 5, split off that, one note, one file, 2 of 3 leaves. */
static const uint8_t DETAIL[] = "\6\0\4shop\11Cart.Full\1\5\5\1\1\3hey\1\1\4/x/y\3\2\0\1A\1a\1\1B\0";
#define DETAIL_SIZE (sizeof DETAIL - 1)

static void
begin(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
    build_call(&f->b, 1, "main");
}

/* An exception, and a second with this detail. */
static const struct exception *
build_detail(struct fixture *f, const uint8_t *detail, size_t length)
{
    begin(f);
    build_call(&f->b, 1, "first");
    build_unwind(&f->b, 1, 5, "KeyError", 3);
    build_call(&f->b, 1, "second");
    build_unwind(&f->b, 1, 6, "Full", 3);
    build_extended(&f->b, FLOW_EXTENDED_EXCEPTION, detail, length);
    end(f);
    CHECK_NUMBER(f->model.exception_count, 2);
    return &f->model.exceptions[1];
}

TEST(a_detail_says_more_of_an_exception)
{
    struct fixture f;
    const struct exception *e = build_detail(&f, DETAIL, DETAIL_SIZE);
    CHECK_TEXT(e->module.data, e->module.length, "shop");
    CHECK_TEXT(e->qualname.data, e->qualname.length, "Cart.Full");
    CHECK_NUMBER(e->cause_kind, FLOW_CAUSE_FROM);
    CHECK_NUMBER(e->cause_exception, 0);
    CHECK_NUMBER(e->split_from, 0);
    struct slice text;
    struct detail_list notes = detail_notes(e), files = detail_files(e), leaves = detail_leaves(e);
    CHECK(detail_next_text(&notes, &text));
    CHECK_TEXT(text.data, text.length, "hey");
    CHECK(!detail_next_text(&notes, &text));
    CHECK(detail_next_text(&files, &text));
    CHECK_TEXT(text.data, text.length, "/x/y");
    CHECK(!detail_next_text(&files, &text));
    CHECK_NUMBER(leaves.total, 3);
    struct leaf leaf;
    CHECK(detail_next_leaf(&leaves, &leaf));
    CHECK_TEXT(leaf.type.data, leaf.type.length, "A");
    CHECK_TEXT(leaf.message.data, leaf.message.length, "a");
    CHECK(detail_next_leaf(&leaves, &leaf));
    CHECK_TEXT(leaf.type.data, leaf.type.length, "B");
    CHECK_NUMBER(leaf.nesting, 1);
    CHECK(!detail_next_leaf(&leaves, &leaf));
    finish(&f);
}

static void
read_all(const struct exception *e)
{
    struct slice text;
    struct leaf leaf;
    struct detail_list notes = detail_notes(e), files = detail_files(e), leaves = detail_leaves(e);
    unsigned steps = 0;
    while (detail_next_text(&notes, &text) || detail_next_text(&files, &text) || detail_next_leaf(&leaves, &leaf))
        steps++;
    CHECK(steps <= DETAIL_SIZE);
}

TEST(a_detail_that_is_cut_short)
{
    for (size_t length = 0; length < DETAIL_SIZE; length++) {
        struct fixture f;
        read_all(build_detail(&f, DETAIL, length));
        finish(&f);
    }
}

TEST(a_detail_with_wild_numbers)
{
    for (size_t at = 0; at < DETAIL_SIZE; at++)
        for (unsigned byte = 0; byte < 256; byte += 51) {
            struct fixture f;
            uint8_t detail[DETAIL_SIZE];
            memcpy(detail, DETAIL, DETAIL_SIZE);
            detail[at] = (uint8_t)byte;
            read_all(build_detail(&f, detail, DETAIL_SIZE));
            finish(&f);
        }
}

TEST(an_exception_that_is_kept_and_raised_again_has_legs)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "fail"); /* 1 */
    build_unwind(&f.b, 1, 5, "KeyError", 3);
    build_call(&f.b, 1, "outer"); /* 2 */
    build_call(&f.b, 1, "again"); /* 3 */
    build_unwind(&f.b, 1, 5, NULL, 7);
    build_unwind(&f.b, 1, 5, NULL, 8);
    end(&f);
    const struct exception *e = &f.model.exceptions[0];
    struct leg leg;
    CHECK_NUMBER(f.model.leg_count, 2);
    CHECK_NUMBER(e->calls_left, 3);
    CHECK(exception_leg_at(&f.model, e, 1, &leg));
    CHECK_NUMBER(leg.calls_left, 1);
    CHECK_NUMBER(leg.caught_line, 3);
    CHECK_NUMBER(leg.next, 1);
    CHECK(!exception_leg_at(&f.model, e, 2, &leg));
    CHECK(exception_leg_at(&f.model, e, 3, &leg));
    CHECK_NUMBER(leg.calls_left, 2);
    CHECK_NUMBER(leg.raise_line, 11);
    CHECK_NUMBER(leg.caught_line, 8);
    CHECK_NUMBER(leg.caught_by, 0);
    finish(&f);
}

TEST(an_exception_that_is_caught_where_it_was_raised)
{
    struct fixture f;
    uint32_t count;
    begin(&f);
    build_seen(&f.b, FLOW_RAISE, 5, "KeyError", 7, FLOW_RAISE_HERE);
    build_seen(&f.b, FLOW_HANDLED, 5, NULL, 8, 0);
    build_seen(&f.b, FLOW_RAISE, 6, "OSError", 9, FLOW_RAISE_CAME_IN);
    build_seen(&f.b, FLOW_HANDLED, 6, NULL, 10, 0);
    end(&f);
    const struct caught *caught = exception_caught_in(&f.model, 0, &count);
    CHECK_NUMBER(count, 2);
    const struct exception *first = &f.model.exceptions[caught[0].exception];
    CHECK_TEXT(first->type.data, first->type.length, "KeyError");
    CHECK_NUMBER(first->caught_line, 7);
    CHECK_NUMBER(first->handler_line, 8);
    exception_caught_in(&f.model, 1, &count);
    CHECK_NUMBER(count, 0);
    struct text story = {0};
    struct show_options options = {.width = 80, .exceptions = 8};
    CHECK_NUMBER(show_tree(&story, &f.model, &options), 0);
    CHECK(strstr(story.data, "2 exceptions, all caught"));
    text_free(&story);
    finish(&f);
}

TEST(a_handler_that_raises_it_again_has_not_caught_it)
{
    struct fixture f;
    uint32_t count;
    begin(&f);
    build_call(&f.b, 1, "passes"); /* 1 */
    build_call(&f.b, 1, "fail");   /* 2 */
    build_unwind(&f.b, 1, 5, "KeyError", 3);
    build_seen(&f.b, FLOW_HANDLED, 5, NULL, 4, 0);
    build_seen(&f.b, FLOW_RAISE, 5, NULL, 4, FLOW_RAISE_AGAIN);
    build_unwind(&f.b, 1, 5, NULL, 6);
    build_seen(&f.b, FLOW_HANDLED, 5, NULL, 7, 0);
    end(&f);
    const struct exception *e = &f.model.exceptions[0];
    CHECK_NUMBER(e->calls_left, 2);
    CHECK_NUMBER(e->first_leg, MODEL_NONE);
    CHECK_NUMBER(e->caught_by, 0);
    CHECK_NUMBER(e->caught_line, 6);
    CHECK_NUMBER(e->handler_line, 7);
    exception_caught_in(&f.model, 0, &count);
    CHECK_NUMBER(count, 0);
    finish(&f);
}

TEST(handlers_of_no_call_are_ignored)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f.b, 1, 1, 0);
    build_seen(&f.b, FLOW_RAISE, 5, "KeyError", 7, 99);
    build_seen(&f.b, FLOW_HANDLED, 6, "KeyError", UINT32_MAX, 0);
    end(&f);
    CHECK_NUMBER(f.model.caught_count, 0);
    finish(&f);
}
