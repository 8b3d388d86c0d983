/* Traces are damaged in every way, a little each time, and told as if nothing were wrong. Nothing may
 * crash, hang or grow without end. UNIT_FUZZ_ROUNDS says how often; UNIT_FUZZ_SEED with which number to begin. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../../src/model/story.h"
#include "../../src/show/show.h"
#include "../../src/trace/writer.h"
#include "random_trace.h"
#include "unit.h"

#define SECONDS_MAX 60            /* for one round, on a slow machine under a sanitizer */
#define SHOWN_MAX (1u << 20)      /* bytes of a story of a few lines */
#define RESIDENT_MAX (1500u << 10) /* KiB; a sanitizer keeps freed memory for a while */

/* A sound trace, and the file that is damaged and made sound again. */
struct subject {
    char path[512];
    int fd;
    size_t size;
    uint8_t *sound;  /* Owned */
    uint8_t *mapped; /* the file */
    struct {
        size_t begin, end;
    } chunks[64];    /* what is in use */
    uint32_t chunk_count;
};

static void
note_chunks(struct subject *s)
{
    for (size_t at = FLOW_UNIT_SIZE; at < s->size && s->chunk_count < 64; at += FLOW_UNIT_SIZE) {
        const struct flow_chunk_header *header = (const void *)(s->sound + at);
        if (header->magic != FLOW_CHUNK_MAGIC)
            continue;
        s->chunks[s->chunk_count].begin = at;
        s->chunks[s->chunk_count++].end = at + header->committed;
    }
}

/* Takes the bytes over. */
static void
make_subject(struct subject *s, uint8_t *bytes, size_t size)
{
    const char *folder = getenv("TMPDIR");
    *s = (struct subject){.size = size, .sound = bytes};
    snprintf(s->path, sizeof s->path, "%s/flow-unit-fuzz-XXXXXX", folder ? folder : "/tmp");
    s->fd = mkstemp(s->path);
    assert(s->fd >= 0 && ftruncate(s->fd, (off_t)size) == 0);
    s->mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    assert(s->mapped != MAP_FAILED);
    memcpy(s->mapped, bytes, size);
    note_chunks(s);
}

static void
end_subject(struct subject *s)
{
    munmap(s->mapped, s->size);
    close(s->fd);
    unlink(s->path);
    free(s->sound);
}

/* --- what is damaged ---------------------------------------------------- */

static void
make_random_subject(struct subject *s, uint64_t seed)
{
    struct random_trace r;
    random_trace(&r, seed, 20);
    make_subject(s, r.b.data, build_size(&r.b));
}

