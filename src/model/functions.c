#include "functions.h"

#include <errno.h>
#include <stdlib.h>

#define HASHED_MAX 64 /* bytes from the end of a name: damage can make names as long as the trace */

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t
hash_slice(uint64_t hash, struct slice slice)
{
    size_t first = slice.length > HASHED_MAX ? slice.length - HASHED_MAX : 0;
    hash = mix(hash, slice.length);
    for (size_t i = first; i < slice.length; i++)
        hash = mix(hash, (uint8_t)slice.data[i]);
    return hash;
}

/* multiprocessing runs the program's file once more under a name of its own. */
static struct slice
module_of(const struct code *code)
{
    return slice_is(code->module, "__mp_main__") ? (struct slice){"__main__", 8} : code->module;
}

static uint64_t
hash_code(const struct code *code, enum functions_by by)
{
    if (by == FUNCTIONS_BY_FILE)
        return hash_slice(0, code->file);
    if (by == FUNCTIONS_BY_MODULE)
        return hash_slice(0, module_of(code));
    return hash_slice(hash_slice(code->first_line, code->qualname), code->file);
}

static bool
is_same(const struct code *a, const struct code *b, enum functions_by by)
{
    if (by != FUNCTIONS_BY_MODULE && !slice_equals(a->file, b->file))
        return false;
    if (by != FUNCTIONS_BY_FILE && !slice_equals(module_of(a), module_of(b)))
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
