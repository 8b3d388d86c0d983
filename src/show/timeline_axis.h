/* timeline_axis.h - where the ticks of a time axis stand, and what is written at them. */
#ifndef FLOW_TIMELINE_AXIS_H
#define FLOW_TIMELINE_AXIS_H

#include "../model/text.h"

struct axis {
    uint64_t from_ns, to_ns;
    uint64_t step_ns; /* between ticks: 1, 2 or 5 of a power of ten */
    uint32_t columns;
    bool ascii;
};

/* The smallest step at which all labels find their place. */
struct axis axis_make(uint64_t from_ns, uint64_t to_ns, uint32_t columns, bool ascii);
/* The tick at `number`, from 0, counted from the first that is seen; its column. False behind the last. */
bool axis_tick(const struct axis *axis, uint32_t number, uint64_t *ns, uint32_t *column);
/* "250 ms": with as many digits as the step needs. */
void axis_put_label(struct text *out, const struct axis *axis, uint64_t ns);

#endif
