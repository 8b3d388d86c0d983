/* story_builder.h - traces for the tests of stories, written as the calls nest.
 *
 *   build_story(&b, "main{ load price price pay{ charge! }^ }");
 *
 *   f      a call that returns at once        f{ ... }  ... and made these
 *   f(5)   with the argument a=5              f:7       that returned 7
 *   f!     raises a new ValueError            f^        the last exception leaves it too
 *   f?     has not ended, as f{ without }     f*30      thirty times the same, whatever f is
 *
 * A name is always the same function; "class X" is written as X%.
 */
#ifndef FLOW_STORY_BUILDER_H
#define FLOW_STORY_BUILDER_H

#include <ctype.h>

#include "trace_builder.h"

#define STORY_NAMES 512
#define STORY_NAME 32

struct story_builder {
    struct trace_builder *b;
    char names[STORY_NAMES][STORY_NAME];
    uint32_t name_count;
    uint64_t exceptions;
    uint64_t tick; /* ns from one record to the next */
};

static inline void
story_code(struct story_builder *s, const char *name, size_t length, uint32_t flags, uint32_t parameters)
{
    char key[STORY_NAME];
    assert(length < STORY_NAME - 4);
    snprintf(key, sizeof key, "%.*s/%u", (int)length, name, parameters);
    for (uint32_t i = 0; i < s->name_count; i++)
        if (strcmp(s->names[i], key) == 0) {
            build_number(s->b, i + 1);
            return;
        }
    assert(s->name_count < STORY_NAMES);
    strcpy(s->names[s->name_count++], key);
    key[length] = '\0';
    build_code(s->b, key, flags, parameters);
}

static inline const char *
story_number(const char *p, int *out)
{
    char *end;
    *out = (int)strtol(p, &end, 10);
    return end;
}

static inline const char *story_calls(struct story_builder *s, const char *p);

static inline const char *
story_call(struct story_builder *s, const char *p)
{
    const char *name = p;
    while (isalnum((unsigned char)*p) || *p == '_' || *p == '.' || *p == '<' || *p == '>')
        p++;
    assert(p > name);
    size_t length = (size_t)(p - name);
    uint32_t flags = *p == '%' ? FLOW_CODE_CLASS : 0;
    p += flags != 0;
    int argument = 0;
    bool with_argument = *p == '(';
    build_record(s->b, s->tick, with_argument ? FLOW_CALL_VALUES : FLOW_CALL);
    story_code(s, name, length, flags, with_argument);
    if (with_argument) {
        p = story_number(p + 1, &argument) + 1;
        build_int(s->b, argument);
    }
    if (*p == '{') {
        p = story_calls(s, p + 1);
        if (p[-1] != '}')
            return p;
    }
    if (*p == '?')
        return p + 1;
    if (*p == '!' || *p == '^') {
        bool raises = *p == '!';
        s->exceptions += raises;
        build_unwind(s->b, s->tick, s->exceptions, raises ? "ValueError" : NULL, 9);
        return p + 1;
    }
    if (*p == ':') {
        int result;
        p = story_number(p + 1, &result);
        build_record(s->b, s->tick, FLOW_RETURN_VALUE);
        build_int(s->b, result);
        return p;
    }
    build_record(s->b, s->tick, FLOW_RETURN);
    return p;
}

/* Up to the end or a closing brace; returns what follows it. */
static inline const char *
story_calls(struct story_builder *s, const char *p)
{
    for (;;) {
        while (*p == ' ')
            p++;
        if (*p == '\0' || *p == '}')
            return *p ? p + 1 : p;
        const char *again = p;
        p = story_call(s, p);
        if (*p != '*')
            continue;
        int times;
        const char *behind = story_number(p + 1, &times);
        for (; times > 1; times--)
            story_call(s, again);
        p = behind;
    }
}

/* A trace of one thread in which these calls were made, 10 ns from one event to the next. */
static inline void
build_story(struct trace_builder *b, const char *calls)
{
    struct story_builder s = {.b = b, .tick = 10};
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    build_thread(b, 1001, true, "MainThread");
    story_calls(&s, calls);
}

#endif
