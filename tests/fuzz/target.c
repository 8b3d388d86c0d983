#include "target.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../src/model/detail.h"
#include "../../src/model/select.h"
#include "../../src/model/story.h"
#include "../../src/model/value_text.h"
#include "../../src/show/find.h"
#include "../../src/show/graph_view.h"
#include "../../src/show/report.h"
#include "../../src/show/show.h"
#include "../../src/trace/combine.h"
#include "../unit/check_model.h"
#include "../unit/random_filter.h"
#include "seed.h"

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

#define HOLDS(condition)                                   \
    do {                                                   \
        if (!(condition))                                  \
            target_failed(__FILE__, __LINE__, #condition); \
    } while (0)

struct target_cost target_cost;
double target_seconds = SLOWER;

/* --- memory ------------------------------------------------------------- */

/* The program is linked with --wrap for these. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static _Thread_local bool counting;
static _Thread_local size_t in_use, most_in_use;
static _Thread_local size_t longest; /* text that was told: who asks for all of it gets as much as there is */

static void *
count(void *block)
{
    if (counting && block) {
        in_use += malloc_usable_size(block);
        most_in_use = in_use > most_in_use ? in_use : most_in_use;
    }
    return block;
}

static void
uncount(size_t size)
{
    in_use -= counting ? size < in_use ? size : in_use : 0;
}

void *
__wrap_malloc(size_t size)
{
    return count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *block, size_t size)
{
    size_t before = counting && block ? malloc_usable_size(block) : 0;
    void *after = count(__real_realloc(block, size)); /* for a moment there may be both */
    if (after)
        uncount(before);
    return after;
}

void
__wrap_free(void *block)
{
    if (counting && block)
        uncount(malloc_usable_size(block));
    __real_free(block);
}

/* --- memory that is mapped ------------------------------------------------ */

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
int __real_madvise(void *address, size_t size, int advice);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t size);
int __wrap_madvise(void *address, size_t size, int advice);

#define MAPS_MAX 16

/* Those that a run has made: no call may reach beyond them, into what somebody else has mapped right behind. */
static _Thread_local struct map {
    uintptr_t begin, end;
} maps[MAPS_MAX];

static uintptr_t
page_up(uintptr_t address)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    return (address + page - 1) & ~(page - 1);
}

static struct map *
map_around(const void *address, size_t size)
{
    uintptr_t begin = (uintptr_t)address;
    for (int i = 0; i < MAPS_MAX; i++)
        if (begin >= maps[i].begin && begin < maps[i].end && page_up(begin + size) <= maps[i].end)
            return &maps[i];
    return NULL;
}

static void
add_map(const void *map, size_t size)
{
    int i = 0;
    while (i < MAPS_MAX && maps[i].end)
        i++;
    HOLDS(i < MAPS_MAX);
    maps[i] = (struct map){(uintptr_t)map, page_up((uintptr_t)map + size)};
}

static void
check_maps(void)
{
    for (int i = 0; i < MAPS_MAX; i++)
        HOLDS(!maps[i].end); /* none is left */
}

static void *
mapped(void *map, void *address, size_t size, int flags)
{
    if (counting && map != MAP_FAILED && !(flags & MAP_FIXED))
        add_map(map, size);
    HOLDS(!counting || !(flags & MAP_FIXED) || map_around(address, size));
    return map;
}

void *
__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mapped(__real_mmap(address, size, protection, flags, fd, offset), address, size, flags);
}

void *
__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mapped(__real_mmap64(address, size, protection, flags, fd, offset), address, size, flags);
}

int
__wrap_munmap(void *address, size_t size)
{
    if (counting) {
        struct map *map = map_around(address, size);
        HOLDS(map && map->begin == (uintptr_t)address && map->end == page_up((uintptr_t)address + size));
        *map = (struct map){0};
    }
    return __real_munmap(address, size);
}

