#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../src/model/detail.h"
#include "../../src/model/select.h"
#include "../../src/model/value_text.h"
#include "../../src/show/show.h"
#include "../../src/trace/combine.h"
#include "../../src/trace/guard.h"
#include "../unit/check_model.h"
#include "../unit/random_filter.h"
#include "exports.h"
#include "mutate.h"
#include "seed.h"
#include "views.h"
#include "watch.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define SLOWER 6 /* that the sanitizers make it */
#else
#define SLOWER 1
#endif

struct target_cost target_cost;
double target_seconds = SLOWER;
bool target_draws;

/* --- what lies behind the committed bytes is not for the reader ---------- */

static void
fence(const struct reader *reader, bool raise)
{
#ifdef HAVE_ASAN
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        size_t left = (size_t)(reader->map + reader->size - reader->chunks[i].end);
        size_t in_unit = (FLOW_UNIT_SIZE - (size_t)(reader->chunks[i].end - reader->map)) % FLOW_UNIT_SIZE;
        size_t size = left < 256 ? left : 256;
        size = size < in_unit ? size : in_unit;
        if (raise)
            ASAN_POISON_MEMORY_REGION(reader->chunks[i].end, size);
        else
            ASAN_UNPOISON_MEMORY_REGION(reader->chunks[i].end, size);
    }
#else
    (void)reader;
    (void)raise;
#endif
}

/* --- the reader --------------------------------------------------------- */

static volatile uint64_t sum; /* so that everything is looked at */

static void
touch(struct slice slice)
{
    uint64_t s = 0;
    for (size_t i = 0; i < slice.length; i++)
        s += (uint8_t)slice.data[i];
    sum += s;
}

static void
walk_value(const struct reader *reader, struct value value)
{
    struct value_head head;
    for (int steps = 0; value.data && value.data < value.end && steps < 200; steps++) {
        if (value_read(reader, &value, &head) < 0)
            return;
        touch(head.bytes);
        touch(head.type);
        struct slice name;
        if (head.tag == FLOW_VALUE_FIELDS && head.count && value_read_name(reader, &head, &value, &name) == 0)
            touch(name);
    }
}

static void
walk_record(const struct reader *reader, const struct record *record)
{
    walk_value(reader, record->values);
    if (record->exception.defined) {
        touch(record->exception.type);
        walk_value(reader, record->exception.message);
    }
    if (record->code) {
        HOLDS(record->code->index < reader->code_count);
        touch(record->code->qualname);
        touch(record->code->file);
    }
    touch(record->payload);
}

static void
walk_records(struct reader *reader)
{
    struct cursor cursor;
    struct record record;
    for (uint32_t i = 0; i < reader->stream_count; i++) {
        uint64_t last = 0;
        cursor_open(&cursor, reader, i);
        while (cursor_next(&cursor, &record) > 0) {
            HOLDS(record.time_ns >= last);
            last = record.time_ns;
            walk_record(reader, &record);
        }
    }
    for (uint32_t i = reader->event_chunk_count; i < reader->chunk_count; i++) {
        cursor_open_chunk(&cursor, reader, i);
        while (cursor_next(&cursor, &record) > 0)
            walk_record(reader, &record);
    }
}

/* --- the model ---------------------------------------------------------- */

static void
ask_call(const struct model *model, uint32_t number, struct text *text)
{
    const struct call *call = &model->calls[number];
    struct value_limits limits = {.width = 60, .depth = 3};
    uint32_t drivers, caught;
    call_drivers(model, number, &drivers);
    exception_caught_in(model, number, &caught);
    for (uint32_t i = 0; i < call->code->parameter_count && i < 4; i++) {
        struct value value = call_argument(model, call, i);
        value_text(text, model->reader, &value, &limits);
    }
    struct value result = call_result(model, call);
    sum += value_type_name(model->reader, result).length;
    value_text(text, model->reader, &result, &(struct value_limits){0});
    const struct wait *wait = waits_find(&model->waits, number);
    if (wait)
        touch(wait_read(model->reader, wait->longest).type);
    text_truncate(text, 0);
}

static void
ask_exception(const struct model *model, const struct exception *exception)
{
    struct leg leg = exception_as_leg(exception);
    struct detail_list notes = detail_notes(exception), files = detail_files(exception);
    struct detail_list leaves = detail_leaves(exception);
    struct slice slice;
    struct leaf leaf;
    if (exception->first_call != MODEL_NONE)
        exception_leg_at(model, exception, exception->first_call, &leg);
    while (detail_next_text(&notes, &slice))
        touch(slice);
    while (detail_next_text(&files, &slice))
        touch(slice);
    while (detail_next_leaf(&leaves, &leaf))
        touch(leaf.type);
}

