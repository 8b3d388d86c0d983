/* What a later version may add, an older reader passes over. */
#include "model_fixture.h"
#include "unit.h"

/* Calls one and two with something between them: both must be told, and no damage. */
static void
expect_calls(struct trace_builder *b, uint32_t calls)
{
    struct reader reader;
    struct model model;
    CHECK_NUMBER(build_open(b, &reader), 0);
    CHECK_NUMBER(model_build(&model, &reader), 0);
    CHECK_NUMBER(model.call_count, calls);
    CHECK_NUMBER(reader.damaged, 0);
    for (uint32_t i = 0; i < model.call_count; i++)
        CHECK_NUMBER(model.calls[i].outcome, OUTCOME_RETURNED);
    model_free(&model);
    reader_close(&reader);
    build_free(b);
}

static void
begin_future(struct trace_builder *b)
{
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_header(b)->minor = FLOW_MINOR + 7;
    build_chunk(b, 1, 1, 0);
    build_thread(b, 1001, true, "MainThread");
    build_call(b, 10, "one");
}

static void
end_future(struct trace_builder *b)
{
    build_record(b, 5, FLOW_RETURN);
    build_call(b, 10, "two");
    build_record(b, 5, FLOW_RETURN);
}

TEST(records_of_a_later_version_are_passed_over)
{
    static const uint32_t subtypes[] = {60, 200, 70000, UINT32_MAX};
    struct trace_builder b;
    begin_future(&b);
    for (size_t i = 0; i < sizeof subtypes / sizeof *subtypes; i++)
        build_extended(&b, (enum flow_extended)subtypes[i], (const uint8_t *)"\xff\x0f\x01\x03 anything", 13);
    build_extended(&b, (enum flow_extended)61, NULL, 0);
    end_future(&b);
    expect_calls(&b, 2);
}

TEST(known_records_may_have_grown)
{
    struct trace_builder b;
    static const uint8_t thread[] = "\1\1\4Main and more than this version knows";
    static const uint8_t task[] = "\5\1\4Task\0\7\7\7";
    begin_future(&b);
    build_extended(&b, FLOW_EXTENDED_THREAD, thread, sizeof thread - 1);
    build_extended(&b, FLOW_EXTENDED_SPAWN, task, sizeof task - 1);
    build_extended(&b, FLOW_EXTENDED_ORIGIN, task, sizeof task - 1);
    build_call(&b, 10, "three");
    build_record(&b, 5, FLOW_RETURN);
    end_future(&b);
    expect_calls(&b, 3);
}

TEST(values_of_a_later_version_are_passed_over)
{
    struct trace_builder b;
    begin_future(&b);
    build_call(&b, 10, "three");
    build_record(&b, 5, FLOW_RETURN_VALUE);
    build_head(&b, FLOW_VALUE_LIST, 2, 2);
    build_byte(&b, FLOW_VALUE_EXTENDED);
    build_number(&b, 77);
    build_text(&b, "whatever it is");
    build_int(&b, 5);
    end_future(&b);
    expect_calls(&b, 3);
}

TEST(chunks_of_a_later_version_are_passed_over)
{
    struct trace_builder b;
    begin_future(&b);
    end_future(&b);
    build_chunk(&b, 1, 9, 0);
    b.chunk->kind = 77;
    build_bytes(&b, "no records at all", 17);
    build_chunk(&b, 1, 9, 0);
    b.chunk->kind = UINT16_MAX;
    b.chunk->units = 2; /* in the second there may be anything */
    b.units++;
    build_chunk(&b, 1, 2, 0);
    build_call(&b, 10, "after it");
    build_record(&b, 5, FLOW_RETURN);
    expect_calls(&b, 3);
}

TEST(flags_and_spare_fields_of_a_later_version_are_passed_over)
{
    struct trace_builder b;
    begin_future(&b);
    build_header(&b)->flags |= 0xffffff00u;
    memset((uint8_t *)(build_header(&b) + 1), 0x5a, FLOW_UNIT_SIZE - sizeof(struct flow_file_header));
    atomic_store(&b.chunk->flags, 0xfffffffcu);
    memset(b.chunk->reserved, 0x5a, sizeof b.chunk->reserved);
    end_future(&b);
    build_chunk(&b, 1, 2, 0);
    build_record(&b, 10, FLOW_CALL);
    build_code(&b, "flagged", 0xffffffc0u, 0);
    build_record(&b, 5, FLOW_RETURN);
    expect_calls(&b, 3);
}

TEST(another_major_version_is_refused)
{
    struct trace_builder b;
    struct reader reader;
    char message[256] = "";
    begin_future(&b);
    end_future(&b);
    build_chunk_end(&b);
    build_header(&b)->major = FLOW_MAJOR + 1;
    CHECK(build_open_bytes(b.data, build_size(&b), &reader, message, sizeof message) < 0);
    CHECK(strstr(message, "upgrade FlowTrace"));
    build_free(&b);
}
