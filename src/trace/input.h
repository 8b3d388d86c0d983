/* input.h - reads the fields that records and values are made of; trusts no byte.
 *
 * A cursor defines the strings, shapes and code that it passes; without one, reading only
 * looks up. `bad` is sticky: what is read after it is zeros.
 */
#ifndef FLOW_INPUT_H
#define FLOW_INPUT_H

#include "reader.h"

struct input {
    const uint8_t *p, *end;
    struct reader *reader;
    struct chunk *chunk;
    struct cursor *cursor; /* NULL: look up only */
    uint32_t defining; /* bytes in which functions were defined */
    bool bad;
    bool no_memory;
};

uint64_t input_varint(struct input *in);
/* A number that must fit in 32 bits. */
uint32_t input_small(struct input *in);
uint8_t input_byte(struct input *in);
struct slice input_bytes(struct input *in, uint64_t length);
struct slice input_text(struct input *in);
struct slice input_string(struct input *in);
/* `shape`: the bytes of a definition, which takes the next number. */
void input_add_shape(struct input *in, struct slice shape);
/* Only cursors read code: values hold none. */
const struct code *input_code(struct input *in);
/* value_reader.c: passes one value, `depth` levels down. */
void input_skip_value(struct input *in, unsigned depth);

/* All code that was met, and the table of it. */
void input_free_codes(struct reader *reader);

#endif
