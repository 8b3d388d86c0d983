#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct range {
    uint32_t first, last;
};

static bool
is_in(uint32_t c, const struct range *ranges, size_t count)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

/* Unicode's Cc, Cf, Cs, Co, Zl, Zp and Zs but the space: where str.isprintable() is false. */
static const struct range hidden[] = {
    {0x00, 0x1f},       {0x7f, 0xa0},       {0xad, 0xad},        {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},      {0x8e2, 0x8e2},     {0x1680, 0x1680},
    {0x180e, 0x180e},   {0x2000, 0x200f},   {0x2028, 0x202f},    {0x205f, 0x206f},   {0x3000, 0x3000},
    {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},    {0xfff0, 0xfffb},   {0xfffe, 0xffff},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},  {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0x1fffe, 0x1ffff}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
};

/* Combining marks and variation selectors. */
static const struct range marks[] = {
    {0x300, 0x36f},   {0x483, 0x489},     {0x591, 0x5bd},     {0x5bf, 0x5bf},     {0x5c1, 0x5c2},   {0x5c4, 0x5c5},
    {0x5c7, 0x5c7},   {0x610, 0x61a},     {0x64b, 0x65f},     {0x670, 0x670},     {0x6d6, 0x6dc},   {0x6df, 0x6e4},
    {0x6e7, 0x6e8},   {0x6ea, 0x6ed},     {0x711, 0x711},     {0x730, 0x74a},     {0x7a6, 0x7b0},   {0x7eb, 0x7f3},
    {0x816, 0x82d},   {0x8ca, 0x902},     {0x93a, 0x93a},     {0x93c, 0x93c},     {0x941, 0x948},   {0x94d, 0x94d},
    {0x951, 0x957},   {0x962, 0x963},     {0x9bc, 0x9bc},     {0x9c1, 0x9c4},     {0x9cd, 0x9cd},   {0xa3c, 0xa3c},
    {0xa41, 0xa51},   {0xa70, 0xa71},     {0xabc, 0xabc},     {0xac1, 0xac8},     {0xacd, 0xacd},   {0xb3c, 0xb3c},
    {0xb41, 0xb44},   {0xb4d, 0xb4d},     {0xbcd, 0xbcd},     {0xc3e, 0xc40},     {0xc46, 0xc56},   {0xcbc, 0xcbc},
    {0xccc, 0xccd},   {0xd41, 0xd44},     {0xd4d, 0xd4d},     {0xe31, 0xe31},     {0xe34, 0xe3a},   {0xe47, 0xe4e},
    {0xeb1, 0xeb1},   {0xeb4, 0xebc},     {0xec8, 0xece},     {0xf18, 0xf19},     {0xf71, 0xf7e},   {0xf80, 0xf84},
    {0x102d, 0x1030}, {0x1032, 0x1037},   {0x1039, 0x103a},   {0x135d, 0x135f},   {0x17b4, 0x17b5}, {0x17b7, 0x17bd},
    {0x17c6, 0x17c6}, {0x17c9, 0x17d3},   {0x180b, 0x180f},   {0x1ab0, 0x1ace},   {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x20d0, 0x20f0}, {0x302a, 0x302d},   {0x3099, 0x309a},   {0xa66f, 0xa672},   {0xfb1e, 0xfb1e}, {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f}, {0x1d167, 0x1d169}, {0x1e8d0, 0x1e8d6}, {0xe0100, 0xe01ef},
};

/* East Asian Wide and Fullwidth, and emoji. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
    {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e},
    {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f},
    {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d7}, {0x1f6dc, 0x1f6df},
    {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f7f0, 0x1f7f0}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool
is_hidden(uint32_t c)
{
    return (c < ' ' || c > '~') && is_in(c, hidden, COUNT(hidden));
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
        if (c == REPLACEMENT && !text->ascii)
            text_string(text, "\xef\xbf\xbd");
        else if (is_hidden(c) || (text->ascii && c > '~'))
            put_escape(text, c);
        else if (quote && (c == (uint32_t)(uint8_t)quote || c == '\\'))
            text_format(text, "\\%c", (int)c);
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

void
text_name(struct text *text, struct slice slice)
{
    bool cut = slice.length > NAME_MAX_BYTES;
    slice.length = cut ? NAME_MAX_BYTES : slice.length;
    text_clean(text, slice);
    if (cut)
        text_dots(text);
}

static size_t
columns_of(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (is_in(c, marks, COUNT(marks)))
        return 0;
    return is_in(c, wide, COUNT(wide)) ? 2 : 1;
}

size_t
text_columns(const char *data, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length;) {
        uint32_t c = (uint8_t)data[i];
        i += c < 0x80 ? 1 : text_decode(data + i, length - i, &c);
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