#define ASKED 64 /* calls; all of them are checked and shown */

static void
check(const struct model *model)
{
    const char *broken = check_model(model);
    if (broken)
        target_failed(__FILE__, __LINE__, broken);
}

static void
ask_model(const struct model *model, struct text *text)
{
    for (uint32_t i = 0; i < model->call_count && i < ASKED; i++)
        ask_call(model, i, text);
    for (uint32_t i = 0; i < model->exception_count && i < ASKED; i++)
        ask_exception(model, &model->exceptions[i]);
    for (uint32_t i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        struct ancestor ancestors[ANCESTORS_MAX];
        sum += process_ancestors(process, ancestors) + strlen(process_end(process));
        touch(process_info(process, "program"));
        touch(process->lost);
    }
    for (uint32_t i = 0; i < model->track_count; i++)
        touch(model->tracks[i].name);
}

static void
hear(void *context, uint32_t call, uint32_t below, uint32_t exception, const struct record *record)
{
    const struct model *model = context;
    HOLDS(call < model->call_count);
    HOLDS(below == MODEL_NONE || below < model->call_count);
    HOLDS(exception == MODEL_NONE || exception < model->exception_count);
    sum += record->time_ns;
}

/* --- what is done with it ------------------------------------------------ */

/* Of one input: all of it, or what was drawn. */
struct work {
    uint32_t views;   /* a bit for each */
    bool verify;
    bool ask;         /* all that a model can be asked */
    bool filter;      /* before the views, or also after them */
    bool unfiltered;
    bool diff, same;  /* with a changed copy, with itself */
    bool export;
    bool recover, merge;
    uint64_t hash;
};

