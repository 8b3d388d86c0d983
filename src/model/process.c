/* process.c - what META chunks say of a process: how it was started, how it ended. */
#include <string.h>

#include "model.h"
#include "payload.h"

struct slice
process_info(const struct process *process, const char *key)
{
    for (uint32_t i = 0; i < process->info_count; i++) {
        const uint8_t *p = (const uint8_t *)process->info[i].data;
        const uint8_t *end = p + process->info[i].length;
        while (p && p < end) {
            struct slice name, value;
            p = payload_text(p, end, &name);
            p = payload_text(p, end, &value);
            if (p && slice_is(name, key))
                return value;
        }
    }
    return (struct slice){"", 0};
}

const char *
process_end(const struct process *process)
{
    if (process->replaced)
        return "replaced";
    if (process->has_status)
        return process->wait_status & 0x7f ? "killed" : "exited";
    return process->ended ? "ended" : process->gone ? "gone" : "running";
}

static void
read_end(struct process *process, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t reason, status;
    p = payload_number(p, end, &reason);
    if (!p)
        return;
    if (reason < 2) {
        process->ended = true;
    }
    else if (reason == 3) {
        process->gone = true;
    }
    else if (payload_number(p, end, &status)) {
        process->has_status = true;
        process->wait_status = (int32_t)status;
    }
}

void
process_take(struct process *process, const struct reader *reader, uint32_t chunk, const struct record *record)
{
    const struct flow_chunk_header *header = reader->chunks[chunk].header;
    bool is_later = header->first_ns > reader->header->start_mono_ns && header->first_ns < UINT64_MAX / 2;
    if (record->extended == FLOW_EXTENDED_PROCESS && process->info_count < PROCESS_INFO_MAX) {
        if (!process->info_count && is_later)
            process->joined_ns = header->first_ns - reader->header->start_mono_ns;
        process->info[process->info_count++] = record->payload;
        process->interpreter = process_info(process, "interpreter");
    }
    if (record->extended == FLOW_EXTENDED_LOST)
        payload_text((const uint8_t *)record->payload.data,
                     (const uint8_t *)record->payload.data + record->payload.length, &process->lost);
    if (record->extended != FLOW_EXTENDED_PROCESS_END)
        return;
    read_end(process, record->payload);
    if (is_later && !process->gone)
        process->end_ns = header->first_ns - reader->header->start_mono_ns;
}

int
process_read_meta(struct process *process, struct reader *reader, uint32_t chunk)
{
    struct cursor cursor;
    struct record record;
    int ret;
    cursor_open_chunk(&cursor, reader, chunk);
    while ((ret = cursor_next(&cursor, &record)) > 0)
        process_take(process, reader, chunk, &record);
    return ret;
}
