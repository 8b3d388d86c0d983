"""What is wrong is said on stderr with its name and a remedy; FlowTrace itself never shows a traceback."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest
from conftest import Run, Workshop

is_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


def refused(done: Run, *parts: str, status: int = 2) -> None:
    """Nothing but one message of FlowTrace's, that holds each of `parts`."""
    assert done.status == status, done.err
    assert done.stdout == b""
    assert "Traceback" not in done.err
    assert done.err.startswith("flowtrace: ")
    assert done.err.count("flowtrace: ") == 1
    for part in parts:
        assert part in done.err


@pytest.fixture
def app(workshop: Workshop) -> Workshop:
    workshop.write("app.py", "def f(): return 1\nf()\nprint('ran')")
    return workshop


@pytest.fixture
def recorded(app: Workshop) -> Workshop:
    assert app.run("app.py").status == 0
    return app


# --- what to run ----------------------------------------------------------


def test_no_program(app: Workshop) -> None:
    refused(app.flowtrace("run"), "which program?", "flowtrace run app.py")


@pytest.mark.parametrize("name", ["missing.py", "no/such/folder/app.py", "new\nline.py"])
def test_a_script_that_does_not_exist(app: Workshop, name: str) -> None:
    refused(app.flowtrace("run", name), name, "no such file", str(app.folder))
    assert not app.trace_path.exists()


def test_an_empty_name(app: Workshop) -> None:
    refused(app.flowtrace("run", ""), "which program?")


@pytest.mark.parametrize("name", ["mistyped"])
def test_a_command_that_does_not_exist(app: Workshop, name: str) -> None:
    refused(app.flowtrace("run", name), name, "no such file", str(app.folder), "PATH", f"-m {name}")
    assert not app.trace_path.exists()


def test_the_trace_that_was_there_survives_a_mistyped_name(recorded: Workshop) -> None:
    before = recorded.trace_path.read_bytes()
    refused(recorded.flowtrace("run", "ap.py"), "ap.py")
    assert recorded.trace_path.read_bytes() == before


@is_root
def test_an_unreadable_script(app: Workshop) -> None:
    (app.folder / "app.py").chmod(0)
    refused(app.flowtrace("run", "app.py"), "app.py", "may not be read", "ls -l")


def test_a_folder_without_main(app: Workshop) -> None:
    (app.folder / "pkg").mkdir()
    refused(app.flowtrace("run", "pkg"), "pkg", "__main__.py")


@pytest.mark.parametrize(
    "source", ["def f(:\n", "x = 'open\n", "\tif 1:\n  pass\n", "return 1\n", "nonsense = = 2"], ids=range(5)
)
def test_a_syntax_error_is_told_by_python(app: Workshop, source: str) -> None:
    (app.folder / "app.py").write_text(source)
    plain, traced = app.python("app.py"), app.run("app.py")
    assert traced.outcome == plain.outcome
    assert traced.status == 1
    assert "Error" in traced.err
    told = app.flowtrace("show", str(app.trace_path)).out
    assert "ended before its first, with exit status 1" in told


def test_an_unknown_command_close_to_one(app: Workshop) -> None:
    refused(app.flowtrace("shw"), "shw", "show")


def test_a_short_flag_with_a_value(app: Workshop) -> None:
    refused(app.flowtrace("run", "-q=1", "app.py"), "-q", "takes no value")


@pytest.mark.parametrize("content", [b"\0\0\0", b"# \xff\xfe\nprint(1)\n", b"PK\x03\x04 no zip"], ids=repr)
def test_a_file_that_is_no_program_is_told_by_python(app: Workshop, content: bytes) -> None:
    (app.folder / "app.py").write_bytes(content)
    assert app.run("app.py").outcome == app.python("app.py").outcome


@pytest.mark.parametrize("name", ["nothere", "nothere.sub", "..x", "app-x", ""])
def test_a_module_that_is_not_found(app: Workshop, name: str) -> None:
    refused(app.flowtrace("run", "-m", name), repr(name), "no module named", "install it")


@pytest.mark.parametrize("name", ["app.sub", "json.nothere", "pkg"])
def test_a_module_that_python_itself_refuses(app: Workshop, name: str) -> None:
    app.write("pkg/__init__.py", "")
    plain, traced = app.python("-m", name), app.run("-m", name)
    assert traced.outcome == plain.outcome
    assert traced.status == 1


