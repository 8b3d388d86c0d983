/* diff.c - `flowtrace diff`: two runs, where they part, and what differs. */
#include "show_diff.h"

#include <errno.h>
#include <string.h>

#include "diff_printer.h"

static struct slice
slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static struct slice
program_of(const struct model *model)
{
    return model->process_count ? process_info(&model->processes[0], "program") : slice_of("");
}

static void
put_calls(struct text *out, uint64_t calls)
{
    label_counted(out, calls, " call", " calls");
}

/* "- before.flow: app.py vip · 1,204 calls" */
static void
print_side(struct diff_printer *printer, const struct diff_side *side, bool old, const char *name)
{
    struct text text = {.ascii = printer->options->ascii};
    const struct model *model = side->model;
    struct slice command = model->process_count ? label_command(&model->processes[0]) : slice_of("");
    text_string(&text, old ? "- " : "+ ");
    text_name(&text, slice_of(name));
    text_format(&text, " %s ", printer->a.glyphs->dot);
    text_name(&text, command);
    if (command.length)
        text_format(&text, " %s ", printer->a.glyphs->dot);
    put_calls(&text, side->compared);
    diff_put(printer, old ? STYLE_RED : STYLE_GREEN, text_content(&text));
    text_string(printer->out, "\n");
    text_free(&text);
}

void
diff_print_paragraph(struct diff_printer *printer, struct style style, struct text *text)
{
    size_t column = 0;
    printer->of_line.color = printer->options->color;
    printer->of_line.width = printer->options->width;
    printer->a.out = printer->out;
    printer_put_wrapped(&printer->a, style, text_content(text), &column);
    printer->a.out = &printer->line;
    text_string(printer->out, "\n");
    text_truncate(text, 0);
}

static struct slice
last_part(struct slice path)
{
    return label_file(path);
}

static bool
is_damaged(const struct model *model)
{
    return model->lost_records || model->reader->damaged || model->reader->header->unrecorded;
}

static bool
has_no_values(const struct model *model)
{
    return model->reader->header->flags & FLOW_FILE_NO_VALUES;
}

/* What makes a comparison of these two say less than one may think. */
static void
print_reservations(struct diff_printer *printer, const struct model *a, const struct model *b, bool values)
{
    struct text text = {.ascii = printer->options->ascii};
    const char *names[] = {printer->name_a, printer->name_b};
    const struct model *models[] = {a, b};
    if (a->call_count && b->call_count && !slice_equals(last_part(program_of(a)), last_part(program_of(b)))) {
        text_string(&text, "These are runs of two programs, ");
        text_name(&text, program_of(a));
        text_string(&text, " and ");
        text_name(&text, program_of(b));
        text_string(&text, "; they are compared all the same.");
        diff_print_paragraph(printer, STYLE_PLAIN, &text);
    }
    for (int i = 0; i < 2; i++) {
        if (values && has_no_values(models[i]) && !has_no_values(models[1 - i])) {
            text_name(&text, slice_of(names[i]));
            text_string(&text, " was recorded without values: only calls and exceptions are compared.");
            diff_print_paragraph(printer, STYLE_PLAIN, &text);
        }
        if (is_damaged(models[i])) {
            text_string(&text, "Part of ");
            text_name(&text, slice_of(names[i]));
            text_format(&text, " is missing: %s.", show_hints(printer->options)->missing);
            diff_print_paragraph(printer, STYLE_PLAIN, &text);
        }
    }
    if (!printer->diff->a.match.budget || !printer->diff->b.match.budget) {
        text_string(&text, "Not all values were compared: their texts are too long by far.");
        diff_print_paragraph(printer, STYLE_PLAIN, &text);
    }
    text_free(&text);
}

static void
print_unused(struct diff_printer *printer, const struct names *ignored)
{
    struct text text = {.ascii = printer->options->ascii};
    for (uint32_t i = 0; ignored->used && i < ignored->count; i++)
        if (!ignored->used[i]) {
            text_string(&text, "No function, parameter or field goes by the name of --ignore ");
            text_name(&text, slice_of(ignored->patterns[i]));
            text_string(&text, ".");
            diff_print_paragraph(printer, STYLE_DIM, &text);
        }
    text_free(&text);
}

struct sums {
    uint32_t changed, moved, gone, added;
    uint64_t calls_gone, calls_added;
};

static struct sums
sum_up(const struct diff *diff)
{
    struct sums sums = {0};
    for (uint32_t i = 1; i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        sums.moved += (node->what & DIFF_MOVED) != 0;
        sums.changed += (node->what & ~DIFF_MOVED) != 0;
        sums.gone += node->kind == DIFF_GONE;
        sums.added += node->kind == DIFF_ADDED;
        sums.calls_gone += node->kind == DIFF_GONE ? node->calls : 0;
        sums.calls_added += node->kind == DIFF_ADDED ? node->calls : 0;
    }
    return sums;
}

static void
put_sum(struct text *out, uint32_t count, const char *what, uint64_t calls)
{
    if (!count)
        return;
    text_string(out, out->length ? ", " : "");
    label_counted(out, count, " call ", " calls ");
    text_string(out, what);
    if (calls <= count)
        return;
    text_string(out, " with ");
    label_count(out, calls - count);
    text_string(out, " in them");
}

/* "2 calls changed, 1 call gone, 3 calls added with 12 in them. Not shown: 31 differences; --lines N shows more, --all
 * everything." */
