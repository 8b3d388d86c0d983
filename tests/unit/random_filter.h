/* random_filter.h - filters made from a number, of which most leave something of a random trace. */
#ifndef FLOW_RANDOM_FILTER_H
#define FLOW_RANDOM_FILTER_H

#include "../../src/model/filter.h"

static inline uint32_t
random_pick(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

/* One of the model's functions, exactly or about so. */
static inline void
random_function(const struct model *model, uint64_t *state, char out[64])
{
    const struct reader *reader = model->reader;
    static const char *const globs[] = {"*", "*a*", "f*", "*.*", "?*", "[a-m]*", "main", "price"};
    strcpy(out, globs[random_pick(state, 8)]);
    if (!reader->code_count || random_pick(state, 4) == 0)
        return;
    struct slice name = reader->codes[random_pick(state, reader->code_count)]->qualname;
    if (name.length && name.length < 60 && !memchr(name.data, '[', name.length) && !memchr(name.data, 0, name.length))
        memcpy(out, name.data, name.length), out[name.length] = '\0';
}

static inline void
random_condition(const struct model *model, uint64_t *state, const char **option, char text[64])
{
    static const char *const by_function[] = {"--function", "--under", "--callers-of", "--only", "--hide"};
    static const char *const others[][2] = {
        {"--module", "*"},         {"--file", "*.py"},         {"--track", "*"},        {"--process", "1"},
        {"--depth", "2..6"},       {"--depth", "4"},           {"--duration", "1us.."}, {"--duration", "..1ms"},
        {"--between", "1us..5ms"}, {"--raised", ""},           {"--raised", "*"},       {"--outcome", "returned"},
        {"--outcome", "running"},  {"--outcome", "abandoned"}, {"--returned", "None"},  {"--returned", "~a"},
        {"--returned", "[…]"},     {"--returned", "'main'"},   {"--arg", "a=7"},        {"--arg", "b~e"},
    };
    uint32_t kind = random_pick(state, 12);
    if (kind < 7) {
        *option = by_function[random_pick(state, 5)];
        random_function(model, state, text);
    }
    else if (kind < 11) {
        uint32_t other = random_pick(state, sizeof others / sizeof *others);
        *option = others[other][0];
        strcpy(text, others[other][1]);
    }
    else {
        *option = random_pick(state, 2) ? "--first" : "--last";
        snprintf(text, 64, "%u", random_pick(state, 1u << random_pick(state, 10)));
    }
}

/* One to three conditions. False without memory. */
static inline bool
random_filter(struct filter *out, const struct model *model, uint64_t *state)
{
    struct text error = {0};
    *out = (struct filter){0};
    int ret = 0;
    for (uint32_t n = 1 + random_pick(state, 3); n > 0 && ret != -12; n--) {
        const char *option;
        char text[64];
        random_condition(model, state, &option, text);
        ret = filter_add(out, option, text, &error);
    }
    text_free(&error);
    return ret == 0;
}

#endif
