/* payload.h - the numbers and texts in an EXTENDED record. After one that does not hold, p is NULL. */
#ifndef FLOW_PAYLOAD_H
#define FLOW_PAYLOAD_H

#include "../trace/reader.h"
#include "../trace/varint.h"

static inline const uint8_t *
payload_number(const uint8_t *p, const uint8_t *end, uint64_t *n)
{
    *n = 0;
    return p ? varint_get(p, end, n) : NULL;
}

static inline const uint8_t *
payload_text(const uint8_t *p, const uint8_t *end, struct slice *out)
{
    uint64_t length;
    *out = (struct slice){"", 0};
    p = payload_number(p, end, &length);
    if (!p || length > (uint64_t)(end - p))
        return NULL;
    *out = (struct slice){(const char *)p, (size_t)length};
    return p + length;
}

#endif
