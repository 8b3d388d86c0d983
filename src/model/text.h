/* text.h - a growable byte string. A failed allocation sets `failed` and drops what follows. */
#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/reader.h"

struct text {
    char *data; /* Owned; not terminated. */
    size_t length;
    size_t room;
    bool failed;
    bool ascii; /* what is beyond ASCII is escaped */
};

void text_free(struct text *text);
void text_bytes(struct text *text, const char *data, size_t length);
void text_string(struct text *text, const char *string);
void text_slice(struct text *text, struct slice slice);
/* What it holds, until it changes: never NULL. */
static inline struct slice
text_content(const struct text *text)
{
    return (struct slice){text->data ? text->data : "", text->length};
}

void text_integer(struct text *text, int64_t number);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "…", or "..." */
void text_dots(struct text *text);
/* Forgets what is behind `length`. */
void text_truncate(struct text *text, size_t length);
/* Appends with characters that do not print escaped as in Python; `quote`, unless '\0', and backslashes too. */
void text_escape(struct text *text, struct slice slice, char quote);
/* Appends a name from the trace with control characters and bad UTF-8 made harmless. */
void text_clean(struct text *text, struct slice slice);
/* The same of a name on a line: what is longer than any that people write is cut off, so that a damaged trace can't
 * make each of its lines cost as much as the whole file. */
void text_name(struct text *text, struct slice slice);

/* Columns that UTF-8 text takes on a terminal: cluster.h says how many each character does. */
size_t text_columns(const char *data, size_t length);
/* The bytes of the longest start that takes at most `columns`; no character is cut, nor a mark from what it is on. */
size_t text_fit(const char *data, size_t length, size_t columns);
/* The same of what text_escape() would make of it in `out`. */
size_t text_fit_escaped(const struct text *out, struct slice slice, char quote, size_t columns);
/* The same of the longest end: where it begins. */
size_t text_fit_end(const char *data, size_t length, size_t columns);
/* The bytes of the longest start of at most so many `bytes`, cut in the same way. */
size_t text_cut(const char *data, size_t length, size_t bytes);
/* One code point; returns its bytes. What is no UTF-8 is U+FFFD and one byte; lone
 * surrogates, which Python's str may hold, come as they are. */
size_t text_decode(const char *data, size_t length, uint32_t *out);

/* The digits of a number, which stand at the end of `room`. */
#define TEXT_DIGITS 20
static inline struct slice
text_digits(char room[TEXT_DIGITS], uint64_t number)
{
    size_t from = TEXT_DIGITS;
    do
        room[--from] = (char)('0' + number % 10);
    while (number /= 10);
    return (struct slice){room + from, TEXT_DIGITS - from};
}

#endif
