#include "../../src/trace/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/model/model.h"
#include "trace_builder.h"
#include "unit.h"

/* A trace that is written and then read. */
struct fixture {
    char path[512];
    struct trace_file *file;
    struct writer writer;
    struct reader reader;
};

static const struct trace_settings EVERYTHING = {.values = true, .time = true};

static void
make_path(char path[512])
{
    static unsigned number;
    const char *folder = getenv("TMPDIR");
    snprintf(path, 512, "%s/flow-unit-%ld-%u.flow", folder ? folder : "/tmp", (long)getpid(), number++);
}

static void
begin(struct fixture *f)
{
    make_path(f->path);
    CHECK_NUMBER(trace_file_create(&f->file, f->path, &EVERYTHING), 0);
    CHECK_NUMBER(writer_init(&f->writer, f->file, trace_file_add_process(f->file), (uint32_t)getpid(), 1), 0);
}

static void
open_trace(struct fixture *f)
{
    char message[256] = "";
    int ret = reader_open(&f->reader, f->path, message, sizeof message);
    if (ret < 0)
        unit_fail(__FILE__, __LINE__, "%d: %s", ret, message);
    unlink(f->path);
}

static void
end(struct fixture *f)
{
    writer_close(&f->writer);
    trace_file_close(f->file);
    open_trace(f);
}

static void
set_name(struct writer_code *code, uint32_t number, const char *name)
{
    *code = (struct writer_code){.number = number,
                                 .first_line = 1,
                                 .qualname = strdup(name),
                                 .module = strdup("module"),
                                 .file = strdup("file.py")};
}

static void
write_call(struct writer *writer, const struct writer_code *code)
{
    uint8_t *p = writer_begin(writer, FLOW_CALL);
    if (p)
        writer_commit(writer, writer_code(writer, p, code));
}

static void
write_return(struct writer *writer, const char *text)
{
    uint8_t *p = writer_begin(writer, FLOW_RETURN_VALUE);
    if (!p)
        return;
    *p++ = FLOW_VALUE_STR_WHOLE;
    writer_commit(writer, writer_string(writer, p, text, strlen(text)));
}

/* --- the file ----------------------------------------------------------- */

TEST(a_new_trace_is_the_users_own)
{
    char path[512];
    struct trace_file *file;
    struct stat status;
    make_path(path);
    CHECK_NUMBER(trace_file_create(&file, path, &EVERYTHING), 0);
    CHECK_NUMBER(stat(path, &status), 0);
    CHECK_NUMBER(status.st_mode & 0777, 0600);
    CHECK(file->fd > 2);
    CHECK(fcntl(file->fd, F_GETFD) & FD_CLOEXEC);
    CHECK_NUMBER(trace_file_add_process(file), 1);
    CHECK_NUMBER(trace_file_add_process(file), 2);
    CHECK_NUMBER(file->header->flags, 0);
    CHECK(file->header->clock != FLOW_CLOCK_NONE);
    trace_file_close(file);
    unlink(path);
}

TEST(settings_stand_in_the_header)
{
    char path[512];
    struct trace_file *file;
    struct trace_settings nothing = {.values = false};
    make_path(path);
    CHECK_NUMBER(trace_file_create(&file, path, &nothing), 0);
    CHECK_NUMBER(file->header->flags, FLOW_FILE_NO_VALUES | FLOW_FILE_NO_TIME);
    CHECK_NUMBER(file->header->clock, FLOW_CLOCK_NONE);
    trace_file_close(file);
    unlink(path);
}

TEST(a_trace_takes_the_place_of_an_older_one)
{
    struct fixture f;
    begin(&f);
    write_return(&f.writer, "old");
    char path[512];
    strcpy(path, f.path);
    struct trace_file *newer;
    CHECK_NUMBER(trace_file_create(&newer, path, &EVERYTHING), -EBUSY); /* it is recorded to */
    struct trace_file *joined;
    CHECK_NUMBER(trace_file_join(&joined, path), 0);
    writer_close(&f.writer);
    trace_file_close(f.file);
    CHECK_NUMBER(trace_file_create(&newer, path, &EVERYTHING), -EBUSY); /* still, by another process */
    trace_file_close(joined);
    struct reader old;
    CHECK_NUMBER(reader_open(&old, path, (char[256]){0}, 256), 0);
    CHECK_NUMBER(trace_file_create(&newer, path, &EVERYTHING), 0);
    trace_file_close(newer);
    CHECK_NUMBER(old.chunk_count, 1); /* who reads the old one goes on */
    reader_close(&old);
    CHECK_NUMBER(reader_open(&f.reader, path, (char[256]){0}, 256), 0);
    CHECK_NUMBER(f.reader.chunk_count, 0); /* it is the new one, in which nothing was written */
    reader_close(&f.reader);
    unlink(path);
}

