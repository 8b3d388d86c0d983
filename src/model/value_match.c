#include "value_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOTS "…"
#define SEARCHED_COLUMNS 4000 /* of a value's text in which something is looked for */

static void
read_whole_number(struct value_pattern *pattern)
{
    char again[24];
    char *end;
    pattern->number = strtoll(pattern->text.data, &end, 10);
    snprintf(again, sizeof again, "%lld", (long long)pattern->number);
    pattern->whole = slice_is(pattern->text, again);
}

/* Order#3 */
static void
read_identity(struct value_pattern *pattern)
{
    const char *sign = strchr(pattern->text.data, '#');
    if (!sign || sign == pattern->text.data || strlen(sign) > 19)
        return;
    size_t digits = strspn(sign + 1, "0123456789");
    if (!digits || sign[1 + digits] || strpbrk(pattern->text.data, " '\"([{"))
        return;
    pattern->type = (struct slice){pattern->text.data, (size_t)(sign - pattern->text.data)};
    pattern->identity = strtoull(sign + 1, NULL, 10);
}

struct value_pattern
value_pattern(const char *text, bool contains)
{
    struct value_pattern pattern = {.text = {text, strlen(text)}, .contains = contains};
    pattern.cut = strstr(text, DOTS) != NULL;
    read_whole_number(&pattern);
    if (!contains)
        read_identity(&pattern);
    return pattern;
}

static bool
holds(struct slice text, struct slice part)
{
    return part.length == 0 || (text.length && memmem(text.data, text.length, part.data, part.length));
}

/* Each part between two "…" behind the one before; the first begins the text, the last ends it. */
static bool
fits_around_dots(struct slice text, struct slice pattern)
{
    size_t dots = strlen(DOTS);
    const char *p = pattern.data, *end = pattern.data + pattern.length;
    for (bool first = true;; first = false) {
        const char *next = memmem(p, (size_t)(end - p), DOTS, dots);
        struct slice part = {p, (size_t)((next ? next : end) - p)};
        if (!next && !first)
            return text.length >= part.length
                   && memcmp(text.data + text.length - part.length, part.data, part.length) == 0;
        const char *at = part.length ? memmem(text.data, text.length, part.data, part.length) : text.data;
        if (!at || (first && at != text.data))
            return false;
        text.length -= (size_t)(at - text.data) + part.length;
        text.data = at + part.length;
        p = next + dots;
    }
}

static bool
text_fits(struct slice text, const struct value_pattern *pattern)
{
    if (pattern->contains)
        return holds(text, pattern->text);
    return pattern->cut ? fits_around_dots(text, pattern->text) : slice_equals(text, pattern->text);
}

static uint64_t
count_characters(struct slice text)
{
    uint64_t characters = 0;
    for (size_t i = 0; i < text.length; i++)
        characters += ((uint8_t)text.data[i] & 0xc0) != 0x80;
    return characters;
}

/* Where the value's text would begin otherwise, none need be made. */
static bool
may_begin(const struct value_head *head, struct slice wanted)
{
    char first = wanted.length ? wanted.data[0] : '\0';
    switch (head->tag) {
    case FLOW_VALUE_NONE: return first == 'N';
    case FLOW_VALUE_FALSE: return first == 'F';
    case FLOW_VALUE_TRUE: return first == 'T';
    case FLOW_VALUE_INT: return false; /* compared before */
    case FLOW_VALUE_FLOAT:
    case FLOW_VALUE_COMPLEX:
    case FLOW_VALUE_BIG_INT: return first && strchr("-0123456789(<in", first);
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE: return first == '\'' || first == '"';
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY: return first == 'b';
    case FLOW_VALUE_LIST: return first == '[';
    case FLOW_VALUE_TUPLE: return first == '(';
    case FLOW_VALUE_SET:
    case FLOW_VALUE_DICT: return first == '{' || first == 's';
    case FLOW_VALUE_FROZENSET: return first == 'f';
    case FLOW_VALUE_TEXT: return head->bytes.length && head->bytes.data[0] == first;
    case FLOW_VALUE_OBJECT:
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS:
    case FLOW_VALUE_WRAPPED: return head->type.length && head->type.data[0] == first;
    default: return true;
    }
}

static bool
told_text_matches(const struct reader *reader, struct value value, const struct value_pattern *pattern,
                  struct text *scratch)
{
    bool searched = pattern->contains || pattern->cut;
    size_t columns = searched ? SEARCHED_COLUMNS : text_columns(pattern->text.data, pattern->text.length) + 1;
    struct value_limits limits = {.width = columns < SEARCHED_COLUMNS ? (unsigned)columns : SEARCHED_COLUMNS};
    text_truncate(scratch, 0);
    if (value_text(scratch, reader, &value, &limits) < 0)
        return false;
    return text_fits(text_content(scratch), pattern);
}

/* The text itself, without quotes. Of one that was cut when it was recorded only a part is known. */
static bool
plain_text_matches(const struct value_head *head, const struct value_pattern *pattern)
{
    struct slice bytes = head->bytes.length ? head->bytes : (struct slice){"", 0};
    if (head->tag != FLOW_VALUE_STR && head->tag != FLOW_VALUE_STR_WHOLE)
        return false;
    if (!text_fits(bytes, pattern))
        return false;
    return pattern->contains || pattern->cut || count_characters(bytes) >= head->total;
}

bool
value_matches(const struct reader *reader, struct value value, const struct value_pattern *pattern,
              struct text *scratch)
{
    struct value_head head;
    struct value begin = value;
    if (!value.data || value_read(reader, &value, &head) < 0 || head.tag == FLOW_VALUE_ABSENT)
        return false;
    if (pattern->identity && head.identity == pattern->identity
        && slice_equals(value_type_name(reader, begin), pattern->type))
        return true;
    if (head.tag == FLOW_VALUE_INT && !pattern->contains && !pattern->cut && !head.identity)
        return pattern->whole && pattern->number == head.integer;
    if (plain_text_matches(&head, pattern))
        return true;
    bool any = pattern->contains || strncmp(pattern->text.data, DOTS, strlen(DOTS)) == 0;
    if (!any && head.tag != FLOW_VALUE_INT && !may_begin(&head, pattern->text))
        return false;
    return told_text_matches(reader, begin, pattern, scratch);
}

struct search {
    const struct reader *reader;
    const struct value_pattern *pattern;
    struct text *scratch;
    bool failed; /* the value is damaged */
};

/* In what the value holds, not the value itself; advances behind it. */
static bool
search_children(struct search *search, struct value *value, unsigned depth)
{
    struct value_head head;
    struct slice name;
    if (depth > FLOW_VALUE_DEPTH_MAX || value_read(search->reader, value, &head) < 0) {
        search->failed = true;
        return false;
    }
    for (uint64_t i = 0; i < head.count && !search->failed; i++) {
        if (head.tag == FLOW_VALUE_FIELDS && value_read_name(search->reader, &head, value, &name) < 0)
            search->failed = true;
        for (int k = 0; k <= (head.tag == FLOW_VALUE_DICT) && !search->failed; k++)
            if (value_matches(search->reader, *value, search->pattern, search->scratch)
                || search_children(search, value, depth + 1))
                return true;
    }
    return false;
}

bool
value_contains(const struct reader *reader, struct value value, const struct value_pattern *pattern,
               struct text *scratch)
{
    struct search search = {reader, pattern, scratch, false};
    return value.data && search_children(&search, &value, 0);
}
