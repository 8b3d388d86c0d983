"""What `chrome` and `perfetto` tell: read back as viewers do, it is what the trace holds."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from flowtrace._core import Trace

sys.path.insert(0, str(Path(__file__).parent))
from timelines import Slice, read_chrome, read_perfetto

READERS = {"chrome": read_chrome, "perfetto": read_perfetto}
HAS_PERFETTO = importlib.util.find_spec("perfetto") is not None
without = pytest.mark.skipif(not HAS_PERFETTO, reason="the messages of Perfetto can't be had for this Python")
both = pytest.mark.parametrize("name", ["chrome", pytest.param("perfetto", marks=without)])


def slices(workshop, name: str, trace: Path, *filters: str) -> list[Slice]:
    done = workshop.flowtrace("export", name, "-o", "out", *filters, str(trace))
    assert done.status == 0, done.err
    return READERS[name](workshop.folder / "out")


def told(slices: list[Slice], *, times: bool = False) -> list[str]:
    """A line for each slice: its row where it changes, its depth, its name, what is said of it."""
    lines, row = [], ""
    for slice in slices:
        if slice.row != row:
            lines.append(slice.row)
        row = slice.row
        said = {name: value for name, value in slice.arguments.items() if name not in {"at", "waiting_ns"}}
        mark = "! " if slice.is_instant else "" if slice.end is not None else "… "
        flows = "".join(f" >{flow}" for flow in slice.leads_to) + "".join(f" <{flow}" for flow in slice.comes_from)
        lines.append(f"{'  ' * (slice.depth + 1)}{mark}{slice.name} {json.dumps(said, ensure_ascii=False)}{flows}")
    return lines


EVERYTHING = """\
app.py / main thread
  app.py {"call": 1, "raised": "ValueError('no 3')", "raised_at": "app.py:13", "outcome": "raised"}
    main {"call": 2, "raised": "ValueError('no 3')", "raised_at": "app.py:13", "outcome": "raised"}
      price {"call": 3, "arguments": {"order": 1, "rule": "'vip'"}, "result": 10}
      careful {"call": 4, "arguments": {"n": 2}, "result": -1}
        broken {"call": 5, "arguments": {"n": 2}, "raised": "ValueError('no 2')", "raised_at": "app.py:13", \
"caught_by": 4, "outcome": "raised"}
          ! raised ValueError {"exception": "ValueError('no 2')", "call": 5}
        ! caught ValueError {"exception": "ValueError('no 2')", "caught_by": 4}
      consume {"call": 6, "result": "[0, 10, 20]"}
        numbers {"call": 7, "arguments": {"n": 3}, "result": "None", "suspensions": 3}
        price {"call": 8, "arguments": {"order": 0, "rule": "'new'"}, "result": 0}
        numbers {"call": 7, "goes_on": true}
        price {"call": 9, "arguments": {"order": 1, "rule": "'new'"}, "result": 10}
        numbers {"call": 7, "goes_on": true}
        price {"call": 10, "arguments": {"order": 2, "rule": "'new'"}, "result": 20}
        numbers {"call": 7, "goes_on": true}
      ! creates task Task-1 {"creates": 11} >11
      ! creates thread worker {"creates": 14} >14
      ! creates process PID {"creates": 17} >17
      broken {"call": 19, "arguments": {"n": 3}, "raised": "ValueError('no 3')", "raised_at": "app.py:13", \
"outcome": "raised"}
        ! raised ValueError {"exception": "ValueError('no 3')", "call": 19}
app.py / worker
  price {"call": 14, "created_by": 2, "arguments": {"order": 5, "rule": "'new'"}, "result": 50} <14
app.py / task Task-1
  gather {"call": 11, "created_by": 2, "result": "['a', 'b']", "suspensions": 1, "awaited": "_GatheringFuture"} \
<11
    ! creates task Task-2 {"creates": 12} >12
    ! creates task Task-3 {"creates": 13} >13
    wait: _GatheringFuture {"call": 11}
