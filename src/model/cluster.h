/* cluster.h - what a person takes for one character: a base and what is drawn over or joined to it. Lines are measured
 * in clusters and cut between them.
 *
 * A cluster takes the columns of its base, and one more for each spacing mark: terminals that know less of Unicode
 * take no fewer columns for a mark, and those that know more no more. Nobody sees dozens of marks on one base: so many
 * end a cluster, so that a text takes columns as it takes bytes. */
#ifndef FLOW_CLUSTER_H
#define FLOW_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster {
    size_t bytes, columns;
};

/* The first one; `length` is above 0. A mark that has nothing before it takes one column, as does what is no UTF-8. */
struct cluster cluster_first(const char *data, size_t length);
/* Is an escape to stand for this code point? */
bool cluster_is_hidden(uint32_t c);

#endif