TEST(files_that_cannot_be_made)
{
    struct trace_file *file;
    CHECK_NUMBER(trace_file_create(&file, "/nowhere/at/all.flow", &EVERYTHING), -ENOENT);
    char path[512];
    make_path(path);
    CHECK_NUMBER(mkdir(path, 0700), 0);
    CHECK_NUMBER(trace_file_create(&file, path, &EVERYTHING), -EISDIR);
    char left[600];
    glob_t found;
    snprintf(left, sizeof left, "%s.*", path);
    CHECK_NUMBER(glob(left, 0, NULL, &found), GLOB_NOMATCH); /* nothing is left behind */
    rmdir(path);
}

TEST(a_file_that_is_no_trace_is_not_joined)
{
    char path[512];
    struct trace_file *file = NULL;
    make_path(path);
    CHECK_NUMBER(trace_file_join(&file, path), -ENOENT);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    CHECK_NUMBER(trace_file_join(&file, path), -EINVAL);
    CHECK_NUMBER(ftruncate(fd, 2 * FLOW_UNIT_SIZE), 0);
    CHECK_NUMBER(trace_file_join(&file, path), -EINVAL);
    close(fd);
    unlink(path);
    struct fixture f;
    begin(&f);
    CHECK_NUMBER(trace_file_join(&file, f.path), 0);
    CHECK_NUMBER(trace_file_add_process(file), 2);
    trace_file_close(file);
    f.file->header->major = FLOW_MAJOR + 1;
    CHECK_NUMBER(trace_file_join(&file, f.path), -EINVAL);
    f.file->header->major = FLOW_MAJOR;
    end(&f);
    reader_close(&f.reader);
}

/* A program may close descriptors that it did not open, and get the number for a file of its own. */
static int
take_descriptor_over(struct fixture *f)
{
    int fd = f->file->fd;
    int other = open("/dev/null", O_RDWR);
    CHECK(dup2(other, fd) == fd);
    close(other);
    return fd;
}

TEST(a_descriptor_that_was_taken_over_is_left_alone)
{
    struct fixture f;
    struct stat status;
    begin(&f);
    write_return(&f.writer, "before");
    int fd = take_descriptor_over(&f);
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0); /* the file is opened again */
    write_return(&f.writer, "after");
    end(&f);
    CHECK_NUMBER(fstat(fd, &status), 0); /* still the program's */
    CHECK(S_ISCHR(status.st_mode));
    CHECK_NUMBER(f.reader.chunk_count, 2);
    CHECK_NUMBER(f.reader.damaged, 0);
    reader_close(&f.reader);
    close(fd);
}

TEST(a_file_that_is_gone_ends_the_recording_with_a_word)
{
    struct fixture f;
    struct model model;
    char elsewhere[600];
    begin(&f);
    write_return(&f.writer, "before");
    snprintf(elsewhere, sizeof elsewhere, "%s.moved", f.path);
    CHECK_NUMBER(rename(f.path, elsewhere), 0);
    int fd = take_descriptor_over(&f);
    CHECK_NUMBER(writer_next_chunk(&f.writer), -ENOENT);
    CHECK_NUMBER(f.writer.error, ENOENT);
    CHECK(writer_begin(&f.writer, FLOW_RETURN) == NULL);
    CHECK_NUMBER(rename(elsewhere, f.path), 0);
    end(&f);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK_NUMBER(model_build(&model, &f.reader), 0);
    CHECK_TEXT(model.processes[0].lost.data, model.processes[0].lost.length, strerror(ENOENT));
    CHECK_NUMBER(f.reader.damaged, 0);
    model_free(&model);
    reader_close(&f.reader);
    close(fd);
}

/* --- one writer --------------------------------------------------------- */

