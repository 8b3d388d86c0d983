"""The recorder and the reader of FlowTrace, in C."""

from collections.abc import Callable, Iterator
from os import PathLike
from types import CodeType
from typing import Any, Literal, NamedTuple, TypedDict, final, overload

type _Path = str | bytes | PathLike[str] | PathLike[bytes]
type _Outcome = Literal["returned", "raised", "running", "abandoned"]

class FlowTraceError(Exception):
    """Something that FlowTrace was asked for can't be done; the message says why."""

# --- the recorder -----------------------------------------------------------

class _Facts(TypedDict):
    tool_id: int
    events: list[str]
    clock: str
    path: str | None
    recording: bool
    code_in_scope: int
    code_disabled: int
    roots: list[str]
    library: list[str]
    pid: int

def create_trace(
    path: _Path, *, values: bool = True, time: bool = True, last: int = 0, limit: int = 0, hold: bool = False
) -> int:
    """Create an empty trace for record_join(), of so many bytes at most. Raises OSError.

    Returns -1; with `hold` a descriptor that keeps others from replacing the file as long as it is open.
    """

def check_settings(settings: dict[str, int], /) -> None:
    """Raise ValueError, which says why, if a recording can't have these settings."""

def identity_obstacle() -> str | None:
    """Return why objects can't be numbered in this process now, or None if they can."""

def redact(words: list[str], secrets: list[str], /) -> list[str]:
    """Return the words of a command line without what looks secret. Raises ValueError for a bad rule of `secrets`."""

def record_join(
    path: _Path,
    *,
    roots: list[str],
    library: list[str],
    rules: list[str],
    info: dict[str, str],
    settings: dict[str, int],
    secrets: list[str],
) -> None:
    """Record to a trace that is there. Raises OSError, RuntimeError, ValueError."""

def record_start(
    path: _Path,
    *,
    values: bool,
    time: bool,
    roots: list[str],
    library: list[str],
    rules: list[str],
    info: dict[str, str],
    settings: dict[str, int],
    secrets: list[str],
    last: int = 0,
    limit: int = 0,
) -> None:
    """Record to a new trace, which replaces what is there. Raises OSError, RuntimeError, ValueError."""

def record_stop() -> None:
    """Stop, and close the trace; nothing if there is none."""

def record_pause() -> None:
    """Stop for a while; the trace stays open."""

def record_resume() -> None:
    """Go on. Raises RuntimeError without an open trace."""

def recording() -> bool:
    """Are events being recorded?"""

def record_facts() -> _Facts:
    """What the recorder knows about itself."""

def watch(code: CodeType, begin: Callable[[], object], end: Callable[[], object], /) -> None:
    """Call begin() when a call of `code` begins while nothing is recorded; end() when the outermost one has ended."""

@final
class region:
    """A named part: `with flowtrace.region("import", file=name):`. Where nothing records it does nothing."""

    def __new__(cls, name: str, /, **values: object) -> region: ...
    def __enter__(self) -> region: ...
    def __exit__(self, *exception: object) -> Literal[False]: ...

def _region_at(name: str, place: tuple[str, str, int], /) -> region: ...
def note(text: str, /, **values: object) -> None:
    """A line in the story. Where nothing records it does nothing."""

def hash_sources(path: _Path, /) -> None:
    """Add the hashes of source files that are still as they were recorded to a trace that has ended. Never fails."""

def _nothing(*args: object) -> None: ...
def _end() -> None: ...

# --- tables -----------------------------------------------------------------

class _TableFacts(TypedDict):
    start_unix_ns: int
    timed: bool
    calls: int
    trace_id: bytes

type _Column = tuple[int, bytes, bytes, bytes | None]  # nulls, validity, data, offsets

# Name, is it text, what stands there, what most rows have, how it is made of others in SQL.
type _TableColumn = tuple[str, bool, str, int | str | None, str | None]

