/* Files that functions come from: their records, and how they are compared with the disk. */
#include "../../src/model/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../../src/show/show.h"
#include "../../src/trace/chunk.h"
#include "model_fixture.h"

static void
check_sha1(const char *text, size_t times, const char *expected)
{
    struct sha1 sha1;
    uint8_t out[SHA1_SIZE];
    char hex[2 * SHA1_SIZE + 1];
    sha1_begin(&sha1);
    for (size_t i = 0; i < times; i++)
        sha1_add(&sha1, text, strlen(text));
    sha1_end(&sha1, out);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
    CHECK_TEXT(hex, strlen(hex), expected);
}

/* FIPS 180's own, and lengths about the end of a block. */
TEST(sha1_of_known_texts)
{
    check_sha1("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_sha1("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    check_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
               "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    check_sha1("a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    check_sha1("a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    check_sha1("a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    check_sha1("a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

/* --- records -------------------------------------------------------------- */

struct version {
    const char *file, *path;
    uint64_t size;
    int64_t mtime_ns;
    const void *hash; /* NULL, or 20 bytes */
};

static size_t
put_source(uint8_t *out, struct version version)
{
    uint8_t *p = writer_text(out, version.file, strlen(version.file));
    p = writer_text(p, version.path, strlen(version.path));
    p = varint_put(varint_put(p, version.size), varint_zigzag(version.mtime_ns));
    return (size_t)(writer_text(p, version.hash ? version.hash : "", version.hash ? SHA1_SIZE : 0) - out);
}

static void
build_source(struct fixture *f, struct version version)
{
    uint8_t payload[8192];
    build_extended(&f->b, FLOW_EXTENDED_SOURCE, payload, put_source(payload, version));
}

static void
build_host(struct fixture *f, const char *host)
{
    uint8_t payload[256];
    uint8_t *p = writer_text(payload, "host", 4);
    p = writer_text(p, host, strlen(host));
    build_extended(&f->b, FLOW_EXTENDED_PROCESS, payload, (size_t)(p - payload));
}

/* A call of a function of app.py, as trace_builder.h has it, and META to go on with. */
static void
begin(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_call(&f->b, 1, "main");
    build_record(&f->b, 5, FLOW_RETURN);
    build_meta_chunk(&f->b, 1);
}

static const char HASH[] = "abcdefghijklmnopqrst";

/* The file of build_call()'s functions. */
static const char *
built_file(void)
{
    static char name[64];
    struct fixture f;
    begin(&f);
    end(&f);
    struct slice file = f.reader.codes[0]->file;
    snprintf(name, sizeof name, "%.*s", (int)file.length, file.data);
    finish(&f);
    return name;
}

TEST(versions_of_source_files)
{
    const char *file = built_file();
    struct fixture f;
    begin(&f);
    build_source(&f, (struct version){file, "/x/app.py", 20, 7, NULL});
    build_source(&f, (struct version){"other.py", "", 1, -5, NULL});
    build_source(&f, (struct version){file, "/x/app.py", 10, 5, NULL});
    build_meta_chunk(&f.b, 1);
    build_source(&f, (struct version){file, "/x/app.py", 10, 5, HASH});
    build_source(&f, (struct version){"", "/x/app.py", 10, 5, HASH});
    end(&f);
    const struct source *sources = f.model.sources;
    CHECK_NUMBER(f.model.source_count, 3);
    for (uint32_t i = 0; i < f.model.source_count; i++) {
        bool used = slice_is(sources[i].file, file);
        CHECK(sources[i].used == used);
        if (!used)
            CHECK_NUMBER(sources[i].mtime_ns, -5);
        else if (sources[i].mtime_ns == 5)
            CHECK_TEXT(sources[i].hash.data, sources[i].hash.length, HASH);
        else
            CHECK_NUMBER(sources[i].hash.length, 0);
    }
    CHECK_NUMBER(f.reader.damaged, 0);
    finish(&f);
}

TEST(source_records_cut_short_or_longer)
{
    uint8_t payload[128];
    const char *file = built_file();
    size_t length = put_source(payload, (struct version){file, "/x/app.py", 1u << 20, INT64_MIN, HASH});
    for (size_t cut = 0; cut <= length + 3; cut++) {
        struct fixture f;
        begin(&f);
        build_extended(&f.b, FLOW_EXTENDED_SOURCE, payload, cut);
        end(&f);
        CHECK_NUMBER(f.model.source_count, cut >= length);
        CHECK_NUMBER(f.model.call_count, 1);
        finish(&f);
    }
    struct fixture f;
    begin(&f);
    payload[length - SHA1_SIZE - 1] = SHA1_SIZE - 1; /* no hash is that short */
    build_extended(&f.b, FLOW_EXTENDED_SOURCE, payload, length);
    end(&f);
    CHECK_NUMBER(f.model.source_count, 0);
    finish(&f);
}

/* --- the disk ------------------------------------------------------------- */

struct disk {
    struct fixture f;
    char folder[256], path[300];
    struct source source;
};

static void
write_file(struct disk *disk, const char *text)
{
    int fd = open(disk->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK_NUMBER(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
set_mtime(struct disk *disk, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    CHECK_NUMBER(utimensat(AT_FDCWD, disk->path, times, 0), 0);
}

/* "hello\n", of the second 1000, recorded on this machine. */
static void
begin_disk(struct disk *disk)
{
    const char *tmp = getenv("TMPDIR");
    struct utsname system;
    snprintf(disk->folder, sizeof disk->folder, "%s/flow-unit-XXXXXX", tmp ? tmp : "/tmp");
    CHECK(mkdtemp(disk->folder) != NULL);
    snprintf(disk->path, sizeof disk->path, "%s/app.py", disk->folder);
    write_file(disk, "hello\n");
    set_mtime(disk, 1000);
    CHECK_NUMBER(uname(&system), 0);
    begin(&disk->f);
    build_host(&disk->f, system.nodename);
    end(&disk->f);
    disk->source = (struct source){.file = {disk->path, strlen(disk->path)}, .size = 6, .mtime_ns = 1000000000000};
}

static void
end_disk(struct disk *disk)
{
    remove(disk->path);
    rmdir(disk->folder);
    finish(&disk->f);
}

TEST(source_files_are_hashed_as_git_does)
{
    static const uint8_t hello[] = {0xce, 0x01, 0x36, 0x25, 0x03, 0x0b, 0xa8, 0xdb, 0xa9, 0x06,
                                    0xf7, 0x56, 0x96, 0x7f, 0x9e, 0x9c, 0xa3, 0x94, 0x46, 0x4a};
    struct disk disk;
    uint8_t hash[SHA1_SIZE];
    begin_disk(&disk);
    CHECK(source_hash(&disk.source, hash));
    CHECK(memcmp(hash, hello, sizeof hash) == 0);
    set_mtime(&disk, 1001); /* another version, for all that is known */
    CHECK(!source_hash(&disk.source, hash));
    end_disk(&disk);
}

TEST(source_files_that_have_changed)
{
    struct disk disk;
    uint8_t hash[SHA1_SIZE];
    begin_disk(&disk);
    struct source *source = &disk.source;
    CHECK(source_hash(source, hash));
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_SAME);
    set_mtime(&disk, 1001);
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_TOUCHED);
    source->hash = (struct slice){(const char *)hash, sizeof hash};
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_SAME);
    write_file(&disk, "hallo\n");
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_CHANGED);
    write_file(&disk, "hello!\n");
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_CHANGED);
    source->path = (struct slice){"/nowhere/app.py", 15};
    CHECK_NUMBER(source_look(&disk.f.model, source), SOURCE_GONE);
    end_disk(&disk);
}

/* Opening a pipe would wait for who writes to it. */
TEST(only_regular_source_files_are_opened)
{
    struct disk disk;
    uint8_t hash[SHA1_SIZE];
    begin_disk(&disk);
    unlink(disk.path);
    CHECK_NUMBER(mkfifo(disk.path, 0600), 0);
    disk.source.size = 0;
    CHECK_NUMBER(source_look(&disk.f.model, &disk.source), SOURCE_GONE);
    CHECK(!source_hash(&disk.source, hash));
    unlink(disk.path);
    CHECK_NUMBER(mkdir(disk.path, 0700), 0);
    CHECK_NUMBER(source_look(&disk.f.model, &disk.source), SOURCE_GONE);
    static const char *const odd[] = {"", "app.py", "/", "/dev/null", "/proc/self/mem"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct source source = {.file = {odd[i], strlen(odd[i])}};
        CHECK(source_look(&disk.f.model, &source) != SOURCE_SAME);
        CHECK(!source_hash(&source, hash));
    }
    struct source zero = {.file = {"/tmp\0x", 6}};
    CHECK_NUMBER(source_look(&disk.f.model, &zero), SOURCE_GONE);
    end_disk(&disk);
}

TEST(source_files_of_another_machine)
{
    struct disk disk;
    struct fixture other;
    begin_disk(&disk);
    begin(&other);
    build_host(&other, "some-other-machine");
    end(&other);
    CHECK_NUMBER(source_look(&other.model, &disk.source), SOURCE_ELSEWHERE);
    finish(&other);
    begin(&other);
    end(&other);
    CHECK_NUMBER(source_look(&other.model, &disk.source), SOURCE_ELSEWHERE);
    finish(&other);
    end_disk(&disk);
}

/* --- what is said of them --------------------------------------------------- */

static void
expect_changed(struct disk *disk, uint32_t count, const char *expected)
{
    struct text text = {0};
    struct source sources[8];
    for (uint32_t i = 0; i < count; i++) {
        char *name = malloc(16);
        snprintf(name, 16, "f%u.py", i);
        sources[i] = disk->source;
        sources[i].path = sources[i].file;
        sources[i].file = (struct slice){name, strlen(name)};
        sources[i].used = true;
    }
    struct model model = disk->f.model;
    model.sources = sources;
    model.source_count = count;
    show_changed(&text, &model);
    CHECK_TEXT(text.data ? text.data : "", text.length, expected);
    text_free(&text);
    for (uint32_t i = 0; i < count; i++)
        free((char *)(uintptr_t)sources[i].file.data);
}

TEST(the_story_says_what_has_changed)
{
    struct disk disk;
    begin_disk(&disk);
    expect_changed(&disk, 3, "");
    write_file(&disk, "another text");
    expect_changed(&disk, 0, "");
    expect_changed(&disk, 1, "app.py has changed since this was recorded.");
    expect_changed(&disk, 2, "app.py and app.py have changed since this was recorded.");
    expect_changed(&disk, 4, "app.py and 3 more files have changed since this was recorded.");
    end_disk(&disk);
}

/* --- what a process appends ------------------------------------------------- */

struct written {
    char path[300];
    struct trace_file *file;
};

static void
begin_written(struct written *w, struct trace_settings settings)
{
    const char *tmp = getenv("TMPDIR");
    static unsigned number;
    snprintf(w->path, sizeof w->path, "%s/flow-sources-%ld-%u.flow", tmp ? tmp : "/tmp", (long)getpid(), number++);
    CHECK_NUMBER(trace_file_create(&w->file, w->path, &settings), 0);
    CHECK_NUMBER(trace_file_begin_process(w->file, trace_file_add_process(w->file), 77, NULL, 0), 0);
}

static int
append_source(struct written *w, unsigned number)
{
    uint8_t payload[512], record[600];
    char name[300];
    memset(name, 'x', sizeof name);
    snprintf(name, sizeof name, "/%0200u.py", number);
    size_t length = put_source(payload, (struct version){name, "", number, 0, NULL});
    uint8_t *p = varint_put(varint_put(record, FLOW_EXTENDED), FLOW_EXTENDED_SOURCE);
    p = writer_text(p, (const char *)payload, length);
    return trace_file_append(w->file, 1, 77, record, (size_t)(p - record));
}

/* Reads it while it is open still, as after a kill. */
static uint32_t
count_sources(struct written *w, struct slice *lost)
{
    static char said[100];
    struct reader reader;
    struct model model;
    char message[256] = "";
    CHECK_NUMBER(reader_open(&reader, w->path, message, sizeof message), 0);
    CHECK_NUMBER(model_build(&model, &reader), 0);
    uint32_t count = model.source_count;
    CHECK_NUMBER(model.process_count, 1);
    snprintf(said, sizeof said, "%.*s", (int)model.processes[0].lost.length, model.processes[0].lost.data);
    *lost = (struct slice){said, strlen(said)};
    CHECK_NUMBER(reader.damaged, 0);
    model_free(&model);
    reader_close(&reader);
    return count;
}

static void
end_written(struct written *w)
{
    trace_file_close(w->file);
    unlink(w->path);
}

TEST(a_process_appends_to_what_it_said)
{
    struct written w;
    struct slice lost;
    begin_written(&w, (struct trace_settings){.values = true, .time = true});
    for (unsigned i = 0; i < 300; i++) { /* over several chunks */
        CHECK_NUMBER(append_source(&w, i), 0);
        if (i % 50 == 0)
            CHECK_NUMBER(count_sources(&w, &lost), i + 1);
    }
    CHECK_NUMBER(trace_file_lose(w.file, "for a test"), 0);
    CHECK_NUMBER(count_sources(&w, &lost), 300);
    CHECK_TEXT(lost.data, lost.length, "for a test");
    CHECK_NUMBER(append_source(&w, 300), -ENOSPC);
    CHECK_NUMBER(trace_file_lose(w.file, "again"), -ENOSPC);
    end_written(&w);
}

TEST(room_is_kept_to_say_what_is_lost)
{
    struct written w;
    struct slice lost;
    unsigned count = 0;
    begin_written(&w, (struct trace_settings){.values = true, .time = true, .last = 2u << 20});
    while (count < 1000 && append_source(&w, count) == 0)
        count++;
    CHECK_NUMBER(append_source(&w, count), -ENOBUFS); /* it takes no slot that another process might need */
    CHECK(w.file->meta_used + CHUNK_LOST_MAX <= w.file->meta_room); /* the pages behind that were given back */
    CHECK(count > 40 && count < 200);
    CHECK_NUMBER(trace_file_lose(w.file, "a reason of a length that is usual for such reasons, if not of the greatest "
                                         "one"),
                 0);
    CHECK_NUMBER(count_sources(&w, &lost), count);
    CHECK(lost.length > 70);
    end_written(&w);
}

TEST(two_threads_do_not_append_at_once)
{
    struct written w;
    struct slice lost;
    begin_written(&w, (struct trace_settings){.values = true, .time = true});
    CHECK_NUMBER(append_source(&w, 0), 0);
    atomic_store(&w.file->meta_taken, true);
    CHECK_NUMBER(append_source(&w, 1), -EAGAIN);
    CHECK_NUMBER(trace_file_lose(w.file, "for a test"), -EAGAIN);
    CHECK_NUMBER(count_sources(&w, &lost), 1);
    trace_file_after_fork(w.file); /* the thread that had it is not in the child */
    CHECK_NUMBER(trace_file_begin_process(w.file, 1, 77, NULL, 0), 0);
    CHECK_NUMBER(append_source(&w, 1), 0);
    CHECK_NUMBER(count_sources(&w, &lost), 2);
    end_written(&w);
}
