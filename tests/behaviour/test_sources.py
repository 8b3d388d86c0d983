"""The files that functions come from: how they were when they were recorded, and whether they have changed since."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

from conftest import Run, Workshop

from flowtrace import Trace, _core

APP = """
    import mod
    def f(): return mod.g()
    f()
    """


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest()


def sources(trace: Trace) -> dict[str, dict[str, object]]:
    """Return them by the last part of their names; each has one version."""
    found = {os.path.basename(source["file"]): dict(source) for source in trace.sources}
    assert len(found) == len(trace.sources), trace.sources
    return found


def states(path: Path) -> dict[str, object]:
    return {name: source["state"] for name, source in sources(Trace(path)).items()}


def record(workshop: Workshop) -> Run:
    workshop.write("mod.py", "def g(): return 1")
    return workshop.record(APP)


def last_line(run: Run) -> str:
    return run.out.rstrip().splitlines()[-1]


def set_mtime(path: Path, seconds: int = 1_000_000_000) -> None:
    os.utime(path, (seconds, seconds))


# --- what is recorded -------------------------------------------------------


def test_the_files_of_functions(workshop: Workshop) -> None:
    run = record(workshop)
    found = sources(run.trace)
    assert list(found) == ["app.py", "mod.py"]
    for name, source in found.items():
        path = workshop.folder / name
        assert source == {
            "file": str(path),
            "path": str(path),
            "size": path.stat().st_size,
            "mtime_ns": path.stat().st_mtime_ns,
            "hash": git_hash(path.read_bytes()),
            "state": "same",
        }


def test_a_program_that_is_killed(workshop: Workshop) -> None:
    """`flowtrace run` lives on, and makes the hashes."""
    workshop.write("mod.py", "def g(): return 1")
    run = workshop.record(APP.rstrip() + "\n    import os; os.kill(os.getpid(), 9)", status=-9)
    assert [bool(source["hash"]) for source in sources(run.trace).values()] == [True, True]


def test_a_killed_program_and_whoever_started_it(workshop: Workshop) -> None:
    """Size and time are there, no hash: a file of another time alone may be the same."""
    names = [f"a_module_whose_name_is_rather_long_{n:03}" for n in range(60)]  # more than one chunk has room for
    for name in names:
        workshop.write(f"{name}.py", "def g(): return 1")
    workshop.write(
        "app.py", "\n".join(f"import {name}; {name}.g()" for name in names) + "\nprint(1, flush=True); input()"
    )
    process = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    assert process.stdout and process.stdout.readline() == b"1\n"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    found = sources(Trace(workshop.trace_path))
    assert sorted(found) == sorted(["app.py", *(f"{name}.py" for name in names)])
    assert {source["hash"] for source in found.values()} == {None}
    assert {source["state"] for source in found.values()} == {"same"}
    set_mtime(workshop.folder / "app.py")
    (workshop.folder / f"{names[0]}.py").write_text("longer than before")
    assert states(workshop.trace_path)["app.py"] == "touched"
    assert last_line(workshop.flowtrace("show")) == f"{names[0]}.py has changed since this was recorded."
    told = workshop.flowtrace("info").out
    assert f"{workshop.folder}/app.py may have changed since\n" in told
    assert f"{workshop.folder}/{names[0]}.py has changed since\n" in told


def test_children_and_forks(workshop: Workshop) -> None:
    for name in ("mod", "forked", "other"):
        workshop.write(f"{name}.py", "def g(): return 1")
    workshop.write("child.py", "import mod, other\nmod.g(); other.g()")
    run = workshop.record("""
        import os, subprocess, sys
        import mod
        mod.g()
        if not os.fork():
            import forked
            forked.g()
            os._exit(0)
        os.wait()
        subprocess.run([sys.executable, "child.py"], check=True)
        """)
    found = sources(run.trace)  # mod.py once
    assert list(found) == ["app.py", "child.py", "forked.py", "mod.py", "other.py"]
    assert all(source["hash"] and source["state"] == "same" for source in found.values())


def test_many_processes_write_them_once_each(workshop: Workshop) -> None:
    """A fork repeats nothing that its parent has said."""
    run = workshop.record("""
        import os
        def f(): return 1
        f()
        for _ in range(5):
            if not os.fork():
                f()
                os._exit(0)
            os.wait()
        """)
    assert len(run.trace.info["processes"]) == 6
    path = str(workshop.folder / "app.py").encode()
    named = len(run.trace.functions)  # in the chunks of six threads, each with its own definitions
    assert run.trace_path.read_bytes().count(path) <= named + 2, "the source, and its hash"


def test_with_last_they_are_kept(workshop: Workshop) -> None:
    """Also of functions whose first calls were let go."""
    workshop.write("mod.py", "def g(): return 1")
    run = workshop.record(
        """
        import mod
        def f(n): return n
        for n in range(60_000): f(n)
        mod.g()
        """,
        "--last=1M",
    )
    assert run.trace.info["calls_let_go"] > 0
    assert states(run.trace_path) == {"app.py": "same", "mod.py": "same"}
    assert all(source["hash"] for source in run.trace.sources)


def test_files_without_functions_in_the_trace_are_not_told(workshop: Workshop) -> None:
    """The process knows them from its first recording, and has written them again."""
    workshop.write("mod.py", "def g(): return 1")
    workshop.write(
        "app.py",
        """
        import flowtrace
        flowtrace.start_tracing("a.flow")
        import mod
        mod.g()
        flowtrace.stop_tracing()
        def f(): return 1
        flowtrace.start_tracing("b.flow")
        f()
        flowtrace.stop_tracing()
        """,
    )
    run = workshop.python("app.py")
    assert run.outcome == (0, b"", b"")
    assert sorted(states(workshop.folder / "a.flow")) == ["mod.py"]
    assert sorted(states(workshop.folder / "b.flow")) == ["app.py"]
    assert all(source["hash"] for name in "ab" for source in Trace(workshop.folder / f"{name}.flow").sources)


def test_activated_by_the_environment(workshop: Workshop) -> None:
    """There is no `flowtrace run` to make the hashes: the program does at its end."""
    workshop.write("mod.py", "def g(): return 1")
    workshop.write("app.py", APP)
    run = workshop.python("app.py", environment={"FLOWTRACE": "1"})
    assert run.outcome == (0, b"", b"")
    assert [source["hash"] for source in sources(run.trace).values()] == [
        git_hash((workshop.folder / name).read_bytes()) for name in ("app.py", "mod.py")
    ]


# --- odd files --------------------------------------------------------------


def test_code_that_is_in_no_file(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(): return 1
        exec("def g(): return f()\\ng()")
        exec(compile("f()", "<made up>", "exec"))
        exec(compile("f()", "", "exec"))
        exec(compile("f()", "not there.py", "exec"))
        exec(compile("f()", "/not/there.py", "exec"))
        exec(compile("f()", "/dev/null", "exec"))
        exec(compile("f()", "/proc/self/status", "exec"))
        exec(compile("f()", "x" * 5000, "exec"))
        exec(compile("f()", "/" + "x/" * 3000, "exec"))
        """)
    assert len(run.calls("f")) == 9
    assert list(sources(run.trace)) == ["app.py"]