/* A process and the child that it forked in the middle of a call, with tasks and exceptions. */
static void
make_forked_subject(struct subject *s)
{
    struct trace_builder b;
    static const uint8_t info[] = "\7program\6app.py\7command\6app.py", status[] = {2, 0x80, 2};
    static const uint8_t child[] = "\11ancestors\15"
                                   "1001/1001 7/0"
                                   "\6age_ms\1"
                                   "9",
                         killed[] = {2, 9, 0xea, 7};
    static const uint8_t detail[] = "\1\0\1m\1A\2\2\2\1\1\4note\1\1\4file\2\1\0\1B\1b";
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 1, 1, 0);
    build_thread(&b, 1001, true, "MainThread");
    build_extended(&b, FLOW_EXTENDED_SCOPE, (const uint8_t *)"\1\1\3app\5/home", 12);
    build_call(&b, 10, "main");
    build_generator(&b, 10, "serve", 5);
    build_link(&b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_yield(&b, 1);
    build_link(&b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&b, 1, "fetch", 6);
    build_cancel(&b, FLOW_CANCEL_SCOPE, (uint64_t[]){9, 4}, 2, "timeout(0.5)");
    build_cancel(&b, FLOW_CANCEL_REQUEST, (uint64_t[]){7, 9, 3}, 3, "timeout");
    build_throw(&b, 1, "fetch", 6, 3, "CancelledError");
    build_cancel(&b, FLOW_CANCEL_LANDED, (uint64_t[]){20}, 1, NULL);
    build_record(&b, 1, FLOW_YIELD);
    build_number(&b, FLOW_YIELD_AWAIT);
    build_head(&b, FLOW_VALUE_TUPLE, 2, 2);
    build_int(&b, 9);
    build_typed(&b, FLOW_VALUE_TEXT, "Task");
    build_text(&b, "fetch");
    build_resume(&b, 1, "fetch", 6);
    build_unwind(&b, 1, 1, "ValueError", 9);
    build_extended(&b, FLOW_EXTENDED_EXCEPTION, detail, sizeof detail - 1);
    build_throw(&b, 1, "serve", 5, 1, NULL);
    build_seen(&b, FLOW_RAISE, 3, "OSError", 5, FLOW_RAISE_HERE);
    build_seen(&b, FLOW_HANDLED, 3, NULL, 6, 0);
    build_seen(&b, FLOW_RAISE, 1, NULL, 7, FLOW_RAISE_AGAIN);
    build_seen(&b, FLOW_HANDLED, 1, NULL, 8, 0);
    build_call(&b, 10, "fork");
    build_chunk(&b, 1, 1, 1);
    build_open_call(&b, "main", 1, 0);
    build_record(&b, 5, FLOW_RETURN);
    build_unwind(&b, 1, 2, "KeyError", 4);
    build_greenlet(&b, 3, 1, "green", false);
    build_call(&b, 1, "switched to");
    build_greenlet(&b, 4, 4, "", false);
    build_call(&b, 1, "switched from there");
    build_unwind(&b, 1, 3, "OSError", 4);
    build_greenlet(&b, 0, 0, "", false);
    build_open_call(&b, "main", 1, 0);
    build_chunk(&b, 2, 1, 0);
    build_thread(&b, 1002, true, "MainThread");
    build_open_call(&b, "main", 100, 0);
    build_open_call(&b, "fork", 3, 2);
    build_call(&b, 10, "child");
    build_record(&b, 5, FLOW_RETURN);
    build_record(&b, 5, FLOW_RETURN);
    build_meta_chunk(&b, 1);
    build_extended(&b, FLOW_EXTENDED_PROCESS, info, sizeof info - 1);
    build_extended(&b, FLOW_EXTENDED_PROCESS_END, status, sizeof status);
    build_meta_chunk(&b, 3);
    build_extended(&b, FLOW_EXTENDED_PROCESS, child, sizeof child - 1);
    build_chunk(&b, 3, 1, 0);
    build_thread(&b, 1003, true, "MainThread");
    build_call(&b, 10, "grandchild");
    build_extended(&b, FLOW_EXTENDED_PROCESS_END, killed, sizeof killed);
    build_chunk_end(&b);
    make_subject(s, b.data, build_size(&b));
}

static size_t
list_call(void *context, const struct writer_open_call **out)
{
    *out = context;
    return 1;
}

static void
write_some(struct writer *writer, const struct writer_code *codes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t *p = writer_begin(writer, FLOW_CALL_VALUES);
        p = writer_code(writer, p, &codes[i % 2]);
        if (i % 2 == 0) {
            *p++ = FLOW_VALUE_LIST;
            p = varint_put(p, 9);
            p = varint_put(p, 1);
            *p++ = FLOW_VALUE_STR_WHOLE;
            p = writer_string(writer, p, i % 4 ? "one" : "two", 3);
        }
        writer_commit(writer, p);
        if (i % 7 == 3)
            continue; /* it makes the next ones */
        p = writer_begin(writer, FLOW_RETURN_VALUE);
        *p++ = FLOW_VALUE_OBJECT;
        writer_commit(writer, writer_string(writer, p, "Order", 5));
    }
}

/* As the recorder leaves it: the machine's clock, strings and code by number, running calls repeated. */
static void
make_written_subject(struct subject *s, uint64_t last)
{
    char path[512];
    const char *folder = getenv("TMPDIR");
    struct trace_file *file;
    struct trace_settings settings = {.values = true, .time = true, .last = last};
    struct writer writers[2];
    struct writer_code codes[] = {{.number = 0, .first_line = 1, .parameter_count = 1},
                                  {.number = 1, .first_line = 9, .flags = FLOW_CODE_CLASS}};
    for (int i = 0; i < 2; i++) {
        codes[i].qualname = strdup(i ? "Class" : "function");
        codes[i].module = strdup("module");
        codes[i].file = strdup("file.py");
    }
    codes[0].parameters = calloc(1, sizeof *codes[0].parameters);
    codes[0].parameters[0].name = strdup("items");
    struct writer_open_call running = {&codes[1], 0, 0, 1};
    snprintf(path, sizeof path, "%s/flow-unit-fuzz-%ld.flow", folder ? folder : "/tmp", (long)getpid());
    assert(trace_file_create(&file, path, &settings) == 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert(writer_init(&writers[i], file, 1, 4711, i + 1) == 0);
        writers[i].open_calls = list_call;
        writers[i].context = &running;
        write_some(&writers[i], codes, 20);
        writer_next_chunk(&writers[i]);
        write_some(&writers[i], codes, 15);
        writer_extended(&writers[i], FLOW_EXTENDED_LOST, (const uint8_t *)"\004full", 5);
        writer_close(&writers[i]);
    }
    trace_file_close(file);
    writer_code_free(&codes[0]);
    writer_code_free(&codes[1]);
    int fd = open(path, O_RDONLY);
    unlink(path);
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc(size);
    assert(pread(fd, bytes, size, 0) == (ssize_t)size);
    close(fd);
    make_subject(s, bytes, size);
}

