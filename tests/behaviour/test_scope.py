"""Whose code is recorded: where it lies, how it came there, what --include and --exclude say."""

from __future__ import annotations

import json
import signal
import zipfile
from pathlib import Path

import pytest
from conftest import Run, Workshop

from flowtrace._core import Trace


def functions(run: Run) -> set[str]:
    """Names of the functions that were called, without bodies of modules."""
    return {function.qualname for function in run.trace.functions} - {"<module>"}


def verdicts(trace: Trace) -> dict[str, str]:
    """What is said of each top-level module; those of the standard library are many, and left out."""
    return {
        module["name"]: f"{'+' if module['recorded'] else '-'} {module['why']} {module['what']}".rstrip()
        for module in trace.info["modules"]
        if module["why"] != "standard library"
    }


# --- where it lies -------------------------------------------------------------


def test_a_library_inside_the_project(workshop: Workshop) -> None:
    """A virtual environment in the project's folder is no part of it; nor is what else bears such a name."""
    for folder in ("venv/lib/python3/site-packages", "usr/lib/python3/dist-packages", "site-packages/x/site-packages"):
        name = f"in_{folder.split('/')[0].replace('-', '_')}"
        workshop.write(f"{folder}/{name}.py", f"def f_{name}(): pass")
    workshop.write("pyproject.toml", "")
    run = workshop.record("""
        import sys
        sys.path += ["venv/lib/python3/site-packages", "usr/lib/python3/dist-packages", "site-packages/x/site-packages"]
        import in_venv, in_usr, in_site_packages
        def main(): in_venv.f_in_venv(), in_usr.f_in_usr(), in_site_packages.f_in_site_packages()
        main()
        """)
    assert functions(run) == {"main"}
    assert verdicts(run.trace) == {
        "__main__": f"+ folder {workshop.folder}",
        "in_venv": "- installed",
        "in_usr": "- installed",
        "in_site_packages": "- installed",
    }


@pytest.mark.parametrize("place", ["site-packages/mine", "dist-packages", "lib/site-packages"])
def test_a_project_inside_a_folder_of_a_librarys_name(workshop: Workshop, place: str) -> None:
    workshop.write(f"{place}/app/pkg/__init__.py", "def f(): pass")
    workshop.write(f"{place}/app/venv/lib/site-packages/installed.py", "def g(): pass")
    workshop.write(
        f"{place}/app/app.py",
        """
        import sys
        sys.path.append(sys.path[0] + "/venv/lib/site-packages")
        import installed, pkg
        def main(): pkg.f(), installed.g()
        main()
        """,
    )
    run = workshop.run(f"{place}/app/app.py")
    assert (run.status, run.err) == (0, "")
    assert functions(run) == {"main", "f"}


def test_a_project_inside_the_standard_library(workshop: Workshop) -> None:
    """The deepest folder decides there as well; here folders stand in for both."""
    workshop.write("std/app/mine.py", "def f(): pass")
    workshop.write("std/app/venv/lib/python3/theirs.py", "def g(): pass")
    workshop.write("std/other.py", "def h(): pass")
    workshop.write(
        "app.py",
        """
        import os, sys
        from flowtrace import _core
        here = os.getcwd()
        library = [here + "/std", here + "/std/app/venv/lib/python3"]
        sys.path += [here + "/std/app", *library]
        places = {"roots": [here + "/std/app"], "library": library, "rules": []}
        _core.record_start("flowtrace.flow", values=True, time=True, info={}, settings={}, secrets=[], **places)
        import mine, other, theirs
        mine.f(), other.h(), theirs.g()
        _core.record_stop()
        """,
    )
    run = workshop.python("app.py")
    assert (run.status, run.err) == (0, "")
    assert functions(run) == {"f"}
    assert verdicts(run.trace) == {"mine": f"+ folder {workshop.folder}/std/app"}


def test_sources_and_tests_side_by_side(workshop: Workshop) -> None:
    workshop.write("project/pyproject.toml", "")
    workshop.write("project/src/pkg/__init__.py", "def f(): pass")
    workshop.write("project/tests/unit/check.py", "import pkg\ndef test(): pkg.f()\ntest()")
    environment = {"PYTHONPATH": str(workshop.folder / "project/src")}
    run = workshop.run("project/tests/unit/check.py", environment=environment)
    assert functions(run) == {"test", "f"}
    run = workshop.run("-m", "unit.check", cwd=workshop.folder / "project/tests", environment=environment)
    trace = Trace(workshop.folder / "project/tests/flowtrace.flow")
    assert {function.qualname for function in trace.functions} == {"<module>", "test", "f"}


