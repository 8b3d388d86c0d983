/* value_match.h - is this value the one that somebody wrote? It is compared as it is told.
 *
 * A text may be written with its quotes or without; "…" stands for whatever was cut; Order#3 is the object of that
 * number, whatever is known of it. Numbers and texts are compared without being made text of.
 */
#ifndef FLOW_VALUE_MATCH_H
#define FLOW_VALUE_MATCH_H

#include "value_text.h"

struct value_pattern {
    struct slice text; /* Borrowed */
    bool contains;     /* it need only stand somewhere in there */
    bool cut;          /* "…" is in it */
    bool whole;        /* it is a whole number as it is told, */
    int64_t number;    /* this one */
    struct slice type; /* of Order#3, */
    uint64_t identity; /* and its number; 0: it is none of these */
};

struct value_pattern value_pattern(const char *text, bool contains);
/* `scratch` is used and left as it comes. Absent values match nothing. */
bool value_matches(const struct reader *reader, struct value value, const struct value_pattern *pattern,
                   struct text *scratch);
/* Does it stand somewhere in this container or object? */
bool value_contains(const struct reader *reader, struct value value, const struct value_pattern *pattern,
                    struct text *scratch);

#endif
