"""What `otlp` writes is what collectors of OpenTelemetry's take: parsed with its own messages, and sent to one."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import flowtrace
from flowtrace import _otlp
from flowtrace._core import Trace
from flowtrace.errors import UsageError

HAS_MESSAGES = importlib.util.find_spec("opentelemetry") is not None
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def value_of(value: dict[str, Any]) -> Any:
    ((kind, text),) = value.items()
    return {"stringValue": str, "intValue": int, "doubleValue": float, "boolValue": bool}[kind](text)


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    pairs = [(one["key"], value_of(one["value"])) for one in holder.get("attributes", [])]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


class Exported:
    """The spans by the number of their call, each with its resource."""

    def __init__(self, text: str) -> None:
        self.lines = [json.loads(line) for line in text.split("\n")[:-1]]  # splitlines() knows other ends of lines
        self.spans: dict[int, dict[str, Any]] = {}
        self.resources: dict[int, dict[str, Any]] = {}
        self.by_id: dict[str, int] = {}
        for line in self.lines:
            (group,) = line["resourceSpans"]
            (scope,) = group["scopeSpans"]
            assert scope["scope"] == {"name": "flowtrace", "version": flowtrace.__version__}
            assert scope["schemaUrl"] == group["schemaUrl"] == "https://opentelemetry.io/schemas/1.44.0"
            for span in scope["spans"]:
                number = attributes(span)["flowtrace.call"]
                self.spans[number] = span
                self.resources[number] = attributes(group["resource"])
                self.by_id[span["spanId"]] = number
        assert len(self.by_id) == len(self.spans)

    def parent(self, number: int) -> int | None:
        return self.by_id[self.spans[number]["parentSpanId"]] if "parentSpanId" in self.spans[number] else None


def export(workshop, trace: Path, *words: str) -> Exported:
    done = workshop.flowtrace("export", "otlp", "-o", "-", *words, str(trace))
    assert done.status == 0, done.err
    return Exported(done.out)


def parse_messages(exported: Exported) -> None:
    """Parse each line with the messages of OpenTelemetry's own."""
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for line in exported.lines:
        # Its JSON has ids in hexadecimal, where that of Protocol Buffers has bytes in base64.
        text = re.sub(
            r'"(traceId|spanId|parentSpanId)": "([0-9a-f]+)"',
            lambda match: f'"{match[1]}": "{base64.b64encode(bytes.fromhex(match[2])).decode()}"',
            json.dumps(line),
        )
        message = json_format.Parse(text, ExportTraceServiceRequest(), ignore_unknown_fields=False)
        for span in message.resource_spans[0].scope_spans[0].spans:
            assert (len(span.trace_id), len(span.span_id), len(span.parent_span_id) in {0, 8}) == (16, 8, True)
            assert span.end_time_unix_nano >= span.start_time_unix_nano > 1.7e18


@pytest.mark.parametrize("of", ["everything", "hostile"])
@pytest.mark.skipif(not HAS_MESSAGES, reason="the messages of OpenTelemetry can't be had for this Python")
def test_its_own_messages_parse_each_line(workshop, request, of) -> None:
    parse_messages(export(workshop, request.getfixturevalue(of)))


def test_calls_are_spans_of_one_trace_below_their_callers_and_creators(workshop, everything) -> None:
    exported = export(workshop, everything)
    calls = {call.number: call for call in Trace(everything).calls()}
    assert exported.spans.keys() == calls.keys()
    assert len({span["traceId"] for span in exported.spans.values()}) == 1
    start = Trace(everything).info["start_unix_ns"]
    for number, call in calls.items():
        span = exported.spans[number]
        above = call.parent if call.parent in calls.values() else call.created_by
        assert exported.parent(number) == (above.number if above else {17: 2}.get(number))
        assert int(span["startTimeUnixNano"]) == start + call.start_ns
        assert int(span["endTimeUnixNano"]) == start + call.start_ns + call.duration_ns
        assert span["kind"] == 1