TEST(strings_and_code_are_defined_once_a_chunk)
{
    struct fixture f;
    struct writer_code code;
    struct record record;
    struct cursor cursor;
    set_name(&code, 0, "function");
    begin(&f);
    write_call(&f.writer, &code);
    write_return(&f.writer, "a text");
    uint8_t *before = f.writer.p;
    write_call(&f.writer, &code);
    CHECK(f.writer.p - before <= 11); /* a time and a number */
    write_return(&f.writer, "a text");
    CHECK_NUMBER(f.writer.code_count, 1);
    CHECK_NUMBER(f.writer.string_count, 4); /* function, module, file.py, a text */
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    write_call(&f.writer, &code);
    write_return(&f.writer, "a text");
    CHECK_NUMBER(f.writer.code_count, 1);
    end(&f);
    CHECK_NUMBER(f.reader.chunk_count, 2);
    cursor_open(&cursor, &f.reader, 0);
    unsigned calls = 0, texts = 0;
    while (cursor_next(&cursor, &record) == 1) {
        struct value_head head;
        calls += record.type == FLOW_CALL && record.code == f.reader.codes[0];
        if (record.type == FLOW_RETURN_VALUE && value_read(&f.reader, &record.values, &head) == 0)
            texts += head.bytes.length == 6 && memcmp(head.bytes.data, "a text", 6) == 0;
    }
    CHECK_NUMBER(calls, 3);
    CHECK_NUMBER(texts, 3);
    CHECK_NUMBER(f.reader.chunks[0].code_count, 1);
    CHECK_NUMBER(f.reader.chunks[1].code_count, 1);
    CHECK_NUMBER(f.reader.chunks[0].string_count, 4);
    CHECK_NUMBER(f.reader.damaged, 0);
    reader_close(&f.reader);
    writer_code_free(&code);
}

TEST(more_strings_than_there_is_room_for)
{
    struct fixture f;
    struct record record;
    struct cursor cursor;
    const unsigned count = 4 * WRITER_STRINGS;
    char text[400];
    begin(&f);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < count; i++) {
            snprintf(text, sizeof text, "%*u", i % 300 + 1, i); /* some too long to be kept */
            write_return(&f.writer, text);
        }
    end(&f);
    cursor_open(&cursor, &f.reader, 0);
    unsigned seen = 0;
    while (cursor_next(&cursor, &record) == 1) {
        struct value_head head;
        if (record.type != FLOW_RETURN_VALUE)
            continue;
        snprintf(text, sizeof text, "%*u", seen % count % 300 + 1, seen % count);
        if (value_read(&f.reader, &record.values, &head) < 0 || head.bytes.length != strlen(text)
            || memcmp(head.bytes.data, text, head.bytes.length) != 0)
            unit_fail(__FILE__, __LINE__, "text %u is wrong", seen);
        seen++;
    }
    CHECK_NUMBER(seen, 2 * count);
    reader_close(&f.reader);
}

TEST(text_of_any_length)
{
    uint8_t room[600];
    static const char text[500] = "x";
    CHECK(writer_text(room, "", 0) == room + 1);
    CHECK_NUMBER(room[0], 0);
    CHECK(writer_text(room, text, 127) == room + 128);
    CHECK(writer_text(room, text, 500) == room + 502);
    CHECK_NUMBER(room[0], 0xf4);
    CHECK_NUMBER(room[1], 3);
}

TEST(a_record_that_is_too_big_is_refused)
{
    struct fixture f;
    static uint8_t payload[WRITER_RECORD_MAX];
    begin(&f);
    CHECK_NUMBER(writer_extended(&f.writer, FLOW_EXTENDED_LOST, payload, sizeof payload), -E2BIG);
    for (int i = 0; i < 100; i++)
        CHECK_NUMBER(writer_extended(&f.writer, FLOW_EXTENDED_SPAWN, payload, WRITER_RECORD_MAX - 4 * VARINT_MAX), 0);
    end(&f);
    CHECK_NUMBER(f.reader.damaged, 0);
    struct record record;
    struct cursor cursor;
    unsigned seen = 0;
    cursor_open(&cursor, &f.reader, 0);
    while (cursor_next(&cursor, &record) == 1)
        seen += record.extended == FLOW_EXTENDED_SPAWN && record.payload.length == WRITER_RECORD_MAX - 4 * VARINT_MAX;
    CHECK_NUMBER(seen, 100);
    reader_close(&f.reader);
}

/* --- chunk after chunk -------------------------------------------------- */

struct open_calls {
    struct writer_open_call calls[2000];
    size_t count;
};

static size_t
list_open_calls(void *context, const struct writer_open_call **out)
{
    const struct open_calls *open = context;
    *out = open->calls;
    return open->count;
}

