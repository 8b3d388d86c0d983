"""Programs made at random: a hypothesis strategy for the text of one.

Each defines a few functions of all kinds, which call those before them, and runs the last ones. Every program ends:
loops are short, recursion counts down, and each call takes one from FUEL, without which it does nothing. Every
program does the same each time: no clock, no threads, no sets of more than one, no addresses. It writes what it finds
to `log`, so that its runs can be compared. Parameters are never rebound: 3.12's f_locals, which reference.py
reads, keep them alive.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from hypothesis import strategies as st

HEAD = """\
import asyncio, contextlib, functools

FUEL, log = iter(range(120)), []

class Trouble(Exception):
    pass

class Halt(BaseException):
    pass

class Box:
    def __init__(self, held=None):
        self.held = held

    @property
    def value(self):
        return self.held

    def __len__(self):
        return 2

    def __getitem__(self, index):
        if index > 1:
            raise IndexError(index)
        return self.held

class Guard(Box):
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return bool(self.held)

class Counter:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n

def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def down(n, *rest):
    return n if n <= 0 else down(n - 1, n, *rest)

"""
VALUES = """0 1 -7 1<<70 2.5 1j True None ... 'text' 'a'*300 b'x' [] [1,[2,[3,[4,[5]]]]] (1,) {'a':1} {3}
{'password':'x'} frozenset({1}) range(3) list(range(20)) len Box Box(1) Trouble('t') down lambda:1 [None,None,None]
{'k':Box()} bytearray(b'b')
""".split()
ERRORS = (
    "ValueError('v') KeyError(1) Trouble('t',2) Trouble() Halt('h') StopIteration(4) TypeError SystemExit(3)".split()
)
CAUGHT = [
    "ValueError",
    "Trouble",
    "Exception",
    "BaseException",
    "(KeyError, ValueError)",
    "StopIteration",
    "RuntimeError",
]
PARAMETERS = ["a", "a=1", "a, b", "a, /, b=2", "*rest", "a, *, key=None", "a, *rest, **more", "a, password='p', **more"]
METHODS = ["F.run staticmethod -", "F.run classmethod cls", "F().run wrapped self"]
KINDS = ("plain", "method", "generator", "generator", "coroutine", "coroutine", "async generator")


class Maker:
    """Writes one program. `kind` and `opened` are those of the function that is being written."""

    def __init__(self, draw: Callable[[st.SearchStrategy[object]], object]) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.indent = 0
        self.left = 30  # statements
        self.functions: list[tuple[str, str, str]] = []  # name, kind, parameters
        self.kind = "plain"
        self.opened: list[str] = []  # variables that hold generators
        self.tasks: list[str] = []
        self.readable: list[str] = []
        self.loops = self.handlers = self.names = 0

    # --- choices ---

    def one[T](self, of: Sequence[T]) -> T:
        return of[self.draw(st.integers(0, len(of) - 1))]

    def chance(self, of: int) -> bool:
        """Shrinks to no."""
        return self.draw(st.integers(0, of)) == of

    # --- text ---

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    @contextlib.contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.put(head)
        self.indent += 1
        yield
        self.indent -= 1

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    # --- expressions ---

    def value(self) -> str:
        if self.readable and self.chance(2):
            return self.one(self.readable)  # it may not be set here: that is an error like others
        return self.one(VALUES)

    def arguments(self, parameters: str) -> str:
        given = []
        for parameter in filter(None, parameters.split(", ")):
            if parameter == "*rest":
                given += [self.value()] * self.draw(st.integers(0, 2))
            elif parameter == "**more":
                given += [f"extra={self.value()}"] if self.chance(1) else []
            elif parameter[0] in "*/":
                continue
            elif parameter.startswith(("key", "password")):
                given += [f"{parameter.partition('=')[0]}={self.value()}"] if self.chance(1) else []
            elif "=" not in parameter or self.chance(1):
                given.append(self.value())
        return ", ".join(given)

    def call(self, *kinds: str) -> str | None:
        """A call of a function of these kinds, if there is one."""
        known = [function for function in self.functions if function[1] in kinds]
        if not known:
            return None
        name, _, parameters = self.one(known)
        return f"{name}({self.arguments(parameters)})"

    def expression(self) -> str:
        """Something that is evaluated without an await or yield."""
        forms: list[Callable[[], str | None]] = [
            self.value,
            lambda: self.call("plain", "method"),
            lambda: f"down({self.draw(st.integers(0, 4))})",
            lambda: f"[{self.expression_of_x()} for x in Counter(2)]",
            lambda: f"list({self.expression_of_x()} for x in Counter(2))",
            lambda: f"sorted([2, 1], key=lambda x: {self.expression_of_x()})",
            lambda: f"list(map(lambda x: {self.expression_of_x()}, 'ab'))",
            lambda: f"wrapped(lambda *a: a)({self.value()})",
            lambda: f"Box({self.value()}).value",
            lambda: f"[*Box({self.value()})]",
            lambda: (made := self.call("generator")) and f"list({made})",
            lambda: (made := self.call("generator")) and f"next({made}, None)",
        ]
        return self.one(forms)() or self.value()

    def expression_of_x(self) -> str:
        return self.one(["x", "(x, 1)", "down(x)" if self.chance(1) else "x"])

    # --- statements ---

    def statements(self) -> None:
        written = 0
        while not written or (self.left > 0 and self.draw(st.integers(0, 2))):
            self.left -= 1
            written += 1
            self.statement()

    def statement(self) -> None:
        flat: list[Callable[[], object]] = [self.assign, self.assign, self.raises, self.leaves]
        flat += [self.opens, self.drives, self.drives]
        if self.kind in ("generator", "async generator"):
            flat += [self.yields] * 3
        if self.kind in ("coroutine", "async generator"):
            flat += [self.awaits] * 4 + [self.tasking] * 2
        nested = [self.branches, self.loops_over, self.tries, self.tries, self.guards, self.nests]
        self.one(flat + nested if self.indent < 5 and self.left > 0 else flat)()

    def assign(self) -> None:
        name = self.name("v")
        self.put(f"{name} = {self.expression()}")
        self.put(f"log.append(type({name}).__name__)")
        self.readable.append(name)

    def raises(self) -> None:
        if self.handlers and self.chance(1):
            self.put("raise")
        else:
            after = self.one(["", "", f" from {self.one(ERRORS)}", " from None"])
            self.put(f"raise {self.one(ERRORS)}{after}")

    def leaves(self) -> None:
        if self.loops and self.chance(1):
            self.put(self.one(["continue", "break"]))
        elif self.kind == "async generator" or self.indent == 0:
            self.put("pass")
        else:
            self.put(f"return {self.expression()}")

    def branches(self) -> None:
        with self.block(f"if {self.expression()}:"):
            self.statements()
        if self.chance(1):
            with self.block("else:"):
                self.statements()

    def loops_over(self) -> None:
        over = self.one(["range(2)", "Counter(2)", "Box(1)", self.call("generator") or "range(3)"])
        if self.opened and self.chance(1):
            over = self.one(self.opened)
        head = f"for x in {over}:"
        if self.kind in ("coroutine", "async generator") and (made := self.call("async generator")) and self.chance(1):
            head = f"async for x in {made}:"
        self.loops += 1
        with self.block(head):
            self.statements()
        self.loops -= 1
        if self.chance(2):
            with self.block("else:"):
                self.statements()

    def tries(self) -> None:
        with self.block("try:"):
            self.statements()
        caught = self.draw(st.integers(0, 2))
        for _ in range(caught):
            with self.block(f"except {self.one(CAUGHT)}" + self.one([":", " as error:"])):
                self.handlers += 1
                self.statements()
                self.handlers -= 1
        if caught and self.chance(2):
            with self.block("else:"):
                self.statements()
        if not caught or self.chance(1):
            with self.block("finally:"):
                loops, self.loops = self.loops, 0  # a continue or return there is a warning since 3.14
                self.statements()
                self.loops = loops

    def guards(self) -> None:
        forms = [f"with Guard({self.value()})", "with contextlib.suppress(ValueError, Trouble)"]
        if made := self.call("generator"):
            forms += [f"with contextlib.closing({made})", f"with contextlib.contextmanager(lambda: {made})()"]
        if self.kind in ("coroutine", "async generator") and (made := self.call("async generator")):
            forms += [f"async with contextlib.aclosing({made})"]
            forms += [f"async with contextlib.asynccontextmanager(lambda: {made})()"]
        with self.block(f"{self.one(forms)}:"):
            self.statements()

    def nests(self) -> None:
        """A function within, which sees this one's variables."""
        name = self.name("inner")
        seen = self.one(self.readable) if self.readable else "0"
        with self.inside("plain"), self.block(f"def {name}(x={seen}):"):
            self.put(f"held = x, {seen}")
            self.statements()
        self.put(f"{name}({self.value()})")

    @contextlib.contextmanager
    def inside(self, kind: str) -> Iterator[None]:
        """Another function's text: what belongs to this one can't be named there."""
        kept = self.kind, self.opened, self.tasks, self.loops, self.handlers, self.readable
        self.kind, self.opened, self.tasks, self.loops, self.handlers = kind, [], [], 0, 0
        self.readable = []
        yield
        self.kind, self.opened, self.tasks, self.loops, self.handlers, self.readable = kept

    # --- generators ---

    def opens(self) -> None:
        made = self.call("generator")
        if made is None:
            return self.assign()
        self.opened.append(self.name("g"))
        return self.put(f"{self.opened[-1]} = {made}")

    def drives(self, safely: bool = False) -> None:
        if not self.opened:
            return self.opens()
        it = self.one(self.opened)
        forms = [f"log.append(next({it}, 'end'))", f"{it}.send({self.value()})", f"{it}.send(None)", f"{it}.close()"]
        forms += [
            f"{it}.throw({self.one(ERRORS)})",
            f"del {it}",
            f"{it} = None",
            f"sum(1 for _ in {it})",
            f"first, *_ = {it}",
        ]
        line = self.one(forms)
        if not safely and self.chance(1):
            return self.put(line)
        with self.block("try:"):
            self.put(line)
        with self.block(f"except {'BaseException' if safely else self.one(CAUGHT)} as error:"):
            self.put("log.append(repr(error))")
        return None

    def yields(self) -> None:
        forms = [f"yield {self.value()}", f"got = yield {self.value()}"]
        if self.kind == "generator" and (made := self.call("generator")):
            forms += [f"yield from {made}", f"got = yield from {made}"]
        if self.kind == "generator":
            forms += ["yield from Counter(2)"] + [f"yield from {it}" for it in self.opened]
        self.put(self.one(forms))

    # --- asyncio ---

    def awaits(self) -> None:
        forms = ["await asyncio.sleep(0)"]
        if made := self.call("coroutine"):
            forms += [f"await {made}", f"got = await {made}"] * 2
            both = f"{made}, {self.call('coroutine')}"
            forms += [f"await asyncio.gather({both}, return_exceptions={self.one(['True', 'False'])})"]
            forms += [f"{made}.close()", f"await asyncio.shield({made})"]
        if made := self.call("async generator"):
            forms += [f"got = [x async for x in {made}]", f"await anext({made}, None)", f"await {made}.aclose()"]
            forms += [f"await {made}.athrow({self.one(ERRORS[:4])})"]
        self.put(self.one(forms))

    def tasking(self) -> None:
        if self.tasks and self.chance(1):
            task = self.one(self.tasks)
            self.put(self.one([f"{task}.cancel()", f"await {task}", f"await asyncio.wait([{task}])"]))
        elif made := self.call("coroutine"):
            if self.chance(2):
                with self.block("async with asyncio.TaskGroup() as group:"):
                    self.put(f"group.create_task({made})")
                    self.statements()
            else:
                self.tasks.append(self.name("t"))
                self.put(f"{self.tasks[-1]} = asyncio.create_task({made})")
        else:
            self.awaits()

    # --- a program ---

    def function(self) -> None:
        kind = self.one(KINDS)
        name, parameters = self.name("f"), self.one(["", *PARAMETERS])
        with self.inside(kind):
            if kind == "method":
                name, decorator, first = self.one(METHODS).replace("F", name.upper()).split()
                with self.block(f"class {name.partition('.')[0].removesuffix('()')}:"):
                    self.put(f"@{decorator}")
                    self.body(f"def run({', '.join(filter(None, (first.strip('-'), parameters)))}):")
            else:
                if kind == "plain" and self.chance(3):
                    self.put("@wrapped")
                head = "async def" if kind in ("coroutine", "async generator") else "def"
                self.body(f"{head} {name}({parameters}):")
        self.functions.append((name, kind, parameters))

    def body(self, head: str) -> None:
        parameters = head.partition("(")[2].rpartition(")")[0]
        self.readable = [
            part.partition("=")[0].strip("*") for part in parameters.split(", ") if part not in ("", "/", "*")
        ]
        with self.block(head):
            with self.block("if next(FUEL, None) is None:"):
                self.put("return")
            first = self.chance(1)
            if first and "generator" in self.kind:
                self.put(f"yield {self.value()}")
            self.statements()
            if not first and "generator" in self.kind:
                self.put(f"yield {self.value()}")

    def main(self) -> None:
        for name, kind, parameters in self.functions[-4:]:
            made = f"{name}({self.arguments(parameters)})"
            if kind == "generator":
                self.opened = [self.name("g")]
                self.put(f"{self.opened[0]} = {made}")
                for _ in range(self.draw(st.integers(1, 4))):
                    self.drives(safely=True)
                continue
            with self.block("try:"):
                if kind in ("coroutine", "async generator"):
                    with self.block("async def main():"):
                        if self.chance(2):
                            self.put("asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)")
                        self.put(f"return await {made}" if kind == "coroutine" else f"return [x async for x in {made}]")
                    self.put("asyncio.run(main())")
                else:
                    self.put(made)
            with self.block("except BaseException as error:"):
                self.put("log.append(repr(error))")


class Program(str):
    def __repr__(self) -> str:
        return "the program above"


@st.composite
def programs(draw: Callable[[st.SearchStrategy[object]], object]) -> Program:
    maker = Maker(draw)
    for _ in range(draw(st.integers(1, 6))):
        maker.left = 12
        maker.function()
    maker.main()
    return Program(HEAD + "\n".join(maker.lines) + "\n")
