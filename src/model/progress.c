#include "progress.h"

#include <errno.h>

int
progress_tell(const struct progress *progress, const char *doing, uint64_t done, uint64_t total)
{
    return progress && progress->tell && progress->tell(progress->context, doing, done, total) ? -ECANCELED : 0;
}
