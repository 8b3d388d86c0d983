"""What a trace says of its run: the command, the machine, the python, and the settings that it was recorded with."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import FREE_THREADED, Workshop

from flowtrace import Trace, __version__

USUAL = [*(["free-threaded"] if FREE_THREADED else []), *(["debug build"] if hasattr(sys, "gettotalrefcount") else [])]


def facts(path: Path) -> dict[str, object]:
    """Of the first process."""
    return dict(Trace(path).info["processes"][0])


def told(workshop: Workshop, key: str, *options: str) -> str:
    """Return the lines of `flowtrace info` of that key, without their indentation."""
    lines = workshop.flowtrace("info", *options).out.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(key)), None)
    if start is None:
        return ""
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
    return "\n".join(line[14:] for line in lines[start:end])


def expect_machine(facts: dict[str, object], workshop: Workshop) -> None:
    system = os.uname()
    assert facts["folder"] == str(workshop.folder)
    assert facts["python"] == sys.version.split()[0]
    assert facts["build"] == sys.version
    assert facts.get("mode", "") == ", ".join(USUAL)
    assert facts["executable"] == sys.executable
    assert facts["platform"] == f"{system.sysname} {system.release} {system.machine}"
    assert facts["host"] == system.nodename
    assert facts["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert facts["flowtrace"] == __version__


# --- the run ----------------------------------------------------------------


def test_of_flowtrace_run(workshop: Workshop) -> None:
    run = workshop.record("def f(): pass\nf()")
    process = facts(run.trace_path)
    expect_machine(process, workshop)
    assert (process["program"], process["command"]) == ("app.py", "app.py")
    assert str(workshop.folder) in process["roots"]
    assert "settings" not in process
    info = run.trace.info
    assert abs(info["start_unix_ns"] / 1e9 - run.trace_path.stat().st_mtime) < 600
    assert 0 < info["start_monotonic_ns"] < 2**63


def test_of_a_program_that_records_itself(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import flowtrace
        def f(): pass
        with flowtrace.active_tracing("flowtrace.flow", include="pkg", value_depth=5, caught=True, secret="pin"):
            f()
        """,
    )
    run = workshop.python("app.py", "--password", "hunter2", "x")
    assert run.outcome == (0, b"", b"")
    process = facts(run.trace_path)
    expect_machine(process, workshop)
    assert (process["program"], process["command"]) == ("app.py", "app.py --password *** x")
    assert process["settings"] == "--include pkg --value-depth 5 --caught --secret pin"


def test_of_a_traced_function(workshop: Workshop) -> None:
    """Its trace is there while its story isn't told."""
    workshop.write(
        "app.py",
        """
        from flowtrace import _core, trace
        @trace(print=False)
        def f():
            print(*[_core.record_facts()["path"]])
            info = _core.Trace(_core.record_facts()["path"]).info["processes"][0]
            print(info["command"], info["host"], info["roots"])
        f()
        """,
    )
    run = workshop.python("app.py")
    assert run.status == 0, run.err
    assert run.out.splitlines()[1] == f"app.py {os.uname().nodename} {[str(workshop.folder)]}"


def test_of_children(workshop: Workshop) -> None:
    """Each says what it is itself."""
    workshop.write("sub/child.py", "import os\ndef g(): pass\ng()\nif not os.fork(): g(); os._exit(0)\nos.wait()")
    run = workshop.record(
        """
        import subprocess, sys
        subprocess.run([sys.executable, "-O", "child.py", "--token", "abcdef"], cwd="sub", check=True)
        """,
        "--exclude=pkg",
    )
    first, child, fork = run.trace.info["processes"]
    assert (first["folder"], child["folder"]) == (str(workshop.folder), str(workshop.folder / "sub"))
    assert (first["command"], child["command"]) == ("app.py", "-O child.py --token ***")
    assert first.get("mode", "") == ", ".join(USUAL)
    assert child["mode"] == ", ".join([*USUAL, "-O"])
    assert {process["settings"] for process in (first, child, fork)} == {"--exclude pkg"}
    assert {process["boot_id"] for process in (child, fork)} == {first["boot_id"]}
    assert fork["command"] == child["command"]


