"""Record the calls of a Python program: FlowTrace's mechanism in one file of plain Python.

    python reference.py app.py arguments...       (or: -m module, or: -c code)

Since 3.12 the interpreter tells whoever asks what it is doing: sys.monitoring, PEP 669. We ask for six
events. PY_START: a call begins. PY_RETURN and PY_UNWIND: it ends, with a value or by an exception. PY_YIELD:
a generator or coroutine is left for a while. PY_RESUME and PY_THROW: it goes on, or has to raise something.

Most code is not yours. When code runs for the first time we look at its file. If that is the library's, we
answer DISABLE: the interpreter takes the event out of this code, which then runs at full speed.

For your code each thread has a "shadow stack", the list of its running calls. A start pushes a call, and
what was on top is its parent. An end pops it. A yield takes the call off the stack and keeps it under the
address of its frame, where the resume finds it. Starts and ends don't always pair (since 3.13 a signal may
end a call before its start is told), so an end pops only the very call that it belongs to.

Values become text at once; those named like secrets don't. Only plain builtin types are read; of all others
we tell the type. So no code of yours, such as __repr__, is run. The recorder in C does the same, fast and unseen.
This one is seen: recursion has a few frames less, signals may arrive in it, 3.12's f_locals keep arguments alive.
"""

import atexit
import functools
import gc
import itertools
import os
import re
import runpy
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from sys import monitoring
from time import perf_counter_ns
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

E = monitoring.events
EVENTS = {"call": E.PY_START, "return": E.PY_RETURN, "exception": E.PY_UNWIND}
EVENTS |= {"yield": E.PY_YIELD, "resume": E.PY_RESUME, "throw": E.PY_THROW}
LIBRARY = [os.path.dirname(os.__file__), os.path.dirname(os.path.realpath(os.__file__))]
CONTAINERS = ((list, "[]"), (tuple, "()"), (dict, "{}"), (set, "{}"), (frozenset, ("frozenset({", "})")))
INSTALLED = ("/site-packages/", "/dist-packages/", "<frozen ")
SELF = __file__  # kept here: when a script has ended, the interpreter deletes its __file__
DEPTH, ITEMS, CHARACTERS, BITS = 3, 8, 160, 1024
WORDS = "pass_?(word|wd|phrase|code)|(api|access|private)_?key|credential|authorization|set_?cookie|(^|_)secret(_|$)"
SECRET = re.compile(rf"{WORDS}|(token|pwd|cookies?|secrets?|session_?id|_pass|(^|_)(o?auth|session))_?\d*_?$")


class CallEvent(NamedTuple):
    kind: str  # a key of EVENTS
    id: int  # of the call: counted from 1 in order of start
    parent_id: int | None  # the call on top of the thread's stack when this one started
    function: str
    module: str
    file: str
    line: int  # where the function begins
    arguments: dict[str, str]  # of a "call"
    result: str | None = None  # of a "return", and of a "yield" that isn't an await or yield from
    exception: str | None = None  # of an "exception" or "throw"
    start_ns: int = 0  # when the call started: the same in all of its events
    duration_ns: int | None = None  # of a "return" or "exception": since the call's start
    depth: int = 0  # how many calls are above it: its parent, the parent's parent ...
    track: str = ""  # name of the thread where it started


class Thread(threading.local):
    def __init__(self) -> None:  # runs once in each thread
        self.stack: list[tuple[tuple[int, int], CallEvent]] = []
        # current_thread() would make an object for a foreign thread, and .name may be overridden.
        ident, name = (vars(threading.Thread)[key].__get__ for key in ("ident", "name"))
        names = {ident(thread): str.__str__(name(thread)) for thread in threading.enumerate()}
        self.name = names.get(threading.get_ident(), f"thread {threading.get_ident()}")

    def pop(self, key: tuple[int, int]) -> CallEvent | None:
        for i, (other, call) in enumerate(reversed(self.stack), start=1):
            if other == key:
                del self.stack[-i:]  # with those above it, which have ended without a word
                return call
        return None


def type_name(value: object) -> str:
    return str.__str__(type.__dict__["__name__"].__get__(type(value)))  # no metaclass can come between


