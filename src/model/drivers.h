/* drivers.h - which calls resumed a generator, other than the one that began it. */
#ifndef FLOW_DRIVERS_H
#define FLOW_DRIVERS_H

#include "id_map.h"
#include "model.h"

/* Call `number` goes on, below `driver` or MODEL_NONE; `thrown`: with an exception. `suspended` is the
 * outcome of calls that wait. Each pair is added once. 0 or -ENOMEM. */
int drivers_add(struct model *model, struct id_map *known, uint32_t number, uint32_t driver, bool thrown,
                uint8_t suspended);
/* When all are there. */
void drivers_sort(struct model *model);

#endif
