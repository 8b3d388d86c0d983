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
        if (head.tag == FLOW_VALUE_FIELDS)
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
value_read_name(const struct reader *reader, struct value *value, struct slice *out)
{
    struct input in = open_value(reader, value);
    *out = input_string(&in);
    if (in.bad)
        return -EBADMSG;
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
