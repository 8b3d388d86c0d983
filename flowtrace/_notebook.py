"""%%flowtrace: a cell of a notebook is recorded, and its story told under it.

IPython runs the cell as it would without us, so that `await`, the value of the last line, line numbers, tracebacks
and interrupts are as they are: the magic's line becomes one that begins the recording, and IPython tells when the
cell has ended.
"""

from __future__ import annotations

import linecache
import re
import shlex
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _options, _session, _settings, _terminal, api
from ._recording import _core
from .commands import run
from .commands.show import DEFAULT_LINES
from .errors import FlowTraceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._recording import PlainRecording, Recording

MAGIC = "flowtrace"
NOT_HERE = "--no-children", "--live"  # a cell is over when its story is told, and is no process of its own
OPTIONS = {name: kind for name, kind in run.OPTIONS.items() if name not in NOT_HERE}
SAID_HERE = {
    "where to record (flowtrace.flow here; replaced each run)": "keep the trace in this file",
    "read it later with: flowtrace show": "with -o FILE flowtrace.open(FILE) has it",
}
OF_CONFIG = {option: _settings.OF_SETTING[setting] for option, setting in run.SETTINGS.items()}


def help_of_options() -> str:
    """Return what `flowtrace run --help` says of the options that a cell has."""
    lines = run.HELP[run.HELP.index("  -o FILE") : run.HELP.index("\nExamples")].splitlines(keepends=True)
    kept, told = [], True
    for line in lines:
        told = told if line.startswith("     ") else line.split()[0] not in NOT_HERE
        kept += [line] * told
    for said, here in SAID_HERE.items():
        kept = [line.replace(said, here) for line in kept]
    return "".join(kept)


HELP = f"""\
%%flowtrace [options]

Records what the cell does and tells the story under it: a tree that opens by
click. %flowtrace on a line of a cell records the rest of it. The options are
those of `flowtrace run`; without -o nothing stays on disk.

{help_of_options()}"""


class Story:
    """What a cell did, as notebooks and terminals show it."""

    def __init__(self, text: str, html: str) -> None:
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


