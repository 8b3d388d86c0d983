/* snapshot.h - what a file whose chunks are recycled holds at one moment.
 *
 * Such a file may be written to while it is read, and a chunk be another's all at once: so its chunks are copied, and
 * only those that stayed the same meanwhile count. What a thread began after the moment is left out.
 *
 * A thread's chunks have no hole. They are copied in the order in which they will be recycled, the oldest first: so
 * what is lost meanwhile has mostly been copied. Where a writer is faster, all is copied again; if he always is, what
 * is older than what was lost is left out as well, as it would be a moment later.
 */
#ifndef FLOW_SNAPSHOT_H
#define FLOW_SNAPSHOT_H

#include "reader.h"

/* Puts a copy in the place of the reader's map. 0 or -ENOMEM. Nothing is done where the file tells of no slots. */
int snapshot_take(struct reader *reader);

#endif
