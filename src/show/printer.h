/* printer.h - what the files of the story share while a story is being printed. */
#ifndef FLOW_PRINTER_H
#define FLOW_PRINTER_H

#include "../model/detail.h"
#include "../model/label.h"
#include "../model/story.h"
#include "show.h"

struct style {
    const char *on, *off;
};

#define STYLE_PLAIN ((struct style){"", ""})
#define STYLE_DIM ((struct style){"\033[2m", "\033[0m"})
#define STYLE_BOLD ((struct style){"\033[1m", "\033[0m"})
#define STYLE_GREEN ((struct style){"\033[32m", "\033[0m"})
#define STYLE_RED ((struct style){"\033[31m", "\033[0m"})
#define STYLE_CYAN ((struct style){"\033[36m", "\033[0m"})

struct glyphs {
    const char *branch, *last, *bar, *gap, *arrow, *cross, *task, *thread, *again, *times, *dots, *dot;
};

#define PRINTER_CUTS 32

struct printer {
    struct text *out;
    const struct model *model;
    const struct outline *outline;
    const struct story *story;
    const struct show_options *options;
    const struct glyphs *glyphs;
    struct text prefix; /* of the line being written: bars and gaps */
    struct text line;
    struct text scratch;
    bool alone; /* each line stands for itself: it says which track it is of */
    size_t cuts[PRINTER_CUTS]; /* where in `line` arguments begin: it is cut there if it must be */
    size_t cut_count;
    char host[256];   /* of links */
    unsigned without; /* enum line_part: parts of a line that are left out */
    uint32_t run; /* whose heading was printed last; 0: none */
};

enum line_part { LINE_ORIGIN = 1, LINE_RESULT = 2, LINE_END = 4 };

static inline size_t
printer_columns(const struct text *text)
{
    return text_columns(text->data, text->length);
}

void printer_open(struct printer *out, struct text *text, const struct model *model,
                  const struct show_options *options);
void printer_close(struct printer *printer);

/* Writes text in a style, where colours are wanted. */
void printer_put(struct printer *printer, struct style style, const char *data, size_t length);

/* What is written between these leads to a line of a file, where links are wanted. */
void printer_link(struct printer *printer, struct slice file, uint32_t line);
void printer_unlink(struct printer *printer);
/* Text of many words, broken at spaces where it does not fit; `column` goes on from part to part. */
void printer_put_wrapped(struct printer *printer, struct style style, struct slice text, size_t *column);
/* What stands in printer->line, the first `name` bytes of it as a heading, and an empty line. */
void printer_put_head(struct printer *printer, size_t name);
/* Sentences of FlowTrace's own, if there are any. */
void printer_put_note(struct printer *printer, struct slice note);

/* header.c */
/* Of a run that was merged with others, before its part of the story. */
void header_print_run(struct printer *printer, uint32_t number);
void header_print(struct printer *printer);
/* Instead of a header and a footer: of what time this is, and how many calls it has. */
void header_print_while(struct printer *printer);
void header_print_foot(struct printer *printer);
/* How many calls filters have left, if there were any. */
void header_put_filtered(struct text *text, const struct model *model);
/* What was let go, not read, or is damaged: sentences, behind those that are there. */
void header_put_missing(struct text *text, const struct model *model);
void header_put_missing_as(struct text *text, const struct model *model, const struct show_hints *hints);
/* Instead of a story of no calls. */
void header_print_nothing(struct text *out, const struct model *model);
void header_print_nothing_as(struct text *out, const struct model *model, const struct show_hints *hints);

/* tree.c: the lines of printer->story. */
void tree_print_lines(struct printer *printer);
/* "… 12 more lines here, 31 calls of 2 functions" */
void tree_put_skipped(struct text *out, const struct printer *printer, const struct story_line *line);
/* "… 96 calls, one within the other" */
void tree_put_chain(struct text *out, const struct printer *printer, const struct story_line *line);
/* The ways of the exceptions of a line, each on lines of its own. */
void tree_print_exceptions(struct printer *printer, const struct story_line *line, const char *indent);

/* line.c: one line of the story, `branch` before it. */
void line_print(struct printer *printer, const struct story_line *line, const char *branch);
/* Its words alone, with values as wide as `room` columns for all take: nothing before them, and nothing at the right. */
void line_put(struct printer *printer, const struct story_line *line, size_t room);
/* One call on a line of another view; `right` stands at its right, as far as there is room. */
void line_print_call(struct printer *printer, uint32_t call, const char *before, unsigned without, struct text *right);
/* fields.c: "×11  200 … 900 µs", and what was spent waiting. Returns the columns to keep free: as many for any time,
 * so that the words of a line don't depend on how long it took. */
/* The names of the columns, where fields were chosen. */
void fields_print_names(struct printer *printer);
size_t fields_put(struct text *out, struct printer *printer, const struct story_line *line);
/* Was the exception that left this call raised in it, as far as is recorded? */
bool line_raised_here(const struct printer *printer, uint32_t call);

/* Does it leave a recording of a part of the program, so that nobody knows who caught it? */
bool journey_goes_on(const struct model *model, const struct exception *exception);
/* cancellation.c: false, and nothing put, where it is not known. */
bool cancellation_put_asker(struct text *out, const struct model *model, const struct exception *exception);
bool cancellation_put_landing(struct text *out, const struct model *model, const struct exception *exception);

/* Of a cancellation that the call into which it was thrown kept to itself. */
void journey_print_swallowed(struct printer *printer, const struct exception *exception, const char *indent);
/* journey.c: where an exception was raised, what it left, where it was caught; as many lines as it takes. */
void journey_print(struct printer *printer, const struct exception *exception, const struct leg *leg,
                   const char *indent);
/* What of that is words: where nobody caught it, "3 inside: ...", "from KeyError". */
void journey_put_end(struct text *out, const struct model *model, const struct exception *exception,
                     const struct leg *leg);
void journey_put_leaves(struct text *out, struct detail_list leaves, const struct glyphs *glyphs);
void journey_put_cause(struct text *out, const struct model *model, const struct exception *exception);
/* In a region of a test, say, of which nothing that stands around it was recorded. */
bool journey_is_caught_outside(const struct model *model, const struct leg *leg);
bool journey_is_again(const struct model *model, const struct exception *exception, const struct leg *leg);
/* What was raised and caught within this call. */
void journey_print_caught(struct printer *printer, uint32_t call, const char *indent);

#endif
