/* html_diff.c - two runs compared as a tree that opens.
 *
 * What is gone, added or changed has a sign as well as a colour, and says in words what the sign means where one points
 * at it. What is in a call that one run alone made is there too: as its story.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "diff_items.h"
#include "html_writer.h"

#define OPENED 60           /* items in sight at first, about */
#define SHUT_LINES 3        /* as many lines as a text has: most of them are not in sight */
#define INSIDE_LINES 40     /* of a call that one run alone made */
#define INSIDE_LINES_ALL 400
#define CHANGE_COLUMNS 400  /* of a value */
#define CHANGE_BESIDE 84    /* old and new on one line */

struct page {
    struct text *out;
    struct diff_printer *printer;
    struct html sides[2];         /* of the lines of each run */
    struct html_options lines;    /* theirs */
    struct outline outlines[2];   /* Owned, where they are made */
    bool made[2];
    bool *way;                    /* Owned; by node: does it lead to where the runs part? */
    unsigned nested;              /* elements that are open */
    uint32_t inside_left;         /* lines for what calls of one run alone did */
};

static void
put(struct page *page, const char *markup)
{
    text_string(page->out, markup);
}

static void
put_slice(struct page *page, struct slice text)
{
    html_escape(page->out, text);
}

/* --- signs ---------------------------------------------------------------- */

struct sign {
    const char *line, *style, *mark, *says;
};

static struct sign
sign_of(const struct diff_node *node)
{
    switch (node->kind) {
    case DIFF_GONE: return (struct sign){" m", " r", "-", "only in the first run"};
    case DIFF_ADDED: return (struct sign){" p", " g", "+", "only in the second run"};
    default: break;
    }
    if (node->what == DIFF_MOVED)
        return (struct sign){"", " c", "~", "in another order"};
    if (node->what)
        return (struct sign){"", " c", "~", "changed"};
    return (struct sign){"", "", " ", NULL};
}

static void
put_sign(struct page *page, struct sign sign)
{
    text_format(page->out, "<span class=\"s%s\"", sign.style);
    if (sign.says)
        text_format(page->out, " title=\"%s\"", sign.says);
    text_format(page->out, ">%s </span>", sign.mark);
}

/* --- what is changed ------------------------------------------------------ */

static bool
is_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '_';
}

/* Does a character, or a word of ASCII, go on here? */
static bool
goes_on(struct slice text, size_t at)
{
    if (at == 0 || at >= text.length)
        return false;
    uint8_t before = (uint8_t)text.data[at - 1], here = (uint8_t)text.data[at];
    return (here & 0xc0) == 0x80 || (is_word(before) && is_word(here));
}

/* How much of both is the same at the start, and at the end of what is left: whole words, or nothing. */
static void
find_common(struct slice a, struct slice b, size_t *start, size_t *end)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    *start = *end = 0;
    while (*start < shorter && a.data[*start] == b.data[*start])
        ++*start;
    while (goes_on(a, *start) || goes_on(b, *start))
        --*start;
    while (*end < shorter - *start && a.data[a.length - *end - 1] == b.data[b.length - *end - 1])
        ++*end;
    while (goes_on(a, a.length - *end) || goes_on(b, b.length - *end))
        --*end;
}

/* One of two texts; the part in which they differ stands out. */
static void
put_text(struct page *page, const char *element, struct slice text, size_t start, size_t end)
{
    text_format(page->out, "<%s>", element);
    put_slice(page, (struct slice){text.data, start});
    bool stands_out = start + end && start + end < text.length;
    put(page, stands_out ? "<b>" : "");
    put_slice(page, (struct slice){text.data + start, text.length - start - end});
    put(page, stands_out ? "</b>" : "");
    put_slice(page, (struct slice){text.data + text.length - end, end});
    text_format(page->out, "</%s>", element);
}

static void
begin_change(struct page *page, const struct diff_change *change, struct sign sign)
{
    put(page, "<div class=\"k\">");
    put_sign(page, sign);
    put_slice(page, text_content(&change->name));
    put(page, ": ");
}

/* Beside each other; or below each other, which shows where long ones differ. */
static void
put_change(struct page *page, const struct diff_change *change)
{
    struct slice old = text_content(&change->old);
    struct slice now = text_content(&change->now);
    size_t start, end;
    if (printer_columns(&change->old) + printer_columns(&change->now) <= CHANGE_BESIDE) {
        begin_change(page, change, (struct sign){"", "", " ", NULL});
        put_text(page, "del", old, old.length, 0);
        put(page, " → ");
        put_text(page, "ins", now, now.length, 0);
        put(page, "</div>\n");
        return;
    }
    find_common(old, now, &start, &end);
    begin_change(page, change, (struct sign){"", " r", "-", "in the first run"});
    put_text(page, "del", old, start, end);
    put(page, "</div>\n");
    begin_change(page, change, (struct sign){"", " g", "+", "in the second run"});
    put_text(page, "ins", now, start, end);
    put(page, "</div>\n");
}

