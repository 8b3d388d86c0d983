"""flowtrace merge: the traces of several runs in one."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from .. import _options, _rewrite, _terminal
from ..errors import UsageError

HELP = """\
flowtrace merge [options] FILE FILE ... -o NEW

Joins the traces of several runs, of one host or of several, in the file NEW.
Its story has a part for each run, and its times are those of one clock. Runs
of one host since it was started share a clock; else the wall clocks of the
hosts tell how far apart they began.

  -o NEW             the file to write
  --offset FILE=TIME the wall clock of FILE was so much behind: its run began
                     later than that says by TIME (1.5s, 20ms, -3m)

Example
  flowtrace merge server.flow client.flow --offset client.flow=+1.5s -o all.flow
"""

OPTIONS = {"-o": _options.TEXT, "--offset": _options.TEXT}
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
SAME_BOOT_NS = 10**9  # wall clocks are set right meanwhile, but seldom by more
FAR_NS = 2**62  # a merged trace reaches no further


class Input(NamedTuple):
    name: str
    unix_ns: int  # 0: unknown
    mono_ns: int
    time: bool
    values: bool
    trace_id: bytes
    host: str
    offset_ns: int | None


def main(arguments: list[str]) -> int:
    options = _options.parse("merge", OPTIONS, arguments)
    new, names = options.text("-o", ""), options.rest
    if len(names) < 2 or not new:
        raise UsageError(
            "it takes two traces or more, and a name for the new one: flowtrace merge a.flow b.flow -o c.flow"
        )
    _rewrite.check_core("merge")
    for name in names:
        _rewrite.check_input(name)
    _rewrite.check_output(new, names)
    inputs = [look_at(name, offset) for name, offset in zip(names, offsets(options, names), strict=True)]
    check_distinct(inputs)
    return write(new, inputs)


def offsets(options: _options.Options, names: list[str]) -> list[int | None]:
    given: dict[str, int] = {}
    for option, value in options.order:
        if option != "--offset":
            continue
        name, equals, time = value.rpartition("=")
        named = [each for each in names if each == name] or [each for each in names if os.path.basename(each) == name]
        if not equals or len(named) != 1:
            raise UsageError(f"--offset needs one of the files and a time, as {names[-1]}=+1.5s, not {value!r}")
        given[named[0]] = nanoseconds(time)
    return [given.get(name) for name in names]


def nanoseconds(text: str) -> int:
    match = re.fullmatch(r"([+-]?)(\d{1,9})(?:\.(\d{1,9}))?\s*(ns|us|ms|s|m|h)?", text.strip(), re.ASCII)
    if not match:
        raise UsageError(f"--offset: {text!r} is no time; write it as +1.5s, -20ms, 3m")
    sign, whole, part, unit = match.groups()
    unit_ns = UNITS[unit or "s"]
    number = int(whole) * unit_ns + (int(part) * unit_ns // 10 ** len(part) if part else 0)
    return -number if sign == "-" else number


def look_at(name: str, offset_ns: int | None) -> Input:
    from .. import _core

    start = _core.trace_start(name)
    return Input(
        name,
        start["start_unix_ns"],
        start["start_mono_ns"],
        start["time"],
        start["values"],
        start["trace_id"],
        start["host"],
        offset_ns,
    )


def check_distinct(inputs: list[Input]) -> None:
    """A copy of a trace would have everything happen twice."""
    seen: dict[bytes, str] = {}
    for each in inputs:
        if each.trace_id and each.trace_id in seen:
            raise UsageError(f"{seen[each.trace_id]} and {each.name} are of the same run; give one of them")
        seen[each.trace_id] = each.name


def same_boot(one: Input, other: Input) -> bool:
    """Whether both were recorded on one host since it was started, so that its monotonic clock is the same."""
    if not (one.host and one.host == other.host and one.unix_ns and other.unix_ns):
        return False
    return abs((one.unix_ns - one.mono_ns) - (other.unix_ns - other.mono_ns)) < SAME_BOOT_NS


def align(inputs: list[Input]) -> list[tuple[int, str]]:
    """When each begins, in nanoseconds after the first of the list, and what says so."""
    first = inputs[0]
    by_clock: list[int] = []  # before any --offset
    aligned: list[tuple[int, str]] = []
    for i, each in enumerate(inputs):
        near = next((k for k in range(i) if same_boot(inputs[k], each)), None)
        moved = 0
        if i == 0:
            start, how = 0, "the others' times are set by it"
        elif near is not None:
            start = by_clock[near] + each.mono_ns - inputs[near].mono_ns
            moved = aligned[near][0] - by_clock[near]  # what is wrong with the clock is so for both
            how = f"one clock with {inputs[near].name}, exact"
        elif each.unix_ns and first.unix_ns:
            start, how = each.unix_ns - first.unix_ns, "by the wall clocks, as exact as these agree"
        else:
            start, how = 0, f"when it began isn't known: put beside {first.name}"
        if each.offset_ns is not None:
            moved = each.offset_ns
            how += f"; moved by {'-' if moved < 0 else '+'}{duration(abs(moved))} (--offset)"
        if not each.time:
            how += "; without times (--no-time)"
        by_clock.append(start)
        aligned.append((start + moved, how))
    return aligned


def duration(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.6g} {unit}"
    return f"{ns} ns"


def write(new: str, inputs: list[Input]) -> int:
    from .. import _core

    aligned = align(inputs)
    earliest = min(start for start, _ in aligned)
    starts = [start - earliest for start, _ in aligned]
    if max(starts) > FAR_NS:
        raise UsageError("these traces began centuries apart; give an --offset that brings them together")
    mono_ns = max(inputs[0].mono_ns + earliest, 10**9)
    unix_ns = max(inputs[0].unix_ns + earliest, 0) if inputs[0].unix_ns else 0
    given = [(each.name, each.name, how, start) for each, (_, how), start in zip(inputs, aligned, starts, strict=True)]
    time = any(each.time for each in inputs)
    try:
        told = _core.merge(new, given, time, all(each.values for each in inputs), mono_ns, unix_ns)
    except OSError as error:
        raise _rewrite.why_not_written(new, error) from None
    text = f"merged {len(inputs)} traces into {new}\n"
    for (name, _, how, start), (damage, sound) in zip(given, told, strict=True):
        begins = f"begins after {duration(start)}" if start else "begins first"
        text += f"  {name}: {begins}; {how}\n" + ("" if sound else indented(damage))
    _terminal.answer(text.encode(errors="replace"))
    return 0 if all(sound for _, sound in told) else 1


def indented(damage: bytes) -> str:
    lines = damage.decode(errors="replace").splitlines() or ["its header was damaged"]
    return "".join(f"    {line}\n" for line in lines)
