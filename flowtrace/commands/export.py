"""flowtrace export: a trace in the formats of others."""

from __future__ import annotations

import os
import sys

from .. import _filters, _formats, _options, _output, _progress, _terminal
from ..errors import UsageError
from .show import check_trace, newest_wanted, trace_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HELP = f"""\
flowtrace export FORMAT [options] [FILE]

Writes the trace FILE, flowtrace.flow if none is named, in another format.

  -o FILE          write to this file; - is stdout. Without it: the trace's name
                   with the format's ending, in the current folder
  --formats        list the formats, and what each of them can't say
  --weight WORD    folded, flame: what widths are: running (as usual: time without
                   waits), waiting, calls
  --before FILE    flame: the trace of an earlier run; colours tell what changed
  --by WORD        mermaid: messages go from module to module (as usual), or from
                   class to class, track to track: module, class, track
  --lines N        html, mermaid, dot: fold it to about so many lines or nodes
  --traceparent T  otlp: go on with this W3C trace context ($TRACEPARENT)
  --to URL         otlp: send it there instead of to a file
  --newest N       read no more than the newest N calls (40,000,000: 4 GB)

{_filters.HELP}
Example
  flowtrace export perfetto -o run.perfetto-trace
  flowtrace export folded --under handle -o - | flamegraph.pl >run.svg
"""

OPTIONS = {
    **_filters.OPTIONS,
    "-o": _options.TEXT,
    "--formats": _options.FLAG,
    "--weight": _options.TEXT,
    "--by": _options.TEXT,
    "--before": _options.TEXT,
    "--lines": _options.NUMBER,
    "--traceparent": _options.TEXT,
    "--to": _options.TEXT,
    "--newest": _options.NUMBER,
}
OF_A_FORMAT = ("--weight", "--by", "--before", "--lines", "--traceparent", "--to")
WEIGHTS = ("running", "waiting", "calls")
BY = ("module", "class", "track")


def main(arguments: list[str]) -> int:
    options = _options.parse("export", OPTIONS, arguments)
    if "--formats" in options:
        _terminal.answer(_formats.table().encode())
        return 0
    name, format = format_wanted(options)
    trace = trace_name("export", options)
    if "--before" in options:
        check_trace(options.text("--before", ""), "--before needs the trace of an earlier run")
    if "--to" in options:
        return send(name, trace, options)
    out = options.text("-o", default_name(trace, format))
    check_out(out, format, trace, options.text("--before", trace))
    # That of chrome closes its brackets first, and a module may have to clear away.
    ends_at_once = out == _output.STDOUT and name != "chrome" and not format.module
    with _terminal.Interruptible(wanted=ends_at_once), _progress.Progress():
        size, calls = write(name, format, trace, out, options)
    if out != _output.STDOUT:
        _terminal.say(f"wrote {_terminal.printable(out)}: {counted(calls)}, {size_text(size)}; {format.open_with}")
    return 0


def format_wanted(options: _options.Options) -> tuple[str, _formats.Format]:
    if not options.rest:
        raise UsageError(f"which format? {', '.join(_formats.FORMATS)}: flowtrace export --formats tells more")
    name = options.rest.pop(0)
    if name not in _formats.FORMATS:
        raise UsageError(f"no format {name!r}{_formats.nearest(name)}")
    format = _formats.FORMATS[name]
    for option in OF_A_FORMAT:
        if option in options and option not in format.options:
            takers = [other for other, its in _formats.FORMATS.items() if option in its.options]
            raise UsageError(f"{option} is not for {name} but for {', '.join(takers)}")
    for option, words in (("--weight", WEIGHTS), ("--by", BY)):
        given = options.text(option, words[0])
        if given not in words:
            raise UsageError(f"{option} is {', '.join(words[:-1])} or {words[-1]}, not {given!r}")
    return name, format


def default_name(trace: str, format: _formats.Format) -> str:
    return os.path.basename(trace).removesuffix(".flow") + format.suffix


def check_out(out: str, format: _formats.Format, *traces: str) -> None:
    if out == _output.STDOUT:
        if format.is_folder:
            raise UsageError("this format is a folder of files, which stdout can't be; name one: -o FOLDER")
        if format.is_binary and _terminal.is_terminal(sys.stdout):
            raise UsageError("this format is no text for a terminal; name a file: -o FILE, or pipe it on")
        return
    for trace in traces:
        if os.path.exists(out) and os.path.samefile(out, trace):
            raise UsageError(
                f"{_terminal.printable(trace)} is the trace and stays as it is; name another file: -o FILE"
            )
    if not format.is_folder:
        _output.check(out)


def write(name: str, format: _formats.Format, trace: str, out: str, options: _options.Options) -> tuple[int, int]:
    """Return how many bytes were written, and of how many calls."""
    from .. import _core

    if format.module:
        module = getattr(__import__(f"flowtrace.formats.{format.module}").formats, format.module)
        size, calls = module.write(trace, out, newest_wanted(options), _filters.given(options))
        return size, calls
    settings = settings_for(name, trace, options)
    with _output.Output(out) as output:
        return _core.export(trace, name, output.descriptor, **settings)


def settings_for(name: str, trace: str, options: _options.Options) -> dict[str, Any]:
    settings = {
        "newest": newest_wanted(options),
        "filters": _filters.given(options),
        "weight": WEIGHTS.index(options.text("--weight", WEIGHTS[0])),
        "by": BY.index(options.text("--by", BY[0])),
        "lines": options.number("--lines", 0),
        "title": os.path.basename(trace),
    }
    if "--before" in options:
        settings["before"] = options.text("--before", "")
    if name == "otlp":
        from .. import _otlp

        settings["traceparent"] = _otlp.traceparent(
            options.text("--traceparent", "") if "--traceparent" in options else None
        )
    return settings


def send(name: str, trace: str, options: _options.Options) -> int:
    """Send what a file would get, while it is made: neither waits for all of the other."""
    import threading

    from .. import _core, _otlp

    url = options.text("--to", "")
    if "-o" in options:
        raise UsageError("--to sends it, -o writes it: one of them")
    _otlp.address(url)
    settings = settings_for(name, trace, options)
    reading, writing = os.pipe()
    written: list[tuple[int, int]] = []
    failed: list[BaseException] = []

    def write_lines() -> None:
        try:
            written.append(_core.export(trace, name, writing, **settings))
        except BaseException as error:
            failed.append(error)
        finally:
            os.close(writing)

    writer = threading.Thread(target=write_lines)
    with _progress.Progress():
        writer.start()
        try:
            with open(reading, "rb") as lines:  # when it is closed the writer sees that nobody reads
                sent = _otlp.send(lines, url)
        finally:
            writer.join()
    for error in failed:
        raise error
    requests = f"{sent.requests:,} request{'' if sent.requests == 1 else 's'}"
    _terminal.say(f"sent {counted(written[0][1])} to {url} in {requests}")
    if sent.rejected or sent.why:
        _terminal.say(
            f"it did not take {sent.rejected:,} of them: {sent.why}" if sent.rejected else f"it says: {sent.why}"
        )
    return 1 if sent.rejected else 0


def counted(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}"


def size_text(size: int) -> str:
    """Return "12.3 MiB"."""
    amount, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.3g} {unit}"
