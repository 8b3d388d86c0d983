#include "sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK_ROOM ((size_t)256 * 1024)

int
sink_open(struct sink *out, int fd)
{
    *out = (struct sink){.fd = fd, .buffer = malloc(SINK_ROOM)};
    return out->buffer ? 0 : -ENOMEM;
}

static void
write_all(struct sink *sink, const char *data, size_t length)
{
    while (length && !sink->error) {
        ssize_t n = write(sink->fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            sink->error = n < 0 ? -errno : -ENOSPC;
        data += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
}

static void
flush(struct sink *sink)
{
    write_all(sink, sink->buffer, sink->length);
    sink->length = 0;
}

int
sink_close(struct sink *sink)
{
    flush(sink);
    free(sink->buffer);
    sink->buffer = NULL;
    return sink->error;
}

void
sink_bytes(struct sink *sink, const void *data, size_t length)
{
    sink->written += length;
    if (length > SINK_ROOM - sink->length)
        flush(sink);
    if (length > SINK_ROOM) {
        write_all(sink, data, length);
        return;
    }
    memcpy(sink->buffer + sink->length, data, length);
    sink->length += length;
}

void
sink_string(struct sink *sink, const char *string)
{
    sink_bytes(sink, string, strlen(string));
}

void
sink_number(struct sink *sink, uint64_t number)
{
    char room[TEXT_DIGITS];
    struct slice digits = text_digits(room, number);
    sink_bytes(sink, digits.data, digits.length);
}

void
sink_format(struct sink *sink, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        sink->error = sink->error ? sink->error : -EOVERFLOW;
    else
        sink_bytes(sink, line, (size_t)length);
}

void
sink_text(struct sink *sink, struct text *text)
{
    if (text->failed && !sink->error)
        sink->error = -ENOMEM;
    else if (text->length)
        sink_bytes(sink, text->data, text->length);
    text->length = 0;
}

/* --- escaping ------------------------------------------------------------- */

#define REPLACEMENT "\xef\xbf\xbd"

typedef void put_function(void *out, const void *data, size_t length);

static void
put_in_sink(void *out, const void *data, size_t length)
{
    sink_bytes(out, data, length);
}

static void
put_in_text(void *out, const void *data, size_t length)
{
    text_bytes(out, data, length);
}

/* What stands for a character instead of itself, in `room` of 8 bytes; NULL: nothing. `bytes` it has. */
typedef const char *escape_function(char room[8], uint32_t character);

static const char *
escape_json(char room[8], uint32_t character)
{
    switch (character) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
    }
    if (character >= 0x20 && character != 0x7f && character != '<' && character != 0x2028 && character != 0x2029)
        return NULL;
    snprintf(room, 8, "\\u%04x", (unsigned)character & 0xffff);
    return room;
}

static const char *
escape_xml(char room[8], uint32_t character)
{
    (void)room;
    switch (character) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\n': return "&#10;";
    case '\t': return "&#9;";
    case '\r': return "&#13;";
    default: return character < 0x20 || character == 0xfffe || character == 0xffff ? REPLACEMENT : NULL;
    }
}

static const char *
escape_nothing(char room[8], uint32_t character)
{
    (void)room;
    (void)character;
    return NULL;
}

/* ASCII that nobody escapes. */
static bool
is_plain(char byte)
{
    static const bool special[128] = {['"'] = true, ['\\'] = true, ['<'] = true,   ['>'] = true,
                                      ['&'] = true, ['\''] = true, ['\x7f'] = true};
    uint8_t c = (uint8_t)byte;
    return c >= 0x20 && c < 0x80 && !special[c];
}

/* Runs of characters that stand for themselves go in one piece. */
static void
put_escaped(void *out, put_function *put, escape_function *escape, struct slice text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.length;) {
        uint32_t character;
        char room[8];
        if (is_plain(text.data[i])) {
            i++;
            continue;
        }
        size_t length = text_decode(text.data + i, text.length - i, &character);
        bool is_half = character >= 0xd800 && character <= 0xdfff;
        bool is_bad = is_half || (character == 0xfffd && length == 1);
        const char *instead = is_bad ? REPLACEMENT : escape(room, character);
        if (instead) {
            put(out, text.data + from, i - from);
            put(out, instead, strlen(instead));
            from = i + length;
        }
        i += length;
    }
    put(out, text.data + from, text.length - from);
}

void
sink_json(struct sink *sink, struct slice text)
{
    sink_bytes(sink, "\"", 1);
    put_escaped(sink, put_in_sink, escape_json, text);
    sink_bytes(sink, "\"", 1);
}

void
sink_xml(struct sink *sink, struct slice text)
{
    put_escaped(sink, put_in_sink, escape_xml, text);
}

void
text_json(struct text *out, struct slice text)
{
    text_bytes(out, "\"", 1);
    put_escaped(out, put_in_text, escape_json, text);
    text_bytes(out, "\"", 1);
}

void
text_xml(struct text *out, struct slice text)
{
    put_escaped(out, put_in_text, escape_xml, text);
}

void
text_utf8(struct text *out, struct slice text)
{
    put_escaped(out, put_in_text, escape_nothing, text);
}