/* Which part of the rest an input gets depends on nothing but its bytes. */
static uint64_t
hash_of(const uint8_t *data, size_t size)
{
    uint64_t hash = size, word;
    for (; size > 0; data += sizeof word, size -= sizeof word) {
        word = 0;
        if (size < sizeof word) {
            memcpy(&word, data, size);
            size = sizeof word;
        }
        else {
            memcpy(&word, data, sizeof word);
        }
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static struct work
everything(const struct seed *seed, uint64_t hash)
{
    bool again = seed->flags & SEED_RECOVER;
    return (struct work){.views = (1u << VIEWS) - 1,
                         .verify = true,
                         .ask = true,
                         .filter = seed->flags & SEED_FILTER,
                         .unfiltered = true,
                         .diff = true,
                         .same = true,
                         .export = true,
                         .recover = again,
                         .merge = again,
                         .hash = hash};
}

/* Reading and modelling always; one thing more. What is slow, as it needs a file of the kernel's, more rarely. */
static struct work
draw(const struct seed *seed, uint64_t hash)
{
    enum { VERIFY = VIEWS, ASK, DIFF, SAME, EXPORT, ANEW, THINGS };
    struct work work = {.filter = seed->flags & SEED_FILTER, .hash = hash};
    uint32_t thing = (uint32_t)(hash >> 32) % THINGS;
    if (thing == ANEW && hash >> 16 & 3)
        thing = ASK;
    work.unfiltered = !work.filter;
    work.views = thing < VIEWS ? 1u << thing : 0;
    work.verify = thing == VERIFY;
    work.ask = thing == ASK;
    work.diff = thing == DIFF;
    work.same = thing == SAME;
    work.export = thing == EXPORT;
    work.recover = thing == ANEW && hash >> 28 & 1;
    work.merge = thing == ANEW && !work.recover;
    return work;
}

static void
show_views(const struct model *model, const struct seed *seed, const struct work *work, struct text *text)
{
    for (unsigned i = 0; i < VIEWS; i++)
        if (work->views & 1u << i) {
            views[i].show(model, seed, text);
            text_truncate(text, 0);
        }
    if (work->ask)
        ask_model(model, text);
}

static void
select_some(struct model *model, const struct seed *seed)
{
    struct filter filter;
    uint64_t state = (uint64_t)seed->lines << 16 | (uint64_t)seed->width << 8 | seed->cut;
    struct text error = {0};
    HOLDS(random_filter(&filter, model, &state));
    int ret = model_select(model, &filter, &error);
    HOLDS(ret == 0 || error.length);
    filter_free(&filter);
    text_free(&error);
}

/* What filters leave of it is as sound, and can be told. */
static void
show_filtered(struct model *model, const struct seed *seed, const struct work *work, struct text *text)
{
    select_some(model, seed);
    check(model);
    show_views(model, seed, work, text);
}

/* In all formats, or in one. */
static void
export_model(struct reader *reader, const struct seed *seed, const struct work *work)
{
    struct model model;
    struct model_watcher watcher = {.pauses = PAUSES_EACH};
    HOLDS(model_build_watched(&model, reader, &watcher) == 0);
    if (work->filter)
        select_some(&model, seed);
    unsigned count = exports_count();
    for (unsigned i = 0; i < count; i++)
        if (!target_draws || i == (work->hash >> 8) % count)
            exports_write(i, &model, seed);
    model_free(&model);
}

/* --- writing anew -------------------------------------------------------- */

static const char *
result_path(void)
{
    static char path[64];
    if (!path[0])
        snprintf(path, sizeof path, "%s/flow-fuzz-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", getpid());
    return path;
}

/* What was written is sound. How many calls it has. */
static uint32_t
read_result(void)
{
    struct reader reader;
    struct model model;
    struct text text = {0};
    char message[256] = "";
    bool sound = false;
    bool opened = reader_open(&reader, result_path(), message, sizeof message) == 0;
    unlink(result_path());
    HOLDS(opened);
    if (!opened)
        return 0;
    HOLDS(show_verify(&text, &reader, &sound) == 0 && sound);
    HOLDS(model_build(&model, &reader) == 0);
    uint32_t calls = model.call_count;
    text_free(&text);
    model_free(&model);
    reader_close(&reader);
    return calls;
}

static void
recover(const struct seed_file *file, bool readable, uint32_t calls)
{
    struct reader reader;
    struct repair repair;
    struct losses losses;
    struct text text = {0};
    char message[256] = "";
    int ret = repair_open(&reader, file->path, &repair, message, sizeof message);
    HOLDS(ret == 0 ? 1 : message[0] && !readable);
    if (ret < 0)
        return;
    bool sound;
    HOLDS(show_damage(&text, &reader, 5, &sound) == 0);
    HOLDS(recover_measure(&reader, &losses) == 0);
    HOLDS(recover_write(&reader, result_path(), (const uint8_t *)"\1k\1v", 4) == 0);
    show_recovered(&text, &reader, &repair, &losses);
    reader_close(&reader);
    text_free(&text);
    uint32_t told = read_result();
    HOLDS(!readable || told == calls);
}

/* With itself: what is damaged in it may be there twice, but does no more harm. */
static void
merge(const struct seed_file *file)
{
    struct combine combine;
    struct combine_settings settings = {.time = true, .values = true, .start_mono_ns = 1000000000};
    if (combine_open(&combine, result_path(), &settings) < 0)
        abort();
    for (int i = 0; i < 2; i++) {
        struct reader reader;
        struct repair repair;
        struct losses losses;
        char message[256] = "";
        struct combine_run run = {.name = "seed", .clock = "none", .start_ns = (uint64_t)i << 30};
        if (repair_open(&reader, file->path, &repair, message, sizeof message) < 0)
            continue;
        HOLDS(recover_measure(&reader, &losses) == 0);
        HOLDS(combine_add(&combine, &reader, &run) == 0);
        reader_close(&reader);
    }
    HOLDS(combine_close(&combine) == 0);
    combine_drop(&combine);
    read_result();
}

static void
rewrite(const struct seed_file *file, const struct work *work, bool readable, uint32_t calls)
{
    if (work->recover)
        recover(file, readable, calls);
    if (work->merge)
        merge(file);
}

/* --- two of them ---------------------------------------------------------- */

/* With the same, or with another that was made of it. */
static void
compare(const struct model *model, const struct seed_file *other, const struct seed *seed, bool same, struct text *text)
{
    struct reader reader;
    struct model b;
    char message[256] = "";
    if (reader_open(&reader, other->path, message, sizeof message) < 0)
        return;
    walk_records(&reader); /* as the other's: of two definitions of one number the first that is read counts */
    HOLDS(model_build(&b, &reader) == 0);
    bool equal = views_diff(model, &b, seed, text);
    HOLDS(equal || !same);
    text_truncate(text, 0);
    model_free(&b);
    reader_close(&reader);
}

/* --- all of it ------------------------------------------------------------ */

/* Files of now. */
struct input {
    const struct seed *seed;
    const struct seed_file *file, *changed;
};

static void
read_model(struct reader *reader, const struct input *input, const struct work *work, struct text *text,
           uint32_t *calls)
{
    struct model model;
    struct model_watcher watcher = {.event = hear, .context = &model, .pauses = PAUSES_FOLDED};
    HOLDS(model_build_watched(&model, reader, &watcher) == 0);
    target_cost.calls += *calls = model.call_count;
    check(&model);
    if (work->unfiltered)
        show_views(&model, input->seed, work, text);
    if (work->same)
        compare(&model, input->file, input->seed, true, text);
    if (work->diff)
        compare(&model, input->changed, input->seed, false, text);
    if (work->filter)
        show_filtered(&model, input->seed, work, text);
    model_free(&model);
    if (work->export)
        export_model(reader, input->seed, work);
}

static void
read_all(const struct input *input, const struct work *work)
{
    struct reader reader;
    struct text text = {0};
    char message[256] = "";
    uint32_t calls = 0;
    bool readable = reader_open(&reader, input->file->path, message, sizeof message) == 0;
    HOLDS(readable || message[0]);
    if (readable) {
        bool sound;
        fence(&reader, true);
        walk_records(&reader);
        if (work->verify) {
            HOLDS(show_verify(&text, &reader, &sound) == 0);
            HOLDS(sound || text.length > 20);
            text_truncate(&text, 0);
        }
        bool newest = input->seed->width % 8 == 7;
        if (newest)
            HOLDS(reader_keep_newest(&reader, input->seed->lines) == 0);
        struct work of_all = *work;
        of_all.same &= !newest;
        read_model(&reader, input, &of_all, &text, &calls);
        text_free(&text);
        fence(&reader, false);
        reader_close(&reader);
    }
    rewrite(input->file, work, readable, calls);
}

/* The clock of the CPU is a system call. */
static double
seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Files of the kernel's and, for what only reads whole ones, of memory; two of each. */
static struct seed_file files[2], in_memory[2];

static void
open_files(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!seed_file_open(&files[i]) || !seed_file_open_memory(&in_memory[i], i ? "memory 1" : "memory 0"))
            abort();
        watch_lend(i, &in_memory[i]);
    }
    /* While anything is mapped a signal's handler stays where it is, which saves system calls. */
    void *map;
    if (target_draws && guard_map(&map, files[0].fd, 0, FLOW_UNIT_SIZE, PROT_READ) < 0)
        abort();
}

