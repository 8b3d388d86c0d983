#include "value_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 22) /* columns: a small damaged value may refer to long strings many times */
#define NAME_COLUMNS 120

/* A value is tried whole first; if that does not fit, it is printed again and cut. */
struct printer {
    struct text *out;
    const struct reader *reader;
    unsigned depth;   /* containers within containers; 0: all */
    size_t counted;   /* bytes of out whose columns are in `columns` */
    size_t columns;   /* from the start of the value */
    size_t limit;     /* columns where the value being printed should end */
    unsigned nesting;
    bool path;        /* of the text being printed the end tells most */
    bool whole;       /* nothing may be cut ... */
    bool overflow;    /* ... and it did not fit */
    int error;
};

static size_t
columns_used(struct printer *printer)
{
    const struct text *out = printer->out;
    if (out->length > printer->counted)
        printer->columns += text_columns(out->data + printer->counted, out->length - printer->counted);
    printer->counted = out->length;
    return printer->columns;
}

/* Whether what there is ends in time. A text takes no more columns than bytes, so few texts have to be measured. */
static bool
fits(struct printer *printer)
{
    size_t most = printer->columns + (printer->out->length - printer->counted);
    return most <= printer->limit || columns_used(printer) <= printer->limit;
}

static size_t
columns_left(struct printer *printer)
{
    size_t used = columns_used(printer);
    return used < printer->limit ? printer->limit - used : 0;
}

static bool
is_done(const struct printer *printer)
{
    return printer->error || printer->overflow || printer->out->failed;
}

static void
put_name(struct printer *printer, struct slice name)
{
    size_t length = name.length > NAME_COLUMNS ? text_fit(name.data, name.length, NAME_COLUMNS) : name.length;
    text_clean(printer->out, (struct slice){name.data, length});
    if (length < name.length)
        text_dots(printer->out);
}

/* --- scalars ------------------------------------------------------------ */

/* The fewest digits that read back as the same number, and the exponent of the
 * first. Locales differ in the point, so it is not looked at. */
static int
shortest_digits(double number, char digits[18], int *exponent)
{
    char text[40] = "";
    int precision = fabs(number) < 2.3e-308 ? 0 : 14; /* few digits tell subnormal numbers apart */
    for (; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    int n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && n < 17)
            digits[n++] = *p;
    *exponent = *p ? atoi(p + 1) : 0;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return n;
}