def table_columns() -> list[tuple[str, str, tuple[_TableColumn, ...]]]:
    """Return the tables: name, what it holds, and its columns."""

@final
class Tables:
    """A trace as tables. Raises FlowTraceError for what is no trace."""

    def __new__(cls, path: _Path, *, newest: int = ..., filters: list[tuple[str, str]] | None = None) -> Tables: ...
    @property
    def facts(self) -> _TableFacts: ...
    @overload
    def rows(self, table: str) -> Iterator[tuple[int | str | None, ...]]:
        """Return the rows of a table; ValueError if there is none of that name."""

    @overload
    def rows(self, table: str, *, batch: int) -> Iterator[tuple[int, list[_Column]]]:
        """So many at a time, as columns in Arrow's layout: int64, or UTF-8 with offsets of 64 bits."""

    def blocks(self, table: str, *, rows: int, derived: bool) -> Iterator[tuple[int, tuple[int | str | None, ...]]]:
        """So many rows at a time, one behind the other in a tuple, and a bit for each column that is in there.

        Left out are columns in which all of them have what is usual, and unless `derived` those made of others.
        A number of the row is None if it is one more than in the row before.
        """

# --- views ------------------------------------------------------------------

NEWEST: int  # so many calls are read of a big trace unless more are asked for
FIELDS: tuple[str, ...]  # what may stand at the right of a line
FIELDS_MAX: int

def show(
    path: _Path,
    *,
    lines: int = 200,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    arguments: bool = True,
    results: bool = True,
    time: bool = True,
    exceptions: int = 8,
    newest: int = ...,
    filters: list[tuple[str, str]] | None = None,
    view: str = "tree",  # tasks, errors, call, timeline
    call: int = 0,
    fields: str = "",
    wide: bool = False,
    full: bool = False,
    links: bool = False,
    cells: dict[str, str] | None = None,
    chains: bool = False,
) -> bytes:
    """The story as UTF-8; lines=0: all of it. Raises FlowTraceError.

    filters: options and their texts, as _filters.given() returns them.

    exceptions: so many of the calls that one left are named; 0: nothing of its way is told.
    newest: so many calls are read, about, of a trace that has more; 0: all.
    cells: files of a notebook's cells and their names there; their statements are left out, what these called is not.
    """

def html(
    path: _Path,
    *,
    lines: int = 200,
    opened: int = 30,
    arguments: bool = True,
    results: bool = True,
    time: bool = True,
    cells: dict[str, str] = ...,
) -> str:
    """The story as a fragment of HTML with a style of its own, of which about `opened` lines are in sight at first.

    lines and cells: as of show(). Raises FlowTraceError.
    """

@overload
def diff(
    path_a: _Path,
    path_b: _Path,
    *,
    lines: int = 200,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    values: bool = True,
    ignore: list[str] = ...,
    filters: list[tuple[str, str]] | None = None,
    html: Literal[False] = False,
    time: bool = False,
) -> tuple[bytes, bool]: ...
@overload
def diff(
    path_a: _Path,
    path_b: _Path,
    *,
    lines: int = 200,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    values: bool = True,
    ignore: list[str] = ...,
    filters: list[tuple[str, str]] | None = None,
    html: Literal[True],
    time: bool = False,
) -> tuple[bytes, bool, str]:
    """Where two runs part and what differs, as UTF-8, and whether nothing does. Raises FlowTraceError.

    lines=0: all of it. ignore: names of functions, parameters, fields, keys, with wildcards. filters: as in show().
    html: also as a fragment of HTML, a tree that opens by click.
    time: functions whose time changed beyond the noise are a difference too.
    """

def export(
    path: _Path,
    format: str,
    descriptor: int,
    /,
    *,
    newest: int = ...,
    filters: list[tuple[str, str]] | None = None,
    before: _Path = ...,
    weight: int = 0,
    by: int = 0,
    lines: int = 0,
    title: str = "",
    traceparent: str = "",
) -> tuple[int, int]:
    """Write it to a descriptor: bytes, and calls. Raises FlowTraceError, OSError, ValueError for an unknown format."""

