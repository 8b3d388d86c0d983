/* html_sources.h - the files that a page's lines lead to, as far as they are still what ran. */
#ifndef FLOW_HTML_SOURCES_H
#define FLOW_HTML_SOURCES_H

#include "../model/model.h"
#include "../model/text.h"

struct html_source {
    struct slice file;
    struct text text; /* Owned; what it holds */
    const char *why;  /* it is not shown; NULL if it is */
    uint32_t line_count;
    bool *wanted;     /* Owned; by line, from 1: does something lead to it? NULL without memory */
};

struct html_sources {
    const struct model *model;
    struct html_source *files; /* Owned; in the order in which they were asked for */
    uint32_t count, room;
    size_t bytes;
};

/* "<a href="#s0-12">app.py:12</a>", or the words alone where the file can't be shown. */
void html_sources_link(struct html_sources *sources, struct text *out, struct slice file, uint32_t line);
/* All that were asked for, lines that links lead to by the name that these have. */
void html_sources_put(const struct html_sources *sources, struct text *out);
void html_sources_free(struct html_sources *sources);

#endif
