/* snapshot.h - what a file whose chunks are recycled holds at one moment.
 *
 * Such a file may be written to while it is read, and a chunk be another's all at once: so its chunks are copied, and
 * only those that stayed the same meanwhile count. What a thread began after the moment is left out, as is, of a
 * thread's chunks, none that comes before one that is taken, unless it was let go.
 */
#ifndef FLOW_SNAPSHOT_H
#define FLOW_SNAPSHOT_H

#include "reader.h"

/* Puts a copy in the place of the reader's map. 0 or -ENOMEM. Nothing is done where the file tells of no slots. */
int snapshot_take(struct reader *reader);

#endif