def test_of_a_program_activated_by_the_environment(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    options = "--no-time --value-items 3 --no-children"
    run = workshop.python("app.py", "a", environment={"FLOWTRACE": "1", "FLOWTRACE_OPTIONS": options})
    assert run.outcome == (0, b"", b"")
    process = facts(run.trace_path)
    expect_machine(process, workshop)
    assert process["command"] == "app.py a"
    assert told(workshop, "settings") == "--no-time --no-children --value-items 3"


# --- the command ------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--password", "hunter2-x"], "--password ***"),
        (["--password=hunter2-x"], "--password=***"),
        (["--token=hunter2-x", "--pin=4711"], "--token=*** --pin=4711"),
        (["PASSWORD=hunter2-x"], "PASSWORD=***"),
        (
            ["https://me:hunter2-x@example.org/a?token=hunter2-x&page=2"],
            "https://me:***@example.org/a?token=***&page=2",
        ),
        (["postgresql://me:hunter2-x@localhost/db"], "postgresql://me:***@localhost/db"),
        (["-H", "Authorization: Bearer hunter2-x"], "-H ***"),
        (["--api-key", "hunter2-x", "--verbose"], "--api-key *** --verbose"),
    ],
)
def test_secrets_in_the_command(workshop: Workshop, words: list[str], shown: str) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    run = workshop.run("app.py", *words)
    assert run.outcome == (0, b"", b"")
    assert facts(run.trace_path)["command"] == f"app.py {shown}"
    assert b"hunter2" not in run.trace_path.read_bytes()
    assert "hunter2" not in workshop.flowtrace("info").out


def test_a_long_command_is_whole(workshop: Workshop) -> None:
    words = [f"--option-{n:04}=value" for n in range(1000)]
    workshop.write("app.py", "def f(): pass\nf()")
    run = workshop.run("app.py", *words)
    assert run.outcome == (0, b"", b"")
    assert facts(run.trace_path)["command"] == " ".join(["app.py", *words])
    shown = told(workshop, "command")
    assert shown == f"{' '.join(['app.py', *words])[:400]}…"
    assert told(workshop, "command", "--ascii").endswith("...")


@pytest.mark.parametrize("options", [[], ["--last=1M"], ["--limit=1M"]])
def test_a_command_without_bound_is_cut(workshop: Workshop, options: list[str]) -> None:
    """So that what a process says of itself fits one unit, and the environment of children doesn't hold it."""
    workshop.write("app.py", "import os\ndef f(): pass\nf()\nif not os.fork(): f(); os._exit(0)\nos.wait()")
    text = "a" + "ä" * 20_000  # in 40,001 bytes: the bound is within a character
    run = workshop.run(*options, "app.py", text, *["x" * 100_000] * 3)
    assert run.outcome == (0, b"", b"")
    for process in run.trace.info["processes"]:
        assert process["command"] == f"app.py {text[: 1 + (32768 - 8) // 2]}…"
        assert process["host"] == os.uname().nodename
    assert len(run.calls("f")) == 2


def test_code_as_the_command(workshop: Workshop) -> None:
    run = workshop.run("-c", "def f(password): pass\nf(password='hunter2-x')\n", "more")
    assert run.outcome == (0, b"", b"")
    assert facts(run.trace_path)["command"] == "-c def f(password): pass\nf(password='***')\n more"
    assert told(workshop, "command") == "-c def f(password): pass\\nf(password='***')\\n more"


