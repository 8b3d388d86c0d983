/* html.h - the story for a browser: a tree that opens by click.
 *
 * What is folded, told and left out is what the story for a terminal folds, tells and leaves out (story.h); a line
 * with something in it is a <details>, so it opens without a script. Nothing of the trace gets into the markup but
 * through html_escape(), and no attribute holds anything of it.
 */
#ifndef FLOW_HTML_H
#define FLOW_HTML_H

#include "show_diff.h"

#define HTML_OPENED_DEFAULT 30

struct html_options {
    bool arguments, results, time;
    unsigned lines;      /* budget; 0: everything */
    unsigned opened;     /* so many lines are in sight at first, about */
    unsigned exceptions; /* as of show_options */
    bool sources;        /* likewise */
    const struct show_hints *hints; /* likewise */
};

/* Fragments, with a style of their own: for pages that others make. 0 or -ENOMEM. */
int html_story(struct text *out, const struct model *model, const struct html_options *options);
/* A call and all in it. */
int html_call(struct text *out, const struct model *model, uint32_t call, const struct html_options *options);
/* A page of its own, with sources and a search. */
int html_page(struct text *out, const struct model *model, const struct html_options *options, const char *title);
/* Sentences instead of a story. */
void html_note(struct text *out, const struct text *sentences);
/* What show_diff() tells, as text in `out` and as a tree that opens in `html`. 0 or -ENOMEM. */
int html_diff(struct text *out, struct text *html, const struct model *a, const struct model *b,
              const struct show_options *show, const struct show_diff_options *options, bool *same);

#endif
