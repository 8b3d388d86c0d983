#include "glob.h"

#include "text.h"

static size_t
next_character(const char *p, size_t length, uint32_t *out)
{
    *out = 0;
    return length ? text_decode(p, length, out) : 0;
}

/* Behind the bracket that closes the one at `p`; NULL if none does. The first in there stands for itself. */
static const char *
bracket_end(const char *p)
{
    p += p[1] == '!' || p[1] == '^' ? 2 : 1;
    p = *p ? strchr(p + 1, ']') : NULL;
    return p ? p + 1 : NULL;
}

static bool
is_in_bracket(const char *p, const char *end, uint32_t character)
{
    bool excludes = *p == '!' || *p == '^';
    bool found = false;
    p += excludes;
    while (p < end) {
        uint32_t low, high;
        p += next_character(p, (size_t)(end - p), &low);
        high = low;
        if (end - p >= 2 && *p == '-') {
            p++;
            p += next_character(p, (size_t)(end - p), &high);
        }
        found |= low <= character && character <= high;
    }
    return found != excludes;
}

/* One step of the pattern that takes one character; its end, or NULL where it does not fit. */
static const char *
match_one(const char *pattern, const char *text, size_t length, size_t *taken)
{
    uint32_t wanted, character;
    *taken = next_character(text, length, &character);
    if (!*taken || !*pattern)
        return NULL;
    if (*pattern == '?')
        return pattern + 1;
    const char *end = *pattern == '[' ? bracket_end(pattern) : NULL;
    if (end)
        return is_in_bracket(pattern + 1, end - 1, character) ? end : NULL;
    size_t size = next_character(pattern, strlen(pattern), &wanted);
    return wanted == character ? pattern + size : NULL;
}

/* Only the last * may have to take more: so it is linear in each of them. */
bool
glob_matches(const char *pattern, struct slice text)
{
    const char *star = NULL;
    size_t at = 0, star_at = 0;
    while (at < text.length || *pattern) {
        if (*pattern == '*') {
            star = ++pattern;
            star_at = at;
            continue;
        }
        size_t taken;
        const char *next = match_one(pattern, text.data + at, text.length - at, &taken);
        if (next) {
            pattern = next;
            at += taken;
            continue;
        }
        uint32_t skipped;
        if (!star || star_at >= text.length)
            return false;
        star_at += next_character(text.data + star_at, text.length - star_at, &skipped);
        pattern = star;
        at = star_at;
    }
    return true;
}

size_t
glob_fault(const char *pattern)
{
    for (const char *p = pattern; *p;) {
        const char *end = *p == '[' ? bracket_end(p) : p + 1;
        if (!end)
            return (size_t)(p - pattern) + 1;
        p = end;
    }
    return 0;
}

unsigned
glob_fault_character(const char *pattern, size_t fault)
{
    unsigned character = 1;
    for (size_t i = 1; i < fault; i++)
        character += ((uint8_t)pattern[i] & 0xc0) != 0x80;
    return character;
}

bool
glob_is_wild(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}
