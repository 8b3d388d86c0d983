/* pause_names.h - what calls were suspended for, numbered, for formats that have a list of names. */
#ifndef FLOW_PAUSE_NAMES_H
#define FLOW_PAUSE_NAMES_H

#include "../model/id_map.h"
#include "../model/model.h"
#include "../model/text.h"

#define PAUSE_NAMES_MAX 2000

struct pause_names {
    uint32_t *pauses;      /* Owned; by number, from 0: the first pause of that name */
    uint32_t count, room;
    struct id_map numbers; /* (await or yield, hash of the name) -> number */
    struct text text;
};

/* From 1; 0: nothing is known, or there are too many different ones. */
uint32_t pause_names_number(struct pause_names *names, const struct model *model, uint32_t pause);
/* False: there was no memory. */
bool pause_names_close(struct pause_names *names);

#endif