def test_a_folder_on_pythonpath(workshop: Workshop, tmp_path: Path) -> None:
    """Somebody put it there by hand, so it is theirs, if it is no library's."""
    (tmp_path / "common").mkdir()
    (tmp_path / "common/shared.py").write_text("def f(): pass")
    (tmp_path / "site-packages/boot").mkdir(parents=True)
    (tmp_path / "site-packages/boot/tool.py").write_text("def g(): pass")
    workshop.write("app.py", "import shared, tool\nshared.f(), tool.g()")
    environment = {"PYTHONPATH": f"{tmp_path / 'common'}:{tmp_path / 'site-packages/boot'}"}
    run = workshop.run("app.py", environment=environment)
    assert functions(run) == {"f"}
    assert verdicts(run.trace)["shared"] == f"+ folder {tmp_path / 'common'}"
    assert verdicts(run.trace)["tool"] == "- installed"


def test_what_lies_elsewhere(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.py").write_text("def f(): pass")
    run = workshop.record(f"import sys\nsys.path.append({str(tmp_path / 'elsewhere')!r})\nimport other\nother.f()")
    assert functions(run) == set()
    assert verdicts(run.trace)["other"] == "- elsewhere"


def test_what_library_code_generates(workshop: Workshop) -> None:
    """namedtuple() makes a module of its own for __new__, which lies in no folder because it lies nowhere."""
    run = workshop.record("""
        import collections
        Point = collections.namedtuple("Point", "x y")
        def f(point): return point
        f(Point(1, 2))
        exec("def g(): pass\\ng()", {"__name__": "made"})
        exec("def h(): pass\\nh()")
        """)
    assert functions(run) == {"f", "h"}
    assert verdicts(run.trace)["namedtuple_Point"] == "- generated"
    assert verdicts(run.trace)["made"] == "- generated"
    assert "left out, made by exec(), in no file:\n                made namedtuple_" in workshop.flowtrace("info").out


def test_namespace_packages(workshop: Workshop, tmp_path: Path) -> None:
    """One package in two folders: each part is judged by where it lies."""
    workshop.write("one/space/mine.py", "def f(): pass")
    (tmp_path / "site-packages/space").mkdir(parents=True)
    (tmp_path / "site-packages/space/theirs.py").write_text("def g(): pass")
    run = workshop.record(f"""
        import sys
        sys.path += [sys.path[0] + "/one", {str(tmp_path / "site-packages")!r}]
        import space.mine, space.theirs
        space.mine.f(), space.theirs.g()
        """)
    assert functions(run) == {"f"}
    found = [module for module in run.trace.info["modules"] if module["name"] == "space"]
    assert [(module["recorded"], module["why"]) for module in found] == [(True, "folder"), (False, "installed")]
    workshop.write("two/space/__main__.py", "def h(): pass\nh()")
    assert functions(workshop.run("-m", "space", cwd=workshop.folder / "two", environment={})) == {"f"}
    assert "h" in {function.qualname for function in Trace(workshop.folder / "two/flowtrace.flow").functions}


@pytest.mark.parametrize("relative", [True, False])
def test_zipped_applications(workshop: Workshop, relative: bool) -> None:
    with zipfile.ZipFile(workshop.folder / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", "import os, pkg.sub\nos.chdir('/')\ndef main(): pkg.sub.f()\nmain()")
        archive.writestr("pkg/__init__.py", "")
        archive.writestr("pkg/sub.py", "def f(): from . import late\ndef g(): pass\n")
        archive.writestr("pkg/late.py", "from .sub import g\ng()\n")
    workshop.write("pyproject.toml", "")
    run = workshop.run("app.pyz" if relative else str(workshop.folder / "app.pyz"))
    expected = workshop.python("app.pyz" if relative else str(workshop.folder / "app.pyz"))
    assert run.outcome == expected.outcome
    assert functions(run) == ({"main", "f", "g"} if expected.status == 0 else {"main", "f"})


def test_links(workshop: Workshop, tmp_path: Path) -> None:
    """A project that is reached by several names, none of them the one that it was started by."""
    workshop.write("project/app.py", "import sys\nsys.path.insert(0, sys.argv[1])\nimport pkg\npkg.f()")
    workshop.write("project/inner/pkg.py", "def f(): pass")
    (tmp_path / "link").symlink_to(workshop.folder / "project")
    (tmp_path / "part").symlink_to(workshop.folder / "project/inner")
    for script in ("project/app.py", str(tmp_path / "link/app.py")):
        for inner in (tmp_path / "link/inner", tmp_path / "part", workshop.folder / "project/inner"):
            run = workshop.run(script, str(inner))
            assert functions(run) == {"f"}, (script, inner)


def test_relative_names_of_files(workshop: Workshop) -> None:
    workshop.write("lib/site-packages/library.py", "def run(text, name): exec(compile(text, name, 'exec'), {})")
    run = workshop.record("""
        import os, sys
        sys.path.append("lib/site-packages")
        import library
        def main():
            exec(compile("def a(): pass\\na()", "relative.py", "exec"), {"__name__": "__main__"})
            exec(compile("def b(): pass\\nb()", "./deep/relative.py", "exec"), globals())
            exec(compile("def c(): pass\\nc()", "lib/site-packages/x.py", "exec"), globals())
            exec(compile("def d(): pass\\nd()", "", "exec"), globals())
            library.run("def e(): pass\\ne()", "<string>")
        main()
        """)
    assert functions(run) == {"main", "a", "b", "d"}


# --- how it came there ----------------------------------------------------------


def make_environment(workshop: Workshop, project: str, *, editable: bool, extra: str = "") -> dict[str, str]:
    """Do as `pip install` does: write what it leaves in a site-packages, for PYTHONPATH's want of another."""
    name = "editable" if editable else "usual"
    folder = workshop.folder / f"env-{name}/site-packages"
    info = folder / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    url = {"url": "file://" + project.replace(" ", "%20"), "dir_info": {"editable": True} if editable else {}}
    (info / "direct_url.json").write_text(json.dumps(url))
    (folder / "sitecustomize.py").write_text(extra)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("editable", [True, False])
def test_editable_installs(workshop: Workshop, tmp_path: Path, editable: bool) -> None:
    """Their project's folder is a root, wherever the program lies."""
    project = tmp_path / "an other/project"
    (project / "src/thing").mkdir(parents=True)
    (project / "src/thing/__init__.py").write_text("def f(): pass")
    (project / "venv/site-packages").mkdir(parents=True)
    (project / "venv/site-packages/dependency.py").write_text("def g(): pass")
    paths = [str(project / "src"), str(project / "venv/site-packages")]
    environment = make_environment(workshop, str(project), editable=editable, extra=f"import sys; sys.path += {paths}")
    workshop.write("app.py", "import dependency, thing\nthing.f(), dependency.g()")
    run = workshop.run("app.py", environment=environment)
    assert (run.status, run.err) == (0, "")
    assert functions(run) == ({"f"} if editable else set())
    assert verdicts(run.trace)["thing"] == (f"+ folder {project}" if editable else "- elsewhere")


# --- code without a file ----------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["-c", "def f(): pass\nf()"], ""),
        (["-"], "def f(): pass\nf()\n"),
        (["-c", "import code; code.interact(banner='', exitmsg='')"], "def f(): pass\n\nf()\n"),
        (["-c", "import code\ndef f(): pass\ncode.InteractiveInterpreter({'f': f}).runsource('f()')"], ""),
    ],
    ids=["-c", "stdin", "console", "interpreter"],
)
def test_code_that_is_typed(workshop: Workshop, words: list[str], stdin: str) -> None:
    run = workshop.run(*words, stdin=stdin.encode())
    assert run.status == 0
    assert functions(run) == {"f"}
    assert verdicts(run.trace)["__main__"] == "+ no file"


