#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/trace/writer.h"
#include "trace_builder.h"
#include "unit.h"

static void
check_refused(const void *data, size_t size, const char *part_of_message, int line)
{
    struct reader reader;
    char message[256] = "";
    int ret = build_open_bytes(data, size, &reader, message, sizeof message);
    if (ret != -EINVAL || !strstr(message, part_of_message))
        unit_fail(__FILE__, line, "%d, \"%s\" instead of \"...%s...\"", ret, message, part_of_message);
    if (ret == 0)
        reader_close(&reader);
}

TEST(files_that_are_no_traces_are_refused)
{
    static const char source[FLOW_UNIT_SIZE] = "print('hello')\n";
    struct trace_builder b;
    check_refused("", 0, "empty", __LINE__);
    check_refused(source, 15, "not a FlowTrace trace", __LINE__);
    check_refused(source, sizeof source, "not a FlowTrace trace", __LINE__);
    build_trace(&b, FLOW_CLOCK_NONE);
    check_refused(b.data, 60, "cut off", __LINE__);
    build_header(&b)->major = FLOW_MAJOR + 1;
    check_refused(b.data, build_size(&b), "version", __LINE__);
    build_header(&b)->major = 0;
    check_refused(b.data, build_size(&b), "damaged", __LINE__);
    build_header(&b)->major = FLOW_MAJOR;
    build_header(&b)->byte_order = 0x04030201;
    check_refused(b.data, build_size(&b), "byte order", __LINE__);
    build_free(&b);
}

TEST(folders_and_missing_files_are_refused)
{
    struct reader reader;
    char message[256] = "";
    CHECK_NUMBER(reader_open(&reader, "/", message, sizeof message), -EINVAL);
    CHECK(strstr(message, "folder"));
    CHECK_NUMBER(reader_open(&reader, "/nowhere/flowtrace.flow", message, sizeof message), -ENOENT);
    CHECK(message[0]);
}

TEST(a_trace_without_chunks_is_empty)
{
    struct trace_builder b;
    struct reader reader;
    build_trace(&b, FLOW_CLOCK_NONE);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    CHECK_NUMBER(reader.chunk_count, 0);
    CHECK_NUMBER(reader.stream_count, 0);
    reader_close(&reader);
    build_free(&b);
}

static void
check_next(struct cursor *cursor, enum flow_record type, uint64_t time_ns, struct record *out, int line)
{
    int ret = cursor_next(cursor, out);
    if (ret != 1 || out->type != type || out->time_ns != time_ns)
        unit_fail(__FILE__, line, "%d, type %d at %llu", ret, (int)out->type, (unsigned long long)out->time_ns);
}

#define NEXT(type, time_ns) check_next(&cursor, type, time_ns, &record, __LINE__)

TEST(records_come_with_time_and_code)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    b.now = 500;
    build_chunk(&b, 3, 2, 0);
    build_record(&b, 10, FLOW_CALL_VALUES);
    build_code(&b, "outer", 0, 2);
    build_int(&b, 5);
    build_str(&b, "x");
    build_record(&b, 20, FLOW_CALL);
    build_number(&b, 1);
    build_record(&b, 1, FLOW_RETURN_VALUE);
    build_byte(&b, FLOW_VALUE_STR_WHOLE);
    build_number(&b, 6); /* outer, module, file.py, a, b, x */
    build_record(&b, 1, FLOW_RETURN);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    CHECK_NUMBER(reader.stream_count, 1);
    CHECK_NUMBER(reader.streams[0].process, 3);
    CHECK_NUMBER(reader.streams[0].thread, 2);
    cursor_open(&cursor, &reader, 0);
    NEXT(FLOW_CALL_VALUES, 510);
    const struct code *code = record.code;
    CHECK_TEXT(code->qualname.data, code->qualname.length, "outer");
    CHECK_TEXT(code->file.data, code->file.length, "file.py");
    CHECK_TEXT(code->parameters[1].name.data, code->parameters[1].name.length, "b");
    CHECK_NUMBER(code->first_line, 7);
    struct value values = record.values;
    struct value_head head;
    CHECK_NUMBER(value_read(&reader, &values, &head), 0);
    CHECK_NUMBER(head.integer, 5);
    CHECK_NUMBER(value_read(&reader, &values, &head), 0);
    CHECK_TEXT(head.bytes.data, head.bytes.length, "x");
    CHECK(values.data == values.end);
    NEXT(FLOW_CALL, 530);
    CHECK(record.code == code);
    NEXT(FLOW_RETURN_VALUE, 531);
    CHECK_NUMBER(value_read(&reader, &record.values, &head), 0);
    CHECK_TEXT(head.bytes.data, head.bytes.length, "x");
    NEXT(FLOW_RETURN, 532);
    CHECK_NUMBER(cursor_next(&cursor, &record), 0);
    CHECK_NUMBER(reader.damaged, 0);
    reader_close(&reader);
    build_free(&b);
}