def test_who_created_a_task_thread_or_process_is_linked(workshop, everything) -> None:
    exported = export(workshop, everything)
    links = {
        number: [exported.by_id[link["spanId"]] for link in span["links"]]
        for number, span in exported.spans.items()
        if "links" in span
    }
    assert links == {11: [2], 12: [11], 13: [11], 14: [2], 17: [2]}
    (link,) = exported.spans[14]["links"]
    assert link["traceId"] == exported.spans[14]["traceId"]
    assert attributes(link) == {"flowtrace.link": "created by"}


def test_what_a_call_got_and_gave_are_attributes(workshop, everything) -> None:
    exported = export(workshop, everything)
    told = attributes(exported.spans[3])
    assert Path(told.pop("code.file.path")).name == "app.py"
    told.pop("thread.id")
    assert told == {
        "code.function.name": "__main__.price",
        "code.line.number": 8,
        "flowtrace.kind": "function",
        "thread.name": "MainThread",
        "flowtrace.call": 3,
        "flowtrace.argument.order": 1,
        "flowtrace.argument.rule": "'vip'",
        "flowtrace.result": 10,
    }
    waiting = attributes(exported.spans[12])
    assert (waiting["flowtrace.track"], waiting["flowtrace.awaited"]) == ("task Task-2", "Future")
    assert "thread.name" not in waiting
    assert (waiting["flowtrace.suspensions"], waiting["flowtrace.created_by"]) == (1, 11)
    assert waiting["flowtrace.waiting_ns"] > 900_000


def test_exceptions_are_events_and_make_a_span_an_error(workshop, everything) -> None:
    exported = export(workshop, everything)
    span = exported.spans[5]
    assert span["status"] == {"code": 2, "message": "ValueError: no 2"}
    assert attributes(span)["error.type"] == "ValueError"
    (event,) = span["events"]
    assert (event["name"], event["timeUnixNano"]) == ("exception", span["endTimeUnixNano"])
    assert attributes(event) == {
        "exception.type": "ValueError",
        "exception.message": "no 2",
        "exception.stacktrace": "Traceback (most recent call last):\n"
        f'  File "{everything.parent}/app.py", line 13, in broken\n'
        "ValueError: no 2\n",
        "exception.escaped": True,
    }
    assert attributes(span)["flowtrace.caught_by"] == 4
    assert "status" not in exported.spans[4]
    assert "events" not in exported.spans[4]


def test_exceptions_that_do_not_leave_a_call_and_those_of_control_flow_make_no_error(workshop) -> None:
    workshop.record(
        """
        import asyncio

        class Mine(Exception):
            pass

        def careful():
            try:
                raise Mine(1)
            except Mine:
                pass

        async def sleeper():
            await asyncio.sleep(10)

        async def main():
            task = asyncio.create_task(sleeper())
            await asyncio.sleep(0)
            task.cancel()

        careful()
        asyncio.run(main())
        """,
        "--caught",
    )
    exported = export(workshop, workshop.trace_path)
    by_name = {span["name"]: span for span in exported.spans.values()}
    (event,) = by_name["careful"]["events"]
    assert attributes(event)["exception.type"] == "__main__.Mine"
    assert attributes(event)["exception.escaped"] is False
    wait, event = by_name["sleeper"]["events"]
    assert (wait["name"], attributes(wait)["flowtrace.awaited"]) == ("wait", "Future")
    assert attributes(event)["exception.type"].endswith("CancelledError")
    assert not [span for span in by_name.values() if "status" in span]


def events_of(exported: Exported, name: str, kind: str = "exception") -> list[dict[str, Any]]:
    """The attributes of such events, of the first span of that name."""
    span = next(span for span in exported.spans.values() if span["name"] == name)
    return [attributes(event) for event in span.get("events", []) if event["name"] == kind]