TEST(a_chunk_begins_with_the_calls_that_run)
{
    struct fixture f;
    struct writer_code code, coroutine;
    static struct open_calls open;
    set_name(&code, 0, "plain");
    set_name(&coroutine, 1, "coroutine");
    coroutine.flags = FLOW_CODE_COROUTINE;
    begin(&f);
    f.writer.open_calls = list_open_calls;
    f.writer.context = &open;
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    open.calls[0] = (struct writer_open_call){&code, 0, f.writer.last_ticks, 41};
    open.calls[1] = (struct writer_open_call){&coroutine, 77, f.writer.last_ticks, 42};
    open.count = 2;
    f.writer.calls = 43;
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    end(&f);
    CHECK_NUMBER(f.reader.chunks[1].header->open_calls, 2);
    CHECK_NUMBER(f.reader.chunks[1].header->calls_before, 43);
    struct record record;
    struct cursor cursor;
    cursor_open_chunk(&cursor, &f.reader, 1);
    CHECK_NUMBER(cursor_next(&cursor, &record), 1);
    CHECK_NUMBER(record.extended, FLOW_EXTENDED_THREAD);
    CHECK_NUMBER(cursor_next(&cursor, &record), 1);
    CHECK_NUMBER(record.type, FLOW_OPEN);
    CHECK_TEXT(record.code->qualname.data, record.code->qualname.length, "plain");
    CHECK_NUMBER(record.count, 41);
    CHECK_NUMBER(cursor_next(&cursor, &record), 1);
    CHECK_NUMBER(record.generator, 77);
    CHECK_NUMBER(record.count, 42);
    CHECK(record.start_ns <= record.time_ns);
    reader_close(&f.reader);
    writer_code_free(&code);
    writer_code_free(&coroutine);
}

TEST(only_the_innermost_calls_are_repeated)
{
    struct fixture f;
    struct writer_code code;
    static struct open_calls open;
    set_name(&code, 0, "deep");
    open.count = sizeof open.calls / sizeof *open.calls;
    for (size_t i = 0; i < open.count; i++)
        open.calls[i] = (struct writer_open_call){&code, 0, 0, i};
    begin(&f);
    f.writer.open_calls = list_open_calls;
    f.writer.context = &open;
    for (int i = 0; i < 4; i++)
        CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    CHECK(f.writer.p < f.writer.limit);
    end(&f);
    struct record record;
    struct cursor cursor;
    unsigned seen = 0;
    uint64_t last = 0;
    cursor_open_chunk(&cursor, &f.reader, 3);
    while (cursor_next(&cursor, &record) == 1) {
        if (record.type != FLOW_OPEN)
            continue;
        CHECK(seen == 0 || record.count == last + 1);
        last = record.count;
        seen++;
    }
    CHECK_NUMBER(last, open.count - 1);
    CHECK(seen > 100 && seen <= FLOW_OPEN_MAX);
    CHECK_NUMBER(f.reader.damaged, 0);
    reader_close(&f.reader);
    writer_code_free(&code);
}

TEST(chunks_grow_and_are_sealed)
{
    struct fixture f;
    begin(&f);
    for (int i = 0; i < 4; i++)
        CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    end(&f);
    static const unsigned units[] = {1, 2, 4, 4};
    CHECK_NUMBER(f.reader.chunk_count, 4);
    for (uint32_t i = 0; i < f.reader.chunk_count; i++) {
        const struct flow_chunk_header *header = f.reader.chunks[i].header;
        CHECK_NUMBER(header->units, units[i]);
        CHECK_NUMBER(header->sequence, i);
        CHECK_NUMBER(atomic_load(&header->flags), FLOW_CHUNK_SEALED | (i == 3 ? FLOW_CHUNK_LAST : 0));
        CHECK(i == 0 || header->first_ticks >= f.reader.chunks[i - 1].header->first_ticks);
    }
    CHECK_NUMBER(f.reader.header->next_unit, 12);
    reader_close(&f.reader);
}

TEST(what_the_writer_lost_is_told)
{
    struct fixture f;
    struct model model;
    static const uint8_t reason[] = "\011disk full";
    begin(&f);
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    f.writer.lost = 5;
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    CHECK_NUMBER(writer_extended(&f.writer, FLOW_EXTENDED_LOST, reason, sizeof reason - 1), 0);
    end(&f);
    CHECK_NUMBER(model_build(&model, &f.reader), 0);
    CHECK_NUMBER(model.lost_records, 5);
    CHECK_TEXT(model.processes[0].lost.data, model.processes[0].lost.length, "disk full");
    model_free(&model);
    reader_close(&f.reader);
}