def set_progress(callable: Callable[[str, int, int], object] | None, /) -> None:
    """Have callable(doing, done, total) called now and then by what takes long here; what it raises ends that."""

def find(
    path: _Path,
    *,
    limit: int = 100,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    arguments: bool = True,
    results: bool = True,
    time: bool = True,
    newest: int = ...,
    filters: list[tuple[str, str]] | None = None,
    fields: str = "",
    produced: str | None = None,
) -> tuple[bytes, int, int]:
    """A line of UTF-8 for each call that the filters leave, how many these are, and of how many.

    limit: so many lines at most; 0: all. produced: the calls that returned this value, and got it afterwards.
    Raises FlowTraceError.
    """

def info(path: _Path, *, width: int = 100, color: bool = False, ascii: bool = False, newest: int = 0) -> bytes:
    """What the file holds, as UTF-8; of a trace with more calls than `newest`, about what those tell; 0: all.

    Raises FlowTraceError.
    """

def graph(
    path: _Path,
    *,
    function: _Path | None = None,
    lines: int = 200,
    depth: int = 0,
    time: bool = True,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    newest: int = ...,
    filters: list[tuple[str, str]] | None = None,
) -> bytes:
    """Who calls whom, as UTF-8. Raises FlowTraceError, also for a function that is none of the trace.

    function: a name or pattern, as filters take them; None: all, from the roots on; depth: levels, 0 for all.
    """

def report(
    path: _Path,
    *,
    by: str = "function",
    sort: str | None = None,
    reverse: bool = False,
    limit: int = 40,
    format: str = "text",
    time: bool = True,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    newest: int = ...,
    filters: list[tuple[str, str]] | None = None,
) -> bytes:
    """The calls in numbers, as UTF-8. Raises ValueError for a name that is none of these, FlowTraceError.

    by: function, file, module, track or exception; format: text, csv or json; limit: rows, 0 for all;
    newest and filters as of show().
    """

def show_since(
    path: _Path,
    since: int,
    *,
    lines: int = 16,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
    links: bool = False,
    arguments: bool = True,
    results: bool = True,
    newest: int = 200_000,
) -> tuple[int, bytes]:
    """When the last event was, in ns, and the calls that ran between `since` and then, as UTF-8.

    Empty if nothing happened. Raises FlowTraceError.
    """

def live(path: _Path, /) -> list[int]:
    """Ids of the processes that have not told an end, nor has anybody of them. Raises FlowTraceError."""

def verify(path: _Path, /) -> tuple[bytes, bool]:
    """What is damaged, as UTF-8, and whether nothing is. Raises FlowTraceError."""

def recover(damaged: _Path, path: _Path, /) -> bytes:
    """Write what can be read of a trace to another file; return what is missing, as UTF-8.

    Raises FlowTraceError where nothing can, OSError where `path` can't be written, or is being recorded.
    """

class _Start(TypedDict):
    start_unix_ns: int
    """0 where it isn't known."""
    start_mono_ns: int
    time: bool
    values: bool
    trace_id: bytes
    """Empty where it isn't known."""
    program: str
    host: str

def trace_start(path: _Path, /) -> _Start:
    """When a trace began, as all clocks said it, and where. Raises FlowTraceError."""

def merge(
    path: _Path,
    inputs: list[tuple[str, str, str, int]],
    time: bool,
    values: bool,
    start_mono_ns: int,
    start_unix_ns: int,
    /,
) -> list[tuple[bytes, bool]]:
    """Write several traces into one; return what is damaged of each, and whether nothing is.

    Each input is a path, the name and the clock that are told of it, and after how many nanoseconds it begins.
    Raises OSError.
    """

