/* sink.h - a file that is written from its beginning to its end, through a buffer.
 *
 * The first failure is kept in `error`, and what follows is dropped: look at it once, at the end.
 */
#ifndef FLOW_SINK_H
#define FLOW_SINK_H

#include "../model/text.h"

struct sink {
    int fd;           /* Borrowed */
    char *buffer;     /* Owned */
    size_t length;
    uint64_t written; /* what is in the buffer too */
    int error;        /* 0 or -errno */
};

/* 0 or -ENOMEM. */
int sink_open(struct sink *out, int fd);
/* Writes what is in the buffer. 0 or -errno: the first failure of all. */
int sink_close(struct sink *sink);

void sink_bytes(struct sink *sink, const void *data, size_t length);
void sink_string(struct sink *sink, const char *string);
void sink_number(struct sink *sink, uint64_t number);
void sink_format(struct sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was put together elsewhere, which is empty afterwards. */
void sink_text(struct sink *sink, struct text *text);

/* "text", as JSON has it, and as a script may hold it: '<' and the line ends that JavaScript knows are escaped. What is
 * no UTF-8, and half of a pair of surrogates, becomes U+FFFD. */
void sink_json(struct sink *sink, struct slice text);
/* Characters that mean something to XML are escaped, in attributes too; those that XML 1.0 can't hold become U+FFFD. */
void sink_xml(struct sink *sink, struct slice text);

/* The same into a text. */
void text_json(struct text *out, struct slice text);
void text_xml(struct text *out, struct slice text);
/* As it is, but for what is no UTF-8, as above. */
void text_utf8(struct text *out, struct slice text);

#endif
