/* A trace that others cut off while it is written or read. */
#include "../../src/trace/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "../../src/model/model.h"
#include "../../src/trace/writer.h"
#include "trace_builder.h"
#include "unit.h"

static const struct trace_settings EVERYTHING = {.values = true, .time = true};

struct fixture {
    char path[512];
    struct trace_file *file;
    struct writer writer;
    struct writer_code code;
};

static void
begin(struct fixture *f)
{
    static unsigned number;
    const char *folder = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/flow-guard-%ld-%u.flow", folder ? folder : "/tmp", (long)getpid(), number++);
    CHECK_NUMBER(trace_file_create(&f->file, f->path, &EVERYTHING), 0);
    CHECK_NUMBER(writer_init(&f->writer, f->file, trace_file_add_process(f->file), (uint32_t)getpid(), 1), 0);
    f->code = (struct writer_code){.qualname = strdup("work"), .module = strdup("m"), .file = strdup("m.py")};
}

static void
end(struct fixture *f)
{
    writer_close(&f->writer);
    trace_file_close(f->file);
    writer_code_free(&f->code);
    unlink(f->path);
}

/* Returns how many of these calls were written. */
static int
write_calls(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t *p = writer_begin(&f->writer, FLOW_CALL);
        if (!p)
            return i;
        writer_commit(&f->writer, writer_code(&f->writer, p, &f->code));
        if (!(p = writer_begin(&f->writer, FLOW_RETURN)))
            return i;
        writer_commit(&f->writer, p);
    }
    return count;
}

/* How many calls can be read. */
static uint32_t
read_calls(const char *path, bool *cut_off)
{
    char message[256];
    struct reader reader;
    struct model model;
    if (reader_open(&reader, path, message, sizeof message) < 0)
        return 0;
    CHECK_NUMBER(model_build(&model, &reader), 0);
    uint32_t count = model.call_count;
    if (cut_off)
        *cut_off = reader.cut_off;
    model_free(&model);
    reader_close(&reader);
    return count;
}

TEST(a_writer_survives_that_its_file_is_cut_off)
{
    for (off_t size = 0; size <= 2 * (off_t)FLOW_UNIT_SIZE; size += FLOW_UNIT_SIZE / 2) {
        struct fixture f;
        begin(&f);
        CHECK_NUMBER(write_calls(&f, 100), 100);
        CHECK_NUMBER(truncate(f.path, size), 0);
        int written = write_calls(&f, 1000000);
        if (size <= (off_t)FLOW_UNIT_SIZE + 4096) {
            CHECK_NUMBER(f.writer.error, ENODATA);
            CHECK(written < 100000);
        }
        struct stat status;
        CHECK_NUMBER(stat(f.path, &status), 0);
        if (size < (off_t)FLOW_UNIT_SIZE)
            CHECK_NUMBER(status.st_size, size); /* nothing is written to what is no trace any more */
        else
            CHECK(size == (off_t)FLOW_UNIT_SIZE || read_calls(f.path, NULL) >= 100);
        end(&f);
    }
}

TEST(a_reader_survives_that_its_file_is_cut_off)
{
    struct fixture f;
    begin(&f);
    CHECK_NUMBER(write_calls(&f, 200000), 200000);
    writer_close(&f.writer);
    char message[256];
    struct reader reader;
    struct model model;
    CHECK_NUMBER(reader_open(&reader, f.path, message, sizeof message), 0);
    CHECK(!reader.damaged);
    CHECK_NUMBER(truncate(f.path, 3 * (off_t)FLOW_UNIT_SIZE), 0);
    CHECK_NUMBER(model_build(&model, &reader), 0);
    CHECK(model.call_count > 1000 && model.call_count < 200000);
    CHECK(reader.cut_off);
    CHECK(reader.damaged > 0);
    model_free(&model);
    reader_close(&reader);
    end(&f);
}

static volatile sig_atomic_t handled;

static void
handle(int number)
{
    (void)number;
    handled++;
}

TEST(the_handler_goes_with_the_last_map)
{
    struct sigaction before, during, after;
    sigaction(SIGBUS, NULL, &before);
    struct fixture f;
    begin(&f);
    sigaction(SIGBUS, NULL, &during);
    CHECK(during.sa_sigaction != before.sa_sigaction);
    end(&f);
    sigaction(SIGBUS, NULL, &after);
    CHECK(after.sa_sigaction == before.sa_sigaction);
    CHECK_NUMBER(after.sa_flags & SA_SIGINFO, before.sa_flags & SA_SIGINFO);
}

TEST(a_handler_of_the_programs_has_what_is_not_ours)
{
    struct sigaction before, own = {.sa_handler = handle};
    sigaction(SIGBUS, &own, &before);
    struct fixture f;
    begin(&f);
    handled = 0;
    raise(SIGBUS);
    CHECK_NUMBER(handled, 1);
    end(&f);
    struct sigaction now;
    sigaction(SIGBUS, &before, &now);
    CHECK(now.sa_handler == handle);
}

TEST(a_handler_that_comes_later_stays)
{
    struct sigaction at_first, own = {.sa_handler = handle}, now;
    sigaction(SIGBUS, NULL, &at_first);
    struct fixture f;
    begin(&f);
    sigaction(SIGBUS, &own, NULL);
    end(&f);
    sigaction(SIGBUS, NULL, &now);
    CHECK(now.sa_handler == handle);
    sigaction(SIGBUS, &at_first, NULL);
}
