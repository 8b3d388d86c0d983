#include "range.h"

#include <errno.h>
#include <string.h>

#define LARGEST (UINT64_MAX / 4)

struct parser {
    const char *option, *text, *p;
    bool units;
    struct text *error;
};

void
range_blame(struct text *error, const char *option, const char *text)
{
    text_string(error, option);
    text_string(error, " '");
    text_clean(error, (struct slice){text, strlen(text)});
    text_string(error, "': ");
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned
character_at(const struct parser *parser, const char *p)
{
    unsigned character = 1;
    for (const char *q = parser->text; q < p; q++)
        character += ((uint8_t)q[1] & 0xc0) != 0x80;
    return character;
}

/* "no unit 'xs' at character 3; ns, us, ms, s, m" */
static int
blame(struct parser *parser, const char *what, struct slice which, const char *place, const char *remedy)
{
    range_blame(parser->error, parser->option, parser->text);
    text_string(parser->error, what);
    if (which.length) {
        text_string(parser->error, " '");
        text_clean(parser->error, which);
        text_string(parser->error, "'");
    }
    if (place)
        text_format(parser->error, " at character %u", character_at(parser, place));
    if (remedy)
        text_format(parser->error, "; %s", remedy);
    return -EINVAL;
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"ns", 1},          {"us", 1000},        {"µs", 1000},          {"μs", 1000},        {"ms", 1000000},
             {"s", 1000000000u}, {"m", 60000000000u}, {"min", 60000000000u}, {"h", 3600000000000}};

#define UNITS "ns, us, ms, s, m"

static int
parse_unit(struct parser *parser, bool zero, uint64_t *ns)
{
    const char *begin = parser->p;
    size_t length = 0;
    while (begin[length] && !is_digit(begin[length]) && begin[length] != '.' && begin[length] != ' ')
        length++;
    struct slice name = {begin, length};
    parser->p += length;
    *ns = 1;
    if (!length && zero)
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (slice_is(name, units[i].name)) {
            *ns = units[i].ns;
            return 0;
        }
    return blame(parser, length ? "no unit" : "a unit is missing", name, begin, UNITS);
}

/* Digits, and with a unit more behind a point: two dots are none. */
static int
parse_number(struct parser *parser, uint64_t *out)
{
    const char *begin = parser->p;
    uint64_t whole = 0, fraction = 0, scale = 1, ns = 1;
    for (; is_digit(*parser->p); parser->p++)
        whole = whole < LARGEST / 10 ? 10 * whole + (uint64_t)(*parser->p - '0') : LARGEST + 1;
    if (parser->units && parser->p[0] == '.' && is_digit(parser->p[1]))
        for (parser->p++; is_digit(*parser->p); parser->p++)
            if (scale < 1000000000u) {
                fraction = 10 * fraction + (uint64_t)(*parser->p - '0');
                scale *= 10;
            }
    if (parser->p == begin) {
        struct slice rest = {begin, strlen(begin)};
        return blame(parser, rest.length ? "no number in" : "a number is missing", rest, begin,
                     parser->units ? "as in 10ms.., ..1s, 1ms..5ms" : "as in 3, 2..5, 3..");
    }
    if (parser->units && parse_unit(parser, whole == 0 && fraction == 0, &ns) < 0)
        return -EINVAL;
    bool big = whole > LARGEST / ns;
    *out = big ? LARGEST : whole * ns + (ns >= scale ? fraction * (ns / scale) : fraction * ns / scale);
    return big ? blame(parser, "too large a number", (struct slice){0}, begin, NULL) : 0;
}

/* ">10ms", "<=5" */
static int
parse_comparison(struct parser *parser, struct range *out)
{
    bool above = *parser->p++ == '>';
    bool equal = *parser->p == '=';
    uint64_t number;
    parser->p += equal;
    if (parse_number(parser, &number) < 0)
        return -EINVAL;
    if (!above && !equal && number == 0)
        return blame(parser, "nothing is less than 0", (struct slice){0}, NULL, NULL);
    *out = above ? (struct range){number + !equal, UINT64_MAX} : (struct range){0, number - !equal};
    return 0;
}

static bool
skip_dots(struct parser *parser)
{
    if (strncmp(parser->p, "..", 2) == 0)
        parser->p += 2;
    else if (strncmp(parser->p, "…", 3) == 0)
        parser->p += 3;
    else
        return false;
    return true;
}

static int
parse_ends(struct parser *parser, struct range *out)
{
    bool from_start = skip_dots(parser);
    *out = (struct range){0, UINT64_MAX};
    if (from_start)
        return parse_number(parser, &out->high);
    if (parse_number(parser, &out->low) < 0)
        return -EINVAL;
    if (!*parser->p && parser->units)
        return blame(parser, "from or up to it?", (struct slice){0}, NULL, "as in 10ms.., ..10ms, 1ms..10ms");
    if (!*parser->p) {
        *out = (struct range){0, out->low};
        return 0;
    }
    return skip_dots(parser) && *parser->p ? parse_number(parser, &out->high) : 0;
}

int
range_parse(struct range *out, const char *option, const char *text, bool with_units, struct text *error)
{
    struct parser parser = {option, text, text, with_units, error};
    bool compares = *text == '<' || *text == '>';
    if ((compares ? parse_comparison(&parser, out) : parse_ends(&parser, out)) < 0)
        return -EINVAL;
    if (*parser.p)
        return blame(&parser, "can't read", (struct slice){parser.p, strlen(parser.p)}, parser.p,
                     with_units ? "as in 10ms.., ..1s, 1ms..5ms" : "as in 3, 2..5, 3..");
    if (out->low > out->high)
        return blame(&parser, "it ends before it begins", (struct slice){0}, NULL, NULL);
    return 0;
}