static void
put_words(struct page *page, struct text *words)
{
    put(page, "<div class=\"n\">");
    put_slice(page, text_content(words));
    put(page, "</div>\n");
    page->out->failed |= words->failed;
    text_free(words);
}

static void
put_changes(struct page *page, const struct diff_node *node)
{
    struct diff_changes changes;
    diff_changes_read(page->printer, node, CHANGE_COLUMNS, &changes);
    for (uint32_t i = 0; i < changes.count && i < DIFF_CHANGES_MAX; i++)
        put_change(page, &changes.items[i]);
    if (changes.count > DIFF_CHANGES_MAX) {
        struct text words = {0};
        diff_put_counted(&words, changes.count - DIFF_CHANGES_MAX, " more place", " more places");
        put_words(page, &words);
    }
    diff_changes_free(&changes);
}

/* --- calls of one run alone ----------------------------------------------- */

static bool
make_outline(struct page *page, int side)
{
    if (!page->made[side])
        page->made[side] = outline_build(&page->outlines[side], page->sides[side].printer.model, true) == 0;
    page->out->failed |= !page->made[side];
    return page->made[side];
}

static void
put_left_out(struct page *page, uint64_t calls)
{
    struct text words = {0};
    diff_put_counted(&words, calls, " more call in it", " more calls in it");
    put_words(page, &words);
}

/* What it did: the story of the calls that it made. */
static void
put_inside(struct page *page, int side, const struct diff_node *node)
{
    struct html *html = &page->sides[side];
    struct outline *outline = &page->outlines[side];
    struct story story;
    uint32_t lines = page->inside_left < INSIDE_LINES ? page->inside_left : INSIDE_LINES;
    if (lines < 2 || !make_outline(page, side)) {
        put_left_out(page, node->calls - 1);
        return;
    }
    outline->first_root = outline->first_child[side ? node->b : node->a];
    if (story_build(&story, outline, lines) < 0) {
        page->out->failed = true;
        return;
    }
    html->options.results = html->options.arguments;
    html->printer.outline = outline;
    html->printer.story = &story;
    html->nested = page->nested;
    page->out->failed |= html_put_lines(html) < 0;
    page->inside_left -= story.used < lines ? story.used : lines;
    if (story.calls_left_out)
        put_left_out(page, story.calls_left_out);
    story_free(&story);
}

/* --- lines ---------------------------------------------------------------- */

/* Its number, and for calls of one run alone how many it made. */
static void
make_right(struct page *page, const struct diff_node *node, struct text *right)
{
    bool single = node->kind == DIFF_GONE || node->kind == DIFF_ADDED;
    if (!node->what && !single)
        return;
    if (single && node->calls > 1) {
        label_counted(right, node->calls - 1, " call in it  ", " calls in it  ");
    }
    if (node->what & DIFF_MOVED)
        text_string(right, "in another order  ");
    diff_put_numbers(right, page->printer->diff, node);
}

static void
put_line(struct page *page, int side, const struct diff_node *node)
{
    struct html *html = &page->sides[side];
    struct text right = {0};
    uint32_t call = side ? node->b : node->a;
    struct story_line line = {.calls = &call, .count = 1, .opened = true, .depth = page->nested};
    html->options.results = html->options.arguments && !(node->what & (DIFF_RESULT | DIFF_OUTCOME));
    make_right(page, node, &right);
    put_sign(page, sign_of(node));
    line_put(&html->printer, &line, html_room(html, &line));
    html_put_words(html, &right, MODEL_NONE);
    text_free(&right);
}

static bool
is_open(const struct page *page, const struct diff_items *items, uint32_t number)
{
    return page->way[number] || items->first_item[number] == MODEL_NONE || items->rank[number] <= OPENED;
}

/* The number of elements that it leaves open, which belongs to its level. */
static size_t
put_item(struct page *page, const struct diff_items *items, const struct diff_step *step)
{
    uint32_t number = step->item->node;
    const struct diff_node *node = &items->diff->nodes[number];
    int side = node->kind == DIFF_ADDED;
    bool single = node->kind == DIFF_GONE || node->kind == DIFF_ADDED;
    bool inside = single && node->calls > 1;
    bool details = (inside || step->entered || (node->what & ~DIFF_MOVED)) && page->nested < HTML_NESTED_MAX;
    const char *line = sign_of(node).line;
    if (details)
        text_format(page->out, "<details class=\"e%s\"%s><summary>", line,
                    !inside && (!step->entered || is_open(page, items, number)) ? " open" : "");
    else
        text_format(page->out, "<div class=\"l%s\">", line);
    put_line(page, side, node);
    put(page, details ? "</summary>\n" : "</div>\n");
    page->nested += details;
    put_changes(page, node);
    if (inside)
        put_inside(page, side, node);
    if (step->entered)
        return details;
    put(page, details ? "</details>\n" : "");
    page->nested -= details;
    return 0;
}

