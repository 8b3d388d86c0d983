#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static bool
make_room(struct text *text, size_t more)
{
    if (text->failed)
        return false;
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
text_format(struct text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0)
        text_bytes(text, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void
text_truncate(struct text *text, size_t length)
{
    if (length < text->length)
        text->length = length;
}

/* --- UTF-8 -------------------------------------------------------------- */

size_t
text_decode(const char *data, size_t length, uint32_t *out)
{
    const uint8_t *p = (const uint8_t *)data;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *out = 0xfffd;
    if (length == 0)
        return 0;
    if (p[0] < 0x80) {
        *out = p[0];
        return 1;
    }
    size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    if (n == 0 || n > length)
        return 1;
    uint32_t c = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff))
        *out = c;
    return n;
}

/* What a terminal might act on, and what would reorder a line. */
static bool
is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)
           || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void
text_escape(struct text *text, struct slice slice, char quote)
{
    for (size_t i = 0; i < slice.length;) {
        uint32_t c;
        size_t n = text_decode(slice.data + i, slice.length - i, &c);
        if (c == 0xfffd && n == 1)
            text_string(text, "\xef\xbf\xbd");
        else if (c == '\n' || c == '\r' || c == '\t')
            text_string(text, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (quote && (c == (uint32_t)(uint8_t)quote || c == '\\'))
            text_format(text, "\\%c", (int)c);
        else if (is_control(c))
            text_format(text, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
        else
            text_bytes(text, slice.data + i, n);
        i += n;
    }
}

void
text_clean(struct text *text, struct slice slice)
{
    text_escape(text, slice, '\0');
}

static bool
is_combining(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x483 && c <= 0x489) || (c >= 0x591 && c <= 0x5bd)
           || (c >= 0x64b && c <= 0x65f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x1dc0 && c <= 0x1dff)
           || (c >= 0x200b && c <= 0x200f) || (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f)
           || (c >= 0xfe20 && c <= 0xfe2f);
}

static bool
is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) || (c >= 0x3041 && c <= 0xa4cf)
           || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f)
           || (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f)
           || (c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd);
}

static size_t
columns_of(uint32_t c)
{
    return is_combining(c) ? 0 : is_wide(c) ? 2 : 1;
}

size_t
text_columns(const char *data, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length;) {
        uint32_t c;
        i += text_decode(data + i, length - i, &c);
        columns += columns_of(c);
    }
    return columns;
}

size_t
text_fit(const char *data, size_t length, size_t columns)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t c;
        size_t n = text_decode(data + i, length - i, &c);
        used += columns_of(c);
        if (used > columns)
            return i;
        i += n;
    }
    return length;
}