int
__wrap_madvise(void *address, size_t size, int advice)
{
    HOLDS(!counting || map_around(address, size));
    return __real_madvise(address, size, advice);
}

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
walk_model(const struct model *model, struct text *text)
{
    const char *broken = check_model(model);
    if (broken)
        target_failed(__FILE__, __LINE__, broken);
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

/* --- the views ---------------------------------------------------------- */

static void
walk_story(const struct model *model, uint32_t lines)
{
    struct outline outline;
    struct story story;
    HOLDS(outline_build(&outline, model, lines > 0) == 0);
    HOLDS(story_build(&story, &outline, lines) == 0);
    HOLDS(!lines || story.used <= lines);
    story_free(&story);
    outline_free(&outline);
}

/* All of it, or of half of its functions. */
static void
show_graphs(const struct model *model, const struct show_options *options, const struct seed *seed, struct text *text)
{
    uint32_t count = model->reader->code_count;
    bool *wanted = seed->flags & SEED_OUTLINE ? calloc((size_t)count + 1, sizeof *wanted) : NULL;
    for (uint32_t i = 0; wanted && i < count; i++)
        wanted[i] = (i + seed->lines) % 2;
    struct graph_options graph = {.show = *options, .wanted = wanted, .depth = seed->width % 8};
    HOLDS(show_graph(text, model, &graph) == 0);
    HOLDS(!options->lines || text->length < (1u << 20));
    free(wanted);
}

static void
show(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = {.lines = seed->lines & 128 ? 0 : 8 + seed->lines % 64,
                                   .width = 20 + seed->width,
                                   .ascii = seed->flags & SEED_ASCII,
                                   .time = seed->flags & SEED_TIME,
                                   .color = seed->flags & SEED_COLOR,
                                   .arguments = seed->flags & SEED_VALUES,
                                   .sources = true,
                                   .results = seed->flags & SEED_VALUES,
                                   .exceptions = seed->flags & SEED_EXCEPTIONS ? 8 : 0};
    if (seed->flags & SEED_OUTLINE)
        walk_story(model, options.lines);
    HOLDS(show_tree(text, model, &options) == 0);
    HOLDS(!options.lines || text->length < (1u << 20));
    longest = text->length;
    text_truncate(text, 0);
    HOLDS(show_errors(text, model, &options) == 0);
    options.call = seed->lines;
    text_truncate(text, 0);
    int ret = show_call(text, model, &options);
    HOLDS(ret == 0 || ret == -ERANGE);
    HOLDS(!options.lines || text->length < (1u << 20));
    text_truncate(text, 0);
    HOLDS(show_info(text, model, &options) == 0);
    text_truncate(text, 0);
    show_modules(text, model, 4, options.width);
    text_truncate(text, 0);
    struct report_options report = {.show = options,
                                    .by = (enum report_by)(seed->lines % 5),
                                    .format = (enum report_format)(seed->width % 3),
                                    .sort = seed->flags & SEED_OUTLINE ? "name" : NULL,
                                    .limit = seed->lines};
    HOLDS(show_report(text, model, &report) == 0);
    text_truncate(text, 0);
    show_graphs(model, &options, seed, text);
}

static void
find(const struct model *model, const struct seed *seed, struct text *text)
{
    static const char *const values[] = {"None", "main", "…a…", "Order#3"};
    struct show_options options = {.lines = 20,
                                   .width = 20 + seed->width,
                                   .time = seed->flags & SEED_TIME,
                                   .arguments = seed->flags & SEED_VALUES,
                                   .results = true};
    struct value_pattern value = value_pattern(values[seed->lines % 4], false);
    uint32_t found;
    text_truncate(text, 0);
    HOLDS(find_print(text, model, &options, &found) == 0);
    HOLDS(found <= model->call_count);
    HOLDS(find_print_path(text, model, &options, &value, &found) == 0);
    HOLDS(text->length < (1u << 20));
}

/* What filters leave of it is as sound, and can be told. */
static void
show_filtered(struct model *model, const struct seed *seed, struct text *text)
{
    struct filter filter;
    uint64_t state = (uint64_t)seed->lines << 16 | (uint64_t)seed->width << 8 | seed->cut;
    struct text error = {0};
    HOLDS(random_filter(&filter, model, &state));
    int ret = model_select(model, &filter, &error);
    HOLDS(ret == 0 || error.length);
    filter_free(&filter);
    text_free(&error);
    walk_model(model, text);
    show(model, seed, text);
    find(model, seed, text);
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
rewrite(const struct seed_file *file, const struct seed *seed, bool readable, uint32_t calls)
{
    if (!(seed->flags & SEED_RECOVER))
        return;
    recover(file, readable, calls);
    merge(file);
}

static void
read_all(struct seed_file *file, const struct seed *seed)
{
    struct reader reader;
    struct model model;
    struct text text = {0};
    char message[256] = "";
    if (reader_open(&reader, file->path, message, sizeof message) < 0) {
        HOLDS(message[0]);
        rewrite(file, seed, false, 0);
        return;
    }
    fence(&reader, true);
    walk_records(&reader);
    bool sound;
    HOLDS(show_verify(&text, &reader, &sound) == 0);
    HOLDS(sound || text.length > 20);
    text_truncate(&text, 0);
    if (seed->width % 8 == 7)
        HOLDS(reader_keep_newest(&reader, seed->lines) == 0);
    struct model_watcher watcher = {.event = hear, .context = &model};
    HOLDS(model_build_watched(&model, &reader, &watcher) == 0);
    target_cost.calls += model.call_count;
    walk_model(&model, &text);
    show(&model, seed, &text);
    uint32_t calls = model.call_count;
    if (seed->flags & SEED_FILTER)
        show_filtered(&model, seed, &text);
    text_free(&text);
    model_free(&model);
    fence(&reader, false);
    reader_close(&reader);
    rewrite(file, seed, true, calls);
}

static double
cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
target_run(const uint8_t *data, size_t size)
{
    static struct seed_file file;
    static struct seed seed;
    if (!seed_read(&seed, data, size))
        return;
    if (!file.map && !seed_file_open(&file))
        abort();
    seed_file_fill(&file, &seed);
    double begin = cpu_seconds();
    counting = true;
    in_use = most_in_use = longest = 0;
    read_all(&file, &seed);
    counting = false;
    double seconds = cpu_seconds() - begin;
    HOLDS(in_use == 0); /* nothing is left */
    check_maps();
    HOLDS(most_in_use <= TARGET_MEMORY(file.size) + 3 * longest); /* while it grows it is there twice */
    HOLDS(seconds < target_seconds);
    if (most_in_use > TARGET_MEMORY(0)) {
        double share = (double)(most_in_use - TARGET_MEMORY(0)) / (double)file.size;
        target_cost.memory = share > target_cost.memory ? share : target_cost.memory;
    }
    target_cost.seconds = seconds > target_cost.seconds ? seconds : target_cost.seconds;
}
