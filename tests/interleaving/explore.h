/* explore.h - runs a few threads in every order, on a memory that is as weak as C11 allows.
 *
 * A place holds all values that were stored to it, in that order. A load may return any that is not older than what
 * its thread has seen of the place; release and acquire, on stores, loads and fences, make threads see what others saw
 * (the views of Kang et al., A Promising Semantics, POPL 2017, without promises: nothing is read before it is written).
 * Each run follows one choice of whose step comes next and what a load returns; runs are repeated until all choices
 * were taken, but for those that lead to where another run has been.
 */
#ifndef FLOW_EXPLORE_H
#define FLOW_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

enum explore_order { ORDER_relaxed, ORDER_acquire, ORDER_release };

uint64_t explore_load(const volatile void *place, enum explore_order order);
void explore_store(volatile void *place, uint64_t value, enum explore_order order);
/* A store that is none of C11's atomic ones: two that nothing orders are a fault of the program's. */
void explore_store_plain(volatile void *place, uint64_t value);
uint64_t explore_add(volatile void *place, uint64_t n, enum explore_order order);
bool explore_exchange_if(volatile void *place, uint64_t *seen, uint64_t value, enum explore_order order);
void explore_fence(enum explore_order order);
/* The run has shown a fault: it is printed with the steps that led there, and the program ends with status 1. */
void explore_fail(const char *what);

struct explore_scenario {
    const char *name;
    void (*begin)(void); /* says with explore_place() what the places hold */
    void (*threads[4])(void);
};

void explore_place(volatile void *place, const char *name, uint64_t value);
/* True where all of it was explored within `states`. */
bool explore(const struct explore_scenario *scenario, uint64_t states);

#endif
