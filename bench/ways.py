"""The ways to record: each starts and stops one recorder in this process, and looks whether it did record.

Loaded by worker.py in an environment where the recorder is installed, so that nothing is imported at the top
which isn't the standard library's. peers.toml says which versions, and what each can do.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from programs import HERE


class Way:
    """start(); the program; stop(), after which nothing is recorded; save(), after which the output is whole."""

    can_stop = True  # else the process has to end

    def __init__(self, folder: str, package: str) -> None:
        self.folder = folder
        self.package = package  # in scope beside the program, if any
        self.path = os.path.join(folder, "output")

    def start(self) -> None:
        """Begin to record."""

    def stop(self) -> None:
        """Record no more."""

    def save(self) -> None:
        """Write all that is not yet written."""

    def output(self) -> list[str]:
        """Return the files that were written."""
        return [path for path in [self.path] if os.path.exists(path)]

    def calls(self) -> int | None:
        """Return how many calls of the program's the output holds; None if it can't tell."""
        return None

    def reader(self) -> list[str]:
        """Return the command that shows the output as text; nothing if that needs a viewer, or it is text."""
        return []


class Untraced(Way):
    """The noise of the method: it should add nothing."""


class EmptyPair(Way):
    """Call and return into C functions that do nothing: the interpreter's own price."""

    def start(self) -> None:
        from flowtrace import _core

        monitoring, events = sys.monitoring, sys.monitoring.events
        monitoring.use_tool_id(4, "floor")
        monitoring.register_callback(4, events.PY_START, _core._nothing)
        monitoring.register_callback(4, events.PY_RETURN, _core._nothing)
        monitoring.set_events(4, events.PY_START | events.PY_RETURN)

    def stop(self) -> None:
        sys.monitoring.set_events(4, 0)
        sys.monitoring.free_tool_id(4)


class FlowTrace(Way):
    def __init__(self, folder: str, package: str, **options: bool) -> None:
        super().__init__(folder, package)
        self.options = options
        self.path = os.path.join(folder, "bench.flow")

    def start(self) -> None:
        from flowtrace import _core, _recording

        _core.record_start(
            self.path,
            values=self.options.get("values", True),
            time=self.options.get("time", True),
            roots=[HERE],
            library=[os.path.dirname(os.__file__)],
            rules=_recording.rules_of([self.package] if self.package else [], []),
            info={},
            settings={name: int(on) for name, on in self.options.items() if name not in {"values", "time"}},
            secrets=[],
        )

    def stop(self) -> None:
        from flowtrace import _core

        _core.record_stop()

    def calls(self) -> int | None:
        import flowtrace

        return len(flowtrace.open(self.path))

    def reader(self) -> list[str]:
        return [os.path.join(os.path.dirname(sys.executable), "flowtrace"), "show", self.path]


class Reference(Way):
    """flowtrace/reference.py: the same in plain Python."""

    def start(self) -> None:
        from flowtrace import reference

        self.recorder = reference.Recorder([HERE])
        if self.package:
            folder = os.path.dirname(importlib.import_module(self.package).__file__ or "")
            reference.INSTALLED, self.recorder.roots = ("<frozen ",), [HERE, folder]
        self.recorder.start()

    def stop(self) -> None:
        self.recorder.stop()

    def save(self) -> None:
        from flowtrace import reference

        with open(self.path, "w") as file:
            file.writelines(f"{line}\n" for line in reference.tree(self.recorder.events))

    def calls(self) -> int | None:
        return sum(event.kind == "call" for event in self.recorder.events)


class CProfile(Way):
    def start(self) -> None:
        import cProfile

        self.profile = cProfile.Profile()
        self.profile.enable()

    def stop(self) -> None:
        self.profile.disable()

    def save(self) -> None:
        self.profile.dump_stats(self.path)

    def calls(self) -> int | None:
        import pstats

        rows = vars(pstats.Stats(self.path))["stats"].items()
        return sum(numbers[1] for (file, _, _), numbers in rows if self.is_own(file))

    def reader(self) -> list[str]:
        return [sys.executable, "-c", f"import pstats; pstats.Stats({self.path!r}).sort_stats(2).print_stats(50)"]

    def is_own(self, file: str) -> bool:
        return file.startswith(HERE) or bool(self.package and f"/{self.package}/" in file)


class SetProfile(Way):
    """An empty Python function at every call and return: what a recorder in Python costs at least."""

    def start(self) -> None:
        def nothing(frame: object, event: str, argument: object) -> None:
            pass

        threading.setprofile(nothing)
        sys.setprofile(nothing)

    def stop(self) -> None:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


