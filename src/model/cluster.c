#include "cluster.h"

#include "character_table.h"
#include "text.h"

#define MARKS_MAX 30 /* as Unicode's stream-safe text format has it */

#define EMOJI_SELECTOR 0xfe0fu
#define JOINER 0x200du

#define IS_IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof *(ranges))

static bool
is_in(uint32_t c, const struct character_range *ranges, size_t count)
{
    size_t low = 0;
    size_t high = count;
    if (c < ranges[0].first)
        return false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

bool
cluster_is_hidden(uint32_t c)
{
    return (c < ' ' || c > '~') && IS_IN(c, hidden);
}

/* Two of these make a flag. */
static bool
is_regional(uint32_t c)
{
    return c >= 0x1f1e6 && c <= 0x1f1ff;
}

static bool
is_skin_tone(uint32_t c)
{
    return c >= 0x1f3fb && c <= 0x1f3ff;
}

static bool
may_be_emoji(uint32_t c)
{
    return c == '#' || c == '*' || (c >= '0' && c <= '9') || IS_IN(c, pictographs);
}

/* Does `c` belong to what begins with `base`, behind `before`? Adds its columns. */
static bool
joins(struct cluster *cluster, uint32_t base, uint32_t before, uint32_t c, bool second)
{
    if (c == EMOJI_SELECTOR || is_skin_tone(c)) {
        if (!may_be_emoji(base))
            return c == EMOJI_SELECTOR;
        cluster->columns = 2;
        return true;
    }
    if (is_regional(c)) {
        cluster->columns += second && is_regional(base);
        return second && is_regional(base);
    }
    if (IS_IN(c, spacing_marks)) {
        cluster->columns++;
        return true;
    }
    return c == JOINER || IS_IN(c, marks) || (before == JOINER && IS_IN(c, pictographs) && IS_IN(base, pictographs));
}

struct cluster
cluster_first(const char *data, size_t length)
{
    if ((uint8_t)data[0] < 0x80 && (length == 1 || (uint8_t)data[1] < 0xcc)) /* marks begin with U+0300 */
        return (struct cluster){1, 1};
    uint32_t base;
    struct cluster cluster = {text_decode(data, length, &base), 1};
    cluster.columns += IS_IN(base, wide);
    uint32_t before = base;
    for (unsigned count = 0; count < MARKS_MAX && cluster.bytes < length; count++) {
        uint32_t c = (uint8_t)data[cluster.bytes];
        if (c < 0xcc)
            break;
        size_t bytes = text_decode(data + cluster.bytes, length - cluster.bytes, &c);
        if (!joins(&cluster, base, before, c, count == 0))
            break;
        cluster.bytes += bytes;
        before = c;
    }
    return cluster;
}
