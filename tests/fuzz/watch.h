/* watch.h - what a run takes of memory and of maps, and that it gives all of it back.
 *
 * malloc() and its like, mmap() and its like, and open(), fstat() and close() go through here: the program is linked
 * with --wrap for each. A file that is lent is not the kernel's but lies in memory, up to the end of a page behind
 * which nothing may be read: opening, mapping and closing it cost next to nothing.
 */
#ifndef FLOW_WATCH_H
#define FLOW_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "seed.h"

struct watch {
    size_t in_use, most_in_use; /* bytes, since watch_begin() */
};

extern struct watch watch;

void watch_begin(void);
/* No more is counted. */
void watch_stop(void);
/* And calls target_failed() for what is left. */
void watch_end(void);
/* Who opens the file's path reads its memory, as the first or the second such file; NULL: none. */
void watch_lend(unsigned which, const struct seed_file *file);

#endif