def test_the_prompt_of_python(workshop: Workshop) -> None:
    environment = {"FLOWTRACE": "1", "PYTHON_BASIC_REPL": "1"}
    run = workshop.python("-i", "-c", "def f(): pass", stdin=b"def g(): f()\n\ng()\n", environment=environment)
    assert run.status == 0
    assert functions(run) == {"f", "g"}


@pytest.mark.parametrize("file", ["<ipython-input-1-abcdef>", "/tmp/ipykernel_123/456.py"])
def test_cells_of_a_notebook(workshop: Workshop, file: str) -> None:
    """As ipykernel runs them: code of __main__, in a file that was never written."""
    workshop.write("lib/site-packages/kernel.py", "def cell(text, file, to): exec(compile(text, file, 'exec'), to)")
    run = workshop.record(f"""
        import sys
        sys.path.append("lib/site-packages")
        import kernel
        space = {{"__name__": "__main__"}}
        kernel.cell("def f(): pass", {file!r}, space)
        kernel.cell("f()", {file!r}, space)
        """)
    assert functions(run) == {"f"}


# --- --include and --exclude ---------------------------------------------------------


@pytest.fixture
def packages(workshop: Workshop) -> Workshop:
    for name in ("a", "b", "ab"):
        workshop.write(f"pkg/{name}/__init__.py", "")
        workshop.write(f"pkg/{name}/mod.py", f"def {name}_mod(): pass\n{name}_mod()")
    workshop.write("pkg/__init__.py", "def pkg(): pass\npkg()")
    workshop.write("pkgs.py", "def pkgs(): pass\npkgs()")
    workshop.write("PKG.py", "def upper(): pass\nupper()")
    workshop.write("app.py", "import pkg.a.mod, pkg.b.mod, pkg.ab.mod, pkgs, PKG")
    return workshop


