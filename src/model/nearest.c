#include "nearest.h"

#define NAME_MAX_BYTES 64 /* longer ones are not compared */

struct nearest
nearest_to(const char *wanted)
{
    struct slice slice = {wanted, strlen(wanted)};
    unsigned most = slice.length < 3 ? 1 : slice.length < 6 ? 2 : (unsigned)slice.length / 3;
    return (struct nearest){.wanted = slice, .distance = most + 1};
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Bytes to insert, delete, replace or, for neighbours, swap. Case counts for nothing. */
static unsigned
distance(struct slice a, struct slice b)
{
    unsigned rows[3][NAME_MAX_BYTES + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.length; i++) {
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.length; j++) {
            char x = lower(a.data[i - 1]), y = lower(b.data[j - 1]);
            unsigned best = above[j - 1] + (x != y);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && x == lower(b.data[j - 2]) && y == lower(a.data[i - 2]);
            row[j] = swapped && before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
        }
    }
    return row[b.length];
}

/* What is not alike in length can't be near. */
static unsigned
bounded_distance(const struct nearest *nearest, struct slice name)
{
    struct slice wanted = nearest->wanted;
    size_t apart = wanted.length > name.length ? wanted.length - name.length : name.length - wanted.length;
    if (apart >= nearest->distance || name.length > NAME_MAX_BYTES || wanted.length > NAME_MAX_BYTES || !name.length)
        return nearest->distance;
    return distance(wanted, name);
}

/* The last part of a dotted name may be what was meant. */
void
nearest_try(struct nearest *nearest, struct slice name)
{
    struct slice last = name;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == '.')
            last = (struct slice){name.data + i + 1, name.length - i - 1};
    unsigned whole = bounded_distance(nearest, name);
    unsigned part = bounded_distance(nearest, last);
    unsigned best = whole < part ? whole : part;
    if (best >= nearest->distance)
        return;
    nearest->distance = best;
    nearest->found = name;
}