/* --- damage ------------------------------------------------------------- */

/* Somewhere in the file: in a chunk's records, in a header, seldom in nothing. */
static size_t
choose_place(const struct subject *s, uint64_t *state)
{
    uint32_t kind = random_number(state, 16);
    if (kind == 0 && random_number(state, 2)) /* of a bounded file, how it is cut, or a slot */
        return FLOW_BOUND_OFFSET + random_number(state, sizeof(struct flow_bound) + 16 * sizeof(struct flow_slot));
    if (kind == 0)
        return random_number(state, sizeof(struct flow_file_header));
    if (kind == 1)
        return random_number(state, (uint32_t)s->size);
    uint32_t chunk = random_number(state, s->chunk_count);
    size_t begin = s->chunks[chunk].begin;
    if (kind < 5)
        return begin + random_number(state, sizeof(struct flow_chunk_header));
    size_t used = s->chunks[chunk].end - begin - sizeof(struct flow_chunk_header);
    return begin + sizeof(struct flow_chunk_header) + random_number(state, (uint32_t)used + 1);
}

/* Puts a varint of any size, or what a tag, a record's type or a length may be. */
static void
put_strange(uint8_t *p, size_t room, uint64_t *state)
{
    static const uint64_t numbers[] = {0,         1,         0x7f, 0x80, 0xffff, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                       INT64_MAX, UINT64_MAX};
    uint8_t bytes[VARINT_MAX];
    uint64_t number = numbers[random_number(state, sizeof numbers / sizeof *numbers)] - random_number(state, 3);
    size_t length = (size_t)(varint_put(bytes, number) - bytes);
    memcpy(p, bytes, length < room ? length : room);
}

static void
damage_once(struct subject *s, uint64_t *state)
{
    size_t place = choose_place(s, state);
    size_t room = s->size - place;
    size_t length = 1 + random_number(state, 40);
    if (length > room)
        length = room;
    uint8_t *p = s->mapped + place;
    switch (random_number(state, 8)) {
    case 0: *p = (uint8_t)random_number(state, 256); break;
    case 1: *p ^= (uint8_t)(1u << random_number(state, 8)); break;
    case 2: *p = (uint8_t)(0xa0 + random_number(state, 0x20)); break; /* a value's tag */
    case 3: *p = (uint8_t)random_number(state, 0x20); break;          /* a record's head */
    case 4: put_strange(p, room, state); break;
    case 5: memset(p, random_number(state, 2) ? 0 : 0xff, length); break;
    case 6: { /* from elsewhere */
        size_t from = choose_place(s, state);
        memmove(p, s->mapped + from, length < s->size - from ? length : s->size - from);
        break;
    }
    default: { /* something taken out or put in: the rest moves */
        size_t by = 1 + random_number(state, 4);
        if (room < 400 || place < FLOW_UNIT_SIZE)
            break;
        memmove(p + (place & 1 ? by : 0), p + (place & 1 ? 0 : by), 300);
    }
    }
}

static void
damage(struct subject *s, uint64_t *state)
{
    for (uint32_t i = 1 + random_number(state, 6); i > 0; i--)
        damage_once(s, state);
    if (random_number(state, 16) == 0) {
        size_t kept = random_number(state, 2) ? choose_place(s, state) : random_number(state, (uint32_t)s->size + 1);
        assert(ftruncate(s->fd, (off_t)kept) == 0);
    }
}

static void
repair(struct subject *s)
{
    assert(ftruncate(s->fd, (off_t)s->size) == 0);
    memcpy(s->mapped, s->sound, s->size);
}

/* --- telling ------------------------------------------------------------ */

static uint64_t seed; /* of the running round, for whoever looks into a failure */

static bool
is_in_map(const struct model *model, struct slice slice)
{
    const char *map = (const char *)model->reader->map;
    return slice.length == 0 || (slice.data >= map && slice.length <= (size_t)(map + model->reader->size - slice.data));
}