RAISERS = """
import json


class Mine(Exception):
    def __init__(self, code):
        super().__init__("mine", code)
        self.code = code


class Named(Exception):
    def __init__(self, text, path):
        super().__init__(text)
        self.path = path


def none(): raise ValueError
def text(): raise ValueError("two\\nlines, 'quoted'")
def number(): raise ValueError(7)
def key(): raise KeyError("missing")
def several(): raise ValueError("a", 1)
def mine(): raise Mine(5)
def named(): raise Named("no such", "x")
def file(): open("/no/such/file")
def group(): raise ExceptionGroup("many", [ValueError(1), TypeError(2)])
def library(): json.loads("{")
def lasting(): raise ValueError("x" * 100_000)

for function in (none, text, number, key, several, mine, named, file, group, library, lasting):
    try:
        function()
    except Exception as error:
        if function is not lasting:
            print(repr(str(error)))
"""


def test_messages_are_what_str_makes_of_exceptions(workshop) -> None:
    workshop.write("app.py", RAISERS)
    done = workshop.flowtrace("run", "-q", "-o", "run.flow", "app.py")
    assert done.status == 0, done.err
    exported = export(workshop, workshop.folder / "run.flow")
    names = ["none", "text", "number", "key", "several", "mine", "named", "file", "group", "library"]
    messages = [event["exception.message"] for name in names for event in events_of(exported, name)]
    assert [repr(message) for message in messages] == done.out.splitlines()
    (long,) = events_of(exported, "lasting")
    assert re.fullmatch("x{50,}…", long["exception.message"])


def test_stack_traces_are_those_of_the_interpreter_from_the_call_on(workshop) -> None:
    workshop.write(
        "app.py",
        """
        import traceback

        class Shop:
            def pay(self):
                for n in range(3):
                    if n == 2:
                        raise ValueError(n)

        def order(shop):
            try:
                shop.pay()
            finally:
                pass

        def parse():
            import json
            json.loads("{")

        def main():
            order(Shop())

        for function in (main, parse):
            try:
                function()
            except ValueError as error:
                error.__traceback__ = error.__traceback__.tb_next
                lines = "".join(traceback.format_exception(error)).splitlines()
                print(*[line for line in lines if not line.startswith("    ")], sep="\\n")
        """,
    )
    done = workshop.flowtrace("run", "-q", "-o", "run.flow", "app.py")
    exported = export(workshop, workshop.folder / "run.flow")
    (main,) = events_of(exported, "main")
    (order,) = events_of(exported, "order")
    (parse,) = events_of(exported, "parse")
    own, _, library = done.out.partition("ValueError: 2\n")
    assert main["exception.stacktrace"] == own + "ValueError: 2\n"
    assert order["exception.stacktrace"] == main["exception.stacktrace"].replace(
        f'  File "{workshop.folder}/app.py", line 20, in main\n', ""
    )
    # Between the call and the frame that raised there may be others of a library.
    ours, theirs = parse["exception.stacktrace"].splitlines(), library.splitlines()
    assert [ours[0], ours[1], ours[-2], ours[-1]] == [theirs[0], theirs[1], theirs[-2], theirs[-1]]
    assert len(ours) == 4


def test_stack_traces_of_tasks_and_generators_are_those_of_the_interpreter(workshop) -> None:
    workshop.write(
        "app.py",
        """
        import asyncio, traceback

        async def inner(n):
            await asyncio.sleep(0.001)
            if n:
                raise ValueError(n)

        async def outer():
            try:
                await inner(1)
            finally:
                pass

        async def task():
            await asyncio.sleep(0)
            await outer()

        def numbers():
            yield 1
            raise KeyError("k")

        def consume():
            for number in numbers():
                pass

        async def main():
            for work in (asyncio.create_task(task()), asyncio.to_thread(consume)):
                try:
                    await work
                except (ValueError, KeyError) as error:
                    lines = "".join(traceback.format_exception(error)).splitlines()
                    print(*[line for line in lines if __file__ in line and not line.endswith("main")], sep="\\n")

        asyncio.run(main())
        """,
    )
    done = workshop.flowtrace("run", "-q", "-o", "run.flow", "app.py")
    exported = export(workshop, workshop.folder / "run.flow")
    traces = [events_of(exported, name)[0]["exception.stacktrace"].splitlines() for name in ("task", "consume")]
    assert [line for trace in traces for line in trace if "File" in line] == done.out.splitlines()


