/* secret_text.c - parts of texts that look like keys, or stand behind the name of one. */
#include <ctype.h>
#include <string.h>

#include "secret.h"

#define SHORTEST 6 /* no form takes less: pwd=ab */
#define NAME_BYTES 64
#define HEADER_BYTES 512 /* of a line behind Authorization: */

/* What follows the prefix: so many characters of the alphabet. */
enum alphabet { LINE, BLOCK, UPPER, WORD, TOKEN };

static const struct key_form {
    const char *prefix;
    enum alphabet alphabet;
    size_t least;
    bool mixed; /* no plain word: a digit or a capital in it */
} key_forms[] = {
    {"-----BEGIN ", BLOCK, 0, false},    {"---- BEGIN ", BLOCK, 0, false}, /* SSH2 */
    {"eyJ", TOKEN, 30, false},        /* {"... in Base64: JWT, JWE */
    {"AKIA", UPPER, 16, false},          {"ASIA", UPPER, 16, false},       {"AIza", TOKEN, 30, false},
    {"ghp_", WORD, 20, false},           {"gho_", WORD, 20, false},        {"ghu_", WORD, 20, false},
    {"ghs_", WORD, 20, false},           {"ghr_", WORD, 20, false},        {"github_pat_", WORD, 20, false},
    {"glpat-", TOKEN, 16, false},        {"sk-", TOKEN, 20, true},         {"sk_live_", WORD, 16, false},
    {"rk_live_", WORD, 16, false},       {"xoxa-", TOKEN, 10, false},      {"xoxb-", TOKEN, 10, false},
    {"xoxp-", TOKEN, 10, false},         {"Bearer ", TOKEN, 8, true},      {"bearer ", TOKEN, 8, true},
    {"Basic ", TOKEN, 16, true},         {"basic ", TOKEN, 16, true},      {"Authorization: ", LINE, 1, false},
    {"authorization: ", LINE, 1, false},
};

/* Where there may be one: nearly every character ends the question. */
enum sign { NOTHING, KEY, EQUALS, COLON };

static const unsigned char signs[256] = {
    ['-'] = KEY, ['e'] = KEY, ['A'] = KEY, ['a'] = KEY, ['g'] = KEY,    ['s'] = KEY,
    ['x'] = KEY, ['r'] = KEY, ['B'] = KEY, ['b'] = KEY, ['='] = EQUALS, [':'] = COLON,
};

/* The second characters of the forms. */
static const bool seconds[256] = {['-'] = true, ['y'] = true, ['K'] = true, ['S'] = true, ['I'] = true,
                                  ['h'] = true, ['i'] = true, ['l'] = true, ['k'] = true, ['o'] = true,
                                  ['e'] = true, ['a'] = true, ['u'] = true};

struct text {
    const struct secret_rules *rules;
    const char *data;
    size_t length;
    bool complete;
};

struct span {
    size_t begin, end;
};

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool
is_of(enum alphabet alphabet, char c)
{
    switch (alphabet) {
    case UPPER: return isupper((unsigned char)c) || isdigit((unsigned char)c);
    case WORD: return is_word(c);
    case TOKEN: return isalnum((unsigned char)c) || (c && strchr("-._~+/=", c));
    case LINE: return c != '\n' && c != '\r';
    default: return true;
    }
}

static bool
is_mixed(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (isdigit((unsigned char)text[i]) || (i > 0 && isupper((unsigned char)text[i])))
            return true;
    return false;
}

/* A PEM block goes on to its END line, or to the end of the text. */
static size_t
end_of_block(const struct text *text, size_t i)
{
    for (; i + 9 < text->length; i++)
        if (memcmp(text->data + i, "-----END ", 9) == 0 || memcmp(text->data + i, "---- END ", 9) == 0) {
            while (i < text->length && text->data[i] != '\n')
                i++;
            return i;
        }
    return text->length;
}

static bool
is_key(const struct text *text, size_t at, struct span *out)
{
    const char *p = text->data + at;
    size_t left = text->length - at;
    for (size_t k = 0; k < sizeof key_forms / sizeof *key_forms; k++) {
        const struct key_form *form = &key_forms[k];
        if (form->prefix[0] != p[0] || form->prefix[1] != p[1])
            continue;
        size_t n = strlen(form->prefix);
        if (left < n + form->least || memcmp(form->prefix, p, n) != 0)
            continue;
        size_t end = n;
        while (form->alphabet != BLOCK && end < left && is_of(form->alphabet, p[end]))
            end++;
        if (form->alphabet == BLOCK)
            end = end_of_block(text, at + n) - at;
        if (end < n + form->least || (form->mixed && !is_mixed(p + n, end - n)))
            continue;
        *out = (struct span){at, at + end};
        return true;
    }
    return false;
}

