#include "space.h"

static enum space_kind
kind_of_extended(enum flow_extended subtype)
{
    switch (subtype) {
    case FLOW_EXTENDED_THREAD:
    case FLOW_EXTENDED_GREENLET: return SPACE_CHUNKS;
    case FLOW_EXTENDED_EXCEPTION: return SPACE_EXCEPTIONS;
    case FLOW_EXTENDED_PROCESS:
    case FLOW_EXTENDED_PROCESS_END:
    case FLOW_EXTENDED_SCOPE:
    case FLOW_EXTENDED_SOURCE: return SPACE_PROCESSES;
    default: return SPACE_LINKS;
    }
}

/* Of what is neither a value nor a definition. */
static enum space_kind
kind_of(const struct record *record)
{
    switch (record->type) {
    case FLOW_YIELD:
    case FLOW_RESUME: return SPACE_WAITS;
    case FLOW_THROW:
    case FLOW_UNWIND:
    case FLOW_RAISE:
    case FLOW_HANDLED: return SPACE_EXCEPTIONS;
    case FLOW_OPEN: return SPACE_CHUNKS;
    case FLOW_EXTENDED: return kind_of_extended(record->extended);
    default: return SPACE_CALLS;
    }
}

void
space_add(struct space *space, const struct record *record)
{
    uint64_t values = 0;
    if (record->type == FLOW_CALL_VALUES || record->type == FLOW_RETURN_VALUE)
        values = (uint64_t)(record->values.end - record->values.data);
    space->bytes[record->type == FLOW_CALL_VALUES ? SPACE_ARGUMENTS : SPACE_RESULTS] += values;
    space->bytes[SPACE_FUNCTIONS] += record->defining;
    space->bytes[kind_of(record)] += record->size - record->defining - values;
}