def test_stack_traces_of_deep_recursion_are_bounded(workshop) -> None:
    workshop.record(
        """
        import sys
        sys.setrecursionlimit(5000)

        def down(n):
            if n == 0:
                raise ValueError(n)
            down(n - 1)

        try:
            down(2000)
        except ValueError:
            pass
        """
    )
    exported = export(workshop, workshop.trace_path)
    traces = [
        attributes(span["events"][0])["exception.stacktrace"] for span in exported.spans.values() if "events" in span
    ]
    assert len(traces) == 2001
    first = traces[0].splitlines()
    assert len(first) == 36
    assert first[33:] == ["  ...", f'  File "{workshop.folder}/app.py", line 6, in down', "ValueError: 0"]
    assert len(traces[-1].splitlines()) == 3


def test_an_exit_without_complaint_is_no_error(workshop) -> None:
    workshop.write("app.py", "import sys\ndef f(status):\n    sys.exit(status)\nf(0)\n")
    workshop.flowtrace("run", "-q", "-o", "well.flow", "app.py")
    workshop.write("app.py", "import sys\ndef f(status):\n    sys.exit(status)\nf(3)\n")
    workshop.flowtrace("run", "-q", "-o", "ill.flow", "app.py")
    well, ill = (export(workshop, workshop.folder / name) for name in ("well.flow", "ill.flow"))
    assert [span["name"] for span in well.spans.values() if "status" in span] == []
    assert [span["status"]["message"] for span in ill.spans.values()] == ["SystemExit: 3", "SystemExit: 3"]


def test_waits_are_events_and_those_that_are_too_many_are_counted(workshop) -> None:
    workshop.record(
        """
        import asyncio

        async def fetch(n):
            await asyncio.sleep(0.001)

        async def main():
            await asyncio.create_task(fetch(1), name="one")
            await asyncio.sleep(0)
            await fetch(2)

        async def often():
            for _ in range(70):
                await asyncio.sleep(0)

        def numbers():
            yield from range(3)

        list(numbers())
        asyncio.run(main())
        asyncio.run(often())
        """
    )
    exported = export(workshop, workshop.trace_path)
    waits = events_of(exported, "main", "wait")
    assert [wait.get("flowtrace.awaited") for wait in waits] == ["task one", None, "Future"]
    assert all(wait["flowtrace.waiting_ns"] > 0 for wait in waits)
    (main,) = [span for span in exported.spans.values() if span["name"] == "main"]
    assert sum(wait["flowtrace.waiting_ns"] for wait in waits) == attributes(main)["flowtrace.waiting_ns"]
    times = [int(event["timeUnixNano"]) for event in main["events"]]
    assert int(main["startTimeUnixNano"]) < times[0] < times[1] < times[2] < int(main["endTimeUnixNano"])
    assert "droppedEventsCount" not in main
    (often,) = [span for span in exported.spans.values() if span["name"] == "often"]
    assert (len(often["events"]), often["droppedEventsCount"]) == (64, 6)
    assert events_of(exported, "numbers", "wait") == []


def test_a_wait_that_has_not_ended_has_no_duration(workshop) -> None:
    workshop.write(
        "app.py",
        """
        import asyncio, os

        async def stuck():
            await asyncio.sleep(100)

        async def main():
            asyncio.create_task(stuck())
            await asyncio.sleep(0)
            os._exit(0)

        asyncio.run(main())
        """,
    )
    workshop.run("app.py")
    assert events_of(export(workshop, workshop.trace_path), "stuck", "wait") == [{"flowtrace.awaited": "Future"}]


def test_a_resource_tells_of_the_process(workshop, everything) -> None:
    exported = export(workshop, everything)
    parent, child = exported.resources[1], exported.resources[17]
    assert parent["service.name"] == child["service.name"] == "app.py"
    assert parent["process.pid"] != child["process.pid"]
    assert (parent["telemetry.sdk.name"], parent["telemetry.sdk.language"]) == ("flowtrace", "python")
    for name in ("host.name", "process.runtime.version", "telemetry.sdk.version", "process.executable.path"):
        assert parent[name]