TEST(code_is_one_over_all_chunks)
{
    struct trace_builder b;
    struct reader reader;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    build_record(&b, 0, FLOW_CALL);
    build_code_definition(&b, 4, "f", 0, 0);
    build_chunk(&b, 1, 2, 0);
    build_record(&b, 0, FLOW_CALL);
    build_code_definition(&b, 4, "f", 0, 0);
    build_chunk(&b, 2, 1, 0);
    build_record(&b, 0, FLOW_CALL);
    build_code_definition(&b, 4, "f", 0, 0);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    const struct code *codes[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct cursor cursor;
        cursor_open(&cursor, &reader, i);
        CHECK_NUMBER(cursor_next(&cursor, &record), 1);
        codes[i] = record.code;
    }
    CHECK(codes[0] == codes[1]);
    CHECK(codes[0] != codes[2]);
    CHECK_NUMBER(reader.code_count, 2);
    reader_close(&reader);
    build_free(&b);
}

TEST(two_cursors_may_read_one_chunk)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor first, second;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    for (int i = 0; i < 3; i++)
        build_call(&b, 0, "f");
    CHECK_NUMBER(build_open(&b, &reader), 0);
    cursor_open(&first, &reader, 0);
    cursor_open(&second, &reader, 0);
    while (cursor_next(&first, &record) == 1)
        ;
    uint32_t strings = reader.chunks[0].string_count;
    int count = 0;
    while (cursor_next(&second, &record) == 1) {
        CHECK_NUMBER(record.code->number, count);
        count++;
    }
    CHECK_NUMBER(count, 3);
    CHECK_NUMBER(reader.chunks[0].string_count, strings);
    reader_close(&reader);
    build_free(&b);
}

TEST(chunks_are_put_in_order_and_strange_units_skipped)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 1, 1, 1);
    build_record(&b, 1, FLOW_RETURN);
    b.now = 0;
    build_chunk_end(&b);
    memset(b.data + build_size(&b), 0x55, FLOW_UNIT_SIZE); /* claimed and never begun */
    b.units++;
    build_meta_chunk(&b, 1);
    build_chunk(&b, 1, 1, 0);
    build_record(&b, 0, FLOW_YIELD);
    build_number(&b, FLOW_YIELD_PLAIN);
    build_byte(&b, FLOW_VALUE_NONE);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    CHECK_NUMBER(reader.chunk_count, 3);
    CHECK_NUMBER(reader.event_chunk_count, 2);
    CHECK_NUMBER(reader.stream_count, 1);
    cursor_open(&cursor, &reader, 0);
    NEXT(FLOW_YIELD, 0);
    NEXT(FLOW_RETURN, 1);
    CHECK(!cursor.gap);
    CHECK_NUMBER(cursor_next(&cursor, &record), 0);
    reader_close(&reader);
    build_free(&b);
}