def add_status(path: _Path, pid: int, wait_status: int) -> None:
    """Note how a process of the trace has ended. Raises FlowTraceError, and OSError where there is no room for it."""

def limit_reached(path: _Path, /) -> bool:
    """Did --limit end the recording? Raises FlowTraceError."""

def why_stopped(path: _Path, /) -> str:
    """Return why a process has stopped recording before its end, "" if none has. Raises FlowTraceError."""

# --- a trace ----------------------------------------------------------------

class Wait(NamedTuple):
    """What a call waited for."""

    duration_ns: int
    line: int
    type: str
    task: str | None

class Location(NamedTuple):
    """A place in the source."""

    file: str
    line: int
    """0 where unknown."""
    function: str
    """Qualified name."""

@final
class Value:
    """A recorded argument or result. str() gives its text."""

    @property
    def type_name(self) -> str:
        """Name of the value's type, "" where unknown."""

    @property
    def text(self) -> str:
        """The value as it was recorded, much like its repr."""

    @property
    def identity(self) -> int | None:
        """The object's number among those of its type's name in its process, the same as long as it lives.

        None where it has none: only recordings with identity=True or --identity give numbers, and only to what
        has an identity of its own: no numbers, texts, tuples or enum members, nor builtin containers.
        """

    def python(self) -> Any:
        """The value itself, if it is plain data that was recorded whole.

        That is None, bool, int, float, complex, str, bytes, bytearray, and list,
        tuple, set, frozenset and dict of such. Raises FlowTraceError for anything else.
        """