class Magic:
    """The magic in one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.running = 0  # cells: one may run others
        self.began_in = 0
        self.recording: Recording | PlainRecording | None = None
        self.options = _options.Options()
        self.rules: list[tuple[str, str]] = []
        self.usage_error = import_module("IPython.core.error").UsageError

    def install(self) -> None:
        self.shell.input_transformers_cleanup.append(to_line_magic)
        self.shell.events.register("pre_run_cell", self.enter)
        self.shell.events.register("post_run_cell", self.leave)
        self.shell.register_magic_function(documented(self.of_line), "line", MAGIC)
        self.shell.register_magic_function(documented(self.of_cell), "cell", MAGIC)

    def remove(self) -> None:
        self.shell.input_transformers_cleanup.remove(to_line_magic)
        self.shell.events.unregister("pre_run_cell", self.enter)
        self.shell.events.unregister("post_run_cell", self.leave)
        for kind in ("line", "cell"):
            self.shell.magics_manager.magics[kind].pop(MAGIC, None)
        self.stop()

    # --- cells --------------------------------------------------------------

    def enter(self, _info: object = None) -> None:
        self.running += 1

    def leave(self, _result: object = None) -> None:
        self.running = max(0, self.running - 1)
        if self.recording is not None and self.running < self.began_in:
            recording, options = self.stop(), self.options
            if recording is not None:
                self.tell(recording.path, options)

    def of_line(self, line: str) -> None:
        self.begin(line)

    def of_cell(self, line: str, cell: str) -> None:
        """Run what to_line_magic() has left: a cell with one more magic, or one that another magic runs."""
        self.begin(line)
        self.shell.run_cell(cell)

    # --- the recording ------------------------------------------------------

    def begin(self, line: str) -> None:
        try:
            if _core is None:
                raise UsageError("%%flowtrace needs the compiled core: install a C compiler, then FlowTrace again")
            self.options = parse(line)
            self.rules = run.rules_of(self.options)
            self.start()
        except (UsageError, FlowTraceError) as error:
            raise self.usage_error(str(error)) from None

    def start(self) -> None:
        options = self.options
        run.check_settings(options)
        numbers = {OF_CONFIG[name]: int(value) for name, value in options.order if name in OF_CONFIG}
        _session.settle()
        with _session.lock:
            if _session.is_recorded_by_run():
                raise UsageError("flowtrace run records all of this process already; leave %%flowtrace out")
            if self.recording is not None and _session.now is self.recording:
                raise UsageError("this cell is being recorded already; leave the second %%flowtrace out")
            api.refuse_second()
            _session.start(
                options.text("-o", "") if "-o" in options else None,
                f"In[{self.shell.displayhook.prompt_count}]",
                _settings.changed(api.get_config(), numbers),
                rules=[rule for rule, _ in self.rules],
                values="--no-values" not in options,
                time="--no-time" not in options,
                switches={name: bool(on) for name, on in run.switches_of(options).items()},
                bounds=run.bounds_of(options),
                secrets=run.secrets_of(options),
            )
            self.recording = _session.now
        self.began_in = self.running

    def stop(self) -> Recording | None:
        """End the recording, unless the cell has; return it if it can be read."""
        recording, self.recording = self.recording, None
        with _session.lock:
            if recording is not None and _session.now is recording:
                _session.end()
            return recording if recording is not None and _session.last is recording else None  # type: ignore[return-value]

    # --- the story ----------------------------------------------------------

    def tell(self, path: str, options: _options.Options) -> None:
        try:
            if "-q" not in options:
                import_module("IPython.display").display(self.story(path, options))
            for message in run.useless(path, self.rules):
                print(f"flowtrace: {message}", file=sys.stderr)
            if "--limit" in options and _core.limit_reached(path):
                print(f"flowtrace: {run.limit_message(options)}", file=sys.stderr)
        except FlowTraceError as error:
            print(f"flowtrace: {error}", file=sys.stderr)

    def story(self, path: str, options: _options.Options) -> Story:
        lines = 0 if "--all" in options else options.number("--lines", DEFAULT_LINES)
        terminal = None if hasattr(self.shell, "kernel") else sys.stdout
        look = _terminal.Look(options, terminal)
        width = look.width if terminal else options.number("--width", 0) or _terminal.DEFAULT_COLUMNS
        values = "--no-values" not in options
        time = "--no-time" not in options
        cells = self.cells()
        text = _core.show(
            path,
            lines=lines,
            width=width,
            color=look.color and terminal is not None,
            ascii=look.ascii,
            arguments=values,
            results=values,
            time=time,
            cells=cells,
        )
        html = _core.html(path, lines=lines, arguments=values, results=values, time=time, cells=cells)
        return Story(look.fit(text).decode().rstrip("\n"), html)

    def cells(self) -> dict[str, str]:
        """Return the names, such as In[3], of the files that IPython gives to cells."""
        name_of = getattr(self.shell.compile, "format_code_name", None)
        if name_of is None:
            return self.cells_of_history()
        named = [(file, name_of(file)) for file in list(linecache.cache) if isinstance(file, str)]
        return {file: name[1] for file, name in named if name}

    def cells_of_history(self) -> dict[str, str]:
        """Do so for IPython 7, which Colab has: it forgets which file is which cell's."""
        inputs = enumerate(self.shell.history_manager.input_hist_raw)
        name_of = self.shell.compile.get_code_name
        named = {name_of(text + end, text, number): f"In[{number}]" for number, text in inputs for end in ("", "\n")}
        typed = [re.match(r"<ipython-input-(\d+)-.*", file) for file in list(linecache.cache) if isinstance(file, str)]
        return named | {found[0]: f"In[{found[1]}]" for found in typed if found}


def documented(magic: Callable[..., None]) -> Callable[..., None]:
    def flowtrace(*arguments: str) -> None:
        magic(*arguments)

    flowtrace.__doc__ = HELP
    return flowtrace


def to_line_magic(lines: list[str]) -> list[str]:
    """%%flowtrace in the first line of a cell is %flowtrace in it, unless another magic's cell follows."""
    first = lines[0] if lines else ""
    body = next((line for line in lines[1:] if line.strip()), "")
    if first.split(maxsplit=1)[:1] != [f"%%{MAGIC}"] or not body or body.startswith("%%"):
        return lines
    return [first[1:], *lines[1:]]


def parse(line: str) -> _options.Options:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the options of %%flowtrace can't be read: {str(error).lower()}") from None
    try:
        options = _options.parse("run", OPTIONS, words)
    except UsageError as error:
        raise UsageError(str(error).replace("flowtrace run --help", "%%flowtrace?")) from None
    if options.rest:
        word = options.rest[0]
        raise UsageError(f"%%flowtrace takes options alone, not {word!r}; the code stands in the lines below it")
    return options


_installed: list[Magic] = []


def load_ipython_extension(shell: Any) -> None:
    """%load_ext flowtrace"""
    if not any(magic.shell is shell for magic in _installed):
        _installed.append(Magic(shell))
        _installed[-1].install()


def unload_ipython_extension(shell: Any) -> None:
    """%unload_ext flowtrace"""
    for magic in [magic for magic in _installed if magic.shell is shell]:
        _installed.remove(magic)
        magic.remove()
