/* range.h - ">10ms", "1ms..5ms", "..3": the conditions on numbers, as they are written. */
#ifndef FLOW_RANGE_H
#define FLOW_RANGE_H

#include "text.h"

struct range {
    uint64_t low, high; /* both belong to it */
};

/* What is wrong with a condition's text, and where: begins a sentence "--option 'text': ". */
void range_blame(struct text *error, const char *option, const char *text);

/* 0, or -EINVAL and a sentence that names the option, its text and the character. With `units` each number is a
 * time, in ns; else a whole number. One alone stands for all up to it where that makes sense: without units. */
int range_parse(struct range *out, const char *option, const char *text, bool units, struct text *error);

static inline bool
range_has(struct range range, uint64_t number)
{
    return range.low <= number && number <= range.high;
}

#endif
