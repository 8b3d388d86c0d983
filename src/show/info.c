/* info.c - facts about a trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../model/label.h"
#include "show.h"

#define KEY_WIDTH 12

const char *
show_signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},  {4, "SIGILL"},   {6, "SIGABRT"},  {7, "SIGBUS"},
                 {8, "SIGFPE"},   {9, "SIGKILL"},  {10, "SIGUSR1"}, {11, "SIGSEGV"}, {12, "SIGUSR2"}, {13, "SIGPIPE"},
                 {14, "SIGALRM"}, {15, "SIGTERM"}, {24, "SIGXCPU"}, {25, "SIGXFSZ"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a signal";
}

static void
put_key(struct text *out, const struct show_options *options, const char *key)
{
    text_format(out, "%s%-*s%s  ", options->color ? "\033[1m" : "", KEY_WIDTH, key, options->color ? "\033[0m" : "");
}

static void
put_text(struct text *out, const struct show_options *options, const char *key, struct slice value)
{
    if (!value.length)
        return;
    put_key(out, options, key);
    text_clean(out, value);
    text_string(out, "\n");
}

static bool
put_word(struct text *out, const char *word, bool first)
{
    text_string(out, first ? "" : " ");
    text_string(out, word);
    return false;
}

/* As options of `flowtrace run`. */
static void
put_settings(struct text *out, const struct model *model, const struct show_options *options)
{
    uint32_t flags = model->reader->header->flags;
    struct slice settings = process_info(&model->processes[0], "settings");
    bool childless = process_info(&model->processes[0], "no_children").length > 0;
    bool first = true;
    if (!(flags & (FLOW_FILE_NO_VALUES | FLOW_FILE_NO_TIME)) && !settings.length && !childless)
        return;
    put_key(out, options, "settings");
    if (flags & FLOW_FILE_NO_VALUES)
        first = put_word(out, "--no-values", first);
    if (flags & FLOW_FILE_NO_TIME)
        first = put_word(out, "--no-time", first);
    if (childless)
        first = put_word(out, "--no-children", first);
    text_string(out, !first && settings.length ? " " : "");
    text_clean(out, settings);
    text_string(out, "\n");
}

/* Shortened: a whole program may stand there, behind -c. */
static void
put_command(struct text *out, const struct model *model, const struct show_options *options)
{
    enum { COMMAND_MAX = 400 };
    struct slice command = process_info(&model->processes[0], "command");
    struct text all = {.ascii = out->ascii};
    text_clean(&all, command);
    size_t fit = all.failed ? 0 : text_fit(all.data ? all.data : "", all.length, COMMAND_MAX);
    if (command.length) {
        put_key(out, options, "command");
        text_bytes(out, all.data ? all.data : "", fit);
        if (fit < all.length)
            text_dots(out);
        text_string(out, "\n");
    }
    out->failed |= all.failed;
    text_free(&all);
}

/* "3.13.0, free-threaded, -O", then which that is. */
static void
put_python(struct text *out, const struct model *model, const struct show_options *options)
{
    const struct process *process = &model->processes[0];
    struct slice mode = process_info(process, "mode");
    struct slice version = process_info(process, "python");
    struct slice build = process_info(process, "build");
    if (!version.length)
        return;
    put_key(out, options, "python");
    text_clean(out, build.length ? build : version);
    if (mode.length) {
        text_string(out, ", ");
        text_clean(out, mode);
    }
    text_string(out, "\n");
    put_text(out, options, "", process_info(process, "executable"));
}

/* Recorded ones come first, and of these what lies in the program's folders. */
static bool
any_root(const struct model *model)
{
    return model->module_count && model->modules[0].recorded && model->modules[0].why == FLOW_SCOPE_ROOT;
}

/* The folders whose code is the program's, where no module names one. */
static void
put_roots(struct text *out, const struct model *model, const struct show_options *options)
{
    struct slice roots = process_info(&model->processes[0], "roots");
    const char *key = "folders";
    while (roots.length) {
        const char *end = memchr(roots.data, '\n', roots.length);
        struct slice root = {roots.data, end ? (size_t)(end - roots.data) : roots.length};
        put_text(out, options, key, root);
        size_t used = root.length + (end != NULL);
        roots = (struct slice){roots.data + used, roots.length - used};
        key = "";
    }
}

static void
put_facts(struct text *out, const struct model *model, const struct show_options *options)
{
    static const char *const keys[] = {"folder", "", "platform", "host", "flowtrace"};
    put_text(out, options, "program", process_info(&model->processes[0], "program"));
    put_command(out, model, options);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i][0])
            put_text(out, options, keys[i], process_info(&model->processes[0], keys[i]));
        else
            put_python(out, model, options);
    put_settings(out, model, options);
}

