/* text.h - a growable byte string. A failed allocation sets `failed` and drops what follows. */
#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "../trace/reader.h"

struct text {
    char *data; /* Owned; not terminated. */
    size_t length;
    size_t room;
    bool failed;
};

void text_free(struct text *text);
void text_bytes(struct text *text, const char *data, size_t length);
void text_string(struct text *text, const char *string);
void text_slice(struct text *text, struct slice slice);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends a name from the trace with control characters and bad UTF-8 made harmless. */
void text_clean(struct text *text, struct slice slice);

/* Columns that UTF-8 text takes on a terminal: East Asian wide counts 2, combining marks 0. */
size_t text_columns(const char *data, size_t length);

#endif