def test_pipes_folders_and_what_may_not_be_read(workshop: Workshop) -> None:
    os.mkfifo(workshop.folder / "pipe.py")
    (workshop.folder / "folder.py").mkdir()
    workshop.write("secret.py", "1").chmod(0)
    (workshop.folder / "link.py").symlink_to("loop.py")
    (workshop.folder / "loop.py").symlink_to("link.py")
    run = workshop.record(
        """
        def f(): return 1
        for name in ("pipe.py", "folder.py", "secret.py", "link.py"):
            exec(compile("f()", HERE + name, "exec"))
        """.replace("HERE", repr(f"{workshop.folder}/"))
    )
    assert list(sources(run.trace)) == ["app.py", "secret.py"]
    os.mkfifo(workshop.folder / "now.py")
    os.replace(workshop.folder / "now.py", workshop.folder / "app.py")  # nor does the reader wait
    assert states(run.trace_path)["app.py"] == "gone"


def test_a_huge_file(workshop: Workshop) -> None:
    with (workshop.folder / "huge.py").open("wb") as file:
        file.truncate(1 << 30)
    run = workshop.record("""
        def f(): return 1
        exec(compile("f()", "huge.py", "exec"))
        """)
    source = sources(run.trace)["huge.py"]
    assert (source["path"], source["size"], source["hash"]) == (str(workshop.folder / "huge.py"), 1 << 30, None)
    assert source["state"] == "same"