static void
put_start(struct text *out, const struct model *model, const struct show_options *options)
{
    if (!model->reader->header->start_unix_ns) /* it was lost */
        return;
    time_t seconds = (time_t)(model->reader->header->start_unix_ns / 1000000000u);
    struct tm parts;
    char line[64] = "";
    if (localtime_r(&seconds, &parts))
        strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S %z", &parts);
    put_text(out, options, "started", (struct slice){line, strlen(line)});
}

static void
put_interpreters(struct text *out, const struct show_options *options, uint32_t count, uint32_t left)
{
    if (!count)
        return;
    put_key(out, options, "");
    label_counted(out, count, " sub-interpreter", " sub-interpreters");
    if (left)
        text_format(out, ", %u not closed before the end", left);
    text_string(out, "\n");
}

static void
put_runs(struct text *out, const struct model *model, const struct show_options *options)
{
    for (uint32_t run = 1; run <= model->run_count; run++) {
        put_key(out, options, run > 1 ? "" : "runs");
        text_format(out, "%u  ", run);
        text_clean(out, model->runs[run - 1].name);
        for (uint32_t i = 0; i < model->process_count; i++)
            if (model->processes[i].run == run) {
                text_string(out, ", ");
                label_program(out, &model->processes[i]);
                break;
            }
        if (model->runs[run - 1].clock.length)
            text_string(out, "; ");
        text_clean(out, model->runs[run - 1].clock);
        text_string(out, "\n");
    }
}

static void
put_processes(struct text *out, const struct model *model, const struct show_options *options)
{
    uint32_t interpreters = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        if (process->interpreter.length) {
            interpreters++;
            left += !process->ended;
            continue;
        }
        put_key(out, options, i ? "" : "processes");
        if (process->run)
            text_format(out, "run %u  ", process->run);
        text_format(out, "%u  ", process->pid);
        int status = process->wait_status;
        if (process->replaced)
            text_string(out, "executed another program in its place");
        else if (process->has_status && (status & 0x7f))
            text_format(out, "killed by %s (%d)", show_signal_name(status & 0x7f), status & 0x7f);
        else if (process->has_status)
            text_format(out, "exit status %d", status >> 8 & 0xff);
        else
            text_string(out, process->ended  ? "ended"
                             : process->gone ? "ended without a word (os._exit, a signal)"
                                             : "still running, or ended without a word (os._exit, a signal)");
        if (process->lost.length) {
            text_string(out, "; recording stopped early: ");
            text_clean(out, process->lost);
        }
        struct slice no_identity = process_info(process, "no_identity");
        if (no_identity.length) {
            text_string(out, "; numbers of objects are not given throughout: ");
            text_clean(out, no_identity);
        }
        text_string(out, "\n");
    }
    put_interpreters(out, options, interpreters, left);
}

static void
put_tracks(struct text *out, const struct model *model, const struct show_options *options)
{
    static const char *const kinds[] = {"main", "thread", "task", "greenlet"};
    uint32_t shown = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < model->track_count; i++) {
        const struct track *track = &model->tracks[i];
        if (!track->call_count)
            continue;
        if (shown == 20) {
            left++;
            continue;
        }
        put_key(out, options, shown++ ? "" : "tracks");
        text_format(out, "%-6s  ", kinds[track->kind]);
        if (track_is_foreign(model, track)) {
            text_string(out, "interpreter ");
            text_clean(out, model->processes[track->process].interpreter);
        }
        else {
            label_track_name(out, track);
        }
        text_string(out, "  ");
        label_counted(out, track->call_count, " call\n", " calls\n");
    }
    if (left) {
        put_key(out, options, "");
        text_dots(out);
        text_format(out, " %u more\n", left);
    }
}

static void
put_counts(struct text *out, const struct model *model, const struct show_options *options)
{
    put_key(out, options, "calls");
    if (model->reader->calls_left_out) {
        label_count(out, model->reader->calls_begun);
        text_string(out, " in all; the newest were read (--all reads all):\n");
        put_key(out, options, "");
    }
    label_count(out, model_count_calls(model));
    text_string(out, " of ");
    label_counted(out, model->reader->code_count, " function", " functions");
    text_string(out, ", bodies of modules and classes included\n");
    uint32_t raised = 0;
    for (uint32_t i = 0; i < model->exception_count; i++)
        raised += !model->exceptions[i].benign && model->exceptions[i].calls_left;
    put_key(out, options, "exceptions");
    label_count(out, raised);
    text_string(out, "\n");
    put_key(out, options, "duration");
    if (model->reader->header->clock == FLOW_CLOCK_NONE)
        text_string(out, "not recorded (--no-time)");
    else
        show_duration(out, model->duration_ns, options->ascii);
    text_string(out, model->reader->calls_left_out ? ", of what was read\n" : "\n");
}

static unsigned
percent(uint64_t part, uint64_t all)
{
    return all ? (unsigned)((100 * part + all / 2) / all) : 0;
}

