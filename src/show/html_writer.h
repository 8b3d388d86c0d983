/* html_writer.h - what the files that write HTML share. */
#ifndef FLOW_HTML_WRITER_H
#define FLOW_HTML_WRITER_H

#include "html.h"
#include "printer.h"

/* Of texts as terminals show them. */
#define HTML_COLUMNS 110
/* Of sentences, which a browser breaks as it is wide. */
#define HTML_UNBROKEN 100000
/* Browsers give up elements within elements at 512. */
#define HTML_NESTED_MAX 250

struct html {
    struct text *out;
    struct printer printer;      /* writes to `told`, with colours */
    struct show_options options; /* its */
    struct text told;
    const struct html_options *given;
    unsigned nested;             /* elements that are open around the story */
    size_t value_bytes;          /* of values in full, so far */
    struct html_sources *sources; /* Borrowed; of a page, whose lines have names and lead to their source; else NULL */
};

extern const char html_style[], html_page_style[], html_page_script[];
extern const char html_hashes[3][45]; /* SHA-256 of these, in base 64 */

/* html_text.c: characters that mean something in HTML are escaped, those that must not be in it replaced. */
void html_escape(struct text *out, struct slice text);
/* What the views write for a terminal in colours, these as elements; without the newlines around it. */
void html_styled(struct text *out, struct slice text);

/* html_tree.c */
void html_open(struct html *html, struct text *out, const struct model *model, const struct html_options *options);
void html_close(struct html *html);
/* The header and the footer of a story, as blocks. */
void html_put_header(struct html *html);
void html_put_foot(struct html *html);
/* What a view has written to html->told, as a block of that class; nothing for nothing. */
void html_put_told(struct html *html, const char *name);
/* What is in html->told, and at the right `right` and, on a page, a way to the source of the call. */
void html_put_words(struct html *html, struct text *right, uint32_t call);
/* Columns for the words of a line. */
size_t html_room(const struct html *html, const struct story_line *line);
/* Around a fragment, which brings its style along. The second returns `ret`, or -ENOMEM. */
void html_begin_fragment(struct text *out);
int html_end_fragment(struct text *out, int ret);
/* The lines of html->printer.story. 0 or -ENOMEM. */
int html_put_lines(struct html *html);

#endif