/* As Python's repr: an exponent below 1e-4 and from 1e16 on. */
static void
put_float(struct text *out, double number, const char *point_zero)
{
    if (isnan(number) || isinf(number)) {
        text_string(out, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    char digits[18];
    int exponent;
    int n = shortest_digits(number, digits, &exponent);
    text_string(out, signbit(number) ? "-" : "");
    if (exponent < -4 || exponent >= 16)
        text_format(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1, exponent < 0 ? '-' : '+',
                    abs(exponent));
    else if (exponent < 0)
        text_format(out, "0.%.*s%s", -exponent - 1, "000", digits);
    else if (n > exponent + 1)
        text_format(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    else
        text_format(out, "%s%.*s%s", digits, exponent + 1 - n, "0000000000000000", point_zero);
}

static void
put_complex(struct text *out, const struct value_head *head)
{
    bool plain = head->real == 0 && !signbit(head->real);
    if (!plain) {
        text_string(out, "(");
        put_float(out, head->real, "");
        text_string(out, signbit(head->imaginary) && !isnan(head->imaginary) ? "" : "+");
    }
    put_float(out, head->imaginary, "");
    text_string(out, plain ? "j" : "j)");
}

/* Little-endian bytes to decimal, nine digits a round. */
static void
put_big_int(struct text *out, const struct value_head *head)
{
    if (head->bytes.length == 0 || head->bytes.length > 4096) {
        text_format(out, "<%sint of %llu bits>", head->negative ? "negative " : "", (unsigned long long)head->total);
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
    if (bytes.length == 0)
        return '\'';
    return memchr(bytes.data, '\'', bytes.length) && !memchr(bytes.data, '"', bytes.length) ? '"' : '\'';
}

/* The last parts of a path that fit, or the end of its last one. */
static struct slice
end_of_path(struct slice path, size_t room)
{
    size_t from = text_fit_end(path.data, path.length, room);
    const char *part = from ? memchr(path.data + from, '/', path.length - from) : NULL;
    if (part)
        from = (size_t)(part - path.data);
    return (struct slice){path.data + from, path.length - from};
}

/* How much of a text is to be printed between quotes. */
static struct slice
cut_to_fit(struct printer *printer, struct slice bytes, char quote, bool *cut)
{
    size_t left = columns_left(printer);
    size_t taken = printer->out->ascii ? 5 : 3; /* quotes and dots */
    size_t room = left > taken + 6 ? left - taken : 6;
    if (!printer->whole) {
        size_t fits = text_fit_escaped(printer->out, bytes, quote, room);
        *cut |= fits < bytes.length;
        if (printer->path)
            bytes = end_of_path(bytes, room);
        else
            bytes.length = fits;
    }
    else if (bytes.length > 8 * left + 64) {
        printer->overflow = true;
        bytes.length = 0;
    }
    return bytes;
}

static size_t
count_characters(struct slice bytes)
{
    size_t characters = 0;
    for (size_t i = 0; i < bytes.length; characters++) {
        uint32_t c;
        i += text_decode(bytes.data + i, bytes.length - i, &c);
    }
    return characters;
}

static void
put_str(struct printer *printer, const struct value_head *head)
{
    struct text *out = printer->out;
    bool cut = head->tag == FLOW_VALUE_STR && count_characters(head->bytes) < head->total;
    char quote = choose_quote(head->bytes);
    struct slice bytes = cut_to_fit(printer, head->bytes, quote, &cut);
    bool from_start = bytes.data == head->bytes.data;
    text_bytes(out, &quote, 1);
    if (!from_start)
        text_dots(out);
    text_escape(out, bytes, quote);
    if (cut && from_start)
        text_dots(out);
    text_bytes(out, &quote, 1);
}

static void
put_byte(struct text *out, unsigned byte, char quote)
{
    if (byte == (uint8_t)quote || byte == '\\')
        text_format(out, "\\%c", (int)byte);
    else if (byte == '\n' || byte == '\r' || byte == '\t')
        text_string(out, byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t");
    else if (byte < 0x20 || byte >= 0x7f)
        text_format(out, "\\x%02x", byte);
    else
        text_format(out, "%c", (int)byte);
}

static void
put_bytes(struct printer *printer, const struct value_head *head)
{
    struct text *out = printer->out;
    bool array = head->tag == FLOW_VALUE_BYTEARRAY;
    char quote = choose_quote(head->bytes);
    bool cut = head->bytes.length < head->total;
    struct slice bytes = cut_to_fit(printer, head->bytes, quote, &cut);
    text_string(out, array ? "bytearray(b" : "b");
    text_bytes(out, &quote, 1);
    for (size_t i = 0; i < bytes.length && !out->failed; i++) {
        if (!printer->whole && i > 4 && columns_left(printer) < 4) {
            cut = true;
            break;
        }
        put_byte(out, (uint8_t)bytes.data[i], quote);
    }
    if (cut)
        text_dots(out);
    text_bytes(out, &quote, 1);
    text_string(out, array ? ")" : "");
}

static void
put_text(struct printer *printer, const struct value_head *head)
{
    bool cut = false;
    struct slice bytes = cut_to_fit(printer, head->bytes, '\0', &cut);
    text_clean(printer->out, bytes);
    if (cut)
        text_dots(printer->out);
}

/* --- containers --------------------------------------------------------- */

static void put_value(struct printer *printer, struct value *value, unsigned depth);

static void
skip(struct printer *printer, struct value *value, struct value_head *head)
{
    struct slice name;
    if (head->tag == FLOW_VALUE_FIELDS && value_read_name(printer->reader, head, value, &name) < 0)
        printer->error = -EBADMSG;
    if (head->tag == FLOW_VALUE_DICT && value_skip(printer->reader, value) < 0)
        printer->error = -EBADMSG;
    if (value_skip(printer->reader, value) < 0)
        printer->error = -EBADMSG;
}

/* Future(done): a text that begins with the type's name. */
static bool
is_state(const struct value_head *head)
{
    return head->tag == FLOW_VALUE_TEXT && head->bytes.length > head->type.length
           && memcmp(head->bytes.data, head->type.data, head->type.length) == 0
           && head->bytes.data[head->type.length] == '(';
}

/* [Order ×12]: many objects of one type, of which no more is known, or for which
 * there is no room. */
static bool
put_uniform(struct printer *printer, struct value *value, const struct value_head *head, bool deep)
{
    if (head->tag == FLOW_VALUE_DICT || head->total < 2 || head->count == 0)
        return false;
    struct value ahead = *value;
    struct slice type = {0};
    for (uint64_t i = 0; i < head->count; i++) {
        struct value item = ahead;
        struct value_head inner;
        if (value_read(printer->reader, &item, &inner) < 0 || value_skip(printer->reader, &ahead) < 0)
            return false;
        bool bare = inner.tag == FLOW_VALUE_OBJECT && !inner.identity;
        bool full = inner.identity || inner.tag == FLOW_VALUE_FIELDS || inner.tag == FLOW_VALUE_ARGS
                    || is_state(&inner);
        if (!bare && (!full || (printer->whole && !deep)))
            return false;
        if (i > 0 && !slice_equals(inner.type, type))
            return false;
        type = inner.type;
    }
    put_name(printer, type);
    text_format(printer->out, " %s%llu", printer->out->ascii ? "x" : "×", (unsigned long long)head->total);
    *value = ahead;
    return true;
}

/* With less room than the rest needs, one child may take half of it. */
static size_t
child_limit(struct printer *printer, uint64_t others)
{
    size_t left = columns_left(printer);
    size_t room = left > 4 ? left - 4 : 0; /* for what tells of the rest */
    if (others > 0 && room / 2 >= 12)
        room /= 2;
    else if (others > 0 && room > 12)
        room = 12;
    return columns_used(printer) + room;
}

static void
put_within(struct printer *printer, struct value *value, unsigned depth, uint64_t others)
{
    size_t limit = printer->limit;
    if (!printer->whole)
        printer->limit = child_limit(printer, others);
    put_value(printer, value, depth);
    printer->limit = limit;
}

static void
put_child(struct printer *printer, struct value *value, struct value_head *head, unsigned depth, uint64_t others)
{
    struct slice name;
    if (head->tag == FLOW_VALUE_FIELDS) {
        if (value_read_name(printer->reader, head, value, &name) < 0) {
            printer->error = -EBADMSG;
            return;
        }
        put_name(printer, name);
        text_string(printer->out, name.length ? "=" : "");
    }
    else if (head->tag == FLOW_VALUE_DICT) {
        put_within(printer, value, depth, others + 1);
        text_string(printer->out, ": ");
    }
    put_within(printer, value, depth, others);
}

static void
put_rest(struct printer *printer, const struct value_head *head, uint64_t shown)
{
    if (head->total <= shown)
        return;
    text_string(printer->out, shown ? ", " : "");
    text_dots(printer->out);
    if (head->tag != FLOW_VALUE_FIELDS)
        text_format(printer->out, "%llu", (unsigned long long)(head->total - shown));
}

/* Is there no room for even a little of the next child? */
static bool
is_full(struct printer *printer, struct value value, struct value_head head)
{
    struct slice name;
    size_t needed = 8;
    if (head.tag == FLOW_VALUE_FIELDS && value_read_name(printer->reader, &head, &value, &name) == 0)
        needed += text_columns(name.data, name.length);
    return !printer->whole && columns_left(printer) < needed;
}

static void
put_children(struct printer *printer, struct value *value, const struct value_head *read, unsigned depth)
{
    struct value_head copy = *read;
    struct value_head *head = &copy;
    bool deep = printer->depth && depth >= printer->depth;
    if (put_uniform(printer, value, head, deep))
        return;
    uint64_t shown = 0;
    for (uint64_t i = 0; i < head->count && !is_done(printer); i++) {
        if (deep || shown < i || is_full(printer, *value, *head)) {
            skip(printer, value, head);
            continue;
        }
        text_string(printer->out, shown ? ", " : "");
        put_child(printer, value, head, depth + 1, head->count - i - 1);
        shown++;
        if (printer->whole && !fits(printer))
            printer->overflow = true;
    }
    put_rest(printer, head, shown);
}

static void
put_container(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    struct text *out = printer->out;
    const char *open = "[";
    const char *close = "]";
    if (head->tag == FLOW_VALUE_TUPLE) {
        open = "(";
        close = head->total == 1 && head->count == 1 ? ",)" : ")";
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
    put_children(printer, value, head, depth);
    text_string(out, close);
}

/* Order#3 */
static void
put_identity(struct printer *printer, const struct value_head *head)
{
    if (head->identity)
        text_format(printer->out, "#%llu", (unsigned long long)head->identity);
}

static void
put_object(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    put_name(printer, head->type);
    put_identity(printer, head);
    if (head->tag == FLOW_VALUE_OBJECT)
        return;
    text_string(printer->out, "(");
    if (head->tag == FLOW_VALUE_WRAPPED) {
        printer->path = slice_ends_with(head->type, "Path");
        put_within(printer, value, depth, 0);
        printer->path = false;
    }
    else
        put_children(printer, value, head, depth);
    text_string(printer->out, ")");
}

static bool
is_named(int tag)
{
    return tag == FLOW_VALUE_OBJECT || tag == FLOW_VALUE_FIELDS || tag == FLOW_VALUE_ARGS || tag == FLOW_VALUE_WRAPPED;
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
    case FLOW_VALUE_UNREADABLE: return "<unreadable>";
    case FLOW_VALUE_CYCLE: return "<cycle>";
    case FLOW_VALUE_EXTENDED: return "<newer kind of value>";
    default: return NULL;
    }
}

static void
put_decoded(struct printer *printer, struct value *value, const struct value_head *head, unsigned depth)
{
    struct text *out = printer->out;
    switch (head->tag) {
    case FLOW_VALUE_INT: text_integer(out, head->integer); break;
    case FLOW_VALUE_BIG_INT: put_big_int(out, head); break;
    case FLOW_VALUE_FLOAT: put_float(out, head->real, ".0"); break;
    case FLOW_VALUE_COMPLEX: put_complex(out, head); break;
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE: put_str(printer, head); break;
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY: put_bytes(printer, head); break;
    case FLOW_VALUE_TEXT: put_text(printer, head); break;
    case FLOW_VALUE_OBJECT:
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS:
    case FLOW_VALUE_WRAPPED: put_object(printer, value, head, depth); break;
    default: put_container(printer, value, head, depth);
    }
}

static void
put_once(struct printer *printer, struct value *value, unsigned depth)
{
    struct value_head head;
    if (printer->nesting > FLOW_VALUE_DEPTH_MAX || value_read(printer->reader, value, &head) < 0) {
        printer->error = -EBADMSG;
        return;
    }
    if (head.tag == FLOW_VALUE_TRUNCATED) {
        text_dots(printer->out);
        return;
    }
    const char *fixed = fixed_text(head.tag);
    if (fixed) {
        text_string(printer->out, fixed);
        return;
    }
    printer->nesting++;
    put_decoded(printer, value, &head, depth);
    printer->nesting--;
    if (!is_named(head.tag))
        put_identity(printer, &head);
}

static void
put_value(struct printer *printer, struct value *value, unsigned depth)
{
    if (is_done(printer))
        return;
    if (printer->whole) {
        put_once(printer, value, depth);
        return;
    }
    struct value begin = *value;
    size_t length = printer->out->length;
    size_t columns = columns_used(printer);
    printer->whole = true;
    put_once(printer, value, depth);
    printer->whole = false;
    if (!printer->overflow && fits(printer))
        return;
    printer->overflow = false;
    text_truncate(printer->out, length);
    printer->counted = length;
    printer->columns = columns;
    *value = begin;
    put_once(printer, value, depth);
}

int
value_text(struct text *out, const struct reader *reader, struct value *value, const struct value_limits *limits)
{
    struct printer printer = {.out = out,
                              .reader = reader,
                              .depth = limits->depth,
                              .counted = out->length,
                              .limit = limits->width ? limits->width : TEXT_MAX};
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