def test_a_relative_name_after_chdir(workshop: Workshop) -> None:
    """It is looked for where the program began, whatever folder is current."""
    workshop.write("made.py", "1")
    workshop.write("sub/made.py", "another")
    run = workshop.record("""
        import os
        def f(): return 1
        os.chdir("sub")
        exec(compile("f()", "made.py", "exec"))
        """)
    source = sources(run.trace)["made.py"]
    assert (source["file"], source["path"]) == ("made.py", str(workshop.folder / "made.py"))
    assert source["size"] == 1


def test_what_lies_in_an_archive(workshop: Workshop) -> None:
    workshop.write("made.py", "import sys\nsys.path.insert(0, 'lib.zip')\nimport packed\npacked.g()")
    import zipfile

    with zipfile.ZipFile(workshop.folder / "lib.zip", "w") as archive:
        archive.writestr("packed.py", "def g(): return 1")
    run = workshop.run("made.py")
    assert run.status == 0, run.err
    source = sources(run.trace)["packed.py"]
    assert source["path"] == str(workshop.folder / "lib.zip")
    assert source["size"] == (workshop.folder / "lib.zip").stat().st_size
    (workshop.folder / "lib.zip").write_bytes(b"x")
    assert last_line(workshop.flowtrace("show")) == "lib.zip has changed since this was recorded."


def test_a_file_that_is_deleted_while_it_runs(workshop: Workshop) -> None:
    workshop.write("mod.py", "def g(): return 1")
    run = workshop.record("""
        import os
        import mod
        os.unlink("mod.py")
        mod.g()
        """)
    source = sources(run.trace)["mod.py"]
    assert (source["state"], source["hash"], source["size"]) == ("gone", None, 17)


def test_names_that_are_no_utf_8(workshop: Workshop) -> None:
    """What can't be told exactly isn't told; the program runs as ever."""
    path = os.fsencode(workshop.folder) + b"/b\xff.py"
    with open(path, "wb") as file:
        file.write(b"def f(): return 1\nf()\n")
    run = workshop.run(os.fsdecode(path))
    assert run.outcome == (0, b"", b"")
    assert len(run.calls("f")) == 1
    assert run.trace.sources == []


# --- what has changed -------------------------------------------------------


def test_a_changed_file(workshop: Workshop) -> None:
    run = record(workshop)
    before = workshop.flowtrace("show").out
    assert "changed" not in before
    for name in ("app.py", "mod.py"):
        set_mtime(workshop.folder / name)
    assert states(run.trace_path) == {"app.py": "same", "mod.py": "same"}, "a hash tells"
    assert workshop.flowtrace("show").out == before
    text = (workshop.folder / "mod.py").read_text()
    (workshop.folder / "mod.py").write_text(text.replace("1", "2"))
    assert states(run.trace_path) == {"app.py": "same", "mod.py": "changed"}
    assert workshop.flowtrace("show").out == f"{before}\nmod.py has changed since this was recorded.\n"
    told = workshop.flowtrace("info").out
    assert f"sources       2 files, 1 is as it was\n              {workshop.folder}/mod.py has changed since\n" in told
    (workshop.folder / "app.py").write_text("")
    assert last_line(workshop.flowtrace("show")) == "app.py and mod.py have changed since this was recorded."


def test_many_changed_files(workshop: Workshop) -> None:
    names = [f"mod_{n}" for n in range(8)]
    for name in names:
        workshop.write(f"{name}.py", "def g(): return 1")
    run = workshop.record("\n".join(f"import {name}" for name in names))
    for name in names:
        (workshop.folder / f"{name}.py").write_text("x")
    assert sorted(set(states(run.trace_path).values())) == ["changed", "same"]
    assert last_line(workshop.flowtrace("show")) == "mod_0.py and 7 more files have changed since this was recorded."
    told = workshop.flowtrace("info").out.partition("sources       ")[2].partition("records")[0].splitlines()
    assert told[0] == "9 files, 1 is as it was"
    assert told[1:6] == [f"              {workshop.folder}/{name}.py has changed since" for name in names[:5]]
    assert told[6:] == ["              … 3 more"]


