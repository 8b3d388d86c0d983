#include "protobuf.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

#define VARINT_MAX 10

static size_t
encode(uint8_t out[VARINT_MAX], uint64_t number)
{
    size_t n = 0;
    while (number >= 0x80) {
        out[n++] = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    out[n++] = (uint8_t)number;
    return n;
}

static size_t
encode_key(uint8_t out[VARINT_MAX], uint32_t field, enum wire wire)
{
    return encode(out, (uint64_t)field << 3 | wire);
}

void
protobuf_number(struct text *out, uint32_t field, uint64_t number)
{
    uint8_t bytes[2 * VARINT_MAX];
    size_t n = encode_key(bytes, field, WIRE_VARINT);
    n += encode(bytes + n, number);
    text_bytes(out, (const char *)bytes, n);
}

void
protobuf_fixed64(struct text *out, uint32_t field, uint64_t number)
{
    uint8_t bytes[VARINT_MAX + 8];
    size_t n = encode_key(bytes, field, WIRE_FIXED64);
    for (unsigned i = 0; i < 8; i++)
        bytes[n++] = (uint8_t)(number >> 8 * i);
    text_bytes(out, (const char *)bytes, n);
}

void
protobuf_double(struct text *out, uint32_t field, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    protobuf_fixed64(out, field, bits);
}

void
protobuf_text(struct text *out, uint32_t field, struct slice text)
{
    uint8_t bytes[2 * VARINT_MAX];
    size_t n = encode_key(bytes, field, WIRE_LENGTH);
    n += encode(bytes + n, text.length);
    text_bytes(out, (const char *)bytes, n);
    text_slice(out, text);
}

/* Its length is known at the end: room for one byte is left, which is enough for most. */
size_t
protobuf_begin(struct text *out, uint32_t field)
{
    uint8_t bytes[VARINT_MAX + 1];
    size_t n = encode_key(bytes, field, WIRE_LENGTH);
    bytes[n++] = 0;
    text_bytes(out, (const char *)bytes, n);
    return out->length;
}

void
protobuf_end(struct text *out, size_t begun)
{
    uint8_t bytes[VARINT_MAX];
    if (out->failed)
        return;
    size_t length = out->length - begun;
    size_t n = encode(bytes, length);
    text_bytes(out, (const char *)bytes, n - 1);
    if (out->failed)
        return;
    if (n > 1)
        memmove(out->data + begun + n - 1, out->data + begun, length);
    memcpy(out->data + begun - 1, bytes, n);
}