/* scheme://user:password@host; `at` is that of "://". */
static bool
is_password_of_url(const struct text *text, size_t at, struct span *out)
{
    size_t colon = 0;
    size_t i = at + 3;
    for (; i < text->length && !isspace((unsigned char)text->data[i]) && !strchr("/?#\"'<>", text->data[i]); i++) {
        if (text->data[i] == ':' && !colon)
            colon = i;
        if (text->data[i] == '@') {
            *out = (struct span){colon + 1, i};
            return colon && i > colon + 1;
        }
    }
    *out = (struct span){colon + 1, i};
    return i == text->length && !text->complete && colon && i > colon + 1
           && !isdigit((unsigned char)text->data[colon + 1]);
}

/* Up to what ends a value in a query, a connection string, a command line or JSON. */
static size_t
end_of_value(const struct text *text, size_t i, char quote)
{
    for (; i < text->length; i++) {
        char c = text->data[i];
        if (quote ? c == quote : (isspace((unsigned char)c) || (c && strchr("&;,)}]\"'", c))))
            break;
    }
    return i;
}

/* password=hunter2, "password": "hunter2"; `at` is that of the = or : between. */
static bool
is_named_value(const struct text *text, size_t at, struct span *out)
{
    const char *data = text->data;
    size_t end = at;
    while (end > 0 && data[end - 1] == ' ')
        end--;
    bool quoted = end > 0 && (data[end - 1] == '"' || data[end - 1] == '\'');
    if (data[at] == ':' && !quoted)
        return false;
    end -= quoted;
    size_t begin = end;
    while (begin > 0 && end - begin < NAME_BYTES && (is_word(data[begin - 1]) || data[begin - 1] == '-'))
        begin--;
    if (begin == end || !secret_is_name(text->rules, data + begin, end - begin))
        return false;
    size_t value = at + 1;
    while (value < text->length && data[value] == ' ')
        value++;
    char quote = value < text->length && (data[value] == '"' || data[value] == '\'') ? data[value] : '\0';
    value += quote != '\0';
    *out = (struct span){value, end_of_value(text, value, quote)};
    return out->end > value && data[value] != '=';
}

static bool
is_secret(const struct text *text, size_t i, enum sign sign, struct span *out)
{
    const char *p = text->data + i;
    if (sign == KEY)
        return i + 1 < text->length && seconds[(unsigned char)p[1]] && (i == 0 || !is_word(p[-1]))
               && is_key(text, i, out);
    if (sign == COLON && i + 3 < text->length && p[1] == '/' && p[2] == '/')
        return is_password_of_url(text, i, out);
    return is_named_value(text, i, out);
}

static bool
find(const struct text *text, size_t from, struct span *out)
{
    for (size_t i = from; i < text->length; i++) {
        enum sign sign = signs[(unsigned char)text->data[i]];
        if (sign != NOTHING && is_secret(text, i, sign, out))
            return true;
    }
    return false;
}

static bool
begins_text(const struct text *text, size_t i)
{
    while (i > 0 && isspace((unsigned char)text->data[i - 1]))
        i--;
    return i == 0;
}

bool
secret_scrub(const struct secret_rules *rules, char *text, size_t *length, bool complete)
{
    struct text whole = {rules, text, *length, complete};
    struct span span;
    if (*length < SHORTEST || !find(&whole, 0, &span))
        return false;
    if (begins_text(&whole, span.begin))
        return true;
    size_t to = 0;
    size_t from = 0;
    do {
        size_t kept = span.begin - from;
        size_t stars = span.end - span.begin < 3 ? span.end - span.begin : 3;
        memmove(text + to, text + from, kept);
        memset(text + to + kept, '*', stars);
        to += kept + stars;
        from = span.end;
        /* What is behind lies further on in the same bytes, as it was. */
    } while (find(&whole, from, &span));
    memmove(text + to, text + from, *length - from);
    *length = to + *length - from;
    return false;
}
