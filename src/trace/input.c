#include "input.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "varint.h"

/* --- tables ------------------------------------------------------------- */

struct code_table {
    uint32_t *slots; /* index + 1 into reader->codes; 0: free */
    size_t mask;
};

static size_t
code_slot(const struct reader *reader, const struct code_table *table, uint32_t process, uint32_t number)
{
    uint64_t hash = ((uint64_t)process << 32 | number) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash >> 32) & table->mask;
    for (; table->slots[i]; i = (i + 1) & table->mask) {
        const struct code *code = reader->codes[table->slots[i] - 1];
        if (code->process == process && code->number == number)
            break;
    }
    return i;
}

static bool
grow_code_table(struct reader *reader, struct code_table *table)
{
    if (table->slots && reader->code_count * 2 < table->mask)
        return true;
    struct code_table bigger = {NULL, table->slots ? 2 * table->mask + 1 : 255};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < reader->code_count; i++) {
        size_t slot = code_slot(reader, &bigger, reader->codes[i]->process, reader->codes[i]->number);
        bigger.slots[slot] = bigger.slots[slot] ? bigger.slots[slot] : i + 1;
    }
    free(table->slots);
    *table = bigger;
    return true;
}

static void
free_code(struct code *code)
{
    if (code)
        free(code->parameters);
    free(code);
}

/* Are records of the one read like those of the other? */
static bool
is_alike(const struct code *a, const struct code *b)
{
    return a->parameter_count == b->parameter_count && a->flags == b->flags;
}

/* Takes `code` over. The one that is known by this number, or this one, or NULL without memory. What a damaged chunk
 * says of a number is for that chunk alone: no chunk is read by what stands in another. */
static const struct code *
add_code(struct reader *reader, struct code *code)
{
    if (!reader->code_table)
        reader->code_table = calloc(1, sizeof(struct code_table));
    struct code_table *table = reader->code_table;
    void *codes = reader->codes;
    if (!table || !grow_code_table(reader, table)
        || !array_make_room(&codes, reader->code_count, &reader->code_room, sizeof code)) {
        free_code(code);
        return NULL;
    }
    reader->codes = codes;
    size_t slot = code_slot(reader, table, code->process, code->number);
    const struct code *known = table->slots[slot] ? reader->codes[table->slots[slot] - 1] : NULL;
    if (known && is_alike(known, code)) {
        free_code(code);
        return known;
    }
    code->index = reader->code_count;
    reader->codes[reader->code_count++] = code;
    if (!known)
        table->slots[slot] = reader->code_count;
    return code;
}

void
input_free_codes(struct reader *reader)
{
    for (uint32_t i = 0; i < reader->code_count; i++)
        free_code(reader->codes[i]);
    if (reader->code_table)
        free(reader->code_table->slots);
    free(reader->code_table);
    free(reader->codes);
}

/* --- fields ------------------------------------------------------------- */

uint64_t
input_varint(struct input *in)
{
    uint64_t n = 0;
    const uint8_t *p = in->bad ? NULL : varint_get(in->p, in->end, &n);
    if (!p) {
        in->bad = true;
        return 0;
    }
    in->p = p;
    return n;
}

uint32_t
input_small(struct input *in)
{
    uint64_t n = input_varint(in);
    if (n > UINT32_MAX)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)n;
}

uint8_t
input_byte(struct input *in)
{
    if (in->bad || in->p >= in->end) {
        in->bad = true;
        return 0;
    }
    return *in->p++;
}

struct slice
input_bytes(struct input *in, uint64_t length)
{
    if (in->bad || length > (uint64_t)(in->end - in->p)) {
        in->bad = true;
        return (struct slice){0};
    }
    struct slice slice = {(const char *)in->p, (size_t)length};
    in->p += length;
    return slice;
}

struct slice
input_text(struct input *in)
{
    return input_bytes(in, input_varint(in));
}

/* The next of the chunk's, unless it was passed before. */
static void
define(struct input *in, struct slice slice, struct slice **all, uint32_t *count, uint32_t *room, uint32_t seen)
{
    if (seen < *count)
        return;
    void *slices = *all;
    if (!array_make_room(&slices, *count, room, sizeof slice)) {
        in->bad = in->no_memory = true;
        return;
    }
    *all = slices;
    (*all)[(*count)++] = slice;
}

struct slice
input_string(struct input *in)
{
    uint64_t n = input_varint(in);
    if (n == 0) {
        struct slice string = input_text(in);
        struct chunk *chunk = in->chunk;
        if (in->cursor && !in->bad)
            define(in, string, &chunk->strings, &chunk->string_count, &chunk->string_room, in->cursor->strings_seen++);
        return string;
    }
    if (in->bad || n > in->chunk->string_count) {
        in->bad = true;
        return (struct slice){0};
    }
    return in->chunk->strings[n - 1];
}

void
input_add_shape(struct input *in, struct slice shape)
{
    struct chunk *chunk = in->chunk;
    if (in->cursor && !in->bad)
        define(in, shape, &chunk->shapes, &chunk->shape_count, &chunk->shape_room, in->cursor->shapes_seen++);
}

static void
get_parameters(struct input *in, struct code *code)
{
    uint32_t count = input_small(in);
    if (in->bad || count > (uint64_t)(in->end - in->p) / 2) { /* each takes two bytes or more */
        in->bad = true;
        return;
    }
    code->parameters = calloc((size_t)count + 1, sizeof *code->parameters);
    if (!code->parameters) {
        in->bad = in->no_memory = true;
        return;
    }
    code->parameter_count = count;
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        code->parameters[i].name = input_string(in);
        code->parameters[i].kind = input_byte(in);
    }
}

static const struct code *
define_code(struct input *in)
{
    struct code *code = calloc(1, sizeof *code);
    if (!code) {
        in->bad = in->no_memory = true;
        return NULL;
    }
    code->process = in->chunk->process;
    code->flags = input_small(in);
    code->number = input_small(in);
    code->qualname = input_string(in);
    code->module = input_string(in);
    code->file = input_string(in);
    code->first_line = input_small(in);
    get_parameters(in, code);
    if (in->bad) {
        free_code(code);
        return NULL;
    }
    const struct code *known = add_code(in->reader, code);
    struct chunk *chunk = in->chunk;
    void *codes = chunk->codes;
    if (!known || !array_make_room(&codes, chunk->code_count, &chunk->code_room, sizeof known)) {
        in->bad = in->no_memory = true;
        return NULL;
    }
    chunk->codes = codes;
    if (in->cursor->codes_seen++ >= chunk->code_count)
        chunk->codes[chunk->code_count++] = known;
    return known;
}

/* Only cursors read code: values hold none. */
const struct code *
input_code(struct input *in)
{
    const uint8_t *start = in->p;
    uint64_t n = input_varint(in);
    if (n == 0 && !in->bad) {
        const struct code *code = define_code(in);
        in->defining += (uint32_t)(in->p - start);
        return code;
    }
    if (in->bad || n > in->chunk->code_count) {
        in->bad = true;
        return NULL;
    }
    return in->chunk->codes[n - 1];
}
