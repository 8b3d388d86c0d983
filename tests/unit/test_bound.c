/* Files of --last: slots that are recycled, and what a reader makes of them. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/model/model.h"
#include "../../src/trace/chunk.h"
#include "trace_builder.h"
#include "unit.h"

struct fixture {
    char path[512];
    struct trace_file *file;
    struct reader reader;
};

#define MEBIBYTE ((uint64_t)1 << 20)

static void
begin(struct fixture *f, uint64_t last)
{
    static unsigned number;
    const char *folder = getenv("TMPDIR");
    struct trace_settings settings = {.values = true, .time = true, .last = last};
    snprintf(f->path, sizeof f->path, "%s/flow-bound-%ld-%u.flow", folder ? folder : "/tmp", (long)getpid(), number++);
    CHECK_NUMBER(trace_file_create(&f->file, f->path, &settings), 0);
}

static void
read_it(struct fixture *f)
{
    char message[256] = "";
    CHECK_NUMBER(reader_open(&f->reader, f->path, message, sizeof message), 0);
}

static void
end(struct fixture *f)
{
    trace_file_close(f->file);
    unlink(f->path);
}

static void
init_writer(struct fixture *f, struct writer *writer, uint32_t thread)
{
    CHECK_NUMBER(writer_init(writer, f->file, 1, (uint32_t)getpid(), thread), 0);
}

static void
write_number(struct writer *writer, uint64_t number)
{
    uint8_t *p = writer_begin(writer, FLOW_RETURN_VALUE);
    *p++ = FLOW_VALUE_INT;
    writer_commit(writer, varint_put(p, number << 1));
    writer->calls++;
}

/* The numbers of a stream, which must follow each other but at gaps: the first, and the last. */
static void
read_numbers(struct fixture *f, uint32_t stream, int64_t *first, int64_t *last)
{
    struct cursor cursor;
    struct record record;
    struct value_head head;
    *first = *last = -1;
    cursor_open(&cursor, &f->reader, stream);
    while (cursor_next(&cursor, &record) == 1) {
        if (record.type != FLOW_RETURN_VALUE)
            continue;
        CHECK_NUMBER(value_read(&f->reader, &record.values, &head), 0);
        CHECK(*last < 0 || head.integer == *last + 1);
        *first = *first < 0 ? head.integer : *first;
        *last = head.integer;
    }
}

TEST(bounds_that_can_be)
{
    struct fixture f = {0};
    for (uint64_t last = MEBIBYTE; last <= (uint64_t)64 << 30; last = last * 5 / 2) {
        begin(&f, last);
        CHECK(bound_is_sound(f.file->bound));
        CHECK(f.file->event_slots >= 10);
        uint64_t units = 1 + f.file->meta_slots + (uint64_t)f.file->event_slots * f.file->slot_units;
        CHECK(units <= last / FLOW_UNIT_SIZE && units > last / FLOW_UNIT_SIZE * 9 / 10);
        end(&f);
    }
    struct trace_settings settings = {.last = MEBIBYTE - 1};
    CHECK_NUMBER(trace_file_create(&f.file, "/tmp/flow-none.flow", &settings), -EINVAL);
    settings.last = ((uint64_t)64 << 30) + 1;
    CHECK_NUMBER(trace_file_create(&f.file, "/tmp/flow-none.flow", &settings), -EINVAL);
    CHECK(access("/tmp/flow-none.flow", F_OK) < 0);
}

TEST(the_oldest_slots_go_first)
{
    struct fixture f;
    struct writer writer;
    int64_t first, last;
    begin(&f, MEBIBYTE);
    init_writer(&f, &writer, 1);
    for (uint64_t i = 0; i < 300000; i++)
        write_number(&writer, i);
    writer_close(&writer);
    read_it(&f);
    read_numbers(&f, 0, &first, &last);
    CHECK_NUMBER(last, 299999);
    CHECK_NUMBER(f.reader.chunk_count, f.file->event_slots);
    CHECK_NUMBER(f.file->bound->calls_let_go, first);
    CHECK_NUMBER(f.reader.damaged, 0);
    struct stat status;
    CHECK_NUMBER(stat(f.path, &status), 0);
    CHECK(status.st_size <= (off_t)MEBIBYTE && status.st_blocks * 512 <= (off_t)MEBIBYTE);
    reader_close(&f.reader);
    end(&f);
}

