/* fields.c - what stands at the right of a line: how many calls it tells, and their times. */
#include "printer.h"

struct times {
    uint64_t low, high; /* running, in ns */
    uint64_t waiting;   /* 0: it never waited, or its waits are of no interest */
    bool waits;         /* it may */
};

static struct times
times_of(const struct printer *printer, const struct story_line *line)
{
    struct times times = {.low = UINT64_MAX};
    for (uint32_t i = 0; i < line->count; i++) {
        const struct model *model = printer->model;
        const struct call *call = &model->calls[line->calls[i]];
        uint64_t ns = call_running_ns(model, call);
        uint64_t waiting = call_waiting_ns(model, call);
        times.low = ns < times.low ? ns : times.low;
        times.high = ns > times.high ? ns : times.high;
        if (!(call->code->flags & (FLOW_CODE_COROUTINE | FLOW_CODE_ASYNC_GENERATOR)) || !call_suspensions(model, call))
            continue;
        times.waits = true;
        times.waiting = waiting > times.waiting ? waiting : times.waiting;
    }
    return times;
}

size_t
fields_put(struct text *out, struct printer *printer, const struct story_line *line)
{
    enum { ONE = 7, RANGE = 17, WAIT = 15 }; /* "12.3 µs", "93.6 µs … 12.3 ms", " + 12.3 µs wait" */
    size_t range = printer->options->ascii ? RANGE + 2 : RANGE;
    struct times times = times_of(printer, line);
    bool folded = line->count > 1;
    if (folded) {
        text_string(out, printer->glyphs->times);
        label_count(out, line->count);
        text_string(out, line->scattered ? " apart" : "");
    }
    size_t columns = printer_columns(out);
    if (!printer->options->time)
        return columns;
    text_string(out, folded ? "  " : "");
    show_duration_range(out, times.low, times.high, printer->options->ascii);
    if (times.waits) {
        text_string(out, " + ");
        show_duration(out, times.waiting, printer->options->ascii);
        text_string(out, " wait");
    }
    columns += (folded ? 2 + range : ONE) + (times.waits ? WAIT : 0);
    return columns > printer_columns(out) ? columns : printer_columns(out); /* minutes take more */
}