static void
put_note(struct page *page, const struct diff_step *step)
{
    struct text words = {0};
    if (step->kind == DIFF_STEP_ALIKE)
        diff_put_counted(&words, step->item->alike, " call alike", " calls alike");
    else if (step->kind == DIFF_STEP_MORE)
        diff_put_more_such(&words, page->printer->diff, step->item);
    else
        diff_put_counted(&words, step->rest, " more difference", " more differences");
    page->printer->left_out += step->rest;
    put_words(page, &words);
}

static void
put_step(struct page *page, const struct diff_items *items, struct diff_walk *walk, const struct diff_step *step)
{
    if (step->kind == DIFF_STEP_CALL) {
        size_t left = put_item(page, items, step);
        if (step->entered)
            walk->levels[walk->depth - 1].mark = left;
    }
    else if (step->kind != DIFF_STEP_LEAVE) {
        put_note(page, step);
    }
    else if (*step->mark) {
        put(page, "</details>\n");
        page->nested--;
    }
}

static int
walk_items(struct page *page, const struct diff_items *items)
{
    struct diff_walk walk = {0};
    struct diff_step step;
    while (!page->out->failed && diff_walk_next(&walk, items, &step))
        put_step(page, items, &walk, &step);
    int ret = walk.failed || page->out->failed ? -ENOMEM : 0;
    diff_walk_free(&walk);
    return ret;
}

/* --- all ------------------------------------------------------------------ */

/* What was said before the tree becomes a block, and the sentences behind it another. */
static void
put_told(struct page *page, const char *name, struct text *told)
{
    if (told->length) {
        text_format(page->out, "<div class=\"%s\">", name);
        html_styled(page->out, text_content(told));
        put(page, "</div>\n");
    }
    page->out->failed |= told->failed;
    text_truncate(told, 0);
}

static void
open_sides(struct page *page)
{
    const struct diff *diff = page->printer->diff;
    bool values = page->printer->of_line.arguments;
    page->lines = (struct html_options){.arguments = values, .results = values, .hints = page->printer->options->hints};
    html_open(&page->sides[0], page->out, diff->a.model, &page->lines);
    html_open(&page->sides[1], page->out, diff->b.model, &page->lines);
}

static void
close_sides(struct page *page)
{
    for (int i = 0; i < 2; i++) {
        html_close(&page->sides[i]);
        if (page->made[i])
            outline_free(&page->outlines[i]);
    }
}

static int
put_tree(struct diff_printer *printer)
{
    struct page *page = printer->page;
    struct diff_items items;
    page->printer = printer;
    page->way = calloc((size_t)printer->diff->node_count + 1, sizeof *page->way);
    if (!page->way)
        return -ENOMEM;
    for (uint32_t i = printer->diff->first; i != 0; i = printer->diff->nodes[i].parent)
        page->way[i] = true;
    put_told(page, "h", printer->out);
    open_sides(page);
    int ret = diff_items_open(&items, printer);
    ret = ret < 0 ? ret : walk_items(page, &items);
    diff_items_close(&items);
    close_sides(page);
    free(page->way);
    return ret;
}

static int
put_page(struct text *out, struct diff_runs *runs, const struct show_options *show)
{
    struct show_options wide = *show;
    wide.lines = show->lines > UINT_MAX / SHUT_LINES ? show->lines : show->lines * SHUT_LINES;
    struct page page = {.out = out, .inside_left = INSIDE_LINES_ALL};
    struct text told = {0};
    wide.color = true;
    wide.ascii = false;
    wide.width = HTML_UNBROKEN;
    html_begin_fragment(out);
    int ret = diff_runs_tell(runs, &told, &wide, put_tree, &page);
    put_told(&page, "f", &told);
    text_free(&told);
    return html_end_fragment(out, ret);
}

int
html_diff(struct text *out, struct text *html, const struct model *a, const struct model *b,
          const struct show_options *show, const struct show_diff_options *options, bool *same)
{
    struct diff_runs runs;
    int ret = diff_runs_open(&runs, a, b, options);
    if (ret < 0)
        return ret;
    ret = diff_runs_tell(&runs, out, show, diff_print_tree, NULL);
    if (ret == 0)
        ret = put_page(html, &runs, show);
    *same = diff_runs_same(&runs);
    diff_runs_close(&runs);
    return ret;
}
