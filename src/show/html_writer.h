/* html_writer.h - what the files that write HTML share. */
#ifndef FLOW_HTML_WRITER_H
#define FLOW_HTML_WRITER_H

#include "html.h"
#include "printer.h"

/* Of texts as terminals show them. */
#define HTML_COLUMNS 110

struct html {
    struct text *out;
    struct printer printer;      /* writes to `told`, with colours */
    struct show_options options; /* its */
    struct text told;
    const struct html_options *given;
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
/* What a view has written to html->told, as a block of that class; nothing for nothing. */
void html_put_told(struct html *html, const char *name);
/* The lines of html->printer.story. 0 or -ENOMEM. */
int html_put_lines(struct html *html);

#endif
