#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replace.h"

int
output_open(struct output *out, const char *path)
{
    *out = (struct output){.path = path, .unit = 1};
    out->fd = replace_begin(&out->temporary, path);
    if (out->fd >= 0)
        return 0;
    out->temporary = NULL;
    return out->fd;
}

static int
write_bytes(int fd, uint64_t offset, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, data, size, (off_t)offset);
        if (n < 0 && errno != EINTR)
            return -errno;
        size_t written = n > 0 ? (size_t)n : 0;
        data += written;
        offset += written;
        size -= written;
    }
    return 0;
}

/* By way of a copy: a system call that meets the end of a map that was cut off fails, where reading it finds zeros. */
static int
copy_bytes(int fd, uint64_t offset, const uint8_t *data, size_t size)
{
    uint8_t copy[16384];
    int ret = 0;
    for (size_t at = 0; at < size && ret == 0; at += sizeof copy) {
        size_t n = size - at < sizeof copy ? size - at : sizeof copy;
        memcpy(copy, data + at, n);
        ret = write_bytes(fd, offset + at, copy, n);
    }
    return ret;
}

int
output_chunk(struct output *output, const struct flow_chunk_header *header, const uint8_t *records, size_t length)
{
    struct flow_chunk_header chunk = *header;
    size_t size = sizeof chunk + length;
    size_t units = (size + FLOW_UNIT_SIZE - 1) / FLOW_UNIT_SIZE;
    if (units > FLOW_CHUNK_UNITS_MAX)
        return -E2BIG;
    chunk.units = (uint16_t)units;
    atomic_store(&chunk.magic, FLOW_CHUNK_MAGIC);
    atomic_store(&chunk.committed, (uint32_t)size);
    atomic_store(&chunk.claim, 0);
    atomic_fetch_or(&chunk.flags, FLOW_CHUNK_SEALED);
    uint64_t offset = output->unit * FLOW_UNIT_SIZE;
    int ret = write_bytes(output->fd, offset, (const uint8_t *)&chunk, sizeof chunk);
    if (ret == 0)
        ret = copy_bytes(output->fd, offset + sizeof chunk, records, length);
    output->unit += units;
    output->processes = chunk.process > output->processes ? chunk.process : output->processes;
    return ret;
}

int
output_close(struct output *output, const struct flow_file_header *header)
{
    struct flow_file_header last = *header;
    uint32_t next = output->processes < UINT32_MAX ? output->processes + 1 : output->processes;
    memcpy(last.magic, FLOW_MAGIC, sizeof last.magic);
    last.major = FLOW_MAJOR;
    last.byte_order = FLOW_BYTE_ORDER;
    last.unit_size = FLOW_UNIT_SIZE;
    last.flags &= ~(uint32_t)(FLOW_FILE_LAST | FLOW_FILE_LIMIT);
    atomic_store(&last.next_unit, output->unit);
    atomic_store(&last.end_unit, output->unit);
    atomic_store(&last.next_process, next);
    int ret = ftruncate(output->fd, (off_t)(output->unit * FLOW_UNIT_SIZE)) < 0 ? -errno : 0;
    if (ret == 0)
        ret = write_bytes(output->fd, 0, (const uint8_t *)&last, sizeof last);
    if (ret == 0)
        ret = replace_end(output->temporary, output->path);
    if (ret < 0)
        return ret;
    free(output->temporary);
    output->temporary = NULL;
    return close(output->fd) < 0 ? -errno : 0;
}

void
output_drop(struct output *output)
{
    if (!output->temporary)
        return;
    unlink(output->temporary);
    free(output->temporary);
    output->temporary = NULL;
    close(output->fd);
}