static void
print_foot(struct diff_printer *printer)
{
    struct sums sums = sum_up(printer->diff);
    struct text text = {.ascii = printer->options->ascii};
    put_sum(&text, sums.changed, "changed", 0);
    put_sum(&text, sums.moved, "in another order", 0);
    put_sum(&text, sums.gone, "gone", sums.calls_gone);
    put_sum(&text, sums.added, "added", sums.calls_added);
    text_string(&text, ".");
    if (printer->left_out) {
        text_string(&text, " Not shown: ");
        label_counted(&text, printer->left_out, " difference", " differences");
        text_format(&text, "; %s.", show_hints(printer->options)->more);
    }
    text_string(printer->out, "\n");
    diff_print_paragraph(printer, STYLE_DIM, &text);
    text_free(&text);
}

#define FILES_MAX 2000 /* of each run that are looked at */
#define FILES_NAMED 3

/* Is there this file in the other run, in no version that is the same? */
static bool
has_changed(const struct source *source, const struct model *other)
{
    bool changed = false;
    for (uint32_t i = 0; i < other->source_count && i < FILES_MAX; i++) {
        const struct source *there = &other->sources[i];
        if (!there->used || !there->hash.length || !slice_equals(there->file, source->file))
            continue;
        if (slice_equals(there->hash, source->hash))
            return false;
        changed = true;
    }
    return changed;
}

/* "shop.py has changed in between." */
static void
print_changed_files(struct diff_printer *printer, const struct model *a, const struct model *b)
{
    struct text text = {.ascii = printer->options->ascii};
    uint32_t changed = 0;
    for (uint32_t i = 0; i < a->source_count && i < FILES_MAX; i++) {
        const struct source *source = &a->sources[i];
        if (!source->used || !source->hash.length || !has_changed(source, b) || ++changed > FILES_NAMED)
            continue;
        text_string(&text, changed > 1 ? ", " : "");
        text_name(&text, last_part(source->file));
    }
    if (changed > FILES_NAMED) {
        text_string(&text, " and ");
        label_counted(&text, changed - FILES_NAMED, " more file", " more files");
    }
    if (changed) {
        text_string(&text, changed > 1 ? " have changed in between." : " has changed in between.");
        diff_print_paragraph(printer, STYLE_PLAIN, &text);
    }
    text_free(&text);
}

static int
print_differences(struct diff_printer *printer)
{
    print_side(printer, &printer->diff->a, true, printer->name_a);
    print_side(printer, &printer->diff->b, false, printer->name_b);
    text_string(printer->out, "\n");
    diff_print_first(printer);
    print_changed_files(printer, printer->diff->a.model, printer->diff->b.model);
    text_string(printer->out, "\n");
    int ret = printer->put_tree(printer);
    print_foot(printer);
    return ret;
}

static void
print_same(struct diff_printer *printer)
{
    struct text text = {.ascii = printer->options->ascii};
    text_string(&text, "The runs are the same: ");
    put_calls(&text, printer->diff->a.compared);
    text_string(&text, ".");
    diff_print_paragraph(printer, STYLE_PLAIN, &text);
    text_free(&text);
}

static int
print_all(struct diff_printer *printer, const struct diff_runs *runs)
{
    int ret = 0;
    printer_open(&printer->a, &printer->line, runs->a, &printer->of_line);
    printer_open(&printer->b, &printer->line, runs->b, &printer->of_line);
    print_reservations(printer, runs->a, runs->b, runs->options->values);
    if (printer->diff->first == MODEL_NONE)
        print_same(printer);
    else
        ret = print_differences(printer);
    if (runs->options->time)
        diff_print_times(printer, &runs->times);
    print_unused(printer, &runs->options->ignored);
    printer_close(&printer->a);
    printer_close(&printer->b);
    text_free(&printer->line);
    return ret;
}

int
diff_runs_tell(struct diff_runs *runs, struct text *out, const struct show_options *show,
               int (*put_tree)(struct diff_printer *printer), void *page)
{
    struct diff_printer printer = {.out = out,
                                   .diff = &runs->diff,
                                   .options = show,
                                   .name_a = runs->options->name_a,
                                   .name_b = runs->options->name_b,
                                   .line = {.ascii = show->ascii},
                                   .of_line = *show,
                                   .put_tree = put_tree,
                                   .page = page};
    printer.of_line.arguments = printer.of_line.results = runs->values;
    printer.of_line.time = false;
    int ret = print_all(&printer, runs);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}

int
diff_runs_open(struct diff_runs *out, const struct model *a, const struct model *b,
               const struct show_diff_options *options)
{
    *out = (struct diff_runs){.a = a, .b = b, .options = options};
    out->values = options->values && !has_no_values(a) && !has_no_values(b);
    struct diff_options how = {.values = out->values, .ignored = options->ignored};
    int ret = diff_build(&out->diff, a, b, &how);
    if (ret == 0 && options->time && (ret = diff_times_build(&out->times, &out->diff)) < 0)
        diff_free(&out->diff);
    return ret;
}

void
diff_runs_close(struct diff_runs *runs)
{
    diff_times_free(&runs->times);
    diff_free(&runs->diff);
}

bool
diff_runs_same(const struct diff_runs *runs)
{
    return runs->diff.first == MODEL_NONE && !runs->times.count;
}

int
show_diff(struct text *out, const struct model *a, const struct model *b, const struct show_options *show,
          const struct show_diff_options *options, bool *same)
{
    struct diff_runs runs;
    int ret = diff_runs_open(&runs, a, b, options);
    if (ret < 0)
        return ret;
    ret = diff_runs_tell(&runs, out, show, diff_print_tree, NULL);
    *same = diff_runs_same(&runs);
    diff_runs_close(&runs);
    return ret;
}