/* The greatest shares first. */
static void
put_space(struct text *out, const struct model *model, const struct show_options *options)
{
    enum { NAMED = 5 };
    static const char *const names[SPACE_KINDS] = {"calls",    "arguments",  "results", "functions",
                                                   "waits",    "exceptions", "links",   "chunks' beginnings",
                                                   "processes"};
    struct space left = model->space;
    uint64_t all = 0;
    for (int i = 0; i < SPACE_KINDS; i++)
        all += left.bytes[i];
    uint64_t rest = all;
    put_key(out, options, "");
    for (int n = 0; n < NAMED; n++) {
        int most = 0;
        for (int i = 1; i < SPACE_KINDS; i++)
            if (left.bytes[i] > left.bytes[most])
                most = i;
        if (!percent(left.bytes[most], all))
            break;
        text_format(out, "%s%s %u %%", n ? ", " : "", names[most], percent(left.bytes[most], all));
        rest -= left.bytes[most];
        left.bytes[most] = 0;
    }
    if (percent(rest, all))
        text_format(out, ", others %u %%", percent(rest, all));
    text_string(out, "\n");
}

static void
put_recovered(struct text *out, const struct model *model, const struct show_options *options)
{
    for (uint32_t i = 0; i < model->process_count; i++)
        put_text(out, options, "recovered", process_info(&model->processes[i], "recovered"));
}

static void
put_bytes(struct text *out, const struct model *model, const struct show_options *options)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < model->reader->chunk_count; i++)
        used += (uint64_t)(model->reader->chunks[i].end - model->reader->chunks[i].data);
    put_key(out, options, "records");
    label_count(out, used);
    text_string(out, " bytes");
    if (model->call_count)
        text_format(out, ", %.1f a call", (double)used / model->call_count);
    text_string(out, "\n");
    if (used)
        put_space(out, model, options);
    put_key(out, options, "format");
    text_format(out, "%u.%u, %u chunks\n", model->reader->header->major, model->reader->header->minor,
                model->reader->chunk_count);
    put_key(out, options, "damage");
    if (model->reader->cut_off)
        text_string(out, "the file is cut off: it was longer\n");
    else if (model->reader->damaged)
        text_format(out, "%llu chunks could not be read to their end\n", (unsigned long long)model->reader->damaged);
    else if (model->lost_records)
        text_format(out, "%llu records were lost\n", (unsigned long long)model->lost_records);
    else if (model->reader->header->unrecorded)
        text_format(out, "%u more of its processes could not be recorded: no room for them, on disk or in memory\n",
                    model->reader->header->unrecorded);
    else
        text_string(out, "none\n");
}

static void
put_bound(struct text *out, const struct model *model, const struct show_options *options)
{
    const struct flow_bound *bound = reader_bound(model->reader);
    if (!bound)
        return;
    bool last = model->reader->header->flags & FLOW_FILE_LAST;
    put_key(out, options, last ? "last" : "limit");
    label_size(out, bound->units * FLOW_UNIT_SIZE);
    text_string(out, last ? ": the newest part is kept\n" : ": recording stops there\n");
    uint32_t processes = model->reader->header->next_process - 1 - model->reader->header->unrecorded;
    if (last && bound->chunks_let_go) {
        put_key(out, options, "let go");
        label_counted(out, bound->calls_let_go, " call", " calls");
        text_string(out, ", the oldest, in ");
        label_counted(out, bound->chunks_let_go, " chunk\n", " chunks\n");
    }
    if (last && processes > model->process_count && processes < UINT32_MAX / 2) {
        put_key(out, options, "");
        label_count(out, processes - model->process_count);
        text_string(out, " of its ");
        label_count(out, processes);
        text_string(out, " processes, all that was known of them\n");
    }
    if (bound->calls_unplaced) {
        put_key(out, options, "no room");
        label_unplaced(out, bound);
        text_string(out, "\n");
    }
}

int
show_info(struct text *out, const struct model *model, const struct show_options *options)
{
    bool ascii = out->ascii;
    out->ascii = options->ascii;
    if (model->process_count && !model->run_count) /* each run has its own */
        put_facts(out, model, options);
    put_start(out, model, options);
    put_counts(out, model, options);
    put_runs(out, model, options);
    put_processes(out, model, options);
    put_tracks(out, model, options);
    if (model->module_count) {
        put_key(out, options, "modules");
        show_modules(out, model, KEY_WIDTH + 2, options->width);
    }
    if (model->process_count && !any_root(model))
        put_roots(out, model, options);
    if (options->sources && model->source_count) {
        put_key(out, options, "sources");
        show_sources(out, model, KEY_WIDTH + 2);
    }
    put_bound(out, model, options);
    put_bytes(out, model, options);
    put_recovered(out, model, options);
    out->ascii = ascii;
    return out->failed ? -ENOMEM : 0;
}