@pytest.mark.parametrize("option", ["-m", "-c"])
def test_m_and_c_need_something(app: Workshop, option: str) -> None:
    refused(app.flowtrace("run", option), option, "needs")


def test_a_command_that_is_no_python(app: Workshop) -> None:
    refused(app.flowtrace("run", "sh", "-c", "echo ran"), "sh", "not a Python script")


def test_python_as_a_command(app: Workshop) -> None:
    refused(app.flowtrace("run", Path(sys.executable).name, "app.py"), "python", "leave it out")


def test_a_command_of_another_python(app: Workshop) -> None:
    script = app.write("bin/other", "#!/opt/other/bin/python3\nprint('ran')")
    script.chmod(0o755)
    done = app.flowtrace("run", "other", environment={"PATH": f"{script.parent}:{os.environ['PATH']}"})
    refused(done, "other", "/opt/other/bin/python3", "-m pip install flowtrace")


# --- where to record ------------------------------------------------------


def test_an_output_folder_that_is_missing(app: Workshop) -> None:
    refused(app.flowtrace("run", "-o", "no/such/x.flow", "app.py"), "no/such/x.flow", "mkdir -p", "no/such")
    assert not (app.folder / "no").exists()


def test_an_output_that_is_a_folder(app: Workshop) -> None:
    (app.folder / "out").mkdir()
    refused(app.flowtrace("run", "-o", "out", "app.py"), "out", "-o")
    refused(app.flowtrace("run", "-o", "", "app.py"), "-o")


@is_root
def test_an_output_folder_that_is_not_writable(app: Workshop) -> None:
    folder = app.folder / "locked"
    folder.mkdir(mode=0o500)
    refused(app.flowtrace("run", "-o", "locked/x.flow", "app.py"), "locked/x.flow", "ermission", "-o")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no folder that even root may not write to")
def test_an_output_folder_that_takes_no_files(app: Workshop) -> None:
    refused(app.flowtrace("run", "-o", "/proc/x.flow", "app.py"), "/proc/x.flow", "can't record", "-o")


@pytest.mark.parametrize("content", [b"precious\n", b"\x89FLOW", b"\x89PNG\r\n\x1a\n", bytes(8)], ids=repr)
def test_a_file_that_is_no_trace_is_never_replaced(app: Workshop, content: bytes) -> None:
    path = app.folder / "notes.txt"
    path.write_bytes(content)
    refused(app.flowtrace("run", "-o", "notes.txt", "app.py"), "notes.txt", "-o")
    app.trace_path.write_bytes(content)
    refused(app.flowtrace("run", "app.py"), "flowtrace.flow", "-o")
    assert path.read_bytes() == app.trace_path.read_bytes() == content


def test_the_program_itself_is_never_replaced(app: Workshop) -> None:
    before = (app.folder / "app.py").read_bytes()
    refused(app.flowtrace("run", "-o", "app.py", "app.py"), "app.py")
    assert (app.folder / "app.py").read_bytes() == before


def test_an_output_that_is_no_file(app: Workshop) -> None:
    refused(app.flowtrace("run", "-o", "/dev/null", "app.py"), "/dev/null")
    os.mkfifo(app.folder / "pipe")
    refused(app.flowtrace("run", "-o", "pipe", "app.py"), "pipe")
    (app.folder / "dangling").symlink_to("nowhere")
    refused(app.flowtrace("run", "-o", "dangling", "app.py"), "dangling")


def test_an_empty_file_is_replaced(app: Workshop) -> None:
    """As mktemp makes one."""
    app.trace_path.touch()
    assert app.run("app.py").names() == ["f"]


def test_a_name_too_long(app: Workshop) -> None:
    refused(app.flowtrace("run", "-o", "x" * 300 + ".flow", "app.py"), "can't record", "-o")


# --- what to read ---------------------------------------------------------

READERS = pytest.mark.parametrize("verb", ["show", "info", "find"])


@READERS
def test_no_trace_here(app: Workshop, verb: str) -> None:
    refused(app.flowtrace(verb), "flowtrace.flow", str(app.folder), "flowtrace run app.py")


@READERS
def test_a_trace_that_is_missing(app: Workshop, verb: str) -> None:
    refused(app.flowtrace(verb, "gone.flow"), "gone.flow", "is the name right?")


@READERS
def test_a_folder_to_read(app: Workshop, verb: str) -> None:
    refused(app.flowtrace(verb, "."), "is a folder")