TEST(a_slot_that_is_written_to_is_nobody_elses)
{
    struct fixture f;
    struct writer idle, busy;
    int64_t first, last;
    begin(&f, MEBIBYTE);
    init_writer(&f, &idle, 1);
    init_writer(&f, &busy, 2);
    write_number(&idle, 0);
    for (uint64_t i = 0; i < 200000; i++)
        write_number(&busy, i);
    write_number(&idle, 1);
    read_it(&f);
    read_numbers(&f, 0, &first, &last);
    CHECK_NUMBER(first, 0);
    CHECK_NUMBER(last, 1);
    reader_close(&f.reader);
    writer_close(&idle);
    writer_close(&busy);
    end(&f);
}

/* Each of more threads than there are slots: those that have one go round in it, the others write for nobody. */
TEST(more_threads_than_slots)
{
    struct fixture f;
    static struct writer writers[12];
    int64_t first, last;
    begin(&f, MEBIBYTE);
    uint32_t slots = f.file->event_slots;
    CHECK_NUMBER(slots, 10);
    for (uint32_t i = 0; i < 12; i++) {
        init_writer(&f, &writers[i], i + 1);
        write_number(&writers[i], 0);
        CHECK_NUMBER(writers[i].unplaced, i >= slots);
    }
    for (uint64_t n = 1; n < 20000; n++)
        write_number(&writers[0], n);
    CHECK(!writers[0].unplaced);
    writer_close(&writers[3]);
    for (uint64_t n = 1; n < 2000; n++) /* there is room now */
        write_number(&writers[11], n);
    CHECK(!writers[11].unplaced);
    for (uint32_t i = 0; i < 12; i++)
        if (i != 3)
            writer_close(&writers[i]);
    read_it(&f);
    CHECK_NUMBER(f.reader.stream_count, 10); /* all but the fourth and the eleventh */
    read_numbers(&f, 0, &first, &last);
    CHECK_NUMBER(last, 19999);
    CHECK(first > 0);
    read_numbers(&f, f.reader.stream_count - 1, &first, &last);
    CHECK_NUMBER(last, 1999);
    CHECK_NUMBER(f.file->bound->calls_unplaced, 1 + first);
    reader_close(&f.reader);
    end(&f);
}

static void
die(void)
{
    kill(getpid(), SIGKILL);
}

