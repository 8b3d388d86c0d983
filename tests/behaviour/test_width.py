"""Lines with wide, combining and joined characters are as wide as they are to be, and cut between characters."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wcwidth
from conftest import Workshop

from flowtrace import cli

View = Callable[..., list[str]]

TEXTS = ["日本語", "e\u0301e\u0301", "❤\ufe0f1\ufe0f\u20e3", "👍🏽😀", "🇩🇪🇫🇷", "\u1112\u1161\u11ab", "कि", "ไทย"]
SOURCE = f"""
    import sys, threading

    TEXTS = {TEXTS}
    if sys.argv[1:]:
        TEXTS.reverse()

    def 価格(注文, 備考=None):
        return {{"合計": 注文 * 3}}

    def café(テキスト):
        return テキスト

    def 失敗(理由):
        raise ValueError(理由)

    def main():
        for number, text in enumerate(TEXTS):
            価格(text, 備考=[text, number])
            café(text * 7)
            café({{text: text, "n": (text * 9, number)}})
        try:
            失敗("理由は" + TEXTS[1] * 9)
        except ValueError:
            pass

    thread = threading.Thread(target=main, name="ไทย👍🏽中文")
    thread.start()
    thread.join()
    main()
    """
VIEWS = {
    "show": ["show", "a.flow"],
    "show --all": ["show", "--all", "a.flow"],
    "show --fields": ["show", "--fields", "running,thread,where,call", "a.flow"],
    "show --errors": ["show", "--errors", "a.flow"],
    "show --call": ["show", "--call", "5", "a.flow"],
    "show --by task": ["show", "--by", "task", "a.flow"],
    "find": ["find", "a.flow"],
    "find --produced": ["find", "--produced", "日本語", "a.flow"],
    "report": ["report", "a.flow"],
    "report --by track": ["report", "--by", "track", "a.flow"],
    "report --by exception": ["report", "--by", "exception", "a.flow"],
    "graph": ["graph", "a.flow"],
    "graph FUNC": ["graph", "価格", "a.flow"],
    "diff": ["diff", "a.flow", "b.flow"],
    "diff --all": ["diff", "--all", "a.flow", "b.flow"],
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workshop = Workshop(tmp_path_factory.mktemp("wide"))
    workshop.record(SOURCE, "-o", "a.flow")
    assert workshop.run("-o", "b.flow", "app.py", "reversed").status == 0
    return workshop.folder


@pytest.fixture
def view(recorded: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> View:
    monkeypatch.chdir(recorded)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def view(name: str, *words: str) -> list[str]:
        with open(tmp_path / "told", "w+", encoding="utf-8") as told:
            monkeypatch.setattr(sys, "stdout", told)
            status = cli.main([*VIEWS[name], *words])
            monkeypatch.undo()
            monkeypatch.chdir(recorded)
            assert status == (1 if name.startswith("diff") else 0)
            return (tmp_path / "told").read_bytes().decode().splitlines()

    return view


CHARACTERS = {
    character
    for text in [*TEXTS, "ไทย👍🏽中文理由は価格注文備考合計失敗テキスト"]
    for character in wcwidth.iter_graphemes(text)
}
OWN = set("├─│└→✗⇢⇉↻×…·µé")


@pytest.mark.parametrize("name", VIEWS)
def test_no_line_is_wider_than_it_may_be(view: View, name: str) -> None:
    for width in (*range(40, 90), 120, 200):
        for line in view(name, "--width", str(width)):
            assert wcwidth.wcswidth(line) <= width, line


@pytest.mark.parametrize("name", VIEWS)
def test_no_character_is_cut(view: View, name: str) -> None:
    for width in (1, 2, 3, 5, 8, 13, 20, 30, *range(40, 90), 200):
        for line in view(name, "--width", str(width)):
            for character in wcwidth.iter_graphemes(line):
                assert character in CHARACTERS or character.isascii() or character in OWN, (width, line)


@pytest.mark.parametrize("name", ["show", "show --all", "show --fields", "find", "graph"])
def test_what_stands_at_the_right_is_aligned(view: View, name: str) -> None:
    for width in range(100, 130) if "fields" in name else range(60, 90):
        aligned = [line for line in view(name, "--width", str(width)) if line.endswith(("s", *"0123456789"))]
        ends = [wcwidth.wcswidth(line) for line in aligned if "  " in line]
        assert len(ends) > 2
        assert set(ends) == {width}, aligned


def test_columns_of_a_table_are_aligned(view: View) -> None:
    lines = view("report --by track", "--width", "120")
    (heading,) = (line for line in lines if line.startswith("calls"))
    tracks = [track for line in lines for track in ("main MainThread", "thread ไทย") if track in line]
    begins = {wcwidth.wcswidth(line[: line.index(track)]) for line in lines for track in tracks if track in line}
    assert len(tracks) == 2
    assert begins == {heading.index("track")}
