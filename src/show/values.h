/* values.h - the arguments and results on a line; of a folded one what its members had. */
#ifndef FLOW_VALUES_H
#define FLOW_VALUES_H

#include "printer.h"

#define VALUES_WIDTH_MAX 120 /* columns of one value */

enum value_place { VALUES_ARGUMENT, VALUES_RESULT };

/* The value, or what the members of a folded line had: the first, and the last that differs from it. */
void values_put(struct text *out, struct printer *printer, const struct story_line *line, enum value_place place,
                uint32_t index, unsigned width);
/* In brackets; notes in the printer where each begins. */
void values_put_arguments(struct text *out, struct printer *printer, const struct story_line *line, unsigned width);
bool values_is_one_of(char c, const char *set);

#endif
