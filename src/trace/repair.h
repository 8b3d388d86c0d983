/* repair.h - opens a trace whose file header does not hold: what it must have said is told by the chunks.
 *
 * A unit that begins with a chunk's magic is one, so chunks need no header to be found. The file itself stays as it is.
 */
#ifndef FLOW_REPAIR_H
#define FLOW_REPAIR_H

#include "reader.h"

struct repair {
    bool rebuilt;       /* the header was no header of a trace */
    bool start_unknown; /* nor could it be seen when the trace began: start_unix_ns is 0 */
};

/* As reader_open(), but of what has no sound header as well. -ENODATA: there is no chunk in it. */
int repair_open(struct reader *out, const char *path, struct repair *repair, char *message, size_t message_size);

#endif
