/* What the writer does when the system, or FlowTrace itself, fails it. */
#include "../../src/trace/writer.h"

#include <errno.h>
#include <sys/mman.h>

#include "../../src/model/model.h"
#include "trace_builder.h"
#include "unit.h"

struct fixture {
    char path[512];
    struct trace_file *file;
    struct writer writer;
    struct reader reader;
    struct model model;
};

static const struct trace_settings EVERYTHING = {.values = true, .time = true};

static void
begin(struct fixture *f)
{
    static unsigned number;
    const char *folder = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/flow-fault-%ld-%u.flow", folder ? folder : "/tmp", (long)getpid(), number++);
    CHECK_NUMBER(trace_file_create(&f->file, f->path, &EVERYTHING), 0);
    CHECK_NUMBER(writer_init(&f->writer, f->file, trace_file_add_process(f->file), (uint32_t)getpid(), 1), 0);
}

static void
end(struct fixture *f)
{
    char message[256] = "";
    writer_close(&f->writer);
    trace_file_close(f->file);
    CHECK_NUMBER(reader_open(&f->reader, f->path, message, sizeof message), 0);
    CHECK_NUMBER(model_build(&f->model, &f->reader), 0);
    unlink(f->path);
}

static void
clear(struct fixture *f)
{
    model_free(&f->model);
    reader_close(&f->reader);
}

static struct writer_code
make_code(uint32_t number, const char *name)
{
    return (struct writer_code){
        .number = number, .qualname = strdup(name), .module = strdup("module"), .file = strdup("file.py")};
}

static void
write_call(struct writer *writer, const struct writer_code *code)
{
    uint8_t *p = writer_begin(writer, FLOW_CALL);
    if (!p)
        return;
    writer_commit(writer, writer_code(writer, p, code));
    p = writer_begin(writer, FLOW_RETURN);
    if (p)
        writer_commit(writer, p);
}

TEST(a_process_says_what_it_lost_without_a_chunk_of_its_own)
{
    struct fixture f;
    begin(&f);
    static const uint8_t info[] = "\017\001\012\004name\004text";
    CHECK_NUMBER(trace_file_begin_process(f.file, 1, (uint32_t)getpid(), info, sizeof info - 1), 0);
    CHECK_NUMBER(trace_file_lose(f.file, "no memory"), 0);
    CHECK_NUMBER(trace_file_lose(f.file, "once is enough"), -ENOSPC);
    end(&f);
    CHECK_NUMBER(f.reader.damaged, 0);
    CHECK_NUMBER(f.model.process_count, 1);
    CHECK_TEXT(f.model.processes[0].lost.data, f.model.processes[0].lost.length, "no memory");
    struct slice name = process_info(&f.model.processes[0], "name");
    CHECK_TEXT(name.data, name.length, "text");
    clear(&f);
}

static int told;

static void
be_told(void *context, int error)
{
    struct writer *writer = context;
    told = error;
    CHECK_NUMBER(writer_lose(writer, error, "told"), 0);
}

TEST(a_record_that_was_too_long_ends_recording)
{
    struct fixture f;
    struct writer_code code = make_code(0, "before");
    begin(&f);
    f.writer.failed = be_told;
    f.writer.context = &f.writer;
    write_call(&f.writer, &code);
    uint8_t *end_of_chunk = f.writer.limit + WRITER_RECORD_MAX; /* but for what tells of a loss */
    f.writer.p = f.writer.limit;
    atomic_store(&f.writer.chunk->committed, (uint32_t)(f.writer.p - f.writer.base));
    uint8_t *p = writer_begin(&f.writer, FLOW_EXTENDED);
    p = varint_put(p, 99);
    p = varint_put(p, WRITER_RECORD_MAX);
    memset(p, 'x', (size_t)(end_of_chunk + 1 - p));
    writer_commit(&f.writer, end_of_chunk + 1);
    f.writer.failed = NULL;
    CHECK(!writer_begin(&f.writer, FLOW_RETURN));
    CHECK_NUMBER(f.writer.error, EOVERFLOW);
    CHECK(!f.writer.chunk);
    end(&f);
    clear(&f);
    writer_code_free(&code);
}

TEST(whoever_cares_is_told_of_a_failure)
{
    struct fixture f;
    struct writer_code code = make_code(0, "before");
    begin(&f);
    f.writer.failed = be_told;
    f.writer.context = &f.writer;
    write_call(&f.writer, &code);
    atomic_store(&f.file->header->next_unit, UINT64_MAX / 2); /* somebody has written to the file */
    told = 0;
    errno = 4711;
    CHECK_NUMBER(writer_next_chunk(&f.writer), -EINVAL);
    CHECK_NUMBER(errno, 4711); /* the program's */
    CHECK_NUMBER(told, EINVAL);
    CHECK(!writer_begin(&f.writer, FLOW_CALL));
    end(&f);
    CHECK_NUMBER(f.model.call_count, 1);
    CHECK_TEXT(f.model.processes[0].lost.data, f.model.processes[0].lost.length, "told");
    clear(&f);
    writer_code_free(&code);
}

/* munmap() of what the file says would take memory of the program's away. */
TEST(a_length_that_somebody_changed_is_not_believed)
{
    struct fixture f;
    begin(&f);
    size_t size = 8 * FLOW_UNIT_SIZE;
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    uint8_t *behind = mmap(f.writer.base + FLOW_UNIT_SIZE, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);
    memset(behind, 42, size);
    f.writer.chunk->units = 9;
    atomic_store(&f.writer.chunk->committed, 10);
    CHECK_NUMBER(writer_next_chunk(&f.writer), 0);
    for (size_t i = 0; i < size; i += FLOW_UNIT_SIZE)
        CHECK_NUMBER(behind[i], 42);
    munmap(behind, size);
    end(&f);
    clear(&f);
}

TEST(a_writer_that_could_not_be_made_writes_nothing)
{
    struct fixture f;
    struct writer_code code = make_code(0, "never");
    begin(&f);
    f.writer.error = ENOMEM; /* as writer_init() leaves it */
    write_call(&f.writer, &code);
    CHECK(!f.writer.chunk);
    end(&f);
    CHECK_NUMBER(f.reader.chunk_count, 0);
    clear(&f);
    writer_code_free(&code);
}

TEST(numbers_of_code_without_end_take_no_memory_without_end)
{
    struct fixture f;
    begin(&f);
    char name[32];
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%u", i);
        struct writer_code code = make_code(i * 100003u, name);
        write_call(&f.writer, &code);
        write_call(&f.writer, &code);
        CHECK(f.writer.code_room <= WRITER_CODES);
        writer_code_free(&code);
    }
    CHECK_NUMBER(f.writer.code_count, 100);
    struct writer_code codes[] = {make_code(7, "one"), make_code(7 + WRITER_CODES, "other")};
    for (int i = 0; i < 10; i++)
        write_call(&f.writer, &codes[i % 2]);
    end(&f);
    CHECK_NUMBER(f.reader.damaged, 0);
    CHECK_NUMBER(f.model.call_count, 210);
    for (uint32_t i = 0; i < 10; i++) {
        struct slice qualname = f.model.calls[200 + i].code->qualname;
        CHECK_TEXT(qualname.data, qualname.length, i % 2 ? "other" : "one");
    }
    clear(&f);
    writer_code_free(&codes[0]);
    writer_code_free(&codes[1]);
}
