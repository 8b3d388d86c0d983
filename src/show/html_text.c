/* html_text.c - text as HTML. */
#include <string.h>

#include "html_writer.h"

/* --- escaping ----------------------------------------------------------- */

static const char *
entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* HTML has no way to write these. */
static bool
is_forbidden(uint32_t c)
{
    return (c < ' ' && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000)
           || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

void
html_escape(struct text *out, struct slice text)
{
    size_t begin = 0;
    for (size_t i = 0; i < text.length && !out->failed;) {
        uint32_t c;
        size_t n = text_decode(text.data + i, text.length - i, &c);
        const char *instead = n == 1 ? entity(text.data[i]) : NULL;
        if (!instead && (is_forbidden(c) || (n == 1 && (uint8_t)text.data[i] >= 0x80)))
            instead = "\xef\xbf\xbd";
        if (instead) {
            text_bytes(out, text.data + begin, i - begin);
            text_string(out, instead);
            begin = i + n;
        }
        i += n;
    }
    text_bytes(out, text.data + begin, text.length - begin);
}

/* --- styles ------------------------------------------------------------- */

struct element {
    const char *code, *on, *off;
};

static const struct element *
find_element(struct slice code)
{
    static const struct element elements[] = {
        {"1", "<b>", "</b>"},
        {"2", "<span class=\"d\">", "</span>"},
        {"31", "<span class=\"r\">", "</span>"},
        {"32", "<span class=\"g\">", "</span>"},
        {"36", "<span class=\"c\">", "</span>"},
    };
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (slice_is(code, elements[i].code))
            return &elements[i];
    return NULL;
}

/* "\033[31m": how long it is and what stands in it; 0 if there is none at the start. */
static size_t
read_style(struct slice text, struct slice *code)
{
    size_t end = 2;
    if (text.length < 3 || text.data[0] != '\033' || text.data[1] != '[')
        return 0;
    while (end < text.length && text.data[end] >= '0' && text.data[end] <= '9')
        end++;
    *code = (struct slice){text.data + 2, end - 2};
    return end < text.length && text.data[end] == 'm' ? end + 1 : 0;
}

static struct slice
trim(struct slice text)
{
    while (text.length && text.data[0] == '\n') {
        text.data++;
        text.length--;
    }
    while (text.length && text.data[text.length - 1] == '\n')
        text.length--;
    return text;
}

/* The bytes of what begins `now` once more behind its end. */
static size_t
begins_again(struct slice text, size_t end, const struct element *now)
{
    struct slice code;
    size_t length = read_style((struct slice){text.data + end, text.length - end}, &code);
    return length && find_element(code) == now ? length : 0;
}

/* A style ends the one before it, as on a terminal. */
void
html_styled(struct text *out, struct slice text)
{
    const struct element *now = NULL;
    text = trim(text);
    while (text.length) {
        struct slice code;
        size_t style = read_style(text, &code);
        size_t length = style + (style && now ? begins_again(text, style, now) : 0);
        if (style && length == style) {
            text_string(out, now ? now->off : "");
            now = find_element(code);
            text_string(out, now ? now->on : "");
        }
        else if (style) {
            /* words of one style */
        }
        else {
            const char *next = memchr(text.data + 1, '\033', text.length - 1);
            length = next ? (size_t)(next - text.data) : text.length;
            html_escape(out, (struct slice){text.data, length});
        }
        text.data += length;
        text.length -= length;
    }
    text_string(out, now ? now->off : "");
}
