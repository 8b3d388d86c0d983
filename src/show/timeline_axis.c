#include "timeline_axis.h"

static const struct {
    uint64_t ns;
    const char *name, *ascii;
} units[] = {
    {60000000000, "min", "min"}, {1000000000, "s", "s"}, {1000000, "ms", "ms"}, {1000, "µs", "us"}, {1, "ns", "ns"}};

#define UNITS (sizeof units / sizeof *units)
#define MINUTES_FROM 20 /* of them: less are told in seconds */

static size_t
unit_of(const struct axis *axis)
{
    size_t unit = axis->to_ns >= MINUTES_FROM * units[0].ns ? 0 : 1;
    while (unit + 1 < UNITS && axis->to_ns < units[unit].ns)
        unit++;
    return unit;
}

void
axis_put_label(struct text *out, const struct axis *axis, uint64_t ns)
{
    size_t unit = unit_of(axis);
    int digits = 0;
    if (ns == 0) {
        text_string(out, "0");
        return;
    }
    for (uint64_t part = units[unit].ns; axis->step_ns % part != 0 && digits < 9; part = part / 10 ? part / 10 : 1)
        digits++;
    uint64_t whole = ns / units[unit].ns;
    text_format(out, "%llu", (unsigned long long)whole);
    uint64_t rest = ns % units[unit].ns;
    text_string(out, digits ? "." : "");
    for (int i = 0; i < digits; i++) {
        rest *= 10;
        text_format(out, "%u", (unsigned)(rest / units[unit].ns));
        rest %= units[unit].ns;
    }
    text_format(out, " %s", axis->ascii ? units[unit].ascii : units[unit].name);
}

bool
axis_tick(const struct axis *axis, uint32_t number, uint64_t *ns, uint32_t *column)
{
    uint64_t first = axis->from_ns / axis->step_ns + (axis->from_ns % axis->step_ns != 0);
    if (first + number > UINT64_MAX / axis->step_ns)
        return false;
    *ns = (first + number) * axis->step_ns;
    if (*ns < axis->from_ns || *ns >= axis->to_ns)
        return false;
    double place = (double)(*ns - axis->from_ns) / (double)(axis->to_ns - axis->from_ns) * axis->columns;
    *column = (uint32_t)place;
    return *column < axis->columns;
}

static uint32_t
label_columns(const struct axis *axis, uint64_t ns)
{
    struct text label = {0};
    axis_put_label(&label, axis, ns);
    uint32_t columns = (uint32_t)text_columns(label.data, label.length);
    text_free(&label);
    return columns;
}

/* The last is the longest of them. */
static bool
labels_fit(const struct axis *axis)
{
    double span = (double)(axis->to_ns - axis->from_ns);
    double apart = (double)axis->step_ns / span * axis->columns;
    return apart >= label_columns(axis, axis->to_ns - axis->to_ns % axis->step_ns) + 2.0;
}

/* 1, 2, 5, 10, 20 ... of what begins with 1 ns, or, of minutes, with one. */
static uint64_t
next_step(uint64_t step)
{
    uint64_t power = step >= units[0].ns && step % units[0].ns == 0 ? units[0].ns : 1;
    while (step / power >= 10)
        power *= 10;
    return step / power == 2 ? power * 5 : step * 2;
}

struct axis
axis_make(uint64_t from_ns, uint64_t to_ns, uint32_t columns, bool ascii)
{
    struct axis axis = {from_ns, to_ns, 1, columns, ascii};
    bool minutes = unit_of(&axis) == 0;
    while (axis.step_ns < to_ns - from_ns && axis.step_ns < UINT64_MAX / 4 && !labels_fit(&axis)) {
        axis.step_ns = next_step(axis.step_ns);
        if (minutes && axis.step_ns < units[0].ns && axis.step_ns > units[0].ns / 20)
            axis.step_ns = units[0].ns;
    }
    return axis;
}
