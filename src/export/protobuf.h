/* protobuf.h - messages of Protocol Buffers, written into a text. */
#ifndef FLOW_PROTOBUF_H
#define FLOW_PROTOBUF_H

#include "../model/text.h"

void protobuf_number(struct text *out, uint32_t field, uint64_t number);
void protobuf_fixed64(struct text *out, uint32_t field, uint64_t number);
void protobuf_double(struct text *out, uint32_t field, double number);
/* A string, or bytes. */
void protobuf_text(struct text *out, uint32_t field, struct slice text);
/* What is written until protobuf_end(), which is given what this returned, is a message in that field. */
size_t protobuf_begin(struct text *out, uint32_t field);
void protobuf_end(struct text *out, size_t begun);

#endif
