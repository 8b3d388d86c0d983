#include "plain.h"

#include <math.h>

#include "../model/value_text.h"

static void
classify(struct plain *out, const struct value_head *head)
{
    if (head->tag == FLOW_VALUE_INT) {
        out->kind = PLAIN_INT;
        out->integer = head->integer;
    }
    else if (head->tag == FLOW_VALUE_FLOAT && isfinite(head->real)) {
        out->kind = PLAIN_FLOAT;
        out->real = head->real;
    }
    else if (head->tag == FLOW_VALUE_TRUE || head->tag == FLOW_VALUE_FALSE) {
        out->kind = PLAIN_TRUTH;
        out->truth = head->tag == FLOW_VALUE_TRUE;
    }
}

bool
plain_read(struct plain *out, const struct reader *reader, struct value *value, struct text *room)
{
    struct value ahead = *value;
    struct value_head head;
    *out = plain_text((struct slice){"", 0});
    text_truncate(room, 0);
    if (!value->data)
        return false;
    if (value_read(reader, &ahead, &head) < 0
        || (head.tag != FLOW_VALUE_ABSENT && value_text(room, reader, value, &(struct value_limits){0}) < 0)) {
        value->data = NULL;
        text_truncate(room, 0);
        return true;
    }
    if (head.tag == FLOW_VALUE_ABSENT) {
        *value = ahead;
        return false;
    }
    classify(out, &head);
    out->text = text_content(room);
    return true;
}
