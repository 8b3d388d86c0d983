/* A small trace cut off at every byte, with each bit of its headers flipped, its chunks shuffled, doubled, missing or
 * of another trace: it opens with what is sound, and says what is not, or is refused in a sentence. */
#include "../../src/show/show.h"
#include "model_fixture.h"
#include "unit.h"

#define CHUNKS 4 /* of threads: 2, 1 and 1; a META chunk follows */
#define SOUND_CALLS 7

/* Two threads, one of them in two chunks, and a child process. */
static void
make_trace(struct trace_builder *b)
{
    static const uint8_t info[] = "\7program\6app.py";
    static const uint8_t ended[] = {1};
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    build_thread(b, 1001, true, "MainThread");
    build_call(b, 10, "main");
    build_call(b, 10, "first");
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 1, 1, 1);
    build_open_call(b, "main", 100, 0);
    build_call(b, 10, "second");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 1, 2, 0);
    build_thread(b, 1002, false, "worker");
    build_call(b, 10, "work");
    build_call(b, 10, "step");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 2, 1, 0);
    build_thread(b, 1003, true, "MainThread");
    build_call(b, 10, "child");
    build_call(b, 10, "leaf");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_meta_chunk(b, 1);
    build_extended(b, FLOW_EXTENDED_PROCESS, info, sizeof info - 1);
    build_extended(b, FLOW_EXTENDED_PROCESS_END, ended, sizeof ended);
    build_chunk_end(b);
}

struct told {
    bool refused;
    uint32_t calls;
    uint64_t damaged;
    char message[256];
};

/* All views are made; no call may lead nowhere. */
static struct told
tell(const uint8_t *data, size_t size)
{
    struct told told = {0};
    struct reader reader;
    struct model model;
    struct text text = {0};
    struct show_options options = {.width = 100, .arguments = true, .results = true, .time = true, .exceptions = 8};
    told.refused = build_open_bytes(data, size, &reader, told.message, sizeof told.message) < 0;
    if (told.refused)
        return told;
    CHECK_NUMBER(model_build(&model, &reader), 0);
    for (uint32_t i = 0; i < model.call_count; i++)
        CHECK(model.calls[i].parent == MODEL_NONE || model.calls[i].parent < i);
    CHECK_NUMBER(show_tree(&text, &model, &options), 0);
    CHECK_NUMBER(show_info(&text, &model, &options), 0);
    told.calls = model.call_count;
    told.damaged = reader.damaged;
    text_free(&text);
    model_free(&model);
    reader_close(&reader);
    return told;
}

static void
check_refusal(const struct told *told, size_t at)
{
    if (told->refused && !told->message[0])
        unit_fail(__FILE__, __LINE__, "refused without a word at %zu", at);
}

/* --- cut off ------------------------------------------------------------ */

static bool
is_used(const struct trace_builder *b, size_t at)
{
    size_t unit = at / FLOW_UNIT_SIZE, within = at % FLOW_UNIT_SIZE;
    const struct flow_chunk_header *header = (const void *)(b->data + unit * FLOW_UNIT_SIZE);
    return within <= (unit == 0 ? sizeof(struct flow_file_header) : header->committed) + 2;
}

TEST(a_trace_cut_off_anywhere_tells_what_is_left)
{
    struct trace_builder b;
    make_trace(&b);
    size_t size = build_size(&b);
    atomic_store(&build_header(&b)->next_unit, b.units);
    uint32_t last = 0;
    for (size_t at = 0; at <= size; at += is_used(&b, at) ? 1 : 4096 - at % 4096) {
        struct told told = tell(b.data, at);
        check_refusal(&told, at);
        if (told.refused != (at < FLOW_UNIT_SIZE) || told.calls < last)
            unit_fail(__FILE__, __LINE__, "%zu bytes tell %u calls: \"%s\"", at, told.calls, told.message);
        last = told.calls;
    }
    CHECK_NUMBER(last, SOUND_CALLS);
    free(b.data);
}

/* --- bits --------------------------------------------------------------- */

