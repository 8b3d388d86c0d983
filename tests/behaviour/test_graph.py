"""flowtrace graph: who calls whom, merged by function."""

from __future__ import annotations

import re
import sys
import textwrap

import pytest
from conftest import Workshop

SOURCE = """
    def lex(text):
        return text.split()

    def parse(text):
        return lex(text)

    def load():
        return [parse("a"), parse("b c")]

    class Cart:
        def add(self, item):
            return parse(item)

    def pong(n):
        return n and ping(n - 1)

    def ping(n):
        return n and pong(n - 1)

    def main():
        load()
        Cart().add("d")
        ping(5)

    main()
"""


@pytest.fixture
def recorded(workshop: Workshop) -> Workshop:
    workshop.record(SOURCE)
    return workshop


def drawn(workshop: Workshop, *words: str) -> str:
    """The graph without times; numbers of calls two columns behind the names."""
    done = workshop.flowtrace("graph", "--no-time", *words)
    assert done.status == 0, done.err
    assert done.err == ""
    return "\n".join(re.sub(r" +×([\d,]+)$", r"  \1", line) for line in done.out.splitlines())


def graph(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_the_whole_program(recorded: Workshop) -> None:
    assert drawn(recorded) == graph(
        """
        app.py · 17 calls of 9 functions

        app.py
        ├─ class Cart
        └─ main
           ├─ load
           │  └─ parse  2
           │     └─ lex  3
           ├─ Cart.add
           │  └─ parse  as above
           └─ ping
              └─ pong  3
                 └─ ping ↻  2
        """
    )


def test_one_function(recorded: Workshop) -> None:
    assert drawn(recorded, "parse") == graph(
        """
        app.py · 17 calls of 9 functions

        parse  app.py:4  called by  3
        ├─ load  2
        │  └─ main
        │     └─ app.py
        └─ Cart.add
           └─ main  as above

        parse  app.py:4  calls  3
        └─ lex  3
        """
    )


@pytest.mark.parametrize("name", ["add", "Cart.add", "__main__.Cart.add", "Cart.*"])
def test_names_are_those_of_filters(recorded: Workshop, name: str) -> None:
    assert "\nCart.add  app.py:11  calls\n└─ parse\n" in drawn(recorded, name)


def test_several_functions_of_one_name(workshop: Workshop) -> None:
    workshop.record(
        """
        class A:
            def go(self): pass
        class B:
            def go(self): pass
        A().go()
        B().go()
        """
    )
    told = drawn(workshop, "go")
    assert "\nA.go  app.py:2  called by\n└─ app.py\n\nA.go  app.py:2  calls nothing that was recorded\n" in told
    assert "\nB.go  app.py:4  called by\n└─ app.py\n" in told


def test_which_word_is_the_file_and_which_the_function(recorded: Workshop) -> None:
    whole, one = drawn(recorded), drawn(recorded, "load")
    assert whole != one
    assert drawn(recorded, "flowtrace.flow") == whole
    recorded.trace_path.rename(recorded.folder / "other.flow")
    assert drawn(recorded, "other.flow") == whole
    assert drawn(recorded, "load", "other.flow") == one
    assert drawn(recorded, "--function", "load", "other.flow") == one
    (recorded.folder / "other.flow").rename(recorded.folder / "load")
    assert drawn(recorded, "load") == whole
    assert drawn(recorded, "load", "load") == drawn(recorded, "--function", "load", "load") == one


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["prase"], ["no function matches 'prase'", "did you mean parse?"]),
        (["--function", "Cart.ad"], ["no function matches 'Cart.ad'", "did you mean Cart.add?"]),
        (["nothing_like_it_at_all"], ["no function matches 'nothing_like_it_at_all'"]),
        (["--function="], ["--function needs the name of a function"]),
        (["missing.flow"], ["no file missing.flow"]),
        (["load", "missing"], ["no file missing"]),
        (["load", "flowtrace.flow", "more"], ["one function and one file, not 3"]),
        (["--lines", "few"], ["--lines", "whole number", "'few'"]),
        (["--depth", "1..2"], ["--depth", "whole number", "'1..2'"]),
        (["a\nb"], ["no function matches 'a\\nb'"]),
    ],
)
def test_what_is_wrong_is_named(recorded: Workshop, words: list[str], parts: list[str]) -> None:
    done = recorded.flowtrace("graph", *words)
    assert done.status == 2
    assert done.stdout == b""
    assert done.err.startswith("flowtrace: ")
    assert done.err.count("\n") == 1
    for part in parts:
        assert part in done.err


def test_filters_choose_the_calls(recorded: Workshop) -> None:
    assert drawn(recorded, "--hide", "parse", "--under", "load").splitlines()[2:] == ["load", "└─ lex  2"]
    assert drawn(recorded, "lex", "--hide", "parse").splitlines()[2:5] == [
        "lex  app.py:1  called by  3",
        "├─ load  2",
        "│  └─ main",
    ]
    assert drawn(recorded, "lex", "--hide", "lex").splitlines()[2] == "No call of it is left."
    assert drawn(recorded, "--under", "load").startswith("app.py · 5 of 17 calls, of 3 functions\n")
    assert drawn(recorded, "--module", "__main__", "--duration", "100s..") == "The filters leave none of 17 calls."


def test_times_and_links(workshop: Workshop) -> None:
    workshop.record(
        """
        import asyncio, threading
        async def nap():
            await asyncio.sleep(0.01)
        async def both():
            await asyncio.gather(nap(), nap())
        def work(): pass
        asyncio.run(both())
        for _ in range(3):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        """
    )
    told = workshop.flowtrace("graph", "--width", "80").out
    assert [line for line in told.splitlines() if "⇢ task: nap" in line and "×2" in line and line.endswith(" wait")]
    assert [line for line in told.splitlines() if line.startswith("└─ ⇉ thread: work") and "×3" in line]
    above = drawn(workshop, "nap")
    assert "\n└─ ⇢ task of both  2\n" in above


def test_budget_and_depth(recorded: Workshop) -> None:
    told = drawn(recorded, "--depth", "2")
    assert "├─ class Cart\n└─ main  … 3 functions\n" in told
    assert "--depth N show" in told
    assert drawn(recorded, "--all") == drawn(recorded)
    assert len(drawn(recorded, "--lines", "8").splitlines()) <= 12


def test_narrow_and_ascii(recorded: Workshop) -> None:
    told = recorded.flowtrace("graph", "--ascii", "--width", "30")
    assert told.stdout.isascii()
    assert max(len(line) for line in told.out.splitlines()) <= 30
    assert recorded.flowtrace("graph", "--width", "1").status == 0


def test_help_lists_each_option_once(recorded: Workshop) -> None:
    options = re.findall(r"^  (--[\w-]+)", recorded.flowtrace("graph", "--help").out, re.MULTILINE)
    assert len(options) == len(set(options))
    assert {"--function", "--depth", "--hide", "--lines"} <= set(options)


def test_nothing_was_recorded(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(:\n")
    assert workshop.run("app.py").status == 1
    assert "ended before its first, with exit status 1" in workshop.flowtrace("graph").out


def test_a_pipe_that_nobody_reads(recorded: Workshop) -> None:
    process = recorded.start(
        "-c", f"import os; os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'flowtrace', 'graph'])"
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0
