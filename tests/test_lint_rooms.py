"""tools/lint_rooms.py sees each rule broken, and nothing in a project that keeps them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LINTER = Path(__file__).parent.parent / "tools" / "lint_rooms.py"
CLEAN = {
    "src/trace/format.h": "#include <stdint.h>\n/* #include <Python.h> and settrace() in a comment are no harm */\n",
    "src/trace/writer.c": '#include "format.h"\nstatic const char *text = "settrace()";\n',
    "src/record/compat.h": "#include <Python.h>\n",
    "src/record/events.c": '#include "../trace/format.h"\n#include "compat.h"\n',
    "src/model/model.h": '#include "../trace/format.h"\n',
    "src/show/tree.c": '#include "../model/model.h"\n',
    "src/export/json.c": '#include "../model/model.h"\n',
    "src/binding/module.c": '#include "../record/compat.h"\n#include "../model/model.h"\n',
    "flowtrace/__init__.py": '"""Never calls sys.settrace()."""  # nor setprofile()\n',
    "flowtrace/reference.py": "import sys\nfrom collections.abc import Iterator\n",
    "meson.build": "'src/trace/writer.c' 'src/record/events.c' 'src/show/tree.c' 'src/export/json.c'"
    " 'src/binding/module.c' 'flowtrace/__init__.py' 'flowtrace/reference.py'\n",
}
BREACHES = [
    ("src/trace/writer.c", "#include <Python.h>", "src/trace never includes Python.h: it builds and is tested without"),
    ("src/model/model.h", '#include "Python.h"', "src/model never includes Python.h"),
    ("src/show/tree.c", "#  include  <Python.h>", "src/show never includes Python.h"),
    ("src/export/json.c", '#include "../record/compat.h"', "as it does here through ../record/compat.h"),
    ("src/export/json.c", '#include "../record/compat.h"', "src/export never includes src/record"),
    ("src/record/events.c", '#include "../model/model.h"', "src/record never includes src/model"),
    ("src/record/compat.h", '#include "../model/model.h"', "src/record never includes src/model"),
    ("src/record/events.c", '#include "../show/tree.c"', "src/record never includes src/show"),
    ("src/record/events.c", '#include "../export/json.c"', "src/record never includes src/export"),
    ("src/record/events.c", "#include <model/model.h>", "src/record never includes src/model"),
    ("src/trace/writer.c", '#include "../model/model.h"', "src/trace never includes src/model (../model/model.h); it"),
    ("src/model/model.h", '#include "../show/tree.c"', "src/model never includes src/show"),
    ("src/show/tree.c", '#include "../binding/module.c"', "src/show never includes src/binding"),
    ("src/trace/writer.c", '#include "../../meson.build"', "which lies outside of src/"),
    ("src/record/events.c", "PyEval_SetTrace(f, NULL);", "PyEval_SetTrace() takes the program's debugger away"),
    ("src/record/events.c", 'call(1); PyEval_SetProfileAllThreads (f, "");', "PyEval_SetProfileAllThreads() takes"),
    ("flowtrace/__init__.py", "import sys; sys.settrace(None)", "sys.settrace() takes"),
    ("flowtrace/__init__.py", "threading.setprofile_all_threads(None)", "threading.setprofile_all_threads() takes"),
    ("flowtrace/reference.py", "import flowtrace.errors", "imports flowtrace; it stands alone"),
    ("flowtrace/reference.py", "if sys:\n    from ._events import CallEvent", "imports its package; it stands alone"),
    ("flowtrace/reference.py", "import numpy", "imports numpy; it stands alone"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in CLEAN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def lint(project: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, LINTER, project], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_nothing_wrong(project: Path) -> None:
    assert lint(project) == (0, "")


@pytest.mark.parametrize(("file", "line", "message"), BREACHES)
def test_breach(project: Path, file: str, line: str, message: str) -> None:
    path = project / file
    path.write_text(path.read_text() + line + "\n")
    number = len(path.read_text().splitlines())
    status, output = lint(project)
    assert status == 1
    assert any(told.startswith(f"{file}:{number}: ") and message in told for told in output.splitlines()), output


def test_python_through_a_header_of_its_own(project: Path) -> None:
    (project / "src/trace/innocent.h").write_text('#include "worse.h"\n')
    (project / "src/trace/worse.h").write_text('#include "innocent.h"\n#include <Python.h>\n')
    (project / "src/trace/writer.c").write_text('\n#include "innocent.h"\n')
    _, output = lint(project)
    assert (
        "src/trace/writer.c:2: src/trace never includes Python.h, "
        "as it does here through innocent.h, src/trace/worse.h\n" in output
    )


def test_unknown_room(project: Path) -> None:
    (project / "src/attic").mkdir()
    (project / "src/attic/box.h").write_text("")
    status, output = lint(project)
    assert status == 1
    assert output.startswith("src/attic/box.h:1: src/attic is no room")


def test_reference_too_long(project: Path) -> None:
    (project / "flowtrace/reference.py").write_text("pass\n" * 250)
    assert lint(project) == (0, "")
    (project / "flowtrace/reference.py").write_text("pass\n" * 251)
    assert lint(project) == (1, "flowtrace/reference.py:251: 251 lines; the explanation has room for 250\n")


@pytest.mark.parametrize("file", ["src/trace/new.c", "flowtrace/commands/new.py", "flowtrace/_new.pyi"])
def test_not_in_build(project: Path, file: str) -> None:
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_text("")
    assert lint(project) == (1, f"{file}:1: meson.build does not name it, so it is neither built nor installed\n")
    (project / "meson.build").write_text((project / "meson.build").read_text() + f"# '{file}'\n")
    assert lint(project)[0] == 1