def test_a_resource_tells_how_the_process_has_ended(workshop) -> None:
    workshop.write("app.py", "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'])\n")
    workshop.write("child.py", "raise SystemExit(3)\n")
    workshop.run("app.py")
    exported = export(workshop, workshop.trace_path)
    codes = [(resource["service.name"], resource["process.exit.code"]) for resource in exported.resources.values()]
    assert codes == [("app.py", 0), ("app.py", 3)]


def test_calls_that_have_not_ended_say_so(workshop) -> None:
    workshop.write("app.py", "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\nf()\n")
    workshop.run("app.py")
    exported = export(workshop, workshop.trace_path)
    assert [attributes(span)["flowtrace.outcome"] for span in exported.spans.values()] == ["running", "running"]


def test_ids_are_the_same_each_time_and_others_in_another_trace(workshop, everything, hostile) -> None:
    again = export(workshop, everything)
    assert again.by_id == export(workshop, everything).by_id
    part = export(workshop, everything, "--function", "price")
    assert part.by_id.items() <= again.by_id.items()
    assert not export(workshop, hostile).by_id.keys() & again.by_id.keys()


def test_lines_are_of_one_process_and_of_a_bounded_size(workshop) -> None:
    workshop.record("def f(x):\n    pass\nfor i in range(4500):\n    f(i)\n")
    exported = export(workshop, workshop.trace_path)
    sizes = [len(line["resourceSpans"][0]["scopeSpans"][0]["spans"]) for line in exported.lines]
    assert sum(sizes) == 4501
    assert max(sizes) <= 2000
    assert max(len(json.dumps(line)) for line in exported.lines) < 2 * 2**20


def test_without_times_a_call_takes_a_microsecond_and_what_it_calls(workshop) -> None:
    workshop.record("def g():\n    pass\ndef f():\n    g()\nf()\ng()\n", "--no-time")
    exported = export(workshop, workshop.trace_path)
    start = Trace(workshop.trace_path).info["start_unix_ns"]
    times = [
        (int(span["startTimeUnixNano"]) - start, int(span["endTimeUnixNano"]) - start)
        for span in exported.spans.values()
    ]
    assert times == [(0, 4000), (1000, 3000), (2000, 3000), (3000, 4000)]


GOLDEN = (
    '{"resourceSpans":[{"resource":{RESOURCE},"scopeSpans":[{"scope":{"name":"flowtrace","version":"V"},"spans":['
    '{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"ID","parentSpanId":"00f067aa0ba902b7","name":"app.py",'
    '"kind":1,"startTimeUnixNano":"T","endTimeUnixNano":"T","attributes":['
    '{"key":"code.function.name","value":{"stringValue":"__main__.<module>"}},'
    '{"key":"code.file.path","value":{"stringValue":"PATH"}},{"key":"code.line.number","value":{"intValue":"1"}},'
    '{"key":"flowtrace.kind","value":{"stringValue":"module"}},'
    '{"key":"thread.name","value":{"stringValue":"MainThread"}},{"key":"thread.id","value":{"intValue":"N"}},'
    '{"key":"flowtrace.call","value":{"intValue":"1"}},{"key":"flowtrace.result","value":{"stringValue":"None"}}]},'
    '{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"ID","parentSpanId":"ID","name":"half",'
    '"kind":1,"startTimeUnixNano":"T","endTimeUnixNano":"T","attributes":['
    '{"key":"code.function.name","value":{"stringValue":"__main__.half"}},'
    '{"key":"code.file.path","value":{"stringValue":"PATH"}},{"key":"code.line.number","value":{"intValue":"1"}},'
    '{"key":"flowtrace.kind","value":{"stringValue":"function"}},'
    '{"key":"thread.name","value":{"stringValue":"MainThread"}},{"key":"thread.id","value":{"intValue":"N"}},'
    '{"key":"flowtrace.call","value":{"intValue":"2"}},{"key":"flowtrace.argument.n","value":{"intValue":"3"}},'
    '{"key":"flowtrace.result","value":{"doubleValue":1.5}}]}],"schemaUrl":"https://opentelemetry.io/schemas/1.44.0"}],'
    '"schemaUrl":"https://opentelemetry.io/schemas/1.44.0"}]}\n'
)


