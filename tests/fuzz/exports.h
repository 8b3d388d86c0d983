/* exports.h - a model in each of the formats of others, and as tables. */
#ifndef FLOW_EXPORTS_H
#define FLOW_EXPORTS_H

#include "../../src/export/export.h"
#include "seed.h"

/* Formats and tables together. */
unsigned exports_count(void);
void exports_write(unsigned which, const struct model *model, const struct seed *seed);

#endif