static void
flip_bits(struct trace_builder *b, size_t begin, size_t length, uint32_t kept)
{
    for (size_t bit = 0; bit < length * 8; bit++) {
        b->data[begin + bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct told told = tell(b->data, build_size(b));
        b->data[begin + bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_refusal(&told, begin + bit / 8);
        if (!told.refused && told.calls < kept)
            unit_fail(__FILE__, __LINE__, "bit %zu of byte %zu leaves %u calls", bit % 8, begin + bit / 8, told.calls);
    }
}

TEST(each_bit_of_the_headers_may_be_wrong)
{
    struct trace_builder b;
    make_trace(&b);
    flip_bits(&b, 0, sizeof(struct flow_file_header), SOUND_CALLS);
    for (uint32_t unit = 1; unit < b.units;
         unit++) /* the calls of the other chunks are left, unless it swallows them */
        flip_bits(&b, unit * FLOW_UNIT_SIZE, sizeof(struct flow_chunk_header), 0);
    free(b.data);
}

TEST(a_wrong_length_costs_its_own_chunk_alone)
{
    static const uint32_t lengths[] = {0, 1, 127, 129, 65537, UINT32_MAX};
    struct trace_builder b;
    make_trace(&b);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct flow_chunk_header *header = (void *)(b.data + 3 * FLOW_UNIT_SIZE);
        uint32_t right = header->committed;
        header->committed = lengths[i];
        struct told told = tell(b.data, build_size(&b));
        header->committed = right;
        CHECK_NUMBER(told.damaged, 1);
        CHECK(told.calls >= SOUND_CALLS - 2 && told.calls <= SOUND_CALLS);
    }
    free(b.data);
}

/* --- chunks ------------------------------------------------------------- */

static void
swap_units(struct trace_builder *b, uint32_t one, uint32_t other)
{
    static uint8_t kept[FLOW_UNIT_SIZE];
    memcpy(kept, b->data + one * FLOW_UNIT_SIZE, FLOW_UNIT_SIZE);
    memcpy(b->data + one * FLOW_UNIT_SIZE, b->data + other * FLOW_UNIT_SIZE, FLOW_UNIT_SIZE);
    memcpy(b->data + other * FLOW_UNIT_SIZE, kept, FLOW_UNIT_SIZE);
}

TEST(chunks_may_lie_in_any_order)
{
    struct trace_builder b;
    make_trace(&b);
    for (uint32_t one = 1; one < b.units; one++)
        for (uint32_t other = one + 1; other < b.units; other++) {
            swap_units(&b, one, other);
            struct told told = tell(b.data, build_size(&b));
            CHECK_NUMBER(told.calls, SOUND_CALLS);
            CHECK_NUMBER(told.damaged, 0);
        }
    free(b.data);
}

TEST(a_chunk_that_is_there_twice_is_told_once)
{
    for (uint32_t unit = 1; unit <= CHUNKS + 1; unit++) {
        struct trace_builder b;
        make_trace(&b);
        memcpy(b.data + b.units * FLOW_UNIT_SIZE, b.data + unit * FLOW_UNIT_SIZE, FLOW_UNIT_SIZE);
        b.units++;
        struct told told = tell(b.data, build_size(&b));
        CHECK_NUMBER(told.calls, SOUND_CALLS);
        CHECK_NUMBER(told.damaged, unit <= CHUNKS); /* of a process, there may be many */
        free(b.data);
    }
}

TEST(without_a_chunk_the_others_are_told)
{
    static const uint32_t calls[] = {0,          SOUND_CALLS - 1, SOUND_CALLS - 1, SOUND_CALLS - 2, SOUND_CALLS - 2,
                                     SOUND_CALLS};
    for (uint32_t unit = 1; unit <= CHUNKS + 1; unit++) {
        struct trace_builder b;
        make_trace(&b);
        memset(b.data + unit * FLOW_UNIT_SIZE, 0, FLOW_UNIT_SIZE);
        struct told told = tell(b.data, build_size(&b));
        CHECK_NUMBER(told.calls, calls[unit]);
        free(b.data);
    }
}

TEST(times_that_run_backwards_do_not)
{
    struct trace_builder b;
    struct reader reader;
    struct model model;
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 1, 1, 0);
    build_call(&b, 1000, "main");
    build_call(&b, UINT64_MAX >> 4, "wraps");
    build_record(&b, 5, FLOW_RETURN);
    build_chunk(&b, 1, 1, 1);
    b.chunk->first_ticks = b.chunk->first_ns = BUILD_START_NS / 2; /* before the trace began */
    build_open_call(&b, "main", UINT64_MAX, 0);
    build_call(&b, 10, "early");
    build_record(&b, 5, FLOW_RETURN);
    build_record(&b, 5, FLOW_RETURN);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    CHECK_NUMBER(model_build(&model, &reader), 0);
    CHECK_NUMBER(model.call_count, 3);
    for (uint32_t i = 0; i < model.call_count; i++)
        CHECK(model.calls[i].end_ns >= model.calls[i].start_ns
              && (i == 0 || model.calls[i].start_ns >= model.calls[i - 1].start_ns));
    model_free(&model);
    reader_close(&reader);
    free(b.data);
}
