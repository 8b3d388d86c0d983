/* What flowtrace recover writes of a damaged trace is sound, and tells the calls that the reader tells of it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/show/show.h"
#include "../fuzz/mutate.h"
#include "../fuzz/seed.h"
#include "model_fixture.h"
#include "unit.h"

#define SOUND_CALLS 7

/* Two threads, one of them in two chunks, and a child process. */
static void
make_trace(struct trace_builder *b)
{
    static const uint8_t info[] = "\7program\6app.py";
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_header(b)->start_unix_ns = 1700000000000000000u;
    build_chunk(b, 1, 1, 0);
    build_thread(b, 1001, true, "MainThread");
    build_call(b, 10, "main");
    build_call(b, 10, "first");
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 1, 1, 1);
    b->chunk->calls_before = 2;
    build_open_call(b, "main", 100, 0);
    build_call(b, 10, "second");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 1, 2, 0);
    build_call(b, 10, "work");
    build_call(b, 10, "step");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_chunk(b, 2, 1, 0);
    build_call(b, 10, "child");
    build_call(b, 10, "leaf");
    build_record(b, 5, FLOW_RETURN);
    build_record(b, 5, FLOW_RETURN);
    build_meta_chunk(b, 1);
    build_extended(b, FLOW_EXTENDED_PROCESS, info, sizeof info - 1);
    build_chunk_end(b);
    atomic_store(&build_header(b)->next_unit, b->units);
    atomic_store(&build_header(b)->next_process, 3);
}

/* --- what a trace tells -------------------------------------------------- */

struct told {
    bool refused;
    uint32_t calls;
    uint64_t functions; /* of all calls, in order */
};

static struct told
tell(struct reader *reader)
{
    struct told told = {0};
    struct model model;
    CHECK_NUMBER(model_build(&model, reader), 0);
    told.calls = model.call_count;
    for (uint32_t i = 0; i < model.call_count; i++)
        for (size_t c = 0; c < model.calls[i].code->qualname.length; c++)
            told.functions = told.functions * 31 + (uint8_t)model.calls[i].code->qualname.data[c];
    model_free(&model);
    return told;
}

static struct told
tell_file(const char *path)
{
    struct reader reader;
    char message[256] = "";
    if (reader_open(&reader, path, message, sizeof message) < 0)
        return (struct told){.refused = true};
    struct told told = tell(&reader);
    reader_close(&reader);
    return told;
}

/* --- recovering ---------------------------------------------------------- */

static char folder[256], in_path[300], out_path[300];

static void
make_paths(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/flow-recover-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(in_path, sizeof in_path, "%s/in", folder);
    snprintf(out_path, sizeof out_path, "%s/out", folder);
}

static void
remove_paths(void)
{
    unlink(in_path);
    unlink(out_path);
    CHECK_NUMBER(rmdir(folder), 0); /* nothing else is left */
}