@READERS
@pytest.mark.parametrize("content", [b"text\n", bytes(100_000), b"\x89FLOW\r\n\x1a", b"\x89FLOW\r\n\x1a" + bytes(99)])
def test_a_file_that_is_no_trace(app: Workshop, verb: str, content: bytes) -> None:
    (app.folder / "x.flow").write_bytes(content)
    refused(app.flowtrace(verb, "x.flow"), "x.flow")


@READERS
def test_an_empty_file(app: Workshop, verb: str) -> None:
    (app.folder / "x.flow").touch()
    refused(app.flowtrace(verb, "x.flow"), "x.flow", "empty")


@READERS
def test_a_trace_of_a_newer_version(recorded: Workshop, verb: str) -> None:
    data = bytearray(recorded.trace_path.read_bytes())
    (major,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<H", data, 8, major + 1)
    (recorded.folder / "new.flow").write_bytes(data)
    refused(recorded.flowtrace(verb, "new.flow"), "new.flow", f"version {major + 1}", "upgrade FlowTrace")


def test_a_newer_minor_version_is_read(recorded: Workshop) -> None:
    data = bytearray(recorded.trace_path.read_bytes())
    struct.pack_into("<H", data, 10, 999)
    recorded.trace_path.write_bytes(data)
    shown = recorded.flowtrace("show")
    assert shown.status == 0
    assert "f() → 1" in shown.out


@READERS
def test_a_trace_that_was_cut_short_is_read_as_far_as_it_goes(recorded: Workshop, verb: str) -> None:
    data = recorded.trace_path.read_bytes()
    (recorded.folder / "cut.flow").write_bytes(data[:70_000])
    done = recorded.flowtrace(verb, "cut.flow")
    assert "Traceback" not in done.err
    assert done.status in ({1} if verb == "find" else {0, 2})
    assert done.out or done.err
    assert verb != "find" or "none of 0 calls. Part of this trace is missing" in done.err


@is_root
@READERS
def test_an_unreadable_trace(recorded: Workshop, verb: str) -> None:
    recorded.trace_path.chmod(0)
    refused(recorded.flowtrace(verb), "flowtrace.flow", "ermission")


@READERS
def test_a_pipe_to_read(app: Workshop, verb: str) -> None:
    refused(app.flowtrace(verb, "/dev/null"), "/dev/null")


@READERS
def test_several_files(recorded: Workshop, verb: str) -> None:
    refused(recorded.flowtrace(verb, "a.flow", "b.flow"), "one file at a time", f"flowtrace {verb} --help")


def test_a_trace_with_no_calls(app: Workshop) -> None:
    app.write("app.py", "def f(:")
    assert app.run("app.py").status == 1
    shown = app.flowtrace("show")
    assert shown.status == 0
    assert "No call" in shown.out
    assert app.flowtrace("info").status == 0


# --- the words of the command line ----------------------------------------


def test_an_unknown_verb(app: Workshop) -> None:
    refused(app.flowtrace("xyzzy"), "xyzzy", "flowtrace --help")
    refused(app.flowtrace("app.py"), "app.py", "flowtrace run app.py")
    refused(app.flowtrace("--nonsense"), "--nonsense", "flowtrace --help")


@pytest.mark.parametrize("verb", ["run", "show", "info", "find", "explain"])
@pytest.mark.parametrize("option", ["--nonsense", "--nonsense=1", "-Z"])
def test_an_unknown_option(recorded: Workshop, verb: str, option: str) -> None:
    refused(recorded.flowtrace(verb, option, "app.py"), option.partition("=")[0], f"flowtrace {verb} --help")


def test_a_limit_of_values_out_of_range(app: Workshop) -> None:
    run = app.flowtrace("run", "--value-depth", "99", "app.py")
    assert (run.status, run.out) == (2, "")
    assert run.err == "flowtrace: --value-depth: depth must be a whole number from 0 to 15, not 99\n"


@pytest.mark.parametrize("verb", ["run", "show"])
@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "1e3", "²", "99999999999999999999"])
def test_lines_and_width_take_a_number(recorded: Workshop, verb: str, value: str) -> None:
    for option in ("--lines", "--width"):
        refused(recorded.flowtrace(verb, option, value), option, "whole number", repr(value))
        refused(recorded.flowtrace(verb, f"{option}={value}"), option)


