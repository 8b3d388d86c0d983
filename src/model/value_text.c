#include "value_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printer {
    struct text *out;
    const struct reader *reader;
    unsigned width; /* columns in all; 0: no bound */
    unsigned depth;
    size_t start;   /* of the value in out */
    int error;
};

static bool
is_full(const struct printer *printer)
{
    return printer->width && printer->out->length - printer->start >= printer->width;
}

/* --- scalars ------------------------------------------------------------ */

/* The shortest text that reads back as the same number, like Python's repr. */
static void
put_float(struct text *out, double number)
{
    char text[40];
    if (isnan(number) || isinf(number)) {
        text_string(out, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    double size = fabs(number);
    if (size >= 1e15 && size < 1e16)
        snprintf(text, sizeof text, "%.0f", number);
    text_string(out, text);
    if (!strpbrk(text, ".e"))
        text_string(out, ".0");
}

static void
put_complex(struct text *out, const struct value_head *head)
{
    text_format(out, "(%g%+gj)", head->real, head->imaginary);
}

/* Little-endian bytes to decimal, nine digits a round. */
static void
put_big_int(struct text *out, const struct value_head *head)
{
    if (head->bytes.length == 0 || head->bytes.length > 4096) {
        text_format(out, "%s<int of %llu bits>", head->negative ? "-" : "", (unsigned long long)head->total);
        return;
    }
    size_t words = (head->bytes.length + 3) / 4;
    uint32_t number[1024] = {0};
    for (size_t i = 0; i < head->bytes.length; i++)
        number[i / 4] |= (uint32_t)(uint8_t)head->bytes.data[i] << (i % 4 * 8);
    uint32_t groups[1400];
    size_t count = 0;
    while (words > 0) {
        uint64_t rest = 0;
        for (size_t i = words; i-- > 0;) {
            uint64_t current = rest << 32 | number[i];
            number[i] = (uint32_t)(current / 1000000000u);
            rest = current % 1000000000u;
        }
        groups[count++] = (uint32_t)rest;
        while (words > 0 && number[words - 1] == 0)
            words--;
    }
    text_string(out, head->negative ? "-" : "");
    text_format(out, "%u", count ? groups[count - 1] : 0);
    for (size_t i = count; i-- > 1;)
        text_format(out, "%09u", groups[i - 1]);
}

/* Single quotes unless the text holds some and no double ones: as Python chooses. */
static char
choose_quote(struct slice bytes)
{
    return memchr(bytes.data, '\'', bytes.length) && !memchr(bytes.data, '"', bytes.length) ? '"' : '\'';
}

static void
put_str(struct printer *printer, const struct value_head *head)
{
    struct text *out = printer->out;
    struct slice bytes = head->bytes;
    if (!bytes.data)
        bytes = (struct slice){"", 0};
    bool cut = false;
    if (printer->width) {
        size_t used = out->length - printer->start;
        size_t room = printer->width > used + 8 ? printer->width - used - 3 : 6;
        size_t fits = text_fit(bytes.data, bytes.length, room);
        cut = fits < bytes.length;
        bytes.length = fits;
    }
    if (head->tag == FLOW_VALUE_STR) {
        size_t characters = 0;
        for (size_t i = 0; i < head->bytes.length; characters++) {
            uint32_t c;
            i += text_decode(head->bytes.data + i, head->bytes.length - i, &c);
        }
        cut = cut || characters < head->total;
    }
    char quote = choose_quote(bytes);
    text_bytes(out, &quote, 1);
    text_escape(out, bytes, quote);
    text_string(out, cut ? "…" : "");
    text_bytes(out, &quote, 1);
}

static void
put_bytes(struct printer *printer, const struct value_head *head)
{
    struct text *out = printer->out;
    bool array = head->tag == FLOW_VALUE_BYTEARRAY;
    size_t shown = head->bytes.length;
    if (printer->width && shown > printer->width / 2)
        shown = printer->width / 2;
    char quote = choose_quote(head->bytes.data ? (struct slice){head->bytes.data, shown} : (struct slice){"", 0});
    text_string(out, array ? "bytearray(b" : "b");
    text_bytes(out, &quote, 1);
    for (size_t i = 0; i < shown; i++) {
        unsigned byte = (uint8_t)head->bytes.data[i];
        if (byte == (uint8_t)quote || byte == '\\')
            text_format(out, "\\%c", (int)byte);
        else if (byte == '\n' || byte == '\r' || byte == '\t')
            text_string(out, byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t");
        else if (byte < 0x20 || byte >= 0x7f)
            text_format(out, "\\x%02x", byte);
        else
            text_format(out, "%c", (int)byte);
    }
    text_string(out, shown < head->total ? "…" : "");
    text_bytes(out, &quote, 1);
    text_string(out, array ? ")" : "");
}

/* --- containers --------------------------------------------------------- */

static void put_value(struct printer *printer, struct value *value, unsigned depth);

static void
skip(struct printer *printer, struct value *value, bool named)
{
    struct slice name;
    if (named && value_read_name(printer->reader, value, &name) < 0)
        printer->error = -EBADMSG;
    if (value_skip(printer->reader, value) < 0)
        printer->error = -EBADMSG;
}

static void
put_rest(struct printer *printer, uint64_t shown, uint64_t total)
{
    if (total > shown)
        text_format(printer->out, "%s…%llu", shown ? ", " : "", (unsigned long long)(total - shown));
}

/* [Order ×12]: many objects of one type say little one by one. */
static bool
put_uniform(struct printer *printer, struct value *value, const struct value_head *head)
{
    if (!printer->width || head->total < 3 || head->count == 0)
        return false;
    struct value ahead = *value;
    struct slice type = {0};
    for (uint64_t i = 0; i < head->count; i++) {
        struct value item = ahead;
        struct value_head inner;
        if (value_read(printer->reader, &item, &inner) < 0 || value_skip(printer->reader, &ahead) < 0)
            return false;
        bool object = inner.tag == FLOW_VALUE_OBJECT || inner.tag == FLOW_VALUE_FIELDS || inner.tag == FLOW_VALUE_ARGS;
        if (!object || (i > 0 && (inner.type.length != type.length || memcmp(inner.type.data, type.data, type.length))))
            return false;
        type = inner.type;
    }
    text_clean(printer->out, type);
    text_format(printer->out, " ×%llu", (unsigned long long)head->total);
    *value = ahead;
    return true;
}

static void
put_children(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    bool deep = printer->depth && depth >= printer->depth && head->tag != FLOW_VALUE_WRAPPED;
    bool named = head->tag == FLOW_VALUE_FIELDS;
    bool paired = head->tag == FLOW_VALUE_DICT;
    uint64_t shown = 0;
    for (uint64_t i = 0; i < head->count && !printer->error; i++) {
        if (deep || is_full(printer) || printer->out->failed) {
            skip(printer, value, named);
            if (paired)
                skip(printer, value, false);
            continue;
        }
        text_string(printer->out, shown ? ", " : "");
        struct slice name;
        if (named && value_read_name(printer->reader, value, &name) < 0) {
            printer->error = -EBADMSG;
            return;
        }
        if (named) {
            text_clean(printer->out, name);
            text_string(printer->out, "=");
        }
        if (paired) {
            put_value(printer, value, depth + 1);
            text_string(printer->out, ": ");
        }
        put_value(printer, value, depth + 1);
        shown++;
    }
    put_rest(printer, shown, head->total);
}

static void
put_container(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    struct text *out = printer->out;
    const char *open = "[";
    const char *close = "]";
    if (head->tag == FLOW_VALUE_TUPLE) {
        open = "(";
        close = head->total == 1 ? ",)" : ")";
    }
    else if (head->tag == FLOW_VALUE_SET || head->tag == FLOW_VALUE_DICT) {
        open = head->tag == FLOW_VALUE_SET && head->total == 0 ? "set(" : "{";
        close = head->tag == FLOW_VALUE_SET && head->total == 0 ? ")" : "}";
    }
    else if (head->tag == FLOW_VALUE_FROZENSET) {
        open = head->total == 0 ? "frozenset(" : "frozenset({";
        close = head->total == 0 ? ")" : "})";
    }
    text_string(out, open);
    if (head->tag == FLOW_VALUE_DICT || !put_uniform(printer, value, head))
        put_children(printer, value, head, depth);
    text_string(out, close);
}

static void
put_object(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    struct text *out = printer->out;
    text_clean(out, head->type);
    if (head->tag == FLOW_VALUE_OBJECT || (head->tag == FLOW_VALUE_FIELDS && head->count == 0 && head->total > 0))
        return;
    text_string(out, "(");
    put_children(printer, value, head, depth);
    text_string(out, ")");
}

static const char *
fixed_text(int tag)
{
    switch (tag) {
    case FLOW_VALUE_ABSENT: return "?";
    case FLOW_VALUE_NONE: return "None";
    case FLOW_VALUE_FALSE: return "False";
    case FLOW_VALUE_TRUE: return "True";
    case FLOW_VALUE_ELLIPSIS: return "Ellipsis";
    case FLOW_VALUE_NOT_IMPLEMENTED: return "NotImplemented";
    case FLOW_VALUE_REDACTED: return "<redacted>";
    case FLOW_VALUE_TRUNCATED: return "…";
    case FLOW_VALUE_UNREADABLE: return "<unreadable>";
    case FLOW_VALUE_CYCLE: return "<cycle>";
    case FLOW_VALUE_EXTENDED: return "<newer kind of value>";
    default: return NULL;
    }
}

static void
put_value(struct printer *printer, struct value *value, unsigned depth)
{
    struct text *out = printer->out;
    struct value_head head;
    if (printer->error || depth > FLOW_VALUE_DEPTH_MAX + 1 || value_read(printer->reader, value, &head) < 0) {
        printer->error = -EBADMSG;
        return;
    }
    const char *fixed = fixed_text(head.tag);
    if (fixed) {
        text_string(out, fixed);
        return;
    }
    switch (head.tag) {
    case FLOW_VALUE_INT:
        text_format(out, "%lld", (long long)head.integer);
        break;
    case FLOW_VALUE_BIG_INT:
        put_big_int(out, &head);
        break;
    case FLOW_VALUE_FLOAT:
        put_float(out, head.real);
        break;
    case FLOW_VALUE_COMPLEX:
        put_complex(out, &head);
        break;
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE:
        put_str(printer, &head);
        break;
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY:
        put_bytes(printer, &head);
        break;
    case FLOW_VALUE_TEXT:
        text_clean(out, head.bytes);
        break;
    case FLOW_VALUE_OBJECT:
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS:
    case FLOW_VALUE_WRAPPED:
        put_object(printer, value, &head, depth);
        break;
    default:
        put_container(printer, value, &head, depth);
    }
}

int
value_text(struct text *out, const struct reader *reader, struct value *value, const struct value_limits *limits)
{
    struct printer printer = {out, reader, limits->width, limits->depth, out->length, 0};
    put_value(&printer, value, 0);
    return printer.error ? printer.error : out->failed ? -ENOMEM : 0;
}

static struct slice
named(const char *name)
{
    return (struct slice){name, strlen(name)};
}

struct slice
value_type_name(const struct reader *reader, struct value value)
{
    struct value_head head;
    if (value_read(reader, &value, &head) < 0)
        return named("");
    switch (head.tag) {
    case FLOW_VALUE_NONE: return named("NoneType");
    case FLOW_VALUE_FALSE:
    case FLOW_VALUE_TRUE: return named("bool");
    case FLOW_VALUE_ELLIPSIS: return named("ellipsis");
    case FLOW_VALUE_NOT_IMPLEMENTED: return named("NotImplementedType");
    case FLOW_VALUE_INT:
    case FLOW_VALUE_BIG_INT: return named("int");
    case FLOW_VALUE_FLOAT: return named("float");
    case FLOW_VALUE_COMPLEX: return named("complex");
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE: return named("str");
    case FLOW_VALUE_BYTES: return named("bytes");
    case FLOW_VALUE_BYTEARRAY: return named("bytearray");
    case FLOW_VALUE_LIST: return named("list");
    case FLOW_VALUE_TUPLE: return named("tuple");
    case FLOW_VALUE_SET: return named("set");
    case FLOW_VALUE_FROZENSET: return named("frozenset");
    case FLOW_VALUE_DICT: return named("dict");
    default: return head.type.data ? head.type : named("");
    }
}