TEST(a_missing_chunk_is_a_gap)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    build_call(&b, 0, "f");
    build_record(&b, 0, FLOW_RETURN);
    build_chunk(&b, 1, 1, 2);
    build_open_call(&b, "g", 0, 5);
    build_record(&b, 0, FLOW_RETURN);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    cursor_open(&cursor, &reader, 0);
    NEXT(FLOW_CALL, 0);
    NEXT(FLOW_RETURN, 0);
    CHECK(!cursor.gap);
    NEXT(FLOW_OPEN, 0);
    CHECK(cursor.gap);
    CHECK_NUMBER(record.count, 5);
    NEXT(FLOW_RETURN, 0);
    CHECK(!cursor.gap);
    reader_close(&reader);
    build_free(&b);
}

TEST(damage_ends_the_chunk_and_not_the_reading)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    build_call(&b, 0, "f");
    build_record(&b, 0, FLOW_CALL);
    build_number(&b, 99); /* no such code */
    build_record(&b, 0, FLOW_RETURN);
    build_chunk(&b, 1, 1, 1);
    build_open_call(&b, "f", 0, 0);
    build_record(&b, 0, FLOW_RETURN);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    for (int pass = 0; pass < 2; pass++) {
        cursor_open(&cursor, &reader, 0);
        NEXT(FLOW_CALL, 0);
        NEXT(FLOW_OPEN, 0);
        CHECK(cursor.gap);
        NEXT(FLOW_RETURN, 0);
        CHECK_NUMBER(cursor_next(&cursor, &record), 0);
    }
    CHECK_NUMBER(reader.damaged, 1);
    reader_close(&reader);
    build_free(&b);
}

TEST(a_file_that_is_cut_off_shows_what_it_has)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    char message[256];
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    for (int i = 0; i < 10; i++)
        build_record(&b, 0, FLOW_RETURN);
    build_chunk_end(&b);
    size_t size = FLOW_UNIT_SIZE + sizeof(struct flow_chunk_header) + 4;
    CHECK_NUMBER(build_open_bytes(b.data, size, &reader, message, sizeof message), 0);
    CHECK_NUMBER(reader.damaged, 1);
    cursor_open(&cursor, &reader, 0);
    int count = 0;
    while (cursor_next(&cursor, &record) == 1)
        count++;
    CHECK_NUMBER(count, 4);
    reader_close(&reader);
    build_free(&b);
}

static void
check_damaged_record(const uint8_t *bytes, size_t length, int line)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    build_bytes(&b, bytes, length);
    build_open(&b, &reader);
    cursor_open(&cursor, &reader, 0);
    if (cursor_next(&cursor, &record) != 0 || reader.damaged != 1)
        unit_fail(__FILE__, line, "damage was not seen");
    reader_close(&reader);
    build_free(&b);
}

#define DAMAGED(...) check_damaged_record((const uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__}, __LINE__)

TEST(damaged_records)
{
    DAMAGED(0);                                              /* no such type */
    DAMAGED(13);
    DAMAGED(0xff, 0xff);                                     /* an unfinished number */
    DAMAGED(0xf3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1); /* too long */
    DAMAGED(FLOW_RETURN_VALUE, 0xe0);                        /* no such tag */
    DAMAGED(FLOW_RETURN_VALUE, FLOW_VALUE_STR_WHOLE, 1);     /* no such string */
    DAMAGED(FLOW_RETURN_VALUE, FLOW_VALUE_STR_WHOLE, 0, 9);  /* beyond the end */
    DAMAGED(FLOW_RETURN_VALUE, FLOW_VALUE_LIST, 200, 1, 200, 1); /* more items than bytes */
    DAMAGED(FLOW_RETURN_VALUE, FLOW_VALUE_FLOAT, 0);
    DAMAGED(FLOW_CALL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f); /* parameters */
    DAMAGED(FLOW_UNWIND, 1, 7);
    DAMAGED(FLOW_EXTENDED, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
}

TEST(nesting_is_limited)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_NONE);
    build_chunk(&b, 1, 1, 0);
    build_record(&b, 0, FLOW_RETURN_VALUE);
    build_typed(&b, FLOW_VALUE_WRAPPED, "Wrapper");
    for (int i = 0; i < 30000; i++) {
        build_byte(&b, FLOW_VALUE_WRAPPED);
        build_number(&b, 1);
    }
    build_int(&b, 1);
    build_open(&b, &reader);
    cursor_open(&cursor, &reader, 0);
    CHECK_NUMBER(cursor_next(&cursor, &record), 0);
    CHECK_NUMBER(reader.damaged, 1);
    reader_close(&reader);
    build_free(&b);
}