app.py / task Task-2
  fetch {"call": 12, "created_by": 11, "arguments": {"name": "'a'"}, "result": "'a'", "suspensions": 1, \
"awaited": "Future"} <12
    wait: Future {"call": 12}
app.py / task Task-3
  fetch {"call": 13, "created_by": 11, "arguments": {"name": "'b'"}, "result": "'b'", "suspensions": 1, \
"awaited": "Future"} <13
    wait: Future {"call": 13}
app.py / main thread
  child {"call": 17, "created_by": 2, "result": 70} <17
    price {"call": 18, "arguments": {"order": 7, "rule": "'new'"}, "result": 70}
"""


@both
def test_what_a_program_did_is_told_as_slices_with_their_arguments_and_arrows(workshop, everything, name) -> None:
    text = "\n".join(told(slices(workshop, name, everything))) + "\n"
    assert re.sub(r"process \d+", "process PID", text) == EVERYTHING


@both
def test_each_call_has_its_times_and_place(workshop, everything, name) -> None:
    found = {slice.arguments["call"]: slice for slice in slices(workshop, name, everything) if slice.is_call}
    recorded = {call.number: call for call in Trace(everything).calls()}
    assert recorded.keys() == found.keys()
    for number, call in recorded.items():
        slice = found[number]
        where = f"{Path(call.function.file).name}:{call.function.line}"
        assert (slice.begin, slice.arguments["at"]) == (call.start_ns, where)
        assert number == 7 or slice.end == call.start_ns + call.duration_ns


@both
def test_arrows_begin_when_something_was_created_and_end_where_it_began(workshop, name) -> None:
    workshop.record(
        """
        import asyncio, concurrent.futures, threading

        async def work(n):
            await asyncio.sleep(0)

        def helper():
            pass

        async def main():
            tasks = [asyncio.create_task(work(n)) for n in range(3)]
            helper()
            await tasks[2]
            helper()
            await asyncio.create_task(work(3))
            await asyncio.to_thread(helper)

        thread = threading.Thread(target=helper)
        thread.start()
        thread.join()
        asyncio.run(main())
        """
    )
    found = slices(workshop, name, workshop.trace_path)
    begins = {flow: slice for slice in found for flow in slice.leads_to}
    ends = {flow: slice for slice in found for flow in slice.comes_from}
    assert begins.keys() == ends.keys()
    assert len(begins) == 7
    for flow, mark in begins.items():
        assert mark.is_instant and mark.name.startswith("creates ")
        assert mark.parent.arguments["call"] == ends[flow].arguments["created_by"]
        assert mark.parent.begin <= mark.begin <= ends[flow].begin
    calls = [slice for slice in found if slice.parent and slice.parent.name == "main" and slice.name != "wait: Future"]
    assert [slice.name.partition("Task-")[0] for slice in sorted(calls, key=lambda slice: slice.begin)] == [
        *["creates task "] * 3,
        "helper",
        "wait: task ",
        "helper",
        "creates task ",
        "wait: task ",
        "creates thread asyncio_0",
    ]


@both
def test_an_arrow_to_what_begins_in_a_wait_begins_before_that(workshop, name) -> None:
    workshop.record(
        """
        import asyncio, concurrent.futures, threading
        gate = threading.Event()

        def late():
            pass

        async def opens():
            gate.set()

        async def main():
            loop = asyncio.get_running_loop()
            pool = concurrent.futures.ThreadPoolExecutor(1)
            loop.run_in_executor(pool, gate.wait)
            job = loop.run_in_executor(pool, late)
            task = asyncio.create_task(opens())
            await job
            await task
            pool.shutdown()

        asyncio.run(main())
        """
    )
    found = slices(workshop, name, workshop.trace_path)
    (late,) = [slice for slice in found if slice.name == "late"]
    (mark,) = [slice for slice in found if set(slice.leads_to) & set(late.comes_from)]
    (wait, *_) = [slice for slice in found if slice.name.startswith("wait") and slice.row == mark.row]
    assert mark.begin <= wait.begin <= late.begin


@both
def test_calls_and_waits_that_have_not_ended_have_no_end(workshop, name) -> None:
    workshop.write(
        "app.py",
        """
        import asyncio, os, signal

        def counter():
            yield 1
            yield 2

        async def sleeper():
            await asyncio.sleep(100)

        async def main(kept):
            task = asyncio.create_task(sleeper())
            await asyncio.sleep(0.01)
            die()

        def die():
            os.kill(os.getpid(), signal.SIGKILL)

        def print_nothing():
            pass

        kept = counter()
        next(kept)
        print_nothing()
        asyncio.run(main(kept))
        """,
    )
    workshop.run("app.py")
    all_told = told(slices(workshop, name, workshop.trace_path))
    assert [line.partition(" {")[0] for line in all_told] == [
        "app.py / main thread",
        "  … app.py",
        "    counter",  # something follows on its row, and would stand upon it
        "    print_nothing",
        "    ! creates task Task-1",
        "app.py / task Task-1",
        "  … main",
        "    ! creates task Task-2",
        "    wait: Future",
        "    … die",
        "app.py / task Task-2",
        "  … sleeper",
        "    … wait: Future",
    ]


@both
def test_a_generator_that_waits_to_the_end_has_no_end_if_nothing_follows(workshop, name) -> None:
    workshop.record("def g():\n    yield 1\nk = g()\nnext(k)\nimport os\nos._exit(0)\n")
    assert [line.partition(" {")[0] for line in told(slices(workshop, name, workshop.trace_path))] == [
        "app.py / main thread",
        "  … app.py",
        "    … g",
    ]


@both
def test_each_pause_says_what_for(workshop, name) -> None:
    workshop.record(
        """
        import asyncio

        async def fetch(n):
            await asyncio.sleep(0.001)
            return n

        def numbers():
            yield 1
            yield {"a": [2]}

        async def main():
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            await asyncio.create_task(fetch(1), name="one")
            await asyncio.create_task(fetch(2), name="two")

        list(numbers())
        asyncio.run(main())
        """
    )
    found = slices(workshop, name, workshop.trace_path)
    assert [(one.parent.name, one.name, one.category) for one in found if one.category in {"wait", "yield"}] == [
        ("numbers", "yield 1", "yield"),
        ("numbers", "yield {'a': [2]}", "yield"),
        ("main", "wait", "wait"),  # for its next turn
        ("main", "wait: Future", "wait"),
        ("main", "wait: task one", "wait"),
        ("main", "wait: task two", "wait"),
        ("fetch", "wait: Future", "wait"),
        ("fetch", "wait: Future", "wait"),
    ]


@both
def test_what_is_deeper_than_viewers_show_has_further_rows(workshop, name) -> None:
    workshop.record(
        """
        import sys
        sys.setrecursionlimit(3000)

        def down(n):
            if n:
                down(n - 1)
            elif n == 0:
                raise ValueError(n)

        try:
            down(1100)
        except ValueError:
            pass
        """
    )
    found = slices(workshop, name, workshop.trace_path)
    assert Counter(slice.row for slice in found) == {
        "app.py / main thread": 501,  # with the marks of what was raised and caught
        "app.py / main thread, deeper than 500": 500,
        "app.py / main thread, deeper than 1000": 103,
    }
    assert max(slice.depth for slice in found) == 499
    assert all(slice.end is not None for slice in found)
    raised, caught = [slice for slice in found if slice.is_instant]
    assert (raised.name, raised.depth, raised.row) == (
        "raised ValueError",
        102,
        "app.py / main thread, deeper than 1000",
    )
    assert (caught.name, caught.depth, caught.row) == ("caught ValueError", 1, "app.py / main thread")


@both
def test_numbers_and_truth_are_such_and_all_else_is_text(workshop, name) -> None:
    workshop.record(
        """
        def f(*values, **more):
            return values[0] if values else None

        def one(x):
            return x

        for x in (1, -5, 2**53, -2**62, 2**80, True, False, None, 1.5, 1e300, -0.0, float("nan"), float("inf"), "1"):
            one(x)
        """
    )
    found = slices(workshop, name, workshop.trace_path)
    values = [slice.arguments["result"] for slice in found if slice.name == "one"]
    big = -(2**62) if name == "perfetto" else str(-(2**62))
    numbers = [1, -5, 2**53, big, str(2**80), True, False, "None", 1.5, 1e300, -0.0]
    assert [repr(value) for value in values] == [repr(value) for value in [*numbers, "nan", "inf", "'1'"]]
    assert values == [slice.arguments["arguments"]["x"] for slice in found if slice.name == "one"]


@both
def test_exceptions_that_a_call_caught_itself_are_told_with_it(workshop, name) -> None:
    workshop.record(
        """
        def careful():
            for i in range(5):
                try:
                    raise KeyError(i)
                except KeyError:
                    pass

        careful()
        """,
        "--caught",
    )
    (call,) = [slice for slice in slices(workshop, name, workshop.trace_path) if slice.name == "careful"]
    assert call.arguments["caught"] == "KeyError(0), KeyError(1), KeyError(2), and 2 more"


@both
def test_filters_leave_their_part(workshop, everything, name) -> None:
    assert told(slices(workshop, name, everything, "--function", "price", "--under", "consume")) == [
        "app.py / main thread",
        '  price {"call": 8, "arguments": {"order": 0, "rule": "\'new\'"}, "result": 0}',
        '  price {"call": 9, "arguments": {"order": 1, "rule": "\'new\'"}, "result": 10}',
        '  price {"call": 10, "arguments": {"order": 2, "rule": "\'new\'"}, "result": 20}',
    ]


@both
def test_hostile_names_and_values_come_through(workshop, hostile, name) -> None:
    found = slices(workshop, name, hostile)
    trace = Trace(hostile)
    assert len([slice for slice in found if slice.is_call]) == len(list(trace.calls()))
    names = {slice.name for slice in found}
    for wanted in (
        "</script><script>alert(1)</script>",
        "a;b c\\n1",
        "\U0001f600 \u4e2d\u6587 \u044b",
        "\\x1b[31mred\\x07",
    ):
        assert wanted in names
    results = {str(slice.arguments.get("result")) for slice in found}
    assert "'\\ud800 lone'" in results
    assert "{'</script>': [']]>', '-->']}" in results


@both
def test_without_times_each_begin_and_end_takes_a_microsecond(workshop, name) -> None:
    workshop.record("def f():\n    pass\nf()\nf()\n", "--no-time")
    found = slices(workshop, name, workshop.trace_path)
    assert [(slice.name, slice.begin, slice.end) for slice in found] == [
        ("app.py", 1000, 6000),
        ("f", 2000, 3000),
        ("f", 4000, 5000),
    ]


def test_json_is_whole_even_if_nobody_wants_the_rest(workshop) -> None:
    workshop.record("def f():\n    pass\nfor _ in range(70_000):\n    f()\n")
    process = workshop.start("-m", "flowtrace", "export", "chrome", "-o", "-")
    begin = os.read(process.stdout.fileno(), 1)  # it writes, and can't go on: the pipe is full
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    events = json.loads(begin + rest)
    assert 65_000 < sum(event["ph"] == "B" for event in events) < 70_000
    assert process.returncode not in {0, 1}


GOLDEN = """\
[
{"ph":"M","pid":PID,"name":"process_name","args":{"name":"app.py"}},
{"ph":"M","pid":PID,"name":"process_labels","args":{"labels":"HOST"}},
{"ph":"M","pid":PID,"name":"process_sort_index","args":{"sort_index":0}},
{"ph":"M","pid":PID,"tid":PID,"name":"thread_name","args":{"name":"main thread"}},
{"ph":"M","pid":PID,"tid":PID,"name":"thread_sort_index","args":{"sort_index":0}},
{"ph":"B","pid":PID,"tid":PID,"ts":1.000,"name":"app.py","cat":"__main__","args":{"at":"app.py:1","call":1,\
"result":"None"}},
{"ph":"B","pid":PID,"tid":PID,"ts":2.000,"name":"half","cat":"__main__","args":{"at":"app.py:1","call":2,\
"arguments":{"n":3},"result":1.5}},
{"ph":"E","pid":PID,"tid":PID,"ts":3.000},
{"ph":"E","pid":PID,"tid":PID,"ts":4.000}
]
"""


def test_chrome_to_the_letter(workshop) -> None:
    workshop.record("def half(n):\n    return n / 2\nhalf(3)\n", "--no-time")
    (process,) = Trace(workshop.trace_path).info["processes"]
    done = workshop.flowtrace("export", "chrome", "-o", "-")
    text = done.out.replace(f'"pid":{process["pid"]}', '"pid":PID').replace(f'"tid":{process["pid"]}', '"tid":PID')
    assert text.replace(f'"labels":"{process["host"]}"', '"labels":"HOST"') == GOLDEN


PACKETS = """\
flags 1: facts
flags 2: clocks 6 at 0, 1 at START
flags 2: process 1 "app.py"
flags 2: thread 2 "main thread" of 1
flags 2: code 1 "app.py" at app.py:1
1000: begin of 1 on 2, category 5, place 1: 1=1 5='None'
flags 2: code 2 "half" at app.py:1, parameters 17 "n"
2000: begin of 2 on 2, category 6, place 2: 1=2 14={17=3} 5=1.5
3000: end on 2
4000: end on 2
"""
"""What stands in a small trace, by the numbers that are sent."""


@without
def test_perfetto_packet_by_packet(workshop) -> None:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Messages

    workshop.record("def half(n):\n    return n / 2\nhalf(3)\n", "--no-time")
    done = workshop.flowtrace("export", "perfetto", "-o", "-")
    lines = io.StringIO()
    for packet in Messages.FromString(done.stdout).packet:
        event, known, track = packet.track_event, packet.interned_data, packet.track_descriptor
        if event.type == 1:
            said = " ".join(say(one) for one in event.debug_annotations)
            numbers = f"category {event.category_iids[0]}, place {event.source_location_iid}"
            line = f"{packet.timestamp}: begin of {event.name_iid} on {event.track_uuid}, {numbers}: {said}"
        elif event.type == 2:
            line = f"{packet.timestamp}: end on {event.track_uuid}"
        elif known.event_names:
            code, place, names = known.event_names[0], known.source_locations[0], known.debug_annotation_names
            line = f'code {code.iid} "{code.name}" at {Path(place.file_name).name}:{place.line_number}'
            line += "".join(f', parameters {one.iid} "{one.name}"' for one in names)
        elif known.debug_annotation_names:
            line = "facts"
        elif track.HasField("process"):
            line = f'process {track.uuid} "{track.process.process_name}"'
        elif track.HasField("thread"):
            line = f'thread {track.uuid} "{track.thread.thread_name}" of {track.parent_uuid}'
        else:
            first, second = packet.clock_snapshot.clocks
            assert second.timestamp > 1.7e18
            line = f"clocks {first.clock_id} at {first.timestamp}, {second.clock_id} at START"
        lines.write(line + "\n" if event.type else f"flags {packet.sequence_flags}: {line}\n")
    assert lines.getvalue() == PACKETS


def say(annotation) -> str:
    if annotation.dict_entries:
        return f"{annotation.name_iid}={{{' '.join(say(entry) for entry in annotation.dict_entries)}}}"
    return f"{annotation.name_iid}={getattr(annotation, annotation.WhichOneof('value'))!r}"