class VizTracer(Way):
    def __init__(self, folder: str, package: str, **options: bool) -> None:
        super().__init__(folder, package)
        self.options = options
        self.path = os.path.join(folder, "output.json")

    def start(self) -> None:
        from viztracer import VizTracer

        # The default ring holds a million events, fewer than some programs make.
        self.tracer = VizTracer(output_file=self.path, verbose=0, tracer_entries=10_000_000, **self.options)
        self.tracer.start()

    def stop(self) -> None:
        self.tracer.stop()

    def save(self) -> None:
        self.tracer.save()

    def calls(self) -> int | None:
        own = (HERE, f"/{self.package}/" if self.package else HERE)
        with open(self.path) as file:
            names = [event["name"] for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
        return sum(own[0] in name or own[1] in name for name in names)


class Trace0(Way):
    def start(self) -> None:
        from trace0 import Tracer

        self.tracer = Tracer(self.path)
        self.tracer.__enter__()

    def stop(self) -> None:
        self.tracer.__exit__(None, None, None)

    def calls(self) -> int | None:
        """All calls, the library's too: begins of slices in Perfetto's protobuf."""
        return _perfetto_begins(self.path)


class FunctionTrace(Way):
    """It can't be stopped: its server writes the profile when the process ends."""

    can_stop = False

    def start(self) -> None:
        import functiontrace

        os.chdir(self.folder)
        with contextlib.redirect_stdout(sys.stderr):
            functiontrace.trace()

    def output(self) -> list[str]:
        return [path for path in glob.glob(f"{self.folder}/functiontrace.*") if not os.path.islink(path)]

    def calls(self) -> int | None:
        (path,) = self.output()
        with gzip.open(path) if path.endswith("gz") else open(path, "rb") as file:
            profile = json.load(file)
        return sum(thread["samples"]["length"] for thread in profile["threads"])


class Kolo(Way):
    """Saved in the calling thread; by default that is done in another, and a process makes text of it as well."""

    def start(self) -> None:
        os.environ["KOLO_PATH"] = self.folder
        import kolo
        from kolo.db import setup_db

        setup_db()
        config: dict[str, object] = {"auto_emit": False, "hide_startup_message": True, "threading": True}
        if self.package:
            config["filters"] = {"include_frames": [f"/{self.package}/"]}
        self.block = kolo.enable(config, _save_in_thread=False)
        self.block.__enter__()

    def stop(self) -> None:
        self.block.__exit__(None, None, None)

    def output(self) -> list[str]:
        found = [os.path.join(folder, name) for folder, _, names in os.walk(self.folder) for name in names]
        return [path for path in found if path.endswith(".kolo")]

    def calls(self) -> int | None:
        from kolo.serialize import load_msgpack_raw
        from kolo.trace_container import iter_v3_frame_bytes

        (path,) = self.output()
        with open(path, "rb") as file:
            frames = [load_msgpack_raw(frame) for frame in iter_v3_frame_bytes(file.read())]
        return sum(frame.get("event") == "call" for frame in frames)

    def reader(self) -> list[str]:
        name = os.path.basename(self.output()[0]).partition(".")[0]
        return [os.path.join(os.path.dirname(sys.executable), "kolo"), "trace", "compact", name]


class Hunter(Way):
    """Calls, returns and exceptions as text, with arguments and results, of what isn't the library's."""

    def start(self) -> None:
        import hunter

        self.file = open(self.path, "w")  # noqa: SIM115 - the recorder's
        scope = hunter.Q(stdlib=False)
        if self.package:
            scope |= hunter.Q(module_startswith=self.package)
        events = hunter.Q(kind_in=["call", "return", "exception"])
        self.tracer = hunter.trace(scope & events, action=hunter.CallPrinter(stream=self.file), threading_support=True)

    def stop(self) -> None:
        self.tracer.stop()

    def save(self) -> None:
        self.file.close()

    def calls(self) -> int | None:
        with open(self.path) as file:
            return sum(" call " in line for line in file)


class PyInstrument(Way):
    """Samples of one thread, a thousand in a second: calls that are shorter are not seen."""

    def start(self) -> None:
        from pyinstrument import Profiler

        self.profiler = Profiler()
        self.profiler.start()

    def stop(self) -> None:
        self.profiler.stop()

    def save(self) -> None:
        with open(self.path, "w") as file:
            file.write(self.profiler.output_text())


class Upstream(Way):
    """The FlowTrace of PyPI, in plain Python."""

    def start(self) -> None:
        import flowtrace

        flowtrace.start_tracing(default_show_args=True, default_show_result=True, default_show_timing=True)

    def stop(self) -> None:
        import flowtrace

        self.events = flowtrace.stop_tracing()

    def save(self) -> None:
        import flowtrace

        with open(self.path, "w") as file, contextlib.redirect_stdout(file):
            flowtrace.print_tree(self.events)

    def calls(self) -> int | None:
        return sum(event.kind == "call" for event in self.events)


class Coverage(Way):
    """Which lines ran at all, by sys.monitoring. No calls."""

    def start(self) -> None:
        os.environ["COVERAGE_CORE"] = "sysmon"
        import coverage

        self.coverage = coverage.Coverage(data_file=self.path, config_file=False)
        self.coverage.start()

    def stop(self) -> None:
        self.coverage.stop()

    def save(self) -> None:
        self.coverage.save()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        if key & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif key & 7 == 0:
            value, at = _varint(data, at)
        else:
            size = 8 if key & 7 == 1 else 4
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _perfetto_begins(path: str) -> int:
    with open(path, "rb") as file:
        data = file.read()
    packets = (dict(_fields(packet)) for number, packet in _fields(data) if number == 1)
    events = (dict(_fields(packet[11])) for packet in packets if 11 in packet)  # TrackEvent
    return sum(event.get(9) == 1 for event in events)  # TYPE_SLICE_BEGIN


def _with(way: Callable[..., Way], **options: bool) -> Callable[[str, str], Way]:
    return lambda folder, package: way(folder, package, **options)


WAYS: dict[str, Callable[[str, str], Way]] = {
    "untraced": Untraced,
    "empty C pair": EmptyPair,
    "flowtrace": FlowTrace,
    "flowtrace --identity": _with(FlowTrace, identity=True),
    "flowtrace --no-values": _with(FlowTrace, values=False),
    "flowtrace --no-values --no-time": _with(FlowTrace, values=False, time=False),
    "flowtrace, reference recorder": Reference,
    "cProfile": CProfile,
    "empty sys.setprofile": SetProfile,
    "trace0": Trace0,
    "viztracer": VizTracer,
    "viztracer, values": _with(VizTracer, log_func_args=True, log_func_retval=True),
    "functiontrace": FunctionTrace,
    "Kolo": Kolo,
    "hunter": Hunter,
    "pyinstrument": PyInstrument,
    "coverage, sysmon": Coverage,
    "upstream FlowTrace": Upstream,
}
