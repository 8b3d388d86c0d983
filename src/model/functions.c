#include "functions.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"

static uint64_t
hash_code(const struct code *code, enum functions_by by)
{
    if (by == FUNCTIONS_BY_FILE)
        return hash_name(0, code->file);
    if (by == FUNCTIONS_BY_MODULE)
        return hash_name(0, code_module(code));
    return hash_name(hash_name(code->first_line, code->qualname), code->file);
}

static bool
is_same(const struct code *a, const struct code *b, enum functions_by by)
{
    if (by != FUNCTIONS_BY_MODULE && !slice_equals(a->file, b->file))
        return false;
    if (by != FUNCTIONS_BY_FILE && !slice_equals(code_module(a), code_module(b)))
        return false;
    return by != FUNCTIONS_BY_NAME || (a->first_line == b->first_line && slice_equals(a->qualname, b->qualname));
}

/* Open addressing over the groups, half of it free at least. */
static void
put_together(struct functions *out, const struct reader *reader, enum functions_by by, uint32_t *slots, size_t mask)
{
    for (uint32_t i = 0; i < reader->code_count; i++) {
        const struct code *code = reader->codes[i];
        size_t slot = hash_code(code, by) & mask;
        while (slots[slot] != MODEL_NONE && !is_same(out->codes[slots[slot]], code, by))
            slot = (slot + 1) & mask;
        if (slots[slot] == MODEL_NONE) {
            slots[slot] = out->count;
            out->codes[out->count++] = code;
        }
        out->of_code[i] = slots[slot];
    }
}

int
functions_build(struct functions *out, const struct reader *reader, enum functions_by by)
{
    size_t n = (size_t)reader->code_count + 1;
    size_t room = 64;
    while (room < 2 * n)
        room *= 2;
    *out = (struct functions){.of_code = malloc(n * sizeof *out->of_code), .codes = malloc(n * sizeof *out->codes)};
    uint32_t *slots = malloc(room * sizeof *slots);
    bool enough = slots && out->of_code && out->codes;
    if (enough) {
        memset(slots, 0xff, room * sizeof *slots); /* MODEL_NONE */
        put_together(out, reader, by, slots, room - 1);
    }
    else {
        functions_free(out);
    }
    free(slots);
    return enough ? 0 : -ENOMEM;
}

void
functions_free(struct functions *functions)
{
    free(functions->of_code);
    free(functions->codes);
    *functions = (struct functions){0};
}