def test_otlp_to_the_letter(workshop) -> None:
    workshop.record("def half(n):\n    return n / 2\nhalf(3)\n")
    done = workshop.flowtrace("export", "otlp", "-o", "-", "--traceparent", PARENT)
    text = re.sub(r'"resource":\{.*?\]\}', '"resource":{RESOURCE}', done.out).replace("\\u003c", "<")
    text = re.sub(r'(panId":)"(?!00f067aa0ba902b7)[0-9a-f]{16}"', r'\1"ID"', text)
    text = re.sub(r'(Nano":)"\d{19}"', r'\1"T"', text)
    text = re.sub(r'(thread.id","value":\{"intValue":)"\d+"', r'\1"N"', text)
    text = text.replace(f'"version":"{flowtrace.__version__}"', '"version":"V"')
    assert text.replace(f'"{workshop.folder}/app.py"', '"PATH"') == GOLDEN


# --- the trace that is gone on with -----------------------------------------------------


def test_a_context_is_gone_on_with(workshop, everything) -> None:
    done = workshop.flowtrace("export", "otlp", "-o", "-", "--traceparent", PARENT, str(everything))
    spans = [
        span
        for line in done.out.splitlines()
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
    assert {span["traceId"] for span in spans} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert [span["name"] for span in spans if span["parentSpanId"] == "00f067aa0ba902b7"] == ["app.py"]
    from_environment = workshop.flowtrace(
        "export", "otlp", "-o", "-", str(everything), environment={"TRACEPARENT": PARENT}
    )
    assert from_environment.stdout == done.stdout


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is to be VERSION-TRACE-PARENT-FLAGS"),
        ("00-1-2-01", "it is to be VERSION-TRACE-PARENT-FLAGS"),
        (PARENT.upper(), "its digits are to be 0-9 and a-f"),
        (PARENT + "-x", "version 00 has four fields"),
        ("ff" + PARENT[2:], "there is no such version"),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", "ids of zeros are none"),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", "ids of zeros are none"),
    ],
)
def test_what_is_no_context_is_said(workshop, everything, text, fault) -> None:
    done = workshop.flowtrace("export", "otlp", "--traceparent", text, str(everything))
    assert done.status == 2
    assert fault in done.err
    inherited = workshop.flowtrace("export", "otlp", "-o", "-", str(everything), environment={"TRACEPARENT": text})
    assert inherited.status == 0
    assert inherited.err.startswith("flowtrace: $TRACEPARENT is not gone on with: ") == bool(text)
    assert fault in inherited.err or not text


def test_a_later_version_of_a_context_may_have_more(workshop, everything) -> None:
    assert _otlp.traceparent_fault("01" + PARENT[2:] + "-more") == ""


# --- sending -------------------------------------------------------------------------------


