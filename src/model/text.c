#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

#define NAME_MAX_BYTES 400

void
text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static bool
make_room(struct text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 || text->length > SIZE_MAX / 4) {
        text->failed = true;
        return false;
    }
    if (more <= text->room - text->length)
        return true;
    size_t room = text->room ? text->room : 256;
    while (room - text->length < more)
        room *= 2;
    char *grown = realloc(text->data, room);
    if (!grown) {
        text->failed = true;
        return false;
    }
    text->data = grown;
    text->room = room;
    return true;
}

void
text_bytes(struct text *text, const char *data, size_t length)
{
    if (length == 0 || !make_room(text, length))
        return;
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

void
text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

void
text_slice(struct text *text, struct slice slice)
{
    text_bytes(text, slice.data, slice.length);
}

void
text_integer(struct text *text, int64_t number)
{
    char room[TEXT_DIGITS];
    text_bytes(text, "-", number < 0);
    text_slice(text, text_digits(room, number < 0 ? 0 - (uint64_t)number : (uint64_t)number));
}

void
text_format(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !make_room(text, (size_t)n + 1))
        return;
    va_start(args, format);
    vsnprintf(text->data + text->length, (size_t)n + 1, format, args);
    va_end(args);
    text->length += (size_t)n;
}

void
text_dots(struct text *text)
{
    text_string(text, text->ascii ? "..." : "…");
}

void
text_truncate(struct text *text, size_t length)
{
    if (length < text->length)
        text->length = length;
}

/* --- UTF-8 -------------------------------------------------------------- */

#define REPLACEMENT 0xfffdu

static size_t
sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t
text_decode(const char *data, size_t length, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = (const uint8_t *)data;
    *out = REPLACEMENT;
    if (length == 0)
        return 0;
    size_t n = sequence_length(p[0]);
    if (n == 1)
        *out = p[0];
    if (n <= 1 || n > length)
        return 1;
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff)
        return 1;
    *out = c;
    return n;
}

static void
put_escape(struct text *text, uint32_t c)
{
    if (c == '\n' || c == '\r' || c == '\t')
        text_string(text, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    else
        text_format(text, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

/* Bytes at the start that are shown as they are: most of a text, all at once. */
static size_t
plain_bytes(struct slice slice, char quote)
{
    size_t n = 0;
    while (n < slice.length && slice.data[n] >= ' ' && slice.data[n] <= '~'
           && !(quote && (slice.data[n] == quote || slice.data[n] == '\\')))
        n++;
    return n;
}

/* How one code point is shown: as it is, or escaped. */
static void
put_character(struct text *text, const char *data, size_t bytes, uint32_t c, char quote)
{
    if (c == REPLACEMENT && !text->ascii)
        text_string(text, "\xef\xbf\xbd");
    else if (cluster_is_hidden(c) || (text->ascii && c > '~'))
        put_escape(text, c);
    else if (quote && (c == (uint32_t)(uint8_t)quote || c == '\\'))
        text_format(text, "\\%c", (int)c);
    else
        text_bytes(text, data, bytes);
}

void
text_escape(struct text *text, struct slice slice, char quote)
{
    for (size_t i = 0; i < slice.length && !text->failed;) {
        size_t plain = plain_bytes((struct slice){slice.data + i, slice.length - i}, quote);
        text_bytes(text, slice.data + i, plain);
        i += plain;
        if (i == slice.length)
            break;
        uint32_t c;
        size_t n = text_decode(slice.data + i, slice.length - i, &c);
        put_character(text, slice.data + i, n, c, quote);
        i += n;
    }
}

void
text_clean(struct text *text, struct slice slice)
{
    text_escape(text, slice, '\0');
}

void
text_name(struct text *text, struct slice slice)
{
    size_t length = text_cut(slice.data, slice.length, NAME_MAX_BYTES);
    bool cut = length < slice.length;
    slice.length = length;
    text_clean(text, slice);
    if (cut)
        text_dots(text);
}

/* --- columns ------------------------------------------------------------ */

size_t
text_columns(const char *data, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length;) {
        struct cluster cluster = cluster_first(data + i, length - i);
        columns += cluster.columns;
        i += cluster.bytes;
    }
    return columns;
}

size_t
text_fit(const char *data, size_t length, size_t columns)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        struct cluster cluster = cluster_first(data + i, length - i);
        used += cluster.columns;
        if (used > columns)
            return i;
        i += cluster.bytes;
    }
    return length;
}

size_t
text_fit_end(const char *data, size_t length, size_t columns)
{
    size_t left = text_columns(data, length);
    size_t i = 0;
    while (left > columns) {
        struct cluster cluster = cluster_first(data + i, length - i);
        left -= cluster.columns;
        i += cluster.bytes;
    }
    return i;
}

size_t
text_cut(const char *data, size_t length, size_t bytes)
{
    if (length <= bytes)
        return length;
    size_t i = 0;
    for (;;) {
        struct cluster cluster = cluster_first(data + i, length - i);
        if (i + cluster.bytes > bytes)
            return i;
        i += cluster.bytes;
    }
}

/* What an escape of this code point takes; 0 where it is shown as it is. */
static size_t
escape_columns(uint32_t c, char quote, bool ascii)
{
    if (c == REPLACEMENT && !ascii)
        return 1;
    if (!cluster_is_hidden(c) && !(ascii && c > '~'))
        return quote && (c == (uint32_t)(uint8_t)quote || c == '\\') ? 2 : 0;
    if (c == '\n' || c == '\r' || c == '\t')
        return 2;
    return c < 0x100 ? 4 : c < 0x10000 ? 6 : 10;
}

static size_t
cluster_columns(const char *data, struct cluster cluster, char quote, bool ascii)
{
    size_t columns = 0;
    bool escaped = false;
    for (size_t i = 0; i < cluster.bytes;) {
        uint32_t c;
        size_t n = text_decode(data + i, cluster.bytes - i, &c);
        size_t escape = escape_columns(c, quote, ascii);
        escaped |= escape > 0;
        columns += escape ? escape : cluster_first(data + i, n).columns;
        i += n;
    }
    return escaped ? columns : cluster.columns;
}

size_t
text_fit_escaped(const struct text *out, struct slice slice, char quote, size_t columns)
{
    size_t used = 0;
    for (size_t i = 0; i < slice.length;) {
        struct cluster cluster = cluster_first(slice.data + i, slice.length - i);
        used += cluster_columns(slice.data + i, cluster, quote, out->ascii);
        if (used > columns)
            return i;
        i += cluster.bytes;
    }
    return slice.length;
}
