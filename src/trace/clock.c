#include "clock.h"

#if defined(__x86_64__)
#include <cpuid.h>

static bool
has_invariant_counter(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8));
}
#endif

enum flow_clock
clock_choose(uint32_t *shift)
{
    *shift = 0;
#if defined(__x86_64__)
    if (has_invariant_counter()) {
        *shift = CLOCK_CYCLES_SHIFT;
        return FLOW_CLOCK_CYCLES;
    }
#elif defined(__aarch64__)
    return FLOW_CLOCK_CYCLES;
#endif
    return FLOW_CLOCK_MONOTONIC;
}

/* A reading may be interrupted between its two clocks: the quickest of a few
 * tries is the truest. */
struct clock_reading
clock_read(uint32_t clock)
{
    struct clock_reading best = {0, clock_now_ns(CLOCK_MONOTONIC)};
    if (clock != FLOW_CLOCK_CYCLES) {
        best.ticks = clock == FLOW_CLOCK_NONE ? 0 : best.mono_ns;
        return best;
    }
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        uint64_t before = clock_ticks(clock);
        uint64_t ns = clock_now_ns(CLOCK_MONOTONIC);
        uint64_t after = clock_ticks(clock);
        if (after - before < shortest) {
            shortest = after - before;
            best = (struct clock_reading){before + (after - before) / 2, ns};
        }
    }
    return best;
}