TEST(a_reason_that_is_cut_off_is_none)
{
    struct fixture f;
    struct model model;
    begin(&f);
    CHECK_NUMBER(writer_extended(&f.writer, FLOW_EXTENDED_LOST, (const uint8_t *)"\011disk", 5), 0);
    end(&f);
    CHECK_NUMBER(model_build(&model, &f.reader), 0);
    CHECK_NUMBER(model.processes[0].lost.length, 0);
    model_free(&model);
    reader_close(&f.reader);
}

TEST(after_its_end_a_writer_writes_nothing)
{
    struct fixture f;
    begin(&f);
    write_return(&f.writer, "last");
    writer_close(&f.writer);
    CHECK(writer_begin(&f.writer, FLOW_RETURN) == NULL);
    trace_file_close(f.file);
    open_trace(&f);
    CHECK_NUMBER(f.reader.chunk_count, 1);
    reader_close(&f.reader);
}

TEST(what_a_process_tells_of_itself_may_be_long)
{
    struct fixture f;
    struct model model;
    static uint8_t records[200000], payload[180000];
    begin(&f);
    uint8_t *p = writer_text(payload, "command", 7);
    static char command[170000];
    memset(command, 'c', sizeof command);
    p = writer_text(p, command, sizeof command);
    size_t length = (size_t)(p - payload);
    p = varint_put(records, FLOW_EXTENDED);
    p = varint_put(p, FLOW_EXTENDED_PROCESS);
    p = writer_text(p, (char *)payload, length);
    CHECK_NUMBER(trace_file_add_meta(f.file, 1, 4711, records, (size_t)(p - records)), 0);
    CHECK_NUMBER(trace_file_add_meta(f.file, 1, 4711, records, (size_t)FLOW_CHUNK_UNITS_MAX * FLOW_UNIT_SIZE), -E2BIG);
    end(&f);
    CHECK_NUMBER(f.reader.event_chunk_count, 0);
    CHECK_NUMBER(model_build(&model, &f.reader), 0);
    CHECK_NUMBER(model.processes[0].pid, 4711);
    struct slice text = process_info(&model.processes[0], "command");
    CHECK_NUMBER(text.length, sizeof command);
    CHECK(text.length == sizeof command && memcmp(text.data, command, sizeof command) == 0);
    model_free(&model);
    reader_close(&f.reader);
}

/* --- threads and processes ---------------------------------------------- */

#define THREADS 8
#define CALLS_OF_A_THREAD 20000u

struct worker {
    pthread_t thread;
    struct trace_file *file;
    uint32_t process, number;
    const struct writer_code *codes;
};

static void *
work(void *argument)
{
    struct worker *worker = argument;
    struct writer writer;
    writer_init(&writer, worker->file, worker->process, (uint32_t)getpid(), worker->number);
    snprintf(writer.name, sizeof writer.name, "worker %u", worker->number);
    for (uint32_t i = 0; i < CALLS_OF_A_THREAD; i++) {
        char text[32];
        write_call(&writer, &worker->codes[i % 3]);
        snprintf(text, sizeof text, "%u of %u", i % 50, worker->number);
        write_return(&writer, text);
    }
    writer_close(&writer);
    return NULL;
}

static void
run_workers(struct trace_file *file, uint32_t process, const struct writer_code *codes)
{
    struct worker workers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.file = file, .process = process, .number = i + 1, .codes = codes};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

/* Each stream has all its calls, in order, and nobody else's. */
static void
check_workers(struct fixture *f, uint32_t streams)
{
    CHECK_NUMBER(f->reader.stream_count, streams);
    CHECK_NUMBER(f->reader.damaged, 0);
    for (uint32_t s = 0; s < f->reader.stream_count; s++) {
        struct record record;
        struct cursor cursor;
        uint32_t calls = 0, returns = 0, gaps = 0;
        cursor_open(&cursor, &f->reader, s);
        while (cursor_next(&cursor, &record) == 1) {
            gaps += cursor.gap;
            calls += record.type == FLOW_CALL;
            if (record.type != FLOW_RETURN_VALUE)
                continue;
            struct value_head head;
            char text[32];
            snprintf(text, sizeof text, "%u of %u", returns++ % 50, f->reader.streams[s].thread);
            if (value_read(&f->reader, &record.values, &head) < 0 || head.bytes.length != strlen(text)
                || memcmp(head.bytes.data, text, head.bytes.length) != 0) {
                unit_fail(__FILE__, __LINE__, "stream %u has another's text at %u", s, returns);
                break;
            }
        }
        CHECK_NUMBER(calls, CALLS_OF_A_THREAD);
        CHECK_NUMBER(returns, CALLS_OF_A_THREAD);
        CHECK_NUMBER(gaps, 1);
    }
}

