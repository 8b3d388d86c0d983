/* guard.h - maps of a file that others may cut off while it is in use.
 *
 * An access behind the end of a mapped file is a SIGBUS, which ends the process. While maps are guarded, a handler
 * puts memory in the place of what is gone: what is written there is lost, what is read is 0. It passes on what isn't
 * ours to whoever had the signal before, and goes with the last map. A handler that the program sets meanwhile stays.
 */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Maps part of a file, shared, and guards it; beyond some thousands of maps one stays without. 0 or -errno. */
int guard_map(void **out, int fd, off_t offset, size_t size, int protection);
void guard_unmap(void *map, size_t size);
/* Was some of it gone when it was looked at? */
bool guard_is_broken(const void *map);

#endif