def test_what_is_not_here_is_no_change(workshop: Workshop) -> None:
    run = record(workshop)
    before = workshop.flowtrace("show").out
    (workshop.folder / "mod.py").unlink()
    assert states(run.trace_path) == {"app.py": "same", "mod.py": "gone"}
    assert workshop.flowtrace("show").out == before
    assert "sources       2 files, 1 is as it was, 1 is not here\n" in workshop.flowtrace("info").out


def test_another_machine(workshop: Workshop) -> None:
    """Its files may have the names of ours."""
    run = record(workshop)
    (workshop.folder / "mod.py").write_text("another text")
    host = os.uname().nodename.encode()
    name = b"\x04host" + bytes([len(host)])
    data = run.trace_path.read_bytes()
    assert name + host in data
    run.trace_path.write_bytes(data.replace(name + host, name + b"x" * len(host)))
    assert set(states(run.trace_path).values()) == {"elsewhere"}
    assert "changed" not in workshop.flowtrace("show").out
    assert "sources       2 files of another machine, not compared\n" in workshop.flowtrace("info").out


def test_a_file_that_changes_while_the_program_runs(workshop: Workshop) -> None:
    workshop.write("mod.py", "def g(): return 1")
    workshop.write(
        "app.py",
        """
        import pathlib
        import mod
        mod.g()
        pathlib.Path("mod.py").write_text("def g(): return 'another'")
        """,
    )
    run = workshop.flowtrace("run", "app.py")
    assert run.err.endswith("\nmod.py has changed since this was recorded.\n")
    assert sources(run.trace)["mod.py"]["hash"] is None, "what is there isn't what ran"


def test_a_module_that_is_reloaded(workshop: Workshop) -> None:
    """Two versions have run, and the newer is there."""
    workshop.write("mod.py", "def g(): return 1")
    run = workshop.record("""
        import importlib, pathlib
        import mod
        mod.g()
        pathlib.Path("mod.py").write_text("def g(): return 'another'")
        importlib.reload(mod)
        mod.g()
        """)
    versions = [source for source in run.trace.sources if source["file"].endswith("mod.py")]
    assert [source["size"] for source in versions] == [17, 25]
    assert [source["state"] for source in versions] == ["changed", "same"]
    assert [bool(source["hash"]) for source in versions] == [False, True]
    assert "changed" not in workshop.flowtrace("show").out


# --- the program sees nothing of it -----------------------------------------


def test_the_program_notices_nothing(workshop: Workshop) -> None:
    """No event of an audit hook, no descriptor, and its files are not read while it runs."""
    workshop.write("mod.py", "def g(): return 1")
    workshop.write(
        "app.py",
        """
        import os, sys
        heard = []
        sys.addaudithook(lambda event, args: heard.append((event, str(args))) if event in {"open", "os.stat"} else None)
        first = os.dup(2)
        os.utime("mod.py", (1_000_000_000, 1_000_000_001))
        import mod
        os.utime("mod.py", (1_000_000_000, 1_000_000_001))  # the import has read it
        mod.g()
        print(first, os.dup(2), [event for event in heard if "mod.py" in event[1]], os.stat("mod.py").st_atime)
        """,
    )
    plain = workshop.python("app.py", flags=["-B"])
    assert workshop.run("app.py", environment={"PYTHONDONTWRITEBYTECODE": "1"}).outcome == plain.outcome
    assert plain.out.endswith(" 1000000000.0\n")


def test_stories_of_trace_make_no_hashes(workshop: Workshop) -> None:
    """Their file is deleted anyway."""
    path = workshop.write(
        "app.py",
        """
        import sys
        from flowtrace import _core, get_trace_data, trace
        _core.hash_sources = None
        @trace
        def f(): return 1
        for _ in range(3): f()
        """,
    )
    done = workshop.python(path.name)
    assert (done.status, done.err.count("f() → 1")) == (0, 3), done.err


def test_hashes_of_a_trace_that_is_none(tmp_path: Path) -> None:
    """It never fails: who made the recording can do nothing about it."""
    for path in (tmp_path / "missing.flow", tmp_path):
        _core.hash_sources(path)
    (tmp_path / "text.flow").write_text("no trace")
    _core.hash_sources(tmp_path / "text.flow")
    assert (tmp_path / "text.flow").read_text() == "no trace"