@final
class Function:
    """A function of the program, or the body of a module or class."""

    @property
    def qualname(self) -> str:
        """Qualified name, as in function.__qualname__."""

    @property
    def module(self) -> str:
        """Name of the module; "__main__" for the program itself."""

    @property
    def file(self) -> str:
        """Path of the source, as the code object had it."""

    @property
    def line(self) -> int:
        """First line in the file, decorators included."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""

    @property
    def kind(
        self,
    ) -> Literal[
        "function", "generator", "coroutine", "async generator", "module", "class", "library", "region", "note"
    ]:
        """What it is; "module" and "class" are bodies, "library" is library or C code (boundary=True).
        "region" and "note" are no functions, but what flowtrace.region() and note() have named.
        """

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Track:
    """A line of execution: the main thread, another thread, or an asyncio task."""

    @property
    def kind(self) -> Literal["main", "thread", "task", "greenlet"]: ...
    @property
    def name(self) -> str:
        """Name of the thread or task."""

    @property
    def pid(self) -> int:
        """Process that it ran in."""

    @property
    def creator(self) -> Call | None:
        """The call that started it, where that is known."""

    @property
    def call_count(self) -> int:
        """Calls that began on it."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class ExceptionInfo:
    """An exception that left at least one call of the program, or (with --caught) was caught where it was raised."""

    @property
    def type(self) -> str:
        """Name of its type."""

    @property
    def message(self) -> str:
        """What str() of it said, as far as its args were recorded."""

    @property
    def raised_at(self) -> Location: ...
    @property
    def caught_by(self) -> Call | None:
        """The call in which it was caught."""

    @property
    def caught_line(self) -> int:
        """Line in caught_by where it came in; 0 where unknown."""

    @property
    def handler_line(self) -> int:
        """Line in caught_by of the handler that has it; 0 without --caught."""

    @property
    def caught_below(self) -> bool:
        """Whether library code stood between caught_by and the last of path, and may have caught it."""

    @property
    def cause(self) -> str | None:
        """Type of its __cause__, or else of its __context__."""

    @property
    def cause_kind(self) -> Literal["cause", "context", "suppressed"] | None:
        """How that came: by raise ... from, while it was handled, or the latter hidden by from None."""

    @property
    def cause_exception(self) -> ExceptionInfo | None:
        """That cause, if it left a call of the program and was known still."""

    @property
    def split_from(self) -> ExceptionInfo | None:
        """The group of which except* left this one."""

    @property
    def meaning(self) -> Literal["error", "end", "close", "exit", "interrupt", "cancel"]:
        """What it means that one of its type leaves a call; subclasses mean what their bases do."""

    @property
    def qualified_type(self) -> str:
        """Name of its type with its module, as in shop.errors.Declined; builtins have none."""

    @property
    def notes(self) -> list[str]:
        """Its __notes__, the first few."""

    @property
    def files(self) -> list[str]:
        """The files that an OSError is about: one, two for a rename, or none."""

    @property
    def leaves(self) -> list[tuple[str, str]]:
        """Type and message of what is in a group, the first dozen."""

    @property
    def path(self) -> list[Call]:
        """The calls that it left, innermost first."""

    @property
    def journeys(self) -> list[list[Call]]:
        """The same, a list for each time that it was raised anew."""

    @property
    def cancelled_by(self) -> Call | None:
        """Of a CancelledError, the call that cancelled the task, where that is known."""

    @property
    def cancelled_line(self) -> int:
        """Line in cancelled_by; 0 where unknown."""

    @property
    def cancelled_via(self) -> str:
        """The library code that did it for cancelled_by, as "timeout(0.5)", "TaskGroup"; "" if none."""

    @property
    def landed_in(self) -> Call | None:
        """Of a CancelledError, the innermost call into which it was thrown."""

    @property
    def landed_line(self) -> int:
        """Line in landed_in that waited; 0 where unknown."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Call:
    """One activation of a function."""

    @property
    def number(self) -> int:
        """Calls count from 1 in order of their start, over the whole trace, as #12 in stories."""

    @property
    def function(self) -> Function: ...
    @property
    def track(self) -> Track: ...
    @property
    def parent(self) -> Call | None:
        """The call that called it, or drove it first; None for a root."""

    @property
    def created_by(self) -> Call | None:
        """For the root of a task, thread, job, callback or greenlet, the call that started that; of what runs in a
        sub-interpreter, the call that called into it."""

    @property
    def children(self) -> list[Call]:
        """The calls that it made, in order."""

    @property
    def drivers(self) -> list[Call]:
        """Those that resumed it, the first being its parent; empty for what can't be suspended."""

    @property
    def arguments(self) -> dict[str, Value]:
        """By parameter, in order; empty where values were not recorded."""

    @property
    def outcome(self) -> _Outcome: ...
    @property
    def result(self) -> Value | None:
        """What it returned; None also where values were not recorded."""

    @property
    def caught(self) -> list[ExceptionInfo]:
        """What was raised and caught in it; recorded with --caught or caught=True."""

    @property
    def exception(self) -> ExceptionInfo | None:
        """What left it."""

    @property
    def start_ns(self) -> int:
        """Nanoseconds from the trace's start; 0 with --no-time."""

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from start to end, waiting included."""

    @property
    def running_ns(self) -> int:
        """Nanoseconds of it that it was not suspended."""

    @property
    def waiting_ns(self) -> int:
        """Nanoseconds that it was suspended in yield or await."""

    @property
    def longest_wait(self) -> Wait | None:
        """Of a coroutine: the longest of the awaits in which no other recorded call waited. None if it had none."""

    @property
    def depth(self) -> int:
        """Calls above it on its track."""

    def _repr_html_(self) -> str:
        """It and all in it as HTML, as notebooks show it: a tree that opens by click."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