static struct seed_file *
fill(unsigned which, const struct seed *seed, const struct work *work)
{
    bool cheap = target_draws && !seed->cut && !work->recover && !work->merge;
    struct seed_file *file = cheap ? &in_memory[which] : &files[which];
    seed_file_fill(file, seed);
    return file;
}

static const struct seed_file *
fill_changed(const uint8_t *data, size_t size, const struct work *work)
{
    static uint8_t changed[SEED_MAX];
    static struct seed seed;
    size = size < sizeof changed ? size : sizeof changed;
    memcpy(changed, data, size);
    seed_read(&seed, changed, mutate(changed, size, sizeof changed, work->hash));
    return fill(1, &seed, work);
}

#define WORKS 4 /* seconds for all that is done with an input, where a part of it may take one */

static void
note_cost(const struct input *input, double taken)
{
    size_t size = input->file->size + (input->changed ? input->changed->size : 0);
    HOLDS(watch.most_in_use <= TARGET_MEMORY(size) + 3 * views_longest); /* while it grows it is there twice */
    HOLDS(taken < target_seconds * (target_draws ? 1 : WORKS));
    if (watch.most_in_use > TARGET_MEMORY(0)) {
        double share = (double)(watch.most_in_use - TARGET_MEMORY(0)) / (double)size;
        target_cost.memory = share > target_cost.memory ? share : target_cost.memory;
    }
    target_cost.seconds = taken > target_cost.seconds ? taken : target_cost.seconds;
}

static double
run(const struct input *input, const struct work *work, clockid_t clock)
{
    double begin = seconds(clock);
    watch_begin();
    views_longest = 0;
    read_all(input, work);
    watch_end();
    return seconds(clock) - begin;
}

void
target_run(const uint8_t *data, size_t size)
{
    static struct seed seed;
    if (!seed_read(&seed, data, size))
        return;
    if (!files[0].map)
        open_files();
    uint64_t hash = hash_of(data, size);
    struct work work = target_draws ? draw(&seed, hash) : everything(&seed, hash);
    struct input input = {&seed, fill(0, &seed, &work), work.diff ? fill_changed(data, size, &work) : NULL};
    double taken = run(&input, &work, CLOCK_MONOTONIC);
    if (taken > target_seconds / 4) /* maybe somebody else had the CPU */
        taken = run(&input, &work, CLOCK_THREAD_CPUTIME_ID);
    note_cost(&input, taken);
}
