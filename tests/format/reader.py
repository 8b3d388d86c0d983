"""A second reader of .flow files: 200 lines of code, written from docs/format.md alone. It trusts the file, as the
one in C never does.

for call in read("flowtrace.flow"): print(call.function.qualname, call.arguments, call.outcome, call.result)
"""

import heapq
from collections import defaultdict, namedtuple
from pathlib import Path
from struct import unpack, unpack_from
from types import SimpleNamespace

Function = namedtuple("Function", "flags number qualname module file line parameters")
Shown = namedtuple("Shown", "type parts")  # a value that is no plain data, or was not recorded whole
CONSTANTS = {0xA1: None, 0xA2: False, 0xA3: True, 0xA4: ..., 0xA5: NotImplemented}
NOTHING = {0xA0: "absent", 0xBC: "redacted", 0xBD: "truncated", 0xBE: "unreadable", 0xBF: "cycle"}
CONTAINERS = {0xAC: bytes, 0xAD: bytearray, 0xB0: list, 0xB1: tuple, 0xB2: set, 0xB3: frozenset, 0xB4: dict}
VALUES = {0xA6: lambda c: (number := c.varint()) >> 1 ^ -(number & 1), 0xAB: lambda c: c.string()}
VALUES |= {0xA7: lambda c: big_int(*c.fields("byte varint blob")), 0xA8: lambda c: unpack("<d", c.bytes(8))[0]}
VALUES |= {0xA9: lambda c: complex(*unpack("<dd", c.bytes(16))), 0xAA: lambda c: whole(str, *c.fields("varint text"))}
VALUES |= {0xB5: lambda c: Shown(c.string(), []), 0xBA: lambda c: c.fields("varint value")[1]}
VALUES |= {0xB6: lambda c: Shown(c.fields("string varint")[0], c.several("string value"))}
VALUES |= {0xB7: lambda c: Shown(*c.fields("string value")), 0xB9: lambda c: Shown(*c.fields("string text"))}
VALUES |= {0xB8: lambda c: Shown(c.fields("string varint")[0], c.several("value")), 0xBB: lambda c: c.shaped()}
VALUES |= {0xF0: lambda c: Shown("unknown", c.fields("varint blob"))}
# What follows the head of a record of each type, and what the bytes of an EXTENDED record hold.
FIELDS = {1: "call", 2: "call_values", 3: "", 4: "value", 5: "varint value", 6: "varint code", 9: "varint"}
FIELDS |= {7: "varint code exception", 8: "exception varint varint", 10: "call varint varint"}
FIELDS |= {13: "exception varint varint", 14: "exception varint", 15: "varint blob"}
PAYLOADS = dict.fromkeys((3, 4, 5, 7), "varint varint text") | {2: "varint", 12: "varint text varint"}
ENDS = {3: "returned", 4: "returned", 5: None, 8: "raised", 9: "abandoned"}
RETURN_VALUE, UNWIND, DROP, OPEN, EXTENDED = 4, 8, 9, 10, 15
PROCESS_END, THREAD, SPAWN, ORIGIN, GREENLET, NAME = 2, 3, 4, 5, 7, 12


def whole(kind, length, items):
    try:
        return kind(items) if len(items) == length else Shown(kind.__name__, items)
    except TypeError:  # what is in a set is known by what it shows alone
        return Shown(kind.__name__, items)


def big_int(negative, bits, magnitude):
    number = int.from_bytes(magnitude, "little")
    return (-number if negative else number) if magnitude else Shown("int", bits)


