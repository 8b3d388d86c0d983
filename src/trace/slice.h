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

/* Negative, 0 or positive, by their bytes. */
static inline int
slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* What stands behind the last `mark`, or all of it. */
static inline struct slice
slice_after_last(struct slice slice, char mark)
{
    for (size_t i = slice.length; i > 0; i--)
        if (slice.data[i - 1] == mark)
            return (struct slice){slice.data + i, slice.length - i};
    return slice;
}

static inline bool
slice_begins_with(struct slice slice, const char *begin)
{
    size_t n = strlen(begin);
    return slice.length >= n && slice_is((struct slice){slice.data, n}, begin);
}

static inline bool
slice_ends_with(struct slice slice, const char *end)
{
    size_t n = strlen(end);
    return slice.length >= n && slice_is((struct slice){slice.data + (slice.length - n), n}, end);
}

#endif
