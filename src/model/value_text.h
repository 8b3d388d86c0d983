/* value_text.h - a recorded value as the text a person reads.
 *
 *   12  'name'  'long te…'  [1, 2, …7]  {'a': 1}  Order(id=1, total=120)  [Order ×12]
 *
 * The text looks like Python's repr. Control characters are escaped, so that
 * nothing in a value can act on a terminal; invalid UTF-8 becomes U+FFFD.
 */
#ifndef FLOW_VALUE_TEXT_H
#define FLOW_VALUE_TEXT_H

#include "../trace/reader.h"
#include "text.h"

struct value_limits {
    unsigned width; /* about how many columns; 0: everything that was recorded */
    unsigned depth; /* containers within containers; 0: all */
};

/* Appends the text and advances `value` past it. 0, -EBADMSG or -ENOMEM. */
int value_text(struct text *out, const struct reader *reader, struct value *value, const struct value_limits *limits);

/* Python's name of the value's type: "int", "Order", "NoneType". */
struct slice value_type_name(const struct reader *reader, struct value value);

#endif