def test_a_program_that_has_changed_what_it_was_called_by(workshop: Workshop) -> None:
    """Nothing of the program's runs for this, and nothing of what is left is said."""
    workshop.write(
        "app.py",
        """
        import sys
        import flowtrace
        class Odd(list):
            def __getattribute__(self, name): raise SystemError(name)
            def __getitem__(self, key): raise SystemError(key)
            def __iter__(self): raise SystemError
        class Text(str):
            def __str__(self): raise SystemError
            def encode(self, *args): raise SystemError
        def f(): pass
        with flowtrace.active_tracing("first.flow"):  # imports what it needs
            f()
        argv = sys.orig_argv
        for n, given in enumerate([Odd(argv), None, [1], ["python", Text("x")], ["python", "\\udc80"], []]):
            sys.orig_argv = given
            sys.executable = [None, Text("x"), 1, "", "python", None][n]
            sys.flags = [None, 1, (1,) * 20, Odd(), sys.flags, None][n]
            with flowtrace.active_tracing(f"{n}.flow"):
                f()
        del sys.orig_argv, sys.flags, sys.executable
        with flowtrace.active_tracing("6.flow"):
            f()
        """,
    )
    run = workshop.python("app.py")
    assert run.outcome == (0, b"", b"")
    found = [facts(workshop.folder / f"{n}.flow") for n in range(7)]
    assert [process.get("command") for process in found] == [None, None, None, None, "?", None, None]
    assert [process.get("executable") for process in found] == [None, None, None, None, "python", None, None]
    assert {process["host"] for process in found} == {os.uname().nodename}


# --- the python -------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "mode"),
    [(["-O"], "-O"), (["-OO"], "-OO"), (["-X", "dev"], "-X dev"), (["-E"], "-E"), (["-I"], "-I")],
)
def test_options_of_python(workshop: Workshop, flags: list[str], mode: str) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    run = workshop.flowtrace("run", "-q", "app.py", flags=flags)
    assert run.status == 0, run.err
    assert facts(run.trace_path)["mode"] == ", ".join([*USUAL, mode])
    assert facts(run.trace_path)["command"] == f"{' '.join(flags)} app.py"
    assert told(workshop, "python") == f"{sys.version}, {', '.join([*USUAL, mode])}\n{sys.executable}"


def test_hashes_that_are_not_random(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    run = workshop.run("app.py", environment={"PYTHONHASHSEED": "0"})
    assert facts(run.trace_path)["mode"] == ", ".join([*USUAL, "PYTHONHASHSEED=0"])


def test_the_build(workshop: Workshop) -> None:
    run = workshop.record("def f(): pass\nf()")
    mode = str(facts(run.trace_path).get("mode", ""))
    assert ("free-threaded" in mode) == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    assert ("debug build" in mode) == bool(sysconfig.get_config_var("Py_DEBUG"))


# --- settings ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], ""),
        (["--value-depth=3", "--value-items=8"], ""),  # as they are anyway
        (
            ["--value-depth=1", "--value-bytes=10", "--call-bytes=100"],
            "--value-depth 1 --value-bytes 10 --call-bytes 100",
        ),
        (["--caught", "--boundary"], "--boundary --caught"),
        (["--no-values", "--no-time"], "--no-values --no-time"),
        (["--no-children", "--secret=pin", "--not-secret=token*"], "--no-children --secret pin --not-secret token*"),
        (["--exclude=a.b", "--include=a.*"], "--exclude a.b --include a.*"),
    ],
)
def test_settings(workshop: Workshop, options: list[str], shown: str) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    assert workshop.run(*options, "app.py").status == 0  # it may say that a pattern has matched nothing
    assert told(workshop, "settings") == shown


def test_an_included_path_is_absolute(workshop: Workshop) -> None:
    workshop.write("lib/a.py", "def g(): pass")
    run = workshop.record("import lib.a\nlib.a.g()", "--include", "lib/*.py")
    assert facts(run.trace_path)["settings"] == f"--include {workshop.folder}/lib/*.py"


def test_settings_without_end(workshop: Workshop) -> None:
    names = [f"--not-secret=a{n}_{'b' * 80}" for n in range(300)]
    run = workshop.record("def f(): pass\nf()", *names)
    settings = str(facts(run.trace_path)["settings"])
    assert settings.startswith("--not-secret a0_bbb")
    assert settings.endswith("…")
    assert len(settings) < 8200


def test_the_folders_where_nothing_was_found(workshop: Workshop) -> None:
    """Where code is missing in a story one asks where it was looked for."""
    workshop.run("-m", "this")
    assert str(workshop.folder) in told(workshop, "folders").splitlines()
    workshop.record("def f(): pass\nf()")
    assert told(workshop, "folders") == ""