class Collector:
    """Answers as it is told to, then with success; keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.got.append((self.path, dict(self.headers), body))
                status, headers, said = collector.answers.pop(0) if collector.answers else (200, {}, b"{}")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    for name in ("http_proxy", "HTTP_PROXY", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def test_a_collector_gets_what_a_file_would_have_got(workshop, everything, collector) -> None:
    written = workshop.flowtrace("export", "otlp", "-o", "-", str(everything))
    done = workshop.flowtrace("export", "otlp", "--to", collector.url, str(everything))
    assert (done.status, done.out) == (0, "")
    assert re.fullmatch(rf"flowtrace: sent 17 calls to {collector.url} in 2 requests\n", done.err)
    assert b"".join(body for _, _, body in collector.got) == written.stdout
    path, headers, _ = collector.got[0]
    assert (path, headers["Content-Type"]) == ("/v1/traces", "application/json")
    assert not list(workshop.folder.iterdir())


def test_what_the_collector_did_not_take_is_told(workshop, everything, collector) -> None:
    said = {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too\x1b old"}}
    collector.answers = [(200, {}, json.dumps(said).encode())]
    done = workshop.flowtrace("export", "otlp", "--to", collector.url, str(everything))
    assert done.status == 1
    assert done.err.endswith("it did not take 3 of them: too? old\n")


def test_a_refusal_is_told_with_what_the_collector_says(workshop, everything, collector) -> None:
    collector.answers = [(400, {}, b'{"code": 3, "message": "no such\\n tenant"}')]
    done = workshop.flowtrace("export", "otlp", "--to", collector.url + "/other", str(everything))
    assert done.status == 2
    assert done.err == f"flowtrace: {collector.url}/other answers 400 Bad Request: no such tenant\n"
    assert [path for path, _, _ in collector.got] == ["/other"]


def test_a_big_trace_ends_with_the_first_refusal(workshop, collector) -> None:
    workshop.record("def f():\n    pass\nfor _ in range(20_000):\n    f()\n")
    collector.answers = [(200, {}, b""), (401, {}, b"who are you?")]
    done = workshop.flowtrace("export", "otlp", "--to", collector.url)
    assert done.status == 2
    assert done.err == f"flowtrace: {collector.url} answers 401 Unauthorized: who are you?\n"
    assert len(collector.got) == 2


def test_what_is_refused_for_now_is_sent_again(collector) -> None:
    pauses: list[float] = []
    collector.answers = [
        (503, {}, b""),
        (429, {"Retry-After": "7"}, b""),
        (502, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, b""),
        (504, {"Retry-After": "100000"}, b""),
        (503, {"Retry-After": "soon"}, b""),
    ]
    assert _otlp.send([b"{}\n"], collector.url, pauses.append) == (1, 0, "")
    assert pauses == [0.5, 7.0, 0.0, 60.0, 8.0]
    assert [body for _, _, body in collector.got] == [b"{}\n"] * 6


def test_it_is_given_up_some_time(collector) -> None:
    pauses: list[float] = []
    collector.answers = [(503, {}, b"busy")] * 6
    with pytest.raises(UsageError, match="answers 503 Service Unavailable: busy; given up after 6 tries"):
        _otlp.send([b"{}\n"], collector.url, pauses.append)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_nobody_who_listens_is_asked_again_too(collector) -> None:
    pauses: list[float] = []
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:1 can't be sent to: Connection refused; given up"):
        _otlp.send([b"{}\n"], "http://127.0.0.1:1", pauses.append)
    assert len(pauses) == 5


def test_it_is_not_sent_on_to_elsewhere(collector) -> None:
    collector.answers = [(307, {"Location": "http://127.0.0.1:1/"}, b"")]
    with pytest.raises(UsageError, match=r"answers 307 .*, to http://127\.0\.0\.1:1/; give that address"):
        _otlp.send([b"{}\n"], collector.url)


def test_a_line_that_was_cut_off_is_not_sent(collector) -> None:
    assert _otlp.send([b"{}\n", b'{"resourceSpans":['], collector.url).requests == 1


def test_headers_are_those_of_other_exporters(collector, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20abc, X-Tenant = a")
    _otlp.send([b"{}\n"], collector.url)
    assert collector.got[0][1]["Authorization"] == "Basic abc"
    assert collector.got[0][1]["X-Tenant"] == "a"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: x")
    with pytest.raises(UsageError, match="is to be NAME=VALUE"):
        _otlp.send([b"{}\n"], collector.url)


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://a/", "file:///etc/passwd", "http://", "", "http://a:b/"])
def test_only_http_is_spoken(workshop, everything, url) -> None:
    done = workshop.flowtrace("export", "otlp", "--to", url, str(everything))
    assert done.status == 2
    assert done.err.startswith("flowtrace: --to ")
    assert len(done.err.splitlines()) == 1


def test_a_password_in_an_address_is_refused(workshop, everything) -> None:
    done = workshop.flowtrace("export", "otlp", "--to", "http://me:secret@127.0.0.1:1/", str(everything))
    assert done.status == 2
    assert "takes no password" in done.err
    assert "secret" not in done.err


def test_it_is_sent_or_written_not_both(workshop, everything) -> None:
    done = workshop.flowtrace("export", "otlp", "--to", "http://127.0.0.1:1", "-o", "out", str(everything))
    assert done.status == 2
    assert "--to sends it, -o writes it: one of them" in done.err
