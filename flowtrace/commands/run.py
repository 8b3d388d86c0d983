"""flowtrace run: start the program with the recorder on, wait for it, tell the story."""

from __future__ import annotations

import errno
import os
import sys

from .. import __version__, _options, _program, _scope, _size
from .._terminal import say
from ..errors import UsageError, why_no_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HELP = """\
flowtrace run [options] app.py [arguments]
flowtrace run [options] -m module [arguments]
flowtrace run [options] -c code [arguments]
flowtrace run [options] command [arguments]   a command that is a Python script

Runs the program as python would, records what it does, and tells the story on
stderr when it has ended. The exit status is the program's.

  -o FILE            where to record (flowtrace.flow here; replaced each run)
  --live             while it runs, tell on the terminal each second what it has
                     done since; flowtrace show --follow tells it elsewhere
  -q                 tell no story; read it later with: flowtrace show
  --include WHAT     also this installed package or file is my code
  --exclude WHAT     this is not. Both can be repeated; the last that fits wins.
                     WHAT is a module (pkg, pkg.sub*) or a path (lib/*.py),
                     and nothing smaller than a module
  --no-values        leave arguments and results out
  --no-time          leave times out
  --value-depth N    containers within containers that are written down (3)
  --value-items N    items of one container (8)
  --value-bytes N    bytes of one text (160)
  --call-bytes N     bytes of all arguments of one call, or of its result (4096)
  --secret NAME      redact what is called NAME too, like password and token
  --not-secret NAME  this is not. Both can be repeated; the last that fits wins.
                     NAME is a name (pin) or a pattern (*_pin), and is compared
                     with the last words of a name: pin fits cardPin as well
  --caught           also exceptions caught in the very call that raised them,
                     and which handler has each; dearer where many are raised
  --boundary         also what my code calls in libraries and in C, a line each
  --identity         give objects numbers: Order#3 is the same one all along
  --last SIZE        keep the newest part, in a file of SIZE (64M, 2G) at most
  --limit SIZE       stop recording when the file has that size
  --no-children      only this process and its forks, no python that it starts,
                     nor sub-interpreters
  --lines N          tell it in about N lines (200)
  --all              tell everything
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

Examples
  flowtrace run app.py --its --own --options
  flowtrace run --include flask --exclude 'app.views*' -m app
  flowtrace run -o test.flow pytest -q tests/test_orders.py
"""

SETTINGS = {  # of the recorder, by their option
    "--value-depth": "depth",
    "--value-items": "items",
    "--value-bytes": "string",
    "--call-bytes": "call",
}
SECRETS = {"--secret": "+", "--not-secret": "-"}
SWITCHES = {"--caught": "caught", "--boundary": "boundary", "--identity": "identity"}  # settings that are on or off
OPTIONS = {
    "-o": _options.TEXT,
    "-q": _options.FLAG,
    "--live": _options.FLAG,
    "--include": _options.TEXT,
    "--exclude": _options.TEXT,
    "--no-values": _options.FLAG,
    "--no-time": _options.FLAG,
    "--last": _options.TEXT,
    "--limit": _options.TEXT,
    "--no-children": _options.FLAG,
    **dict.fromkeys(SETTINGS, _options.NUMBER),
    "--secret": _options.TEXT,
    "--not-secret": _options.TEXT,
    **dict.fromkeys(SWITCHES, _options.FLAG),
    "--lines": _options.NUMBER,
    "--all": _options.FLAG,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
}
DEFAULT_FILE = "flowtrace.flow"
MAGIC = b"\x89FLOW\r\n\x1a"
ENVIRONMENT_MAX = 100_000  # the kernel takes 128 KiB in one string