TEST(threads_write_at_once)
{
    struct fixture f;
    struct writer_code codes[3];
    for (uint32_t i = 0; i < 3; i++)
        set_name(&codes[i], i, (char[]){(char)('f' + (int)i), '\0'});
    begin(&f);
    run_workers(f.file, 1, codes);
    end(&f);
    check_workers(&f, THREADS);
    CHECK_NUMBER(f.reader.code_count, 3);
    reader_close(&f.reader);
    for (uint32_t i = 0; i < 3; i++)
        writer_code_free(&codes[i]);
}

TEST(processes_write_at_once)
{
    enum { PROCESSES = 3 };
    struct fixture f;
    struct writer_code codes[3];
    for (uint32_t i = 0; i < 3; i++)
        set_name(&codes[i], i, (char[]){(char)('f' + (int)i), '\0'});
    begin(&f);
    fflush(stdout);
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i])
            continue;
        struct trace_file *file;
        if (trace_file_join(&file, f.path) < 0)
            _exit(1);
        run_workers(file, trace_file_add_process(file), codes);
        _exit(0); /* no close: what was committed is there */
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        CHECK_NUMBER(status, 0);
    }
    end(&f);
    check_workers(&f, PROCESSES * THREADS);
    CHECK_NUMBER(f.reader.code_count, 3 * PROCESSES);
    CHECK_NUMBER(f.reader.header->next_process, 2 + PROCESSES);
    reader_close(&f.reader);
    for (uint32_t i = 0; i < 3; i++)
        writer_code_free(&codes[i]);
}

TEST(a_forked_child_leaves_its_parents_chunk_alone)
{
    struct fixture f;
    begin(&f);
    write_return(&f.writer, "parent 1");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        writer_forget(&f.writer);
        if (writer_begin(&f.writer, FLOW_RETURN))
            _exit(1);
        if (writer_init(&f.writer, f.file, trace_file_add_process(f.file), (uint32_t)getpid(), 1) < 0)
            _exit(2);
        write_return(&f.writer, "child 1");
        write_return(&f.writer, "child 2");
        writer_close(&f.writer);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_NUMBER(status, 0);
    write_return(&f.writer, "parent 2");
    end(&f);
    CHECK_NUMBER(f.reader.stream_count, 2);
    static const char *const expected[2][2] = {{"parent 1", "parent 2"}, {"child 1", "child 2"}};
    for (uint32_t s = 0; s < f.reader.stream_count; s++) {
        struct record record;
        struct cursor cursor;
        struct value_head head;
        cursor_open(&cursor, &f.reader, s);
        for (int i = 0; i < 2; i++) {
            while (cursor_next(&cursor, &record) == 1 && record.type != FLOW_RETURN_VALUE)
                continue;
            CHECK_NUMBER(value_read(&f.reader, &record.values, &head), 0);
            CHECK_TEXT(head.bytes.data, head.bytes.length, expected[s][i]);
        }
        CHECK_NUMBER(cursor_next(&cursor, &record), 0);
    }
    CHECK(f.reader.streams[0].pid == (uint32_t)getpid());
    CHECK(f.reader.streams[1].pid == (uint32_t)child);
    reader_close(&f.reader);
}

TEST(nothing_is_lost_when_a_process_is_killed)
{
    struct fixture f;
    struct writer_code code;
    set_name(&code, 0, "endless");
    begin(&f);
    uint32_t *written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            write_call(&f.writer, &code);
            ++*(volatile uint32_t *)written;
        }
    }
    while (*(volatile uint32_t *)written < 50000)
        usleep(1000);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    end(&f);
    struct record record;
    struct cursor cursor;
    uint32_t calls = 0;
    cursor_open(&cursor, &f.reader, 0);
    while (cursor_next(&cursor, &record) == 1)
        calls += record.type == FLOW_CALL;
    CHECK(calls == *written || calls == *written + 1);
    CHECK_NUMBER(f.reader.damaged, 0);
    munmap(written, sizeof *written);
    reader_close(&f.reader);
    writer_code_free(&code);
}