static void
write_in(const uint8_t *data, size_t size)
{
    int fd = open(in_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK_NUMBER(write(fd, data, size), (long long)size);
    close(fd);
}

/* 0, or what went wrong. */
static int
recover(const char *path, struct losses *losses, struct text *said)
{
    struct reader reader;
    struct repair repair;
    char message[256] = "";
    *losses = (struct losses){0};
    int ret = repair_open(&reader, path, &repair, message, sizeof message);
    CHECK(ret == 0 || message[0]);
    if (ret < 0)
        return ret;
    ret = recover_measure(&reader, losses);
    if (ret == 0)
        ret = recover_write(&reader, out_path, (const uint8_t *)"\1k\1v", 4);
    show_losses(said, &reader, &repair, losses);
    reader_close(&reader);
    return ret;
}

static bool
is_sound(const char *path)
{
    struct reader reader;
    struct text text = {0};
    char message[256] = "";
    bool sound = false;
    if (reader_open(&reader, path, message, sizeof message) < 0)
        return false;
    CHECK_NUMBER(show_verify(&text, &reader, &sound), 0);
    if (!sound)
        unit_fail(__FILE__, __LINE__, "%.*s", (int)text.length, text.data);
    for (uint32_t i = 0; i < reader.chunk_count; i++)
        sound &= atomic_load(&reader.chunks[i].header->flags) & FLOW_CHUNK_SEALED;
    sound &= !reader.cut_off && atomic_load(&reader.header->end_unit) * FLOW_UNIT_SIZE == reader.size;
    text_free(&text);
    reader_close(&reader);
    return sound;
}

/* The result has what the reader tells of the damaged one; `least` calls at any rate. */
static void
check_recovery(const char *what, size_t at, const char *path, uint32_t least)
{
    struct losses losses;
    struct text said = {0};
    struct told before = tell_file(path);
    unlink(out_path);
    int ret = recover(path, &losses, &said);
    struct told after = ret == 0 ? tell_file(out_path) : (struct told){.refused = true};
    if (ret < 0 && (least || !before.refused))
        unit_fail(__FILE__, __LINE__, "%s %zu: not recovered: %d", what, at, ret);
    if (ret == 0 && !is_sound(out_path))
        unit_fail(__FILE__, __LINE__, "%s %zu: the result is damaged", what, at);
    bool same = after.calls == before.calls && after.functions == before.functions;
    if (ret == 0 && !(before.refused || same))
        unit_fail(__FILE__, __LINE__, "%s %zu: %u calls, there were %u", what, at, after.calls, before.calls);
    if (ret == 0 && after.calls < least)
        unit_fail(__FILE__, __LINE__, "%s %zu: %u calls of %u", what, at, after.calls, least);
    text_free(&said);
}

static void
check_builder(const char *what, size_t at, const struct trace_builder *b, uint32_t least)
{
    write_in(b->data, build_size(b));
    check_recovery(what, at, in_path, least);
}

TEST(a_sound_trace_is_recovered_as_it_is)
{
    struct trace_builder b;
    struct losses losses;
    struct text said = {0};
    make_paths();
    make_trace(&b);
    check_builder("sound", 0, &b, SOUND_CALLS);
    CHECK_NUMBER(recover(in_path, &losses, &said), 0);
    CHECK_NUMBER(losses.chunks, 5);
    CHECK_NUMBER(losses.missing_calls + losses.missing_chunks + losses.cut_chunks, 0);
    CHECK_TEXT(said.data ? said.data : "", said.length, "");
    struct stat status;
    CHECK_NUMBER(stat(out_path, &status), 0);
    CHECK_NUMBER(status.st_mode & 0777, 0600);
    text_free(&said);
    build_free(&b);
    remove_paths();
}

TEST(a_trace_cut_off_anywhere_is_recovered)
{
    struct trace_builder b;
    make_paths();
    make_trace(&b);
    size_t size = build_size(&b);
    atomic_store(&build_header(&b)->end_unit, b.units);
    write_in(b.data, size);
    for (size_t at = size; at > FLOW_UNIT_SIZE; at -= at % FLOW_UNIT_SIZE < 300 ? 1 : 4096) {
        CHECK_NUMBER(truncate(in_path, (off_t)at), 0);
        check_recovery("cut off at", at, in_path, at == size ? SOUND_CALLS : 0);
    }
    CHECK_NUMBER(truncate(in_path, FLOW_UNIT_SIZE), 0);
    build_free(&b);
    remove_paths();
}

TEST(each_bit_of_the_headers_may_be_wrong_and_all_is_recovered)
{
    struct trace_builder b;
    make_paths();
    make_trace(&b);
    for (uint32_t unit = 0; unit < b.units; unit++) {
        size_t length = unit ? sizeof(struct flow_chunk_header) : sizeof(struct flow_file_header);
        for (size_t bit = 0; bit < length * 8; bit++) {
            size_t at = unit * FLOW_UNIT_SIZE + bit / 8;
            b.data[at] ^= (uint8_t)(1u << bit % 8);
            check_builder("bit of byte", at, &b, unit ? 0 : SOUND_CALLS);
            b.data[at] ^= (uint8_t)(1u << bit % 8);
        }
    }
    build_free(&b);
    remove_paths();
}

TEST(a_header_that_is_gone_is_rebuilt)
{
    static const int fillings[] = {0, 0xff, 0x5a};
    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        struct trace_builder b;
        struct losses losses;
        struct text said = {0};
        make_paths();
        make_trace(&b);
        memset(b.data, fillings[i], FLOW_UNIT_SIZE);
        check_builder("filled with", (size_t)fillings[i], &b, SOUND_CALLS);
        CHECK_NUMBER(recover(in_path, &losses, &said), 0);
        CHECK_TEXT(said.data, said.length, "its header was gone, and with it when it began");
        struct reader reader;
        char message[256];
        CHECK_NUMBER(reader_open(&reader, out_path, message, sizeof message), 0);
        CHECK_NUMBER(reader.header->clock, FLOW_CLOCK_MONOTONIC);
        CHECK_NUMBER(reader.header->start_mono_ns, BUILD_START_NS);
        CHECK_NUMBER(reader.header->next_process, 3);
        reader_close(&reader);
        text_free(&said);
        build_free(&b);
        remove_paths();
    }
}

