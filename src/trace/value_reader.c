/* value_reader.c - recorded values, read one tag at a time. */
#include <errno.h>
#include <string.h>

#include "input.h"
#include "varint.h"

static double
get_double(struct input *in)
{
    double number = 0;
    struct slice bytes = input_bytes(in, sizeof number);
    if (bytes.data)
        memcpy(&number, bytes.data, sizeof number);
    return number;
}

/* Each child takes a byte or more: a count beyond that is damage. */
static void
get_counts(struct input *in, struct value_head *head)
{
    head->total = input_varint(in);
    head->count = input_varint(in);
    if (head->count > (uint64_t)(in->end - in->p) || head->count > head->total)
        in->bad = true;
}

/* What a shape's definition says, its names aside. */
static void
get_shape(struct input *in, struct value_head *head)
{
    head->type = input_string(in);
    head->total = input_varint(in);
    head->count = input_varint(in);
    if (head->count > head->total)
        in->bad = true;
}

static void
define_shape(struct input *in, struct value_head *head)
{
    const uint8_t *begin = in->p;
    get_shape(in, head);
    head->names.data = (const char *)in->p;
    for (uint64_t i = 0; i < head->count && !in->bad; i++)
        input_string(in);
    head->names.length = (size_t)((const char *)in->p - head->names.data);
    input_add_shape(in, (struct slice){(const char *)begin, (size_t)(in->p - begin)});
}

static struct input
open_slice(struct slice bytes, struct reader *reader, struct chunk *chunk)
{
    const uint8_t *data = (const uint8_t *)bytes.data;
    const uint8_t *end = data ? data + bytes.length : NULL;
    return (struct input){.p = data, .end = end, .reader = reader, .chunk = chunk, .bad = !data};
}

static void
use_shape(struct input *in, uint64_t number, struct value_head *head)
{
    bool known = !in->bad && number <= in->chunk->shape_count;
    struct input shape = open_slice(known ? in->chunk->shapes[number - 1] : (struct slice){0}, in->reader, in->chunk);
    get_shape(&shape, head);
    in->bad |= shape.bad;
    head->names = (struct slice){(const char *)shape.p, (size_t)(shape.end - shape.p)};
}

static void
get_shaped(struct input *in, struct value_head *head)
{
    uint64_t number = input_varint(in);
    head->tag = FLOW_VALUE_FIELDS;
    if (number)
        use_shape(in, number, head);
    else
        define_shape(in, head);
    if (head->count > (uint64_t)(in->end - in->p))
        in->bad = true;
}

static void
get_head(struct input *in, struct value_head *head)
{
    *head = (struct value_head){.tag = input_byte(in)};
    if (head->tag == FLOW_VALUE_IDENTITY) {
        head->identity = input_varint(in);
        head->tag = input_byte(in); /* another one of these is damage */
    }
    switch (head->tag) {
    case FLOW_VALUE_ABSENT:
    case FLOW_VALUE_NONE:
    case FLOW_VALUE_FALSE:
    case FLOW_VALUE_TRUE:
    case FLOW_VALUE_ELLIPSIS:
    case FLOW_VALUE_NOT_IMPLEMENTED:
    case FLOW_VALUE_REDACTED:
    case FLOW_VALUE_TRUNCATED:
    case FLOW_VALUE_UNREADABLE:
    case FLOW_VALUE_CYCLE: break;
    case FLOW_VALUE_INT: head->integer = varint_unzigzag(input_varint(in)); break;
    case FLOW_VALUE_BIG_INT:
        head->negative = input_byte(in) == 1;
        head->total = input_varint(in);
        head->bytes = input_text(in);
        break;
    case FLOW_VALUE_COMPLEX:
        head->real = get_double(in);
        head->imaginary = get_double(in);
        break;
    case FLOW_VALUE_FLOAT: head->real = get_double(in); break;
    case FLOW_VALUE_STR:
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY:
        head->total = input_varint(in);
        head->bytes = input_text(in);
        break;
    case FLOW_VALUE_STR_WHOLE: head->bytes = input_string(in); break;
    case FLOW_VALUE_LIST:
    case FLOW_VALUE_TUPLE:
    case FLOW_VALUE_SET:
    case FLOW_VALUE_FROZENSET:
    case FLOW_VALUE_DICT: get_counts(in, head); break;
    case FLOW_VALUE_OBJECT: head->type = input_string(in); break;
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS:
        head->type = input_string(in);
        get_counts(in, head);
        break;
    case FLOW_VALUE_SHAPED: get_shaped(in, head); break;
    case FLOW_VALUE_WRAPPED:
        head->type = input_string(in);
        head->total = head->count = 1;
        break;
    case FLOW_VALUE_TEXT:
        head->type = input_string(in);
        head->bytes = input_text(in);
        break;
    case FLOW_VALUE_EXTENDED:
        input_varint(in);
        head->bytes = input_text(in);
        break;
    default:
        if (head->tag > 0x9f)
            in->bad = true;
        head->integer = head->tag + FLOW_VALUE_SMALL_MIN;
        head->tag = FLOW_VALUE_INT;
    }
}

void
input_skip_value(struct input *in, unsigned depth)
{
    struct value_head head;
    if (depth > FLOW_VALUE_DEPTH_MAX)
        in->bad = true;
    get_head(in, &head);
    for (uint64_t i = 0; i < head.count && !in->bad; i++) {
        if (head.tag == FLOW_VALUE_FIELDS && !head.names.data)
            input_string(in);
        if (head.tag == FLOW_VALUE_DICT)
            input_skip_value(in, depth + 1);
        input_skip_value(in, depth + 1);
    }
}

static struct input
open_value(const struct reader *reader, const struct value *value)
{
    /* Without a cursor nothing of the reader or the chunk is written. */
    return (struct input){.p = value->data,
                          .end = value->end,
                          .reader = (struct reader *)reader,
                          .chunk = reader->chunks + value->chunk,
                          .bad = !value->data};
}

static uint64_t
count_code_points(struct slice utf8)
{
    uint64_t n = 0;
    for (size_t i = 0; i < utf8.length; i++)
        n += ((uint8_t)utf8.data[i] & 0xc0) != 0x80;
    return n;
}

int
value_read(const struct reader *reader, struct value *value, struct value_head *out)
{
    if (!value->data) {
        *out = (struct value_head){.tag = FLOW_VALUE_ABSENT};
        return 0;
    }
    struct input in = open_value(reader, value);
    get_head(&in, out);
    if (in.bad)
        return -EBADMSG;
    if (out->tag == FLOW_VALUE_STR_WHOLE)
        out->total = count_code_points(out->bytes);
    value->data = in.p;
    return 0;
}

int
value_read_name(const struct reader *reader, struct value_head *head, struct value *value, struct slice *out)
{
    struct input in = open_value(reader, value);
    if (head->names.data) {
        in.p = (const uint8_t *)head->names.data;
        in.end = in.p + head->names.length;
    }
    *out = input_string(&in);
    if (in.bad)
        return -EBADMSG;
    if (head->names.data)
        head->names = (struct slice){(const char *)in.p, (size_t)(in.end - in.p)};
    else
        value->data = in.p;
    return 0;
}

int
value_skip(const struct reader *reader, struct value *value)
{
    if (!value->data)
        return 0;
    struct input in = open_value(reader, value);
    input_skip_value(&in, 0);
    if (in.bad)
        return -EBADMSG;
    value->data = in.p;
    return 0;
}
