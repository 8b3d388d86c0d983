/* Snapshots of a recycled file that others write to at each step of taking it. */
#include "../../src/trace/reader.h"

static void pause_at(unsigned slots_copied);

#define SNAPSHOT_PAUSE(slots_copied) pause_at(slots_copied)
#define snapshot_take take_with_pauses
#include "../../src/trace/snapshot.c"
#undef snapshot_take

#include <unistd.h>

#include "../../src/trace/writer.h"
#include "unit.h"

struct fixture {
    char path[512];
    struct trace_file *file;
    struct reader reader;
    struct writer writers[10]; /* of which all but the first are idle */
    uint32_t count;
    uint64_t next;            /* number that the first writes */
};

static void
write_number(struct writer *writer, uint64_t number)
{
    uint8_t *p = writer_begin(writer, FLOW_RETURN_VALUE);
    *p++ = FLOW_VALUE_INT;
    writer_commit(writer, varint_put(p, number << 1));
}

/* Until so many chunks have been begun. */
static void
write_chunks(struct fixture *f, uint32_t chunks)
{
    for (uint32_t end = f->writers[0].sequence + chunks; f->writers[0].sequence < end;)
        write_number(&f->writers[0], f->next++);
}

static void
begin(struct fixture *f, uint32_t writers)
{
    static unsigned number;
    const char *folder = getenv("TMPDIR");
    struct trace_settings settings = {.values = true, .time = true, .last = 1 << 20};
    *f = (struct fixture){.count = writers};
    snprintf(f->path, sizeof f->path, "%s/flow-shot-%ld-%u.flow", folder ? folder : "/tmp", (long)getpid(), number++);
    CHECK_NUMBER(trace_file_create(&f->file, f->path, &settings), 0);
    for (uint32_t i = 0; i < f->count; i++)
        CHECK_NUMBER(writer_init(&f->writers[i], f->file, 1, (uint32_t)getpid(), i + 1), 0);
    for (uint32_t i = 1; i < f->count; i++)
        write_number(&f->writers[i], 4711);
    write_chunks(f, 25);
}

static void
end(struct fixture *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        writer_close(&f->writers[i]);
    trace_file_close(f->file);
    unlink(f->path);
}

/* What the test wants to happen: before slot `at` is copied, `chunks` are begun; in the first `times` copyings. */
static struct {
    struct fixture *fixture;
    unsigned at, chunks, times;
} plan;

static void
pause_at(unsigned slots_copied)
{
    if (slots_copied == plan.at && plan.times) {
        plan.times--;
        write_chunks(plan.fixture, plan.chunks);
    }
}

static void
read_stream(struct reader *reader, uint32_t stream, int64_t *first, int64_t *last)
{
    struct cursor cursor;
    struct record record;
    struct value_head head;
    *first = *last = -1;
    cursor_open(&cursor, reader, stream);
    while (cursor_next(&cursor, &record) == 1) {
        if (record.type != FLOW_RETURN_VALUE)
            continue;
        CHECK_NUMBER(value_read(reader, &record.values, &head), 0);
        CHECK(*last < 0 || head.integer == *last + 1); /* no hole */
        *first = *first < 0 ? head.integer : *first;
        *last = head.integer;
    }
}

/* The oldest number of the busy one that the file has. */
static int64_t
oldest(const struct fixture *f)
{
    char message[256] = "";
    struct reader reader;
    int64_t first, last;
    CHECK_NUMBER(reader_open(&reader, f->path, message, sizeof message), 0);
    read_stream(&reader, 0, &first, &last);
    reader_close(&reader);
    return first;
}

/* Takes one of a file of so many writers, the busy one writing as planned. `seen` is the oldest number in it, `before` and `after` what that was in the
 * file. */
static void
shoot(uint32_t writers, unsigned at, unsigned chunks, unsigned times, int64_t *before, int64_t *seen, int64_t *after)
{
    struct fixture f;
    char message[256] = "";
    int64_t last, idle;
    begin(&f, writers);
    *before = oldest(&f);
    uint64_t newest = f.next - 1;
    plan.fixture = &f;
    plan.at = at;
    plan.chunks = chunks;
    plan.times = times;
    CHECK_NUMBER(reader_map(&f.reader, f.path, message, sizeof message), 0);
    CHECK_NUMBER(take_with_pauses(&f.reader), 0);
    ((struct flow_file_header *)(void *)(uintptr_t)f.reader.map)->flags &= ~(uint32_t)FLOW_FILE_LAST; /* no other */
    CHECK_NUMBER(reader_find(&f.reader), 0);
    CHECK_NUMBER(f.reader.damaged, 0);
    CHECK_NUMBER(f.reader.stream_count, writers);
    for (uint32_t i = 1; i < writers; i++) {
        read_stream(&f.reader, i, &idle, &last);
        CHECK_NUMBER(idle, 4711); /* however old */
    }
    read_stream(&f.reader, 0, seen, &last);
    CHECK(last >= (int64_t)newest);
    *after = oldest(&f);
    reader_close(&f.reader);
    end(&f);
}

/* What is recycled has been copied. */
TEST(a_snapshot_is_whole_though_others_write)
{
    int64_t before, seen, after;
    for (unsigned at = 1; at < 9; at++) {
        shoot(2, at, at, 1, &before, &seen, &after);
        CHECK_NUMBER(seen, before);
        CHECK(after > before);
    }
}

TEST(a_snapshot_is_taken_again_where_it_was_overtaken)
{
    int64_t before, seen, after;
    for (unsigned at = 0; at < 7; at++) {
        shoot(2, at, at + 2, 1, &before, &seen, &after);
        CHECK_NUMBER(seen, after);
        CHECK(after > before);
    }
}

/* There is one slot to go round in: what it had is gone as soon as it is overtaken. */
TEST(a_snapshot_is_taken_again_until_all_threads_are_in_it)
{
    int64_t before, seen, after;
    shoot(10, 0, 2, 5, &before, &seen, &after);
    CHECK(seen > before);
    CHECK_NUMBER(seen, after);
}

TEST(a_snapshot_has_no_hole_though_it_is_always_overtaken)
{
    int64_t before, seen, after;
    for (unsigned at = 0; at < 6; at++) {
        shoot(2, at, at + 2, UINT32_MAX, &before, &seen, &after);
        CHECK(seen > before);
    }
}
