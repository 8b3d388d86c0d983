/* slice.h - borrowed bytes of a trace, and how they compare. */
#ifndef FLOW_SLICE_H
#define FLOW_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed bytes, not terminated. */
struct slice {
    const char *data;
    size_t length;
};

static inline bool
slice_equals(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool
slice_is(struct slice slice, const char *text)
{
    return slice_equals(slice, (struct slice){text, strlen(text)});
}

static inline bool
slice_ends_with(struct slice slice, const char *end)
{
    size_t n = strlen(end);
    return slice.length >= n && slice_is((struct slice){slice.data + (slice.length - n), n}, end);
}

#endif