class Chunk:
    """A chunk and what it defines, or the bytes of an EXTENDED record."""

    def __init__(self, data, at, end):
        self.data, self.at, self.end = data, at, end
        self.strings, self.codes, self.shapes, self.exceptions = [], [], [], {}

    def bytes(self, length):
        self.at += length
        return self.data[self.at - length : self.at]

    def byte(self):
        return (self.bytes(1) or b"\0")[0]  # a number that is missing at the end is 0

    def varint(self):
        value = shift = 0
        while (byte := self.byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def blob(self):
        return self.bytes(self.varint())

    def text(self):
        return self.blob().decode("utf-8", "surrogatepass")

    def fields(self, names):
        return [getattr(self, name)() for name in names.split()]

    def several(self, names):
        return [self.fields(names) if " " in names else self.fields(names)[0] for _ in range(self.varint())]

    def numbered(self, table, define):
        if (number := self.varint()) == 0:
            table.append(define())
        return table[number - 1]

    def string(self):
        return self.numbered(self.strings, self.text)

    def function(self):
        *fields, parameters = *self.fields("varint varint string string string varint"), self.several("string byte")
        return Function(*fields, [name for name, _ in parameters])

    def code(self):
        return self.numbered(self.codes, self.function)

    def call(self):
        function = self.code()
        return function, self.varint() if function.flags & 7 else None

    def call_values(self):
        function, generator = self.call()
        return function, generator, {name: self.value() for name in function.parameters}

    def exception(self):
        number = self.varint()
        if self.byte():
            self.exceptions[number] = self.fields("string value string string varint string")[:2]
        return self.exceptions[number]

    def shaped(self):
        kind, _, names = self.numbered(self.shapes, lambda: (self.string(), self.varint(), self.several("string")))
        return Shown(kind, [(name, self.value()) for name in names])

    def value(self):
        tag = self.byte()
        if tag in CONTAINERS:
            pair = "value value" if tag == 0xB4 else "value"
            return whole(CONTAINERS[tag], self.varint(), self.blob() if tag < 0xB0 else self.several(pair))
        if tag in VALUES:
            return VALUES[tag](self)
        return tag - 32 if tag < 0xA0 else CONSTANTS[tag] if tag in CONSTANTS else Shown(NOTHING[tag], [])


class Thread:
    """The calls that run in a thread: a stack for each of its greenlets, 0 being the thread's own.

    `fresh` are those whose calls OPEN records tell; `root` is the track of the next call, where that has no caller.
    """

    def __init__(self, trace, process, pid):
        self.trace, self.process, self.pid, self.now, self.chunks = trace, process, pid, 0, []
        self.tracks = {0: SimpleNamespace(pid=pid, kind="thread", name="")}
        self.greenlet, self.stacks, self.fresh, self.root = 0, {0: []}, set(), None

    def records(self):
        expected = None
        for chunk in self.chunks:
            is_gap, ticks, expected = chunk.sequence != expected or chunk.lost > 0, 0, chunk.sequence + 1
            while chunk.at < chunk.end:
                ticks += (head := chunk.varint()) >> 4
                self.now = max(self.now, self.trace.nanoseconds(chunk, ticks))
                yield self.now, self, chunk, is_gap, head & 15, *chunk.fields(FIELDS[head & 15])
                is_gap = False

    def begin(self, function, generator, start):
        stack = self.stacks[self.greenlet]
        if not hasattr(call := self.process.generators.get(generator) or self.root, "function"):  # a track, or None
            parent = stack[-1] if stack and not call else None
            track = call or (parent.track if parent else self.tracks[self.greenlet])
            call = SimpleNamespace(function=function, track=track, parent=parent, start=start, end=None)
            call.process, call.arguments, call.result, call.exception = self.process, {}, None, None
            call.original = self.root = None
            self.trace.calls.append(call)
            self.process.generators.update({generator: call} if generator else {})
        call.outcome = "running"
        stack.append(call)
        return call

    def end(self, kind, field=None, *_):
        if stack := self.stacks[self.greenlet]:
            call = stack.pop()
            call.end, call.outcome = self.now, ENDS[kind]
            call.result, call.exception = field if kind == RETURN_VALUE else None, field if kind == UNWIND else None

    def drop(self, count):
        for _ in range(count):
            self.end(DROP)

    def record(self, chunk, is_gap, kind, *fields):
        if is_gap:  # OPEN records tell all that is known of what runs
            for self.greenlet in [*self.stacks, 0]:  # noqa: B020
                self.drop(len(self.stacks[self.greenlet]))
            self.root, self.fresh = None, set(self.stacks)
        elif kind not in (OPEN, EXTENDED):
            self.fresh.discard(self.greenlet)
        match kind, *fields:
            case (1 | 2, (function, generator, *arguments)):
                self.begin(function, generator, self.now).arguments = dict(*arguments)
            case (3 | 4 | 5 | 8, *fields):
                self.end(kind, *fields)
            case (6 | 7, generator, function, *_):
                self.begin(function, generator, self.now)
            case (9, count):
                self.drop(count)
            case (10, (function, generator), age, _) if self.greenlet in self.fresh:
                call = self.begin(function, generator, min(self.now, self.trace.nanoseconds(chunk, -age)))
                call.original = self.trace.find_original(call) if chunk.sequence == 0 else None
            case (15, subtype, payload) if subtype in PAYLOADS:
                self.extended(subtype, *Chunk(payload, 0, 0).fields(PAYLOADS[subtype]))

    def extended(self, subtype, number, kind=0, name=""):
        if subtype == PROCESS_END:
            self.process.in_order |= number < 2
        elif subtype == THREAD:
            self.tracks[0].kind, self.tracks[0].name = "main" if kind else "thread", name or self.tracks[0].name
        elif subtype == ORIGIN and kind == 1:
            self.root = self.process.tasks.setdefault(number, SimpleNamespace(pid=self.pid, kind="task", name=name))
        elif subtype == ORIGIN and kind == 5:
            self.root = self.tracks[self.greenlet] if number else None
        elif subtype == NAME and name and number not in self.process.tasks:
            task = self.process.tasks[number] = SimpleNamespace(pid=self.pid, kind="task", name=kind)
            self.process.generators.setdefault(name, task)
        elif number in self.process.tasks and (subtype == NAME or (subtype == SPAWN and kind == 1 and name)):
            self.process.tasks[number].name = kind if subtype == NAME else name
        elif subtype == GREENLET:
            self.greenlet = number
            if number not in self.stacks:
                self.stacks[number], self.fresh, name = [], self.fresh | {number}, name or f"greenlet {number}"
                self.tracks[number] = SimpleNamespace(pid=self.pid, kind="greenlet", name=name)


class Trace:
    def __init__(self, path):
        self.data, self.calls, threads = Path(path).read_bytes(), [], {}
        self.clock, _, _, ticks, self.start = unpack_from("<IIIQQ", self.data, 0x14)
        processes = defaultdict(lambda: SimpleNamespace(generators={}, tasks={}, in_order=False))
        chunks = sorted(self.chunks(), key=lambda chunk: (chunk.process, chunk.thread, chunk.sequence))
        last_ns, last_ticks = max([(chunk.last_ns, chunk.last_ticks) for chunk in chunks], default=(0, 0))
        self.rate = (last_ns - self.start) / (last_ticks - ticks) if self.clock == 2 and last_ticks > ticks else 1.0
        for chunk in chunks:
            thread = chunk.kind, chunk.process, chunk.thread
            threads.setdefault(thread, Thread(self, processes[chunk.process], chunk.pid)).chunks.append(chunk)
        for _, thread, *record in heapq.merge(*(thread.records() for thread in threads.values()), key=lambda r: r[0]):
            thread.record(*record)
        self.calls, part = [call for call in self.calls if not call.original], b"\x04part\x03yes" in self.data
        for call in self.calls:
            call.parent = call.parent and (call.parent.original or call.parent)
            is_left = call.process.in_order and not (part and call.track.kind == "task")
            call.outcome = call.outcome or ("abandoned" if is_left else "running")

    def chunks(self):
        at = 65536
        while at + 128 <= len(self.data):
            magic, kind, units, *head = unpack_from("<4sHHIIIIQQQQQIIII", self.data, at)
            if magic == b"CHNK" and kind in (1, 2):
                chunk = Chunk(self.data, at + 128, at + head[-1])
                chunk.kind, (chunk.process, chunk.pid, chunk.thread, chunk.sequence) = kind, head[:4]
                chunk.first_ns, chunk.last_ticks, chunk.last_ns, _, chunk.lost = head[6:11]
                yield chunk
            at += 65536 * (units if magic == b"CHNK" else 1)

    def nanoseconds(self, chunk, ticks):
        """Since the trace's start, of a moment so many ticks after the chunk's first."""
        return max(0, int(chunk.first_ns - self.start + ticks * self.rate)) if self.clock else 0

    def find_original(self, copy):
        """The call of the parent process that a fork copied: of the same code, begun at the same time."""
        alike = [call for call in self.calls if call.function[2:6] == copy.function[2:6] and not call.original]
        near = [call for call in alike if self.clock and call is not copy and abs(call.start - copy.start) <= 1000]
        return min(near, key=lambda call: abs(call.start - copy.start), default=copy)


def read(path):
    """All calls, in order of their start."""
    return Trace(path).calls