static void
in_child(void (*act)(struct fixture *), struct fixture *f)
{
    pid_t pid = fork();
    if (pid == 0) {
        trace_file_after_fork(f->file);
        act(f);
        die();
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
}

static void
take_a_slot(struct fixture *f)
{
    struct writer writer;
    uint32_t process = 1 + trace_file_add_process(f->file); /* two chunks of one place in a thread were one */
    CHECK_NUMBER(writer_init(&writer, f->file, process, (uint32_t)getpid(), 1), 0);
    write_number(&writer, 77);
}

/* Killed with its records half overwritten. */
static void
take_a_slot_half(struct fixture *f)
{
    struct flow_chunk_header *chunk;
    struct place place;
    CHECK_NUMBER(chunk_claim(f->file, FLOW_CHUNK_EVENTS, f->file->slot_units, false, &chunk, &place), 0);
    chunk->process = 99;
    memset(chunk + 1, 0xff, 1000);
}

TEST(what_the_dead_left_is_recycled_in_its_turn)
{
    struct fixture f;
    struct writer writer;
    begin(&f, MEBIBYTE);
    CHECK(f.file->tells_dead);
    for (int i = 0; i < 30; i++)
        in_child(take_a_slot, &f);
    read_it(&f);
    CHECK_NUMBER(f.reader.chunk_count, 10);
    reader_close(&f.reader);
    init_writer(&f, &writer, 1);
    write_number(&writer, 1);
    CHECK(!writer.unplaced);
    writer_close(&writer);
    end(&f);
}

TEST(pids_of_another_space_tell_nothing)
{
    struct fixture f;
    struct writer writer;
    begin(&f, MEBIBYTE);
    f.file->bound->pid_space ^= 1; /* as in another container */
    bound_after_fork(f.file);
    CHECK(!f.file->tells_dead);
    for (int i = 0; i < 10; i++)
        in_child(take_a_slot, &f);
    init_writer(&f, &writer, 1);
    write_number(&writer, 1);
    CHECK(writer.unplaced); /* they may be alive */
    writer_close(&writer);
    end(&f);
}

TEST(who_dies_while_recycling_leaves_one_void_chunk)
{
    struct fixture f;
    struct writer writer;
    int64_t first, last;
    begin(&f, MEBIBYTE);
    init_writer(&f, &writer, 1);
    uint64_t n = 0;
    for (; n < 300000; n++)
        write_number(&writer, n);
    in_child(take_a_slot_half, &f);
    for (int round = 0; round < 2; round++) {
        read_it(&f);
        CHECK_NUMBER(f.reader.chunk_count, 9);
        CHECK_NUMBER(f.reader.damaged, 0);
        CHECK_NUMBER(f.reader.stream_count, 1);
        read_numbers(&f, 0, &first, &last);
        CHECK_NUMBER(last, n - 1);
        reader_close(&f.reader);
        f.file->header->flags &= ~(uint32_t)FLOW_FILE_LAST; /* nor does a reader see it that knows of no slots */
    }
    f.file->header->flags |= FLOW_FILE_LAST;
    writer_close(&writer);
    end(&f);
}

TEST(meta_of_the_first_process_is_kept)
{
    struct fixture f;
    struct model model;
    uint8_t record[64], payload[32];
    begin(&f, MEBIBYTE);
    for (uint32_t process = 1; process <= 40; process++) {
        uint8_t *p = writer_text(payload, "program", 7);
        p = writer_text(p, "app", 3);
        uint8_t *end_of = writer_text(varint_put(varint_put(record, FLOW_EXTENDED), FLOW_EXTENDED_PROCESS),
                                      (char *)payload, (size_t)(p - payload));
        CHECK_NUMBER(trace_file_add_process(f.file), process);
        CHECK_NUMBER(trace_file_add_meta(f.file, process, 4711, record, (size_t)(end_of - record)), 0);
    }
    read_it(&f);
    CHECK_NUMBER(model_build(&model, &f.reader), 0);
    CHECK_NUMBER(model.process_count, f.file->meta_slots);
    CHECK_NUMBER(model.processes[0].number, 1);
    CHECK_NUMBER(model.processes[1].number, 40 - f.file->meta_slots + 2);
    CHECK_NUMBER(model.processes[model.process_count - 1].number, 40);
    model_free(&model);
    reader_close(&f.reader);
    end(&f);
}

TEST(a_bound_that_cannot_be_is_not_believed)
{
    struct fixture f;
    struct trace_file *other = NULL;
    struct writer writer;
    int64_t first, last;
    begin(&f, MEBIBYTE);
    init_writer(&f, &writer, 1);
    for (uint64_t i = 0; i < 20000; i++)
        write_number(&writer, i);
    f.file->bound->event_slots = UINT32_MAX;
    CHECK_NUMBER(trace_file_join(&other, f.path), -EINVAL);
    read_it(&f);
    CHECK(reader_bound(&f.reader) == NULL);
    read_numbers(&f, 0, &first, &last);
    CHECK_NUMBER(last, 19999);
    reader_close(&f.reader);
    for (uint64_t i = 20000; i < 100000; i++) /* who writes already goes by what he knows */
        write_number(&writer, i);
    writer_close(&writer);
    struct stat status;
    CHECK_NUMBER(stat(f.path, &status), 0);
    CHECK(status.st_size <= (off_t)MEBIBYTE);
    end(&f);
}

/* Cut off inside a slot that holds nothing, with other memory right behind each place where the file can be mapped. */
TEST(what_lies_behind_a_file_cut_off_stays)
{
    enum { PLACES = 64, UNTOUCHED = 0x5a };
    struct fixture f;
    begin(&f, 64 * MEBIBYTE);
    size_t size = (1 + f.file->meta_slots + 1) * (size_t)FLOW_UNIT_SIZE;
    CHECK(f.file->slot_units > 1);
    CHECK_NUMBER(truncate(f.path, (off_t)size), 0);
    uint8_t *places = mmap(NULL, PLACES * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                           0);
    CHECK(places != MAP_FAILED);
    for (size_t i = 0; i < PLACES; i += 2) {
        munmap(places + i * size, size);
        memset(places + (i + 1) * size, UNTOUCHED, size);
    }
    read_it(&f);
    CHECK_NUMBER(f.reader.chunk_count, 0);
    reader_close(&f.reader);
    size_t touched = 0;
    for (size_t i = 1; i < PLACES; i += 2)
        for (size_t k = 0; k < size; k++)
            touched += places[i * size + k] != UNTOUCHED;
    CHECK_NUMBER(touched, 0);
    for (size_t i = 1; i < PLACES; i += 2)
        munmap(places + i * size, size);
    end(&f);
}

/* --- no bound --------------------------------------------------------------- */

enum { CLAIMANTS = 4, CLAIMS = 1000000 };

static pthread_barrier_t together;

static void *
claim_on(void *context)
{
    struct fixture *f = context;
    pthread_barrier_wait(&together);
    for (int i = 0; i < CLAIMS; i++) {
        struct place place;
        CHECK_NUMBER(bound_take(f->file, FLOW_CHUNK_EVENTS, 2, false, &place), 0);
    }
    pthread_barrier_wait(&together);
    for (int i = 0; i < CLAIMS; i++)
        trace_file_add_process(f->file);
    return NULL;
}

/* If two had one place, or one number, fewer would have been given out. */
TEST(each_claim_has_a_place_of_its_own)
{
    struct fixture f;
    pthread_t threads[CLAIMANTS];
    begin(&f, 0);
    pthread_barrier_init(&together, NULL, CLAIMANTS);
    uint64_t unit = atomic_load(&f.file->header->next_unit);
    uint32_t process = atomic_load(&f.file->header->next_process);
    for (int i = 0; i < CLAIMANTS; i++)
        CHECK_NUMBER(pthread_create(&threads[i], NULL, claim_on, &f), 0);
    for (int i = 0; i < CLAIMANTS; i++)
        pthread_join(threads[i], NULL);
    CHECK_NUMBER(atomic_load(&f.file->header->next_unit) - unit, 2 * CLAIMANTS * CLAIMS);
    CHECK_NUMBER(atomic_load(&f.file->header->next_process) - process, CLAIMANTS * CLAIMS);
    pthread_barrier_destroy(&together);
    end(&f);
}

/* --- reading meanwhile ---------------------------------------------------- */

static atomic_bool writes;

static void *
write_on(void *context)
{
    struct fixture *f = context;
    struct writer writer;
    init_writer(f, &writer, 1);
    for (uint64_t i = 0; i < 400000; i++)
        write_number(&writer, i);
    writer_close(&writer);
    atomic_store(&writes, false);
    return NULL;
}

static void
read_while_written(uint64_t bound)
{
    struct fixture f;
    pthread_t thread;
    int64_t first, last, before = -1;
    begin(&f, bound);
    atomic_store(&writes, true);
    CHECK_NUMBER(pthread_create(&thread, NULL, write_on, &f), 0);
    while (atomic_load(&writes)) {
        read_it(&f);
        CHECK_NUMBER(f.reader.damaged, 0);
        if (f.reader.stream_count) {
            read_numbers(&f, 0, &first, &last);
            CHECK(last >= before);
            CHECK(bound || first <= 0);
            before = last;
        }
        reader_close(&f.reader);
    }
    pthread_join(thread, NULL);
    end(&f);
}

TEST(reading_while_chunks_are_recycled)
{
    read_while_written(MEBIBYTE);
}

TEST(reading_while_the_file_grows)
{
    read_while_written(0);
}
