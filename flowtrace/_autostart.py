"""Turns the recorder on in a program that `flowtrace run` has started, and in its children.

flowtrace.pth calls `start()` while the interpreter starts, before any of the
program's own code. The program must find itself as if nobody were there: its
environment, its modules, its standard error. Only the environment that the
system hands on to children keeps the two variables, unless they are to be left out.
"""

import os
import sys


def unpack(options: str) -> dict[str, list[str]]:
    """Read what `commands/run.py` packed: a line "key value" each, %-escaped."""
    values: dict[str, list[str]] = {}
    for line in options.split("\n"):
        key, _, value = line.partition(" ")
        values.setdefault(key, []).append(value.replace("%0A", "\n").replace("%25", "%"))
    return values


def start() -> None:
    """Join the trace that the environment names, or make the one it asks for. Never raises."""
    asked = os.environ.get("FLOWTRACE", "")
    path = os.environ.get("FLOWTRACE_TRACE")
    options: dict[str, list[str]] = {}
    is_program = False
    wanted = asked not in {"", "0"}
    try:
        main = is_main_interpreter()
        is_program = main
        if wanted and not path and main:
            path = activate(asked)
        options = unpack(os.environ.get("FLOWTRACE_OPTIONS", ""))
        is_program = main and not is_child(options)
        if path:
            join(path, options, tell_origin=main and not is_program)
    except Exception as error:
        if is_program:
            report(error)
    hide("FLOWTRACE_TRACE", "FLOWTRACE_OPTIONS", from_children="no-children" in options)
    if wanted:
        hide("FLOWTRACE", from_children=True)
    forget(recording=path is not None)
    globals().clear()  # functions and their globals hold each other: the program's first gc.collect() would count us


def is_main_interpreter() -> bool:
    """Sub-interpreters run this as well, and are recorded; the process has joined by then."""
    import _thread

    ask = getattr(_thread, "_is_main_interpreter", None)  # since 3.13
    return ask() if ask else "_signal" in sys.modules  # which the main interpreter alone imports at its start


def activate(asked: str) -> str:
    """FLOWTRACE=1 python app.py: make a trace, for this process and its children. Returns its path."""
    from . import _activate

    path, options = _activate.prepare(asked, os.environ.get("FLOWTRACE_OPTIONS", ""))
    os.environ["FLOWTRACE_TRACE"] = path
    os.environ["FLOWTRACE_OPTIONS"] = options
    return path


def forget(recording: bool) -> None:
    """Leave no module behind that the program has not imported, but the recorder's."""
    package = sys.modules.get("flowtrace")
    for name in [name for name in sys.modules if name.startswith("flowtrace.") and name != "flowtrace._core"]:
        del sys.modules[name]
        if package:
            vars(package).pop(name.split(".")[1], None)
    if not recording and package and "_core" not in vars(package):
        sys.modules.pop("flowtrace", None)


def hide(*names: str, from_children: bool) -> None:
    """Take variables out of os.environ, and out of what the system hands on only if children shall lack them."""
    for name in names:
        try:
            del os.environ._data[os.environ.encodekey(name)]  # type: ignore[attr-defined]
        except KeyError:
            continue
        if from_children:
            os.unsetenv(name)


def is_child(options: dict[str, list[str]]) -> bool:
    """Is this not the program itself but something that it has started?"""
    return options.get("launcher", [str(os.getppid())]) != [str(os.getppid())]


def join(path: str, options: dict[str, list[str]], *, tell_origin: bool) -> None:
    from . import _core

    info = {key[5:]: value[0] for key, value in options.items() if key.startswith("info.")}
    if tell_origin:
        info["ancestors"] = ancestors(options)
        info["age_ms"] = age_ms()
    _core.record_join(
        path,
        roots=options.get("root", []),
        library=options.get("library", []),
        rules=options.get("rule", []),
        info=info,
        settings={name: int(value) for name, _, value in (pair.partition(" ") for pair in options.get("set", []))},
        secrets=options.get("secret", []),
    )


def ancestors(options: dict[str, list[str]]) -> str:
    """Return who started this process, nearest first, as far as the launcher: "pid/thread"; a shell may be between."""
    child, pid = os.getpid(), os.getppid()
    found: list[str] = []
    while pid > 1 and [str(pid)] != options.get("launcher") and len(found) < 8:
        found.append(f"{pid}/{thread_of(pid, child)}")
        child, pid = pid, int(stat_of(pid)[1])
    return " ".join(found)


def thread_of(pid: int, child: int) -> str:
    """Return the thread of `pid` that started `child`, "0" where the system doesn't tell."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task")[:64]:
            if str(child) in read(f"/proc/{pid}/task/{thread}/children").split():
                return thread
    except OSError:
        pass
    return "0"


def age_ms() -> str:
    """Return how long ago this process was started, by a clock that counts hundredths of seconds."""
    try:
        seconds = float(read("/proc/uptime").split()[0]) - int(stat_of(os.getpid())[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        seconds = 0
    return str(max(0, round(1000 * seconds)))


def stat_of(pid: int) -> list[str]:
    """Return /proc/PID/stat behind the program's name: state, parent ..."""
    try:
        return read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return ["", "0"]


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def report(error: Exception) -> None:
    try:
        os.write(
            2, f"flowtrace: this run is not recorded: {str(error) or type(error).__name__}\n".encode(errors="replace")
        )
    except OSError:
        pass
