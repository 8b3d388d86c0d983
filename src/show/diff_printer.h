/* diff_printer.h - what the files of `flowtrace diff` share. */
#ifndef FLOW_DIFF_PRINTER_H
#define FLOW_DIFF_PRINTER_H

#include "../model/diff_time.h"
#include "printer.h"

#define DIFF_CHANGES_MAX 6

/* A thing of a call that is another in the second run: "rule", "order.total", "result", "raised". */
struct diff_change {
    enum diff_what what;
    struct text name, old, now; /* Owned */
};

struct diff_changes {
    struct diff_change items[DIFF_CHANGES_MAX];
    uint32_t count; /* may be more than there is room for */
};

struct diff_printer {
    struct text *out;
    struct diff *diff;
    const struct show_options *options;
    const char *name_a, *name_b;  /* of the files */
    struct printer a, b;          /* for what is told of one run; they write to `line` */
    struct show_options of_line;  /* theirs */
    struct text line;
    uint32_t left_out;            /* differences that are not told */
    int (*put_tree)(struct diff_printer *printer); /* 0 or -ENOMEM */
    void *page;                   /* Borrowed; of put_tree() */
};

static inline void
diff_put(struct diff_printer *printer, struct style style, struct slice text)
{
    if (!text.length)
        return;
    text_string(printer->out, printer->options->color ? style.on : "");
    text_slice(printer->out, text);
    text_string(printer->out, printer->options->color ? style.off : "");
}

/* diff_changes.c: what of a pair differs, as texts of at most about `width` columns. */
void diff_changes_read(struct diff_printer *printer, const struct diff_node *node, unsigned width,
                       struct diff_changes *out);
void diff_changes_free(struct diff_changes *changes);
/* So many lines it takes to tell. */
uint32_t diff_changes_lines(struct diff_printer *printer, const struct diff_node *node);
/* "price(order=3)": function and arguments of a call of one run. */
void diff_put_call(struct text *out, struct diff_printer *printer, bool in_a, uint32_t call, unsigned width);

/* Words broken at the width; then `text` is empty. */
void diff_print_paragraph(struct diff_printer *printer, struct style style, struct text *text);

/* diff_time.c: the functions whose times changed. */
void diff_print_times(struct diff_printer *printer, const struct diff_times *times);

/* diff_first.c: where the runs part, in a sentence or two. */
void diff_print_first(struct diff_printer *printer);

/* diff_tree.c: the tree of differences. 0 or -ENOMEM. */
int diff_print_tree(struct diff_printer *printer);
/* "#813", "#813, #815" */
void diff_put_numbers(struct text *out, const struct diff *diff, const struct diff_node *node);
struct diff_item;
/* "… 3 more such, the last #820" */
void diff_put_more_such(struct text *out, const struct diff *diff, const struct diff_item *item);
/* "… 812 calls alike" */
void diff_put_counted(struct text *out, uint64_t count, const char *one, const char *many);

/* diff.c: two runs compared, to be told in one way or several. */
struct diff_runs {
    const struct model *a, *b;               /* Borrowed */
    const struct show_diff_options *options; /* Borrowed */
    bool values;
    struct diff diff;        /* Owned */
    struct diff_times times; /* Owned */
};

/* 0, or -ENOMEM and nothing to close. */
int diff_runs_open(struct diff_runs *out, const struct model *a, const struct model *b,
                   const struct show_diff_options *options);
void diff_runs_close(struct diff_runs *runs);
bool diff_runs_same(const struct diff_runs *runs);
/* All that is to be said, the tree by put_tree(). 0 or -ENOMEM. */
int diff_runs_tell(struct diff_runs *runs, struct text *out, const struct show_options *show,
                   int (*put_tree)(struct diff_printer *printer), void *page);

#endif
