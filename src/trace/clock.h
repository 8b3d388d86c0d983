/* clock.h - one monotonic clock for all processes of a machine.
 *
 * Where the CPU has an invariant cycle counter (x86-64 that says so, arm64) a
 * reading costs a few nanoseconds; the file's chunks tie it to CLOCK_MONOTONIC
 * and the reader converts. Elsewhere it is CLOCK_MONOTONIC itself.
 */
#ifndef FLOW_CLOCK_H
#define FLOW_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "format.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#define CLOCK_CYCLES_SHIFT 3 /* 2 to 4 ns a tick: a record's header mostly takes two bytes */
#elif defined(__aarch64__)
#define CLOCK_CYCLES_SHIFT 0
#endif

struct clock_reading {
    uint64_t ticks;
    uint64_t mono_ns;
};

static inline uint64_t
clock_now_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t
clock_ticks(uint32_t clock)
{
#if defined(__x86_64__)
    if (clock == FLOW_CLOCK_CYCLES)
        return __rdtsc() >> CLOCK_CYCLES_SHIFT;
#elif defined(__aarch64__)
    if (clock == FLOW_CLOCK_CYCLES) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
    }
#endif
    return clock == FLOW_CLOCK_NONE ? 0 : clock_now_ns(CLOCK_MONOTONIC);
}

/* The best clock of this machine, and its shift. */
enum flow_clock clock_choose(uint32_t *shift);

/* Both clocks at one moment, as nearly as can be. */
struct clock_reading clock_read(uint32_t clock);

#endif