def main(arguments: list[str]) -> int:
    options = _options.parse("run", OPTIONS, arguments, stop_at=("-m", "-c"))
    program = _program.find(options.rest)
    try:
        from .. import _core
    except ImportError as error:
        return run_reference(program, error)
    check_installed()
    check_settings(options)
    trace = create_trace(options, hold=True)
    rules = rules_of(options)
    packed = pack(program, rules, options, launcher=os.getpid())
    environment = {**os.environ, "FLOWTRACE_TRACE": trace, "FLOWTRACE_OPTIONS": packed}
    command = [sys.executable, *_program.python_flags(), *program.python_arguments]

    from .._supervise import end_like, supervise

    live = None
    if "--live" in options:
        from .. import _live

        live = _live.begin(trace, options)
    pid, status = supervise(command, environment, live)
    try:
        unsaid = add_status(trace, pid, status)
        tell(trace, options, rules)
        say_what_is_missing(trace, options, unsaid)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except (OSError, _core.FlowTraceError) as error:
        say(str(error))
    return end_like(status)


def tell(trace: str, options: _options.Options, rules: list[tuple[str, str]]) -> None:
    if "-q" not in options:
        from .._terminal import write
        from .show import story

        write(sys.stderr, b"\n" + story(trace, options, sys.stderr))
    if rules:
        for message in useless(trace, rules):
            say(message)


def add_status(trace: str, pid: int, status: int) -> str:
    """Say in the trace how the program has ended; return why that couldn't be."""
    from .. import _core

    try:
        _core.add_status(trace, pid, status)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def say_what_is_missing(trace: str, options: _options.Options, unsaid: str) -> None:
    """Say in a line what the story hasn't said."""
    from .. import _core

    reason = _core.why_stopped(trace) if "-q" in options or unsaid else ""
    if "--limit" in options and _core.limit_reached(trace):
        say(limit_message(options))
    elif reason and "-q" in options:
        say(f"recording stopped early: {reason}")
    elif unsaid and not reason:
        say(f"the trace doesn't say how the program ended: {unsaid}")


def limit_message(options: _options.Options) -> str:
    return f"recording stopped early: the trace has reached --limit {options.text('--limit', '')}"


def useless(trace: str, rules: list[tuple[str, str]]) -> Iterator[str]:
    """Tell of each --include that matched nothing: a typing error more often than not."""
    from .. import _core

    counts = [0] * len(rules)
    for process in _core.Trace(trace).info["processes"]:
        for i, count in enumerate(process.get("rule_matches", "").split()):
            counts[i] += int(count)
    for pattern in dict.fromkeys(pattern for rule, pattern in rules if rule.startswith("+")):
        if not any(count for (_, of), count in zip(rules, counts, strict=True) if of == pattern):
            yield (
                f"--include {pattern} matched nothing that ran; "
                "a module is written as it is imported (pkg.sub), a file as a path (lib/*.py)"
            )


def create_trace(options: _options.Options, *, hold: bool = False) -> str:
    """Create the file; what is there and isn't a trace is never replaced.

    hold: this process keeps others from replacing it, until it ends.
    """
    from .. import _core

    bounds = bounds_of(options)
    name = options.text("-o", DEFAULT_FILE)
    path = os.path.abspath(name)
    if not name or os.path.isdir(path):
        what = f"{name} is a folder" if name else "it was given none"
        raise UsageError(f"-o needs the name of a file, and {what}; try -o {DEFAULT_FILE}")
    if os.path.lexists(path) and not is_replaceable(path):
        raise UsageError(f"{name} is there and is no trace, so it stays as it is; name another file with -o")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise UsageError(f"can't record to {name}: there is no folder {folder}; make it: mkdir -p {folder}")
    try:
        _core.create_trace(
            path, values="--no-values" not in options, time="--no-time" not in options, hold=hold, **bounds
        )
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise UsageError(f"{name} is being recorded{recorders(path)}; name another file with -o") from None
        if error.errno == errno.ENODEV:
            raise UsageError(
                f"can't record to {name}: files there can't be mapped into memory; name a file on a local disk with -o"
            ) from None
        raise UsageError(f"can't record to {name}: {error.strerror}; name another file with -o") from None
    return path


def recorders(path: str) -> str:
    """Name the process that records to this trace, as far as that is known."""
    from .. import _core

    try:
        processes = _core.Trace(path).info["processes"]
    except _core.FlowTraceError:
        return ""
    running = [process["pid"] for process in processes if os.path.exists(f"/proc/{process['pid']}")]
    return f" by process {running[0]}" if running else ""


