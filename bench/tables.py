"""Tables of what was measured, for a terminal and for docs/performance.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from environments import PEERS

type Results = dict[str, Any]
type Table = list[list[str]]


def text(table: Table) -> str:
    """Lay out a table in columns; all but the first are numbers."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )


def markdown(table: Table, align: str = "---:") -> str:
    head, *rows = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([head, "| --- |" + f" {align} |" * (len(table[0]) - 1), *rows])


# --- figures ----------------------------------------------------------------


def steps(row: Results) -> int:
    """How often the program's own functions are entered: called or resumed."""
    return int(row["calls"] + row["resumed"])


def added(row: Results) -> tuple[float, float, float]:
    """Return the median ns that recording adds to a step, and both quartiles: of pairs of runs one after the other."""
    return _quartiles([(b - a) / steps(row) for a, b in zip(row["untraced"], row["traced"], strict=True)])


def others(row: Results) -> str:
    """Return what the recorder's own threads take meanwhile, in ns for each step; nothing if it has none."""
    median = statistics.median(row["others"]) / steps(row)
    noise = max(1, 0.05 * added(row)[0])  # of two clocks that are read one after the other
    return number(median) if median > noise else ""


def percent(row: Results) -> tuple[float, float, float]:
    """Return by how much the program is slower, in percent, and both quartiles."""
    return _quartiles([(b / a - 1) * 100 for a, b in zip(row["untraced"], row["traced"], strict=True)])


def _quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else [*samples] * 3
    return middle, low, high


def median_ms(samples: Sequence[int]) -> float:
    return statistics.median(samples) / 1e6


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.1f}"


def ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def missed(row: Results) -> bool:
    """Did it leave out most calls? What that costs is no figure."""
    return bool(row.get("recorded", row["calls"]) < row["calls"] / 2)


def found(results: Results, program: str, way: str) -> Results | None:
    for row in results["rows"]:
        if (row["program"], row["way"]) == (program, way) and not row.get("failed") and not missed(row):
            return dict(row)
    return None


def programs(results: Results) -> list[str]:
    return list(dict.fromkeys(row["program"] for row in results["rows"]))


def ways(results: Results) -> list[str]:
    return list(dict.fromkeys(row["way"] for row in results["rows"]))


# --- tables -----------------------------------------------------------------


def of_program(results: Results, program: str) -> Table:
    """All about one program, for the terminal."""
    table = [
        [
            "",
            "ns added",
            "quartiles",
            "others",
            "× cProfile",
            "× C pair",
            "B/step",
            "MB",
            "save ms",
            "text ms",
            "recorded",
        ]
    ]
    references = [found(results, program, way) for way in ("cProfile", "empty C pair")]
    for way in ways(results):
        row = found(results, program, way)
        if row is None:
            continue
        middle, low, high = added(row)
        ratios = [ratio(middle / added(other)[0]) if other and way != other["way"] else "" for other in references]
        recorded = f"{row['recorded'] / row['calls']:.0%}" if row.get("recorded") is not None else ""
        table.append(
            [
                way + (" (small)" if PEERS.get(way, {}).get("small") else ""),
                number(middle),
                f"{number(low)} … {number(high)}",
                others(row),
                *ratios,
                f"{row['bytes'] / steps(row):.1f}" if row["bytes"] else "",
                f"{row['memory_saved'] / 1024:.1f}",
                f"{median_ms(row['save']):.1f}",
                f"{median_ms(row['save']) + median_ms(row['first']):.0f}" if row.get("first") else "",
                recorded,
            ]
        )
    return table


def of_added(results: Results) -> Table:
    """ns added per step, ways by programs."""
    names = programs(results)
    table = [["", *names]]
    for way in ways(results):
        rows = [found(results, name, way) for name in names]
        table.append([way, *[number(added(row)[0]) if row else "–" for row in rows]])
    return table


