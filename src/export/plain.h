/* plain.h - a recorded value for formats that have numbers and truth themselves; all else is text, as value_text.h. */
#ifndef FLOW_PLAIN_H
#define FLOW_PLAIN_H

#include "../model/text.h"
#include "../trace/reader.h"

enum plain_kind { PLAIN_TEXT, PLAIN_INT, PLAIN_FLOAT, PLAIN_TRUTH };

struct plain {
    enum plain_kind kind;
    int64_t integer;
    double real;       /* finite */
    bool truth;
    struct slice text; /* as Python writes it, whatever its kind */
};

/* Advances `value` past it. The text lies in `room`, whose content is replaced. False: none was recorded. One that
 * can't be read has an empty text, and `value` is absent afterwards. */
bool plain_read(struct plain *out, const struct reader *reader, struct value *value, struct text *room);

static inline struct plain
plain_text(struct slice text)
{
    return (struct plain){.kind = PLAIN_TEXT, .text = text};
}

static inline struct plain
plain_number(int64_t number)
{
    return (struct plain){.kind = PLAIN_INT, .integer = number};
}

#endif