def bounds_of(options: _options.Options) -> dict[str, int]:
    sizes = {}
    for name in ("last", "limit"):
        given = options.text(f"--{name}", "") if f"--{name}" in options else None
        try:
            sizes[name] = _size.of(name, given)
        except ValueError as error:
            raise UsageError(f"--{name}: {error}") from None
    if all(sizes.values()):
        raise UsageError("--last keeps the newest part and --limit the oldest; give one of them")
    return sizes


def is_replaceable(path: str) -> bool:
    if not os.path.isfile(path):  # opening a pipe would wait for its other end
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) in {b"", MAGIC}
    except OSError:
        return False


def settings_of(options: _options.Options) -> dict[str, int]:
    numbers = {SETTINGS[name]: int(value) for name, value in options.order if name in SETTINGS}
    return {**numbers, **switches_of(options)}


def switches_of(options: _options.Options) -> dict[str, int]:
    return {setting: 1 for name, setting in SWITCHES.items() if name in options}


def check_settings(options: _options.Options) -> None:
    from .. import _core

    for name, setting in SETTINGS.items():
        if name in options:
            try:
                _core.check_settings({setting: options.number(name, 0)})
            except ValueError as error:
                raise UsageError(f"{name}: {error}") from None
    if "--live" in options and "--no-time" in options:
        raise UsageError("--live tells what happened when, which --no-time leaves out; give one of them")
    if "--identity" in options:
        if "--no-values" in options:
            raise UsageError("--identity numbers what --no-values leaves out; give one of them")
        obstacle = _core.identity_obstacle()
        if obstacle:
            raise UsageError(f"--identity: {obstacle}; run without it")
    for name, pattern in options.order:
        if name in SECRETS:
            try:
                _core.redact([], [SECRETS[name] + pattern])
            except ValueError as error:
                raise UsageError(f"{name}: {error}") from None


def secrets_of(options: _options.Options) -> list[str]:
    return [SECRETS[name] + pattern for name, pattern in options.order if name in SECRETS]


def check_installed() -> None:
    """The recorder starts in the program through flowtrace.pth; say so where that can't be."""
    if sys.flags.no_site:
        raise UsageError("the recorder starts from site-packages, which python -S leaves out; run without -S")
    import site

    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    if not any(os.path.exists(os.path.join(folder, "flowtrace.pth")) for folder in folders):
        raise UsageError(
            f"FlowTrace is on this python's path but not installed for it; install it: "
            f"{sys.executable} -m pip install {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}"
        )


def rules_of(options: _options.Options) -> list[tuple[str, str]]:
    return _scope.rules_of([given for given in options.order if given[0] in {"--include", "--exclude"}])


def pack(program: _program.Program, rules: list[tuple[str, str]], options: _options.Options, *, launcher: int) -> str:
    """Write the options so that _autostart.unpack() reads them without importing anything."""
    roots = dict.fromkeys(_scope.roots_of(*program.folders) + _scope.roots_elsewhere())
    pairs = [("root", root) for root in roots]
    pairs += [("library", folder) for folder in _scope.library()]
    pairs += [("rule", rule) for rule, _ in rules]
    pairs += [("launcher", str(launcher))]
    pairs += [("set", f"{name} {value}") for name, value in settings_of(options).items()]
    pairs += [("secret", rule) for rule in secrets_of(options)]
    pairs += [("no-children", "")] if "--no-children" in options else []
    information = {
        "program": program.title,
        "flowtrace": __version__,
        **({"no_children": "yes"} if "--no-children" in options else {}),
    }
    pairs += [(f"info.{key}", value) for key, value in information.items()]
    packed = "\n".join(f"{key} {value.replace('%', '%25').replace(chr(10), '%0A')}" for key, value in pairs)
    if len(os.fsencode(packed)) > ENVIRONMENT_MAX:
        raise UsageError("too many or too long --include and --exclude; use patterns instead")
    return packed


def run_reference(program: _program.Program, error: ImportError) -> int:
    """No compiler when this was installed: the same in plain Python."""
    say(f"no compiled core here: recording in plain Python, without a trace file ({why_no_core(error)})")
    reference = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "reference.py")
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *_program.python_flags(), reference, *program.python_arguments])
