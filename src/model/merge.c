#include "merge.h"

#include <errno.h>
#include <stdlib.h>

static bool
is_before(const struct merge *merge, uint32_t a, uint32_t b)
{
    uint64_t left = merge->heads[a].time_ns;
    uint64_t right = merge->heads[b].time_ns;
    return left != right ? left < right : a < b;
}

static void
sift_down(struct merge *merge, uint32_t i)
{
    uint32_t stream = merge->heap[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= merge->count)
            break;
        if (child + 1 < merge->count && is_before(merge, merge->heap[child + 1], merge->heap[child]))
            child++;
        if (!is_before(merge, merge->heap[child], stream))
            break;
        merge->heap[i] = merge->heap[child];
        i = child;
    }
    merge->heap[i] = stream;
}

int
merge_open(struct merge *out, struct reader *reader)
{
    uint32_t n = reader->stream_count;
    *out = (struct merge){.reader = reader};
    out->cursors = calloc(n + 1, sizeof *out->cursors);
    out->heads = calloc(n + 1, sizeof *out->heads);
    out->heap = calloc(n + 1, sizeof *out->heap);
    int ret = out->cursors && out->heads && out->heap ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < n && ret >= 0; i++) {
        cursor_open(&out->cursors[i], reader, i);
        ret = cursor_next(&out->cursors[i], &out->heads[i]);
        if (ret > 0)
            out->heap[out->count++] = i;
    }
    if (ret < 0) {
        merge_close(out);
        return ret;
    }
    for (uint32_t i = out->count / 2; i-- > 0;)
        sift_down(out, i);
    return 0;
}

int
merge_next(struct merge *merge, uint32_t *stream, const struct record **out)
{
    if (merge->taken) {
        uint32_t first = merge->heap[0];
        int ret = cursor_next(&merge->cursors[first], &merge->heads[first]);
        if (ret < 0)
            return ret;
        if (ret == 0)
            merge->heap[0] = merge->heap[--merge->count];
        merge->taken = false;
        if (merge->count)
            sift_down(merge, 0);
    }
    if (merge->count == 0)
        return 0;
    *stream = merge->heap[0];
    *out = &merge->heads[*stream];
    merge->taken = true;
    return 1;
}

void
merge_close(struct merge *merge)
{
    free(merge->cursors);
    free(merge->heads);
    free(merge->heap);
    *merge = (struct merge){0};
}