def text(value: Any, depth: int = DEPTH, name: object = None) -> str:
    kind = type(value)  # compared by `is` alone: == and hash() would ask its metaclass
    known = value is None or kind is bool  # tells at most whether there is a secret
    if not known and type(name) is str and SECRET.search(re.sub(r"[\W_]+|(?<=[a-z\d])(?=[A-Z])", "_", name).lower()):
        return "<redacted>"
    if known or kind is float or (kind is int and value.bit_length() <= BITS):
        return repr(value)
    if kind is str or kind is bytes:
        shown = repr(value[:CHARACTERS])
        return shown if len(value) <= CHARACTERS else f"{shown[:-1]}…{shown[-1]}"
    brackets = next((brackets for container, brackets in CONTAINERS if container is kind), None)
    if brackets is None:
        return f"<{type_name(value)}>"
    # list(islice()) is one step of the interpreter: no other thread changes the container meanwhile.
    some = list(itertools.islice(value.items() if kind is dict else value, ITEMS if depth else 0))
    pairs = some if kind is dict else [(None, one) for one in some]
    texts = [(text(key, depth - 1) + ": " if kind is dict else "") + text(one, depth - 1, key) for key, one in pairs]
    texts += ["…"] if len(value) > len(some) else [""] if kind is tuple and len(value) == 1 else []
    return brackets[0] + ", ".join(texts).rstrip() + brackets[1] if value else repr(value)


def exception_text(exception: BaseException) -> str:
    shown = text(BaseException.__dict__["args"].__get__(exception))
    return type_name(exception) + shown.removesuffix(")").removesuffix(",") + ")"


def arguments_text(code: CodeType, frame: FrameType) -> dict[str, str]:
    star, stars = bool(code.co_flags & 4), bool(code.co_flags & 8)  # CO_VARARGS, CO_VARKEYWORDS
    names, plain, last = code.co_varnames, code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    names = names[:plain] + names[last : last + star] + names[plain:last] + names[last + star : last + star + stars]
    values = frame.f_locals if names else {}
    arguments = {name: text(values[name], name=name) for name in names if name in values}
    first = next(iter(arguments), "")
    if first in ("self", "cls") and "." in code.co_qualname:
        arguments[first] = type_name(values[first])
    return arguments


class Recorder:
    def __init__(self, roots: list[str], library: list[str] = LIBRARY) -> None:
        self.events: list[CallEvent] = []
        self.roots, self.library = roots, library
        self.numbers = itertools.count(1)
        self.suspended: dict[tuple[int, int], CallEvent] = {}  # generators and coroutines
        self.modules: dict[int, tuple[CodeType, str | None]] = {}  # of each id(code), which it keeps taken

    def start(self) -> None:
        self.thread = Thread()
        self.tool = next(tool for tool in (4, 3, 5, 1, 2, 0) if monitoring.get_tool(tool) is None)
        monitoring.use_tool_id(self.tool, "flowtrace-reference")
        for kind, event in EVENTS.items():
            monitoring.register_callback(self.tool, event, functools.partial(self.observe, kind))
        monitoring.restart_events()  # what a recorder before this one has disabled
        monitoring.set_events(self.tool, sum(EVENTS.values()))

    def stop(self) -> None:
        monitoring.set_events(self.tool, 0)  # before 3.14 free_tool_id() leaves them on
        for event in EVENTS.values():
            monitoring.register_callback(self.tool, event, None)
        monitoring.free_tool_id(self.tool)

    def report(self, process: int) -> None:
        self.stop()
        if os.getpid() == process and sys.__stderr__:  # not in the children of fork()
            sys.__stderr__.writelines(f"{line}\n" for line in tree(self.events))

    def observe(self, kind: str, code: CodeType, offset: int, value: Any = None) -> object:
        """The interpreter calls this at each event, and the program waits for it."""
        now, frame = perf_counter_ns(), sys._getframe(1)
        _, module = self.modules.get(id(code)) or self.decide(code, frame)
        if module is None:  # up to 3.14 DISABLE is an error in the events of exceptions
            return None if kind in ("exception", "throw") else monitoring.DISABLE
        stack, key = self.thread.stack, (id(frame), id(code))  # no reference, which would keep objects alive
        exception = exception_text(value) if kind in ("exception", "throw") else None
        if kind in ("call", "resume", "throw"):
            call = self.suspended.pop(key, None)
            if kind == "call" or call is None:  # if it goes on: it started before the recorder did
                parent, depth = (stack[-1][1].id, stack[-1][1].depth + 1) if stack else (None, 0)
                place = (next(self.numbers), parent, code.co_qualname, module, code.co_filename, code.co_firstlineno)
                call = CallEvent("call", *place, {}, start_ns=now, depth=depth, track=self.thread.name)
                self.tell(call, "call", arguments=arguments_text(code, frame) if kind == "call" else {})
            if kind != "call":
                self.tell(call, kind, exception=exception)
            stack.append((key, call))
        elif (call := self.thread.pop(key)) and kind == "yield":
            self.suspended[key] = call
            value = gc.get_referents(value)[0] if type_name(value) == "async_generator_wrapped_value" else value
            waits = code.co_code[offset + 3] & 3 != 1  # RESUME follows: 1 yield, 2 yield from, 3 await
            self.tell(call, kind, result=None if waits else text(value))
        elif call:
            result = text(value) if kind == "return" else None
            self.tell(call, kind, result=result, exception=exception, duration_ns=now - call.start_ns)
        return None

    def tell(self, call: CallEvent, kind: str, **fields: Any) -> None:
        self.events.append(call._replace(kind=kind, **fields))

    def decide(self, code: CodeType, frame: FrameType) -> tuple[CodeType, str | None]:
        """Once for each code object: the name of its module if it is yours, else None."""
        file, caller = code.co_filename, frame.f_back
        while dict.get(frame.f_globals, "__name__") is None and frame.f_back:  # exec() with a dict of its own
            frame = frame.f_back
        found = (dict.get(frame.f_globals, key) for key in ("__name__", "__file__"))
        module, home = (name if type(name) is str else "" for name in found)
        if not os.path.isabs(file) and not self.is_library(file):  # text given to exec(): as its module is
            generated = code.co_name == "<module>" and caller and self.is_library(caller.f_code.co_filename)
            generated = generated or code.co_qualname.startswith("__create_fn__")  # dataclasses
            file = "" if generated else self.roots[0] if module == "__main__" else home
        yours = self.is_under(file, self.roots) and not self.is_library(file) and file != SELF
        return self.modules.setdefault(id(code), (code, module if yours else None))

    def is_library(self, file: str) -> bool:
        return file != SELF and (self.is_under(file, self.library) or any(part in file for part in INSTALLED))

    def is_under(self, file: str, folders: list[str]) -> bool:
        return any(file == folder or file.startswith(folder.rstrip("/") + "/") for folder in folders)