ALL = {"pkg", "a_mod", "b_mod", "ab_mod", "pkgs", "upper"}
OF_PKG = {"pkg", "a_mod", "b_mod", "ab_mod"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--exclude pkg", ALL - OF_PKG),
        ("--exclude pkg.*", ALL - OF_PKG | {"pkg"}),
        ("--exclude pkg*", ALL - OF_PKG - {"pkgs"}),
        ("--exclude pkg.a", ALL - {"a_mod"}),
        ("--exclude pkg.a*", ALL - {"a_mod", "ab_mod"}),
        ("--exclude pkg.?", ALL - {"a_mod", "b_mod"}),
        ("--exclude pkg.[!a]", ALL - {"b_mod"}),
        ("--exclude pkg.a.mod --include pkg", ALL),
        ("--include pkg --exclude pkg.a.mod", ALL - {"a_mod"}),
        ("--exclude * --include pkg --exclude pkg.b --include pkg.b.mod", OF_PKG),
        ("--exclude * --include pkg.a/ --include pkgs.py", {"pkgs"}),
        ("--exclude pkg/a/mod.py --include pkg.a", ALL),
        ("--include pkg.a --exclude pkg/a/mod.py", ALL - {"a_mod"}),
        ("--exclude pkg/a", ALL - {"a_mod"}),
        ("--exclude pkg/a/", ALL - {"a_mod"}),
        ("--exclude pkg/a*", ALL - {"a_mod", "ab_mod"}),
        ("--exclude ./pkg/[ab]", ALL - {"a_mod", "b_mod"}),
        ("--exclude */mod.py", ALL - {"a_mod", "b_mod", "ab_mod"}),
        ("--exclude **/mod.py", ALL - {"a_mod", "b_mod", "ab_mod"}),
        ("--exclude pkg/**/mod.py", ALL - {"a_mod", "b_mod", "ab_mod"}),
        ("--exclude pkg/**/__init__.py", ALL - {"pkg"}),
        ("--exclude pkg/a/**/mod.py", ALL - {"a_mod"}),
        ("--exclude PKG.py", ALL - {"upper"}),
        ("--exclude PKGS", ALL),
    ],
)
def test_rules(packages: Workshop, options: str, expected: set[str]) -> None:
    run = packages.run("--exclude", "__main__", *options.split(), "app.py")
    assert (run.status, run.err.startswith("flowtrace")) == (0, "pkg.a/" in options)
    assert functions(run) == expected


def test_a_rule_is_the_reason(packages: Workshop) -> None:
    run = packages.run("--include", "json", "--exclude", "pkg*", "app.py")
    assert verdicts(run.trace) == {"__main__": f"+ folder {packages.folder}", "PKG": f"+ folder {packages.folder}",
                                   "pkg": "- rule pkg*", "pkgs": "- rule pkg*"}  # fmt: skip


# --- flowtrace info says it -----------------------------------------------------------


def test_info(packages: Workshop) -> None:
    packages.write("app.py", "import bisect, heapq, pkg.a.mod, pkgs, PKG\ndef f(): pass\nf()")
    packages.run("--exclude", "pkg.a", "--include", "heapq", "app.py")
    told = packages.flowtrace("info", "--width", "60").out
    _, _, told = told.partition("modules       ")
    told, _, _ = told.partition("records ")
    words = [line.strip() for line in told.splitlines()]
    assert words[:6] == [
        f"recorded, in {packages.folder}:", "PKG __main__ pkg pkgs",
        "recorded, --include heapq:", "heapq",
        "left out, --exclude pkg.a:", "pkg",
    ]  # fmt: skip
    assert words[6] == "left out, the standard library:"
    assert "bisect" in " ".join(words[7:]).split()
    assert max(len(line) for line in told.splitlines()[1:]) <= 60


def test_it_is_said_before_the_program_ends(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import json, os
        def f(): import missing
        try: f()
        except ImportError: os.kill(os.getpid(), 9)
        """,
        status=-signal.SIGKILL,
    )
    assert verdicts(run.trace) == {"__main__": f"+ folder {workshop.folder}"}
    names = {module["name"] for module in run.trace.info["modules"]}
    assert {"json", "os"} & names


def test_modules_without_end(workshop: Workshop) -> None:
    """A program that makes them as it runs: some are told of, none is waited for."""
    run = workshop.record("""
        code = compile("def f(): pass\\nf()", "made.py", "exec")
        for n in range(3000):
            exec(code.replace(co_firstlineno=n + 1), {"__name__": f"made_{n}", "__file__": __file__})
        """)
    assert len(run.calls("f")) == 3000
    assert 500 < len(run.trace.info["modules"]) <= 1000
    assert run.trace.info["lost_records"] == 0