@pytest.mark.parametrize("words", [["run", "--lines"], ["show", "--width"], ["run", "-o"], ["run", "--include"]])
def test_an_option_without_its_value(app: Workshop, words: list[str]) -> None:
    refused(app.flowtrace(*words), words[-1], "needs a value", f"flowtrace {words[0]} --help")


def test_a_flag_with_a_value(app: Workshop) -> None:
    refused(app.flowtrace("run", "--all=yes", "app.py"), "--all", "no value")


def test_explain_takes_nothing(app: Workshop) -> None:
    refused(app.flowtrace("explain", "app.py"), "explain", "no arguments")


# --- --include ------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["nothing_here", "nothing.here*", "./nothing/*.py", "noting.py"])
def test_an_include_that_matches_nothing(app: Workshop, pattern: str) -> None:
    app.write("app.py", "import sys\ndef f(): return 1\nf()\nprint('ran')\nsys.exit(3)")
    done = app.run("--include", pattern, "app.py")
    assert (done.status, done.stdout) == (3, b"ran\n")
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"flowtrace: --include {pattern} matched nothing")
    assert done.names() == ["f"]


def test_an_include_that_matches_says_nothing(app: Workshop) -> None:
    app.write("app.py", "import colorsys\ndef f(): return colorsys.rgb_to_hsv(1, 1, 1)\nf()")
    done = app.run("--include", "colorsys", "app.py")
    assert (done.status, done.stderr) == (0, b"")
    assert done.names() == ["f", "rgb_to_hsv"]


def test_one_of_two_includes_is_useless(app: Workshop) -> None:
    app.write("app.py", "import colorsys\ncolorsys.rgb_to_hsv(1, 1, 1)")
    done = app.run("--include", "colorsys", "--include", "colorsis", "app.py")
    assert "colorsis" in done.err
    assert "--include colorsys " not in done.err


def test_more_includes_than_the_environment_holds(app: Workshop) -> None:
    words = [word for n in range(20) for word in ("--include", f"{n}" + "x" * 9000)]
    refused(app.flowtrace("run", *words, "app.py"), "--include", "patterns")


# --- where the recorder can't start ---------------------------------------


def test_without_site(app: Workshop) -> None:
    package = Path(__import__("flowtrace").__file__).parent.parent
    done = app.flowtrace("run", "app.py", flags=["-S"], environment={"PYTHONPATH": str(package)})
    refused(done, "-S")


def test_all_tool_ids_taken(app: Workshop) -> None:
    """The program runs on; one line says that it was not recorded."""
    app.run("app.py")
    app.write(
        "greedy.py",
        """
        import os, sys
        for tool in range(6):
            sys.monitoring.use_tool_id(tool, "other")
        os.environ["FLOWTRACE_TRACE"] = "flowtrace.flow"
        import flowtrace._autostart
        flowtrace._autostart.start()
        print([name for name in os.environ if name.startswith("FLOWTRACE")])
        """,
    )
    done = app.python("greedy.py")
    assert (done.status, done.stdout) == (0, b"[]\n")
    assert done.err.startswith("flowtrace: this run is not recorded: all six tool ids")
    assert done.err.count("\n") == 1


def test_a_trace_that_the_program_cannot_join(app: Workshop) -> None:
    app.write("spoiled.flow", "no trace")
    done = app.python("app.py", environment={"FLOWTRACE_TRACE": "spoiled.flow"})
    assert (done.status, done.stdout) == (0, b"ran\n")
    assert done.err.startswith("flowtrace: this run is not recorded: ")
    assert "spoiled.flow" in done.err
    assert done.err.count("\n") == 1


def test_the_trace_is_removed_while_the_program_runs(app: Workshop) -> None:
    app.write("app.py", "import os\ndef f(): os.remove('flowtrace.flow')\nf()\nprint('ran')")
    done = app.flowtrace("run", "app.py")
    assert (done.status, done.stdout) == (0, b"ran\n")
    assert "Traceback" not in done.err
    assert "flowtrace.flow" in done.err


def test_the_current_folder_is_gone(app: Workshop) -> None:
    gone = app.folder / "gone"
    gone.mkdir()
    go = "os.chdir('gone'); os.rmdir('../gone')"
    script = f"import os, sys; {go}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    for words in (["run", str(app.folder / "app.py")], ["show"], ["explain"], ["run", "-m", "app"]):
        gone.mkdir(exist_ok=True)
        done = app.python("-c", script, "-m", "flowtrace", *words)
        assert done.status == 2, done.err
        assert "Traceback" not in done.err
        assert "folder" in done.err