static void
check_model(const struct model *model)
{
    for (uint32_t i = 0; i < model->track_count; i++)
        CHECK(is_in_map(model, model->tracks[i].name));
    for (uint32_t i = 0; i < model->module_count; i++)
        CHECK(is_in_map(model, model->modules[i].name) && is_in_map(model, model->modules[i].what));
    for (uint32_t i = 0; i < model->process_count; i++) {
        CHECK(is_in_map(model, model->processes[i].lost));
        CHECK(is_in_map(model, process_info(&model->processes[i], "program")));
    }
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        bool sound = (call->parent == MODEL_NONE || call->parent < i) && call->track < model->track_count
                     && (call_spawned_by(model, call) == MODEL_NONE || call_spawned_by(model, call) < model->call_count)
                     && (call_exception(model, call) == MODEL_NONE
                         || call_exception(model, call) < model->exception_count)
                     && call->outcome <= OUTCOME_ABANDONED && call->end_ns >= call->start_ns;
        if (!sound)
            unit_fail(__FILE__, __LINE__, "call %u of seed %llu leads nowhere", i, (unsigned long long)seed);
    }
}

/* Everything that a view of a trace does. The number of calls. */
static uint32_t
tell(const char *path, uint64_t *state, struct text *text)
{
    struct reader reader;
    struct model model;
    struct outline outline;
    struct story story;
    char message[256] = "";
    if (reader_open(&reader, path, message, sizeof message) < 0) {
        CHECK(message[0]);
        return 0;
    }
    CHECK_NUMBER(model_build(&model, &reader), 0);
    check_model(&model);
    uint32_t budget = random_number(state, 8) ? 8 + random_number(state, 60) : 0;
    CHECK_NUMBER(outline_build(&outline, &model, budget > 0), 0);
    CHECK_NUMBER(story_build(&story, &outline, budget), 0);
    CHECK(!budget || story.used <= budget);
    struct show_options options = {.lines = budget,
                                   .width = 20 + random_number(state, 180),
                                   .ascii = random_number(state, 2),
                                   .arguments = true,
                                   .results = true,
                                   .time = random_number(state, 2),
                                   .exceptions = 8};
    text_truncate(text, 0);
    CHECK_NUMBER(show_tree(text, &model, &options), 0);
    CHECK_NUMBER(show_errors(text, &model, &options), 0);
    options.call = random_number(state, model.call_count + 2);
    int ret = show_call(text, &model, &options);
    CHECK(ret == 0 || ret == -ERANGE);
    CHECK_NUMBER(show_info(text, &model, &options), 0);
    if (text->length > SHOWN_MAX)
        unit_fail(__FILE__, __LINE__, "seed %llu shows %zu bytes", (unsigned long long)seed, text->length);
    uint32_t calls = model.call_count;
    story_free(&story);
    outline_free(&outline);
    model_free(&model);
    reader_close(&reader);
    return calls;
}

static void
took_too_long(int signal)
{
    static const char message[] = "the fuzz test hangs\n";
    (void)signal;
    _exit(write(STDERR_FILENO, message, sizeof message - 1) > 0 ? 3 : 4);
}

TEST(no_damage_does_harm)
{
    enum { SUBJECTS = 8 };
    const char *rounds = getenv("UNIT_FUZZ_ROUNDS");
    const char *first = getenv("UNIT_FUZZ_SEED");
    struct subject subjects[SUBJECTS];
    struct text text = {0};
    uint64_t calls = 0;
    uint64_t state = 1;
    make_forked_subject(&subjects[0]);
    make_written_subject(&subjects[1], 0);
    make_written_subject(&subjects[2], 1 << 20); /* with slots */
    for (uint32_t i = 3; i < SUBJECTS; i++)
        make_random_subject(&subjects[i], i);
    signal(SIGALRM, took_too_long);
    for (uint32_t i = 0; i < SUBJECTS; i++)
        if (tell(subjects[i].path, &state, &text) == 0)
            unit_fail(__FILE__, __LINE__, "subject %u tells nothing", i);
    uint64_t count = rounds ? (uint64_t)atoll(rounds) : 20000;
    uint64_t begin = first ? (uint64_t)atoll(first) : 1;
    for (seed = begin; seed < begin + count; seed++) {
        struct subject *s = &subjects[seed % SUBJECTS];
        state = seed * 0x9e3779b97f4a7c15u;
        alarm(SECONDS_MAX);
        damage(s, &state);
        calls += tell(s->path, &state, &text);
        repair(s);
    }
    alarm(0);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    CHECK(usage.ru_maxrss < (long)RESIDENT_MAX);
    CHECK(count < 100 || calls > 5 * count); /* most of a damaged trace is still told */
    for (uint32_t i = 0; i < SUBJECTS; i++)
        end_subject(&subjects[i]);
    text_free(&text);
}
