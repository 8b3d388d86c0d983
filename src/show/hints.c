/* hints.c - what one can do about what isn't shown: on the command line, in a page, in a notebook. */
#include "show.h"

static const struct show_hints command_line = {
    .more = "--lines N shows more, --all everything",
    .all = "--all shows everything",
    .hidden = "--all",
    .newest = "--newest N reads more",
    .missing = "see flowtrace info",
};

const struct show_hints show_hints_page = {
    .more = "a page of more: flowtrace export html --lines N",
    .all = "flowtrace diff --all shows everything",
    .hidden = "",
    .newest = "flowtrace show --newest N reads more",
    .missing = "flowtrace info says what of it",
};

const struct show_hints show_hints_cell = {
    .more = "%%flowtrace --lines N shows more, --all everything",
    .all = "%%flowtrace --all shows everything",
    .hidden = "%%flowtrace --all",
    .newest = "%%flowtrace -o FILE keeps the trace, flowtrace.open(FILE) has all of it",
    .missing = "%%flowtrace -o FILE keeps the trace, flowtrace.open(FILE).info says what of it",
};

const struct show_hints show_hints_trace = {
    .more = "trace.call(12) is #12 and all in it, trace.calls(function='name') are all of a function",
    .all = "trace.calls() are all calls",
    .hidden = "",
    .newest = "flowtrace show --newest N reads more",
    .missing = "trace.info says what of it",
};

const struct show_hints show_hints_call = {
    .more = "its .children open as it does, trace.calls(under=call) are all in it",
    .all = "trace.calls(under=call) are all in it",
    .hidden = "",
    .newest = "flowtrace show --newest N reads more",
    .missing = "trace.info says what of it",
};

const struct show_hints show_hints_diff = {
    .more = "flowtrace.diff(…, lines=N) shows more, lines=0 everything",
    .all = "lines=0 shows everything",
    .hidden = "",
    .newest = "flowtrace show --newest N reads more",
    .missing = "flowtrace.open(…).info says what of it",
};

const struct show_hints *
show_hints(const struct show_options *options)
{
    return options && options->hints ? options->hints : &command_line;
}
