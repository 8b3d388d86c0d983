/* check_html.h - what holds of any HTML that we write. */
#ifndef CHECK_HTML_H
#define CHECK_HTML_H

#include <string.h>

#include "../../src/model/text.h"
#include "unit.h"

static inline size_t
count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* Elements are closed, and no character is there that must not be, but for the last byte, which ends it. */
static inline void
check_balanced(const struct text *html, uint64_t seed)
{
    static const char *const elements[][2] = {
        {"<details", "</details>"}, {"<div", "</div>"}, {"<summary>", "</summary>"},
        {"<span", "</span>"},       {"<b>", "</b>"},    {"<del>", "</del>"},
        {"<ins>", "</ins>"}};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (count_of(html->data, elements[i][0]) != count_of(html->data, elements[i][1]))
            unit_fail(__FILE__, __LINE__, "%s is not closed (trace %llu)", elements[i][0], (unsigned long long)seed);
    if (memchr(html->data, '\033', html->length) || memchr(html->data, '\0', html->length - 1))
        unit_fail(__FILE__, __LINE__, "a character that must not be (trace %llu)", (unsigned long long)seed);
}

#endif