def tree(events: list[CallEvent]) -> Iterator[str]:
    ends = {event.id: event for event in events if event.duration_ns is not None}
    below: dict[int | None, list[CallEvent]] = {}
    for call in (event for event in reversed(events) if event.kind == "call"):
        below.setdefault(call.parent_id, []).append(call)
    waiting, track = below.get(None, []), "MainThread"
    while waiting:
        call = waiting.pop()
        waiting += below.get(call.id, [])
        if call.track != track:
            yield f"{(track := call.track)}:"
        end = ends.get(call.id, call)
        outcome = f" -> {end.result}" if end.result else f" ! {end.exception}" if end.exception else " ..."
        time = f"  {end.duration_ns / 1e6:.3f} ms" if end.duration_ns is not None else ""
        arguments = ", ".join(map("=".join, call.arguments.items()))
        yield f"{'  ' * call.depth}{call.function}({arguments}){outcome}{time}"


def main(words: list[str]) -> int:
    option = words[0] if words[0] in ("-m", "-c") else ""
    file = "<string>" if option else os.path.join(os.getcwd(), words[0])
    folder = os.getcwd() if option else os.path.dirname(os.path.realpath(file))
    recorder, loader = Recorder([folder, os.path.dirname(file) or folder]), SourceFileLoader("__main__", file)
    atexit.register(recorder.report, os.getpid())  # registered first, so called last: after all threads
    sys.modules["__main__"] = app = ModuleType("__main__")
    vars(app).update({} if option else {"__file__": file, "__loader__": loader}, __builtins__=sys.modules["builtins"])
    sys.argv = [option, *words[2:]] if option else words
    if not sys.flags.safe_path:
        sys.path[0] = "" if option == "-c" else folder
    recorder.start()
    try:
        if option == "-m":
            vars(runpy)["_run_module_as_main"](words[1])  # as `python -m` itself does
        else:
            exec(compile(words[1] if option else loader.get_data(file), file, "exec"), vars(app))  # noqa: S102
    except SystemExit:
        raise  # the interpreter makes the exit status of it
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this frame
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
