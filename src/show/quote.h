/* quote.h - lines of the program's own files, where they are still what ran. */
#ifndef FLOW_QUOTE_H
#define FLOW_QUOTE_H

#include "../model/sources.h"
#include "../model/text.h"

enum quote { QUOTE_READ, QUOTE_CHANGED, QUOTE_UNREADABLE };

/* Appends line `number` of the file without the spaces around it, unless the file was written after `before_ns`,
 * in nanoseconds since 1970. */
enum quote quote_line(struct text *out, struct slice path, uint32_t number, uint64_t before_ns);
/* The same by what the trace says of its files; where it says nothing, the file is as it was if it was not written
 * since the recording began. */
enum quote quote_source(struct text *out, const struct model *model, struct slice file, uint32_t number);

/* All of a file, if it has no more than `most` bytes. */
enum quote quote_file(struct text *out, const struct model *model, struct slice file, size_t most);

#endif