def of_ratios(results: Results, reference: str) -> Table:
    """The same as ratios to another way."""
    names = programs(results)
    table = [["", *names]]
    for way in ways(results):
        cells = []
        for name in names:
            row, other = found(results, name, way), found(results, name, reference)
            cells.append(ratio(added(row)[0] / added(other)[0]) if row and other else "–")
        table.append([way, *cells])
    return table


def of_output(results: Results, program: str) -> Table:
    """What is left of one program: size, memory, time to save."""
    table = [
        [
            "",
            "ns in own threads",
            "bytes per step",
            "memory, MB",
            "the same, saved",
            "ms to save",
            "ms to the first text",
        ]
    ]
    for way in ways(results):
        row = found(results, program, way)
        if row is None or way in {"empty C pair", "empty sys.setprofile"}:
            continue
        table.append(
            [
                way,
                others(row) or "–",
                f"{row['bytes'] / steps(row):.1f}",
                *[f"{row[name] / 1024:.1f}" for name in ("memory", "memory_saved")],
                number(median_ms(row["save"])),
                number(median_ms(row["save"]) + median_ms(row["first"])) if row.get("first") else "–",
            ]
        )
    return table


def of_abilities(names: Iterable[str]) -> Table:
    words = {True: "yes", False: "no"}
    table = [["", "version", "arguments, results", "times", "all threads", "library's calls", "left by kill -9"]]
    for way in names:
        peer = PEERS[way]
        version = ", ".join(package.partition("==")[2] for package in peer.get("packages", [])) or "–"
        facts = [peer[name] for name in ("values", "times", "threads", "library", "killed")]
        table.append([way, version, *[words.get(fact, fact) if isinstance(fact, bool) else fact for fact in facts]])
    return table


def of_library(results: Results) -> Table:
    table = [["all time in", "slower by", "quartiles"]]
    for row in results["library"]:
        middle, low, high = percent(row)
        table.append([row["program"], f"{middle:+.1f} %", f"{low:+.1f} … {high:+.1f} %"])
    return table


def of_start_up(results: Results) -> Table:
    table = [["", "ms", "quartiles", "added"]]
    base = median_ms(results["start_up"]["python -c pass"])
    for name, samples in results["start_up"].items():
        middle, low, high = _quartiles([sample / 1e6 for sample in samples])
        table.append([name, f"{middle:.0f}", f"{low:.0f} … {high:.0f}", f"{middle - base:.0f}"])
    return table


def of_readers(results: Results) -> Table:
    table = [["a trace of a million calls", "ms", "MB of memory"]]
    for name, samples in results["readers"].items():
        if "ns" in samples:
            table.append([name, f"{median_ms(samples['ns']):.0f}", f"{max(samples['kib']) / 1024:.0f}"])
    return table


def of_space(results: Results) -> Table:
    table = [["bytes of a trace, for each call", "", "at most"]]
    for name, (found, most) in results["space"].items():
        table.append([name, number(found), number(most)])
    return table


def of_exports(results: Results) -> Table:
    """What each format takes."""
    table = [["", "CPU, s", "wall, s", "memory, MB", "memory, bytes a call", "written, MB"]]
    for row in results["rows"]:
        if row.get("failed"):
            continue
        peak = max(row["kib"])
        told = [f"{statistics.median(row[name]):.1f}" for name in ("cpu", "wall")]
        memory = [f"{peak / 1024:,.0f}", f"{peak * 1024 / results['calls']:,.0f}"]
        table.append([row["format"], *told, *memory, number(row["bytes"] / 2**20) if row["bytes"] else "–"])
    return table


def of_failures(results: Results) -> list[str]:
    """Say what was not measured, and why: a line for each way and reason."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in results["rows"]:
        reason = row.get("failed") or (
            f"recorded only {row['recorded']} of {row['calls']} calls" if missed(row) else ""
        )
        if reason:
            names.setdefault((row["way"], reason), []).append(row["program"])
    return [f"{way}, {', '.join(programs)}: {reason}" for (way, reason), programs in names.items()]