class _Process(TypedDict, total=False):
    pid: int
    run: int
    """Of which of the merged traces it is, from 1; 0 where nothing was merged."""
    ended: bool
    """The interpreter ended in order, or the recording was stopped."""
    end: Literal["exited", "killed", "replaced", "ended", "gone", "running"]
    """exited, killed: as wait_status tells; replaced: it executed another program; ended: in order; gone: without
    a word (os._exit, a signal); running: nothing is known of an end."""
    interpreter: int | None
    """The number of the sub-interpreter of process pid that this is; None for the process itself."""
    wait_status: int | None
    """As os.waitpid() gives it; known of the program that `flowtrace run` started, and of children waited for."""
    lost: str | None
    """Why its recording stopped early."""
    program: str
    command: str
    folder: str
    python: str
    executable: str
    flowtrace: str
    platform: str
    host: str
    build: str
    """sys.version: of which build, by which compiler."""
    mode: str
    """What is unusual of its python: free-threaded, debug build, -O, -X dev ..."""
    boot_id: str
    """Monotonic times of traces that have the same can be compared."""
    settings: str
    """Options of `flowtrace run` that it was recorded with, values, time, last and limit apart."""
    roots: list[str]
    """The folders whose code is the program's own."""
    rule_matches: str
    no_identity: str
    """Why objects have no numbers, or not throughout, though --identity asked for them."""
    recovered: str
    """What `flowtrace recover` or `merge` found missing; of the first process of a run."""

class _Module(TypedDict):
    name: str
    recorded: bool
    why: Literal["folder", "no file", "rule", "standard library", "installed", "elsewhere", "generated"]
    what: str

class _Source(TypedDict):
    file: str
    """As its functions have it."""
    path: str
    """Where it was: an archive, for what was imported from one."""
    size: int
    mtime_ns: int
    """When it was changed last, in nanoseconds since 1970."""
    hash: str | None
    """As `git hash-object` has it; None where the program's end was not waited for, or another version was there."""
    state: Literal["same", "changed", "touched", "gone", "elsewhere"]
    """Now. touched: of the same size and another time, and no hash tells more; elsewhere: recorded on another host."""

class _Info(TypedDict):
    path: str
    start_unix_ns: int
    start_monotonic_ns: int
    duration_ns: int
    calls: int
    lost_records: int
    damaged_chunks: int
    unrecorded_processes: int
    last: int
    """Bytes that the recording could have, the newest being kept; 0 without --last."""
    limit: int
    """Bytes after which it ended; 0 without --limit."""
    calls_let_go: int
    """Calls that began in what --last has let go."""
    calls_unplaced: int
    """Calls of threads that --last had no room for, since others held all of it."""
    values: bool
    time: bool
    processes: list[_Process]
    modules: list[_Module]

@final
class Trace:
    """A recorded run, read from its file. len() is the number of its calls."""

    def __new__(cls, path: _Path) -> Trace:
        """Raise FlowTraceError for what is no trace."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Threads and tasks of all processes."""

    @property
    def functions(self) -> tuple[Function, ...]:
        """Those that were called."""

    @property
    def exceptions(self) -> tuple[ExceptionInfo, ...]:
        """In order of their first appearance."""

    @property
    def sources(self) -> list[_Source]:
        """The files of its functions: as they were when they were recorded, compared with what is there now."""

    @property
    def info(self) -> _Info: ...
    def calls(
        self,
        *,
        function: str | Function | None = None,
        module: str | None = None,
        track: Track | None = None,
        outcome: _Outcome | None = None,
        min_duration_ns: int = 0,
        under: Call | None = None,
    ) -> Iterator[Call]:
        """Iterate over the calls in order of their start; all of them, or those that every filter lets through.

        function and module are names or patterns (parse_*); under is a Call whose
        callees, direct or not, are wanted. Raises ValueError or TypeError for a bad filter.
        """

    def call(self, number: int, /) -> Call:
        """The call of that number; IndexError if there is none."""

    def events(
        self,
    ) -> list[
        tuple[
            str,
            int,
            int | None,
            str,
            str,
            str,
            int,
            dict[str, str],
            str | None,
            str | None,
            int,
            int | None,
            int,
            str,
        ]
    ]:
        """Tuples with the fields of CallEvent, in order of time."""

    def _repr_html_(self) -> str:
        """The story as HTML, as notebooks show it: a tree that opens by click."""

    def __len__(self) -> int: ...
