"""What the gallery promises: programs of eight kinds, and bugs that a few lines lead to. test_golden.py remakes it."""

import re

from conftest import ROOT

GALLERY = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
PROGRAM = re.compile(r"\[The program\]\(\.\./(examples/\S+?)\)")
LEADING = 40
KINDS = {
    "web.py": "a request to a web application",
    "test_cart.py": "a test run",
    "calc.py": "a parser",
    "pipeline/app.py": "a data pipeline",
    "crawler/app.py": "an async crawler",
    "todo.py": "a tool of the command line",
    "bug_": "a program with a bug",
    "killed.py": "a program that was killed",
}
# The lines that name the bug, as the section of each says.
CULPRITS = {
    "bug_settings.py": r"raised in  read\(.*bug_settings\.py:11",
    "bug_average.py": r"average\(rows=generator\(read\)\) → 0 .*",
    "bug_shutdown.py": r"caught in stubborn \(bug_shutdown\.py\)",
    "bug_labels.py": r"result: 'yes' → '1 item'",
}


def sections(text: str) -> dict[str, str]:
    """Return the sections that tell of a program, by the program's path."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {PROGRAM.findall(part)[-1]: part for part in parts}


def story(section: str) -> list[str]:
    return re.findall(r"```\n(.*?)```", section, re.DOTALL)[0].splitlines()


def test_there_are_all_kinds() -> None:
    programs = sections(GALLERY)
    for part, kind in KINDS.items():
        assert [path for path in programs if part in path], kind


def test_each_program_is_told_of() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/gallery/*.py")}
    assert there <= sections(GALLERY).keys()


def test_a_few_lines_lead_to_each_bug() -> None:
    bugs = sections(GALLERY.partition("\n# Bugs\n")[2])
    assert {path.rpartition("/")[2] for path in bugs} == CULPRITS.keys()
    for path, section in bugs.items():
        lines = story(section)
        assert len(lines) <= LEADING, path
        assert re.search(CULPRITS[path.rpartition("/")[2]], "\n".join(lines)), path
    told = "\n".join("\n".join(story(section)) for section in bugs.values())
    assert all(f"$ flowtrace {way}" in told for way in ("show\n", "show --errors", "diff "))
