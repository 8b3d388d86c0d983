#include "show.h"

/* Three significant digits: 512 ns, 1.23 µs, 45.6 ms, 7.89 s, 12.3 min. */
void
show_duration(struct text *out, uint64_t ns, bool ascii)
{
    static const struct {
        double ns;
        const char *unit, *ascii;
    } units[] = {{6e10, "min", "min"}, {1e9, "s", "s"}, {1e6, "ms", "ms"}, {1e3, "µs", "us"}};
    double value = (double)ns;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double scaled = value / units[i].ns;
        /* 999.7 µs is 1.00 ms, not 1000 µs. */
        if (scaled < (i == 0 ? 2 : 0.9995))
            continue;
        const char *unit = ascii ? units[i].ascii : units[i].unit;
        text_format(out, "%.*f %s", scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0, scaled, unit);
        return;
    }
    text_format(out, "%llu ns", (unsigned long long)ns);
}
