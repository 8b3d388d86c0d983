#include <string.h>

#include "show.h"

static const struct {
    double ns;
    const char *unit, *ascii;
} units[] = {{6e10, "min", "min"}, {1e9, "s", "s"}, {1e6, "ms", "ms"}, {1e3, "µs", "us"}, {1, "ns", "ns"}};

#define UNITS (sizeof units / sizeof *units)

static size_t
unit_of(uint64_t ns)
{
    size_t i = 0;
    /* 999.7 µs is 1.00 ms, not 1000 µs. */
    while (i + 1 < UNITS && (double)ns / units[i].ns < (i == 0 ? 2 : 0.9995))
        i++;
    return i;
}

/* Three significant digits: 512 ns, 1.23 µs, 45.6 ms, 7.89 s, 12.3 min. */
static void
put_number(struct text *out, uint64_t ns, size_t unit)
{
    double scaled = (double)ns / units[unit].ns;
    int decimals = unit + 1 == UNITS || scaled >= 99.95 ? 0 : scaled < 9.995 ? 2 : 1;
    text_format(out, "%.*f", decimals, scaled);
}

static void
put_unit(struct text *out, size_t unit, bool ascii)
{
    text_format(out, " %s", ascii ? units[unit].ascii : units[unit].unit);
}

void
show_duration(struct text *out, uint64_t ns, bool ascii)
{
    size_t unit = unit_of(ns);
    put_number(out, ns, unit);
    put_unit(out, unit, ascii);
}

void
show_duration_range(struct text *out, uint64_t low, uint64_t high, bool ascii)
{
    size_t unit = unit_of(high);
    bool shared = unit_of(low) == unit || (double)low / units[unit].ns >= 0.1;
    size_t begin = out->length;
    put_number(out, low, shared ? unit : unit_of(low));
    size_t behind = out->length;
    if (!shared)
        put_unit(out, unit_of(low), ascii);
    text_string(out, ascii ? " ... " : " … ");
    size_t last = out->length;
    put_number(out, high, unit);
    size_t digits = behind - begin;
    if (shared && out->length - last == digits && memcmp(out->data + begin, out->data + last, digits) == 0)
        text_truncate(out, behind); /* what differs does not show */
    put_unit(out, unit, ascii);
}