TEST(cycles_are_converted_on_the_widest_span)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_CYCLES);
    build_chunk(&b, 1, 1, 0);
    struct flow_chunk_header *chunk = b.chunk;
    build_record(&b, 0, FLOW_RETURN);
    build_record(&b, 1000, FLOW_RETURN);
    build_chunk_end(&b);
    chunk->first_ticks = BUILD_START_NS + 100;
    chunk->first_ns = BUILD_START_NS + 250;
    atomic_store(&chunk->last_ticks, BUILD_START_NS + 1000000);
    atomic_store(&chunk->last_ns, BUILD_START_NS + 2500000);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    CHECK(reader.ns_per_tick > 2.499 && reader.ns_per_tick < 2.501);
    cursor_open(&cursor, &reader, 0);
    NEXT(FLOW_RETURN, 250);
    NEXT(FLOW_RETURN, 2750);
    reader_close(&reader);
    build_free(&b);
}

TEST(time_never_runs_backwards_in_a_thread)
{
    struct trace_builder b;
    struct reader reader;
    struct cursor cursor;
    struct record record;
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 1, 1, 0);
    build_record(&b, 100, FLOW_RETURN);
    b.now = 50;
    build_chunk(&b, 1, 1, 1);
    build_record(&b, 10, FLOW_RETURN);
    build_record(&b, 60, FLOW_RETURN);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    cursor_open(&cursor, &reader, 0);
    NEXT(FLOW_RETURN, 100);
    NEXT(FLOW_RETURN, 100);
    NEXT(FLOW_RETURN, 120);
    reader_close(&reader);
    build_free(&b);
}

/* --- what the writer writes --------------------------------------------- */

TEST(what_the_writer_writes_is_read_back)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/flow-unit-writer-%ld.flow", folder ? folder : "/tmp", (long)getpid());
    struct trace_file *file;
    struct trace_settings settings = {.values = true, .time = true};
    struct writer writer;
    struct writer_code code = {
        .number = 0, .first_line = 3, .qualname = (char *)"loop", .module = (char *)"m", .file = (char *)"m.py"};
    CHECK_NUMBER(trace_file_create(&file, path, &settings), 0);
    uint32_t process = trace_file_add_process(file);
    CHECK_NUMBER(writer_init(&writer, file, process, 42, 1), 0);
    const int calls = 100000; /* over several chunks */
    for (int i = 0; i < calls; i++) {
        uint8_t *p = writer_begin(&writer, FLOW_CALL);
        writer_commit(&writer, writer_code(&writer, p, &code));
        p = writer_begin(&writer, FLOW_RETURN_VALUE);
        *p++ = FLOW_VALUE_STR_WHOLE;
        writer_commit(&writer, writer_string(&writer, p, "result", 6));
    }
    writer_close(&writer);
    trace_file_close(file);

    struct reader reader;
    struct cursor cursor;
    struct record record;
    char message[256];
    CHECK_NUMBER(reader_open(&reader, path, message, sizeof message), 0);
    unlink(path);
    CHECK_NUMBER(reader.stream_count, 1);
    CHECK(reader.chunk_count > 1);
    cursor_open(&cursor, &reader, 0);
    int called = 0, returned = 0, gaps = 0;
    while (cursor_next(&cursor, &record) == 1) {
        called += record.type == FLOW_CALL;
        gaps += cursor.gap;
        if (record.type != FLOW_RETURN_VALUE)
            continue;
        struct value_head head;
        CHECK_NUMBER(value_read(&reader, &record.values, &head), 0);
        returned += head.bytes.length == 6;
    }
    CHECK_NUMBER(called, calls);
    CHECK_NUMBER(returned, calls);
    CHECK_NUMBER(gaps, 1); /* the beginning */
    CHECK_NUMBER(reader.damaged, 0);
    reader_close(&reader);
}