TEST(what_is_no_trace_is_not_recovered)
{
    struct losses losses;
    struct text said = {0};
    uint8_t *bytes = malloc(3 * FLOW_UNIT_SIZE);
    make_paths();
    for (size_t i = 0; i < 3 * FLOW_UNIT_SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    write_in(bytes, 3 * FLOW_UNIT_SIZE);
    CHECK_NUMBER(recover(in_path, &losses, &said), -ENODATA);
    write_in(bytes, 100);
    CHECK_NUMBER(recover(in_path, &losses, &said), -EINVAL);
    CHECK(access(out_path, F_OK) < 0);
    free(bytes);
    remove_paths();
}

TEST(a_trace_of_another_major_version_is_left_to_that)
{
    struct trace_builder b;
    struct losses losses;
    struct text said = {0};
    make_paths();
    make_trace(&b);
    build_chunk(&b, 1, 3, 0);
    build_byte(&b, 0); /* no record of version 1 */
    build_chunk_end(&b);
    build_header(&b)->major = FLOW_MAJOR + 1;
    write_in(b.data, build_size(&b));
    CHECK_NUMBER(recover(in_path, &losses, &said), -EINVAL);
    build_free(&b);
    remove_paths();
}

TEST(what_is_missing_is_counted_and_the_rest_begins_anew)
{
    struct trace_builder b;
    struct losses losses;
    struct text said = {0};
    make_paths();
    make_trace(&b);
    struct flow_chunk_header *first = (void *)(b.data + FLOW_UNIT_SIZE);
    uint32_t right = first->committed;
    b.data[FLOW_UNIT_SIZE + right - 20] = 0xff; /* in the call of first() */
    memset(b.data + FLOW_UNIT_SIZE + right - 19, 0xff, 19);
    check_builder("damaged", 0, &b, 6);
    CHECK_NUMBER(recover(in_path, &losses, &said), 0);
    CHECK_NUMBER(losses.cut_chunks, 1);
    CHECK_NUMBER(losses.missing_calls, 1);
    text_truncate(&said, 0);
    memset(b.data + FLOW_UNIT_SIZE, 0, FLOW_UNIT_SIZE);
    check_builder("missing", 0, &b, 6);
    CHECK_NUMBER(recover(in_path, &losses, &said), 0);
    CHECK_TEXT(said.data, said.length, "1 chunk was missing, 2 calls are missing, or more");
    text_free(&said);
    build_free(&b);
    remove_paths();
}

TEST(chunks_in_any_order_and_doubled_are_recovered)
{
    static uint8_t kept[FLOW_UNIT_SIZE];
    make_paths();
    for (uint32_t one = 1; one <= 5; one++)
        for (uint32_t other = one; other <= 5; other++) {
            struct trace_builder b;
            make_trace(&b);
            uint8_t *left = b.data + one * FLOW_UNIT_SIZE, *right = b.data + other * FLOW_UNIT_SIZE;
            memcpy(kept, left, FLOW_UNIT_SIZE);
            memmove(left, right, FLOW_UNIT_SIZE);
            memcpy(right, kept, FLOW_UNIT_SIZE);
            memcpy(b.data + b.units++ * FLOW_UNIT_SIZE, kept, FLOW_UNIT_SIZE);
            check_builder("swapped", one * 10 + other, &b, SOUND_CALLS);
            build_free(&b);
        }
    remove_paths();
}

TEST(what_a_later_version_adds_is_kept)
{
    struct trace_builder b;
    make_paths();
    make_trace(&b);
    build_header(&b)->minor = FLOW_MINOR + 3;
    build_chunk(&b, 1, 3, 0);
    build_extended(&b, (enum flow_extended)70000, (const uint8_t *)"anything", 8);
    build_chunk(&b, 1, 9, 0);
    b.chunk->kind = 77;
    build_bytes(&b, "no records at all", 17);
    build_chunk_end(&b);
    check_builder("newer", 0, &b, SOUND_CALLS);
    struct reader reader;
    char message[256];
    CHECK_NUMBER(reader_open(&reader, out_path, message, sizeof message), 0);
    CHECK_NUMBER(reader.header->minor, FLOW_MINOR + 3);
    bool chunk = false, record = false;
    for (size_t at = 0; at + 17 <= reader.size; at++) {
        chunk |= memcmp(reader.map + at, "no records at all", 17) == 0;
        record |= memcmp(reader.map + at, "anything", 8) == 0;
    }
    CHECK(chunk && record);
    reader_close(&reader);
    build_free(&b);
    remove_paths();
}

/* --- at random ----------------------------------------------------------- */

TEST(any_damage_leaves_a_sound_trace)
{
    static struct seed seed;
    static uint8_t bytes[SEED_MAX];
    struct seed_file file;
    make_paths();
    CHECK(seed_file_open(&file));
    for (uint64_t i = 0; i < 400; i++) {
        size_t size = mutate(bytes, 0, sizeof bytes, i);
        for (uint64_t more = 0; more < 3; more++)
            size = mutate(bytes, size, sizeof bytes, i * 1000 + more);
        if (!seed_read(&seed, bytes, size))
            continue;
        seed_file_fill(&file, &seed);
        check_recovery("random", (size_t)i, file.path, 0);
    }
    seed_file_close(&file);
    remove_paths();
}
