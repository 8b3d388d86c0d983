/* sources.h - the files that functions come from, as they were when they were recorded and as they are now.
 *
 * Only what is declared here, and in show/quote.h, looks at the disk, and only at regular files: opening anything else
 * might wait, or do something.
 */
#ifndef FLOW_SOURCES_H
#define FLOW_SOURCES_H

#include "model.h"
#include "sha1.h"

enum source_state {
    SOURCE_SAME,
    SOURCE_CHANGED,
    SOURCE_TOUCHED,   /* of the same size but another time, and no hash tells more */
    SOURCE_GONE,      /* there is no such file here */
    SOURCE_ELSEWHERE, /* it was recorded on another machine */
};

/* Compares one version of a file with what is there now. */
enum source_state source_look(const struct model *model, const struct source *source);
/* The same of all versions of a file, which stand together from `first` on: the best of them. `count`: how many. */
enum source_state source_look_all(const struct model *model, uint32_t first, uint32_t *count);
/* Where the file is. */
struct slice source_path(const struct source *source);

/* As git names it; false if the file is not as it was recorded, or can't be read at once. */
bool source_hash(const struct source *source, uint8_t out[SHA1_SIZE]);
/* Encodes a SOURCE record for each source from *next on that has no hash, and now gets one. Returns the end; *next is
 * where to go on if there was no more room. */
uint8_t *sources_put_hashes(const struct model *model, uint32_t *next, uint8_t *p, const uint8_t *end);

#endif
