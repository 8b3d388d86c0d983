"""Filters: the options that every verb has, by which calls are chosen."""

from __future__ import annotations

import re

import pytest
from conftest import Run, Workshop

SHOP = """
    import threading

    class Order:
        def __init__(self, number, note):
            self.number = number
            self.note = note

        def total(self):
            return price(self.number) + 1

    def price(number):
        if number == 3:
            raise KeyError("no price")
        return 10 * number

    def attempt(number, note="as usual"):
        try:
            return Order(number, note).total()
        except LookupError:
            return None

    def main():
        for number in 1, 2, 3:
            attempt(number)
        attempt(4, note="in a hurry")
        thread = threading.Thread(target=attempt, args=(5,), name="helper")
        thread.start()
        thread.join()

    main()
    """


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.record(SHOP)
    return workshop


def show(workshop: Workshop, *words: str, status: int = 0) -> Run:
    done = workshop.flowtrace("show", "--no-time", *words)
    assert done.status == status, done.err
    return done


def told(workshop: Workshop, *words: str) -> list[str]:
    """The story's lines without what stands above and below it, nor the ways of exceptions."""
    lines = show(workshop, "--no-values", *words).out.splitlines()
    body = lines[2 : lines.index("", 2)] if "" in lines[2:] else lines[2:]
    return [re.sub(r" {3,}×", "  ×", line) for line in body if not re.search(r"raised|caught", line)]


def test_functions(shop: Workshop) -> None:
    assert told(shop, "--function", "price", "--first", "2") == ["price(…)  ×2"]
    assert told(shop, "--function", "total", "--last", "1") == ["⇉ thread helper: Order.total(…)"]
    assert told(shop, "--function", "app.py", "--function", "main") == ["app.py", "└─ main()"]
    assert told(shop, "--function", "__main__.Order.t*", "--function", "main") == [
        "main()",
        "├─ Order.total(…)  ×2",
        "├─ Order.total(…)  ✗ KeyError('no price')",
        "├─ Order.total(…)",
        "└─ ⇉ thread helper: Order.total(…)",
    ]


def test_what_is_hidden_gives_its_place_to_what_it_called(shop: Workshop) -> None:
    assert told(shop, "--only", "price", "--hide", "Order.*", "--hide", "main", "--hide", "app.py", "--first", "2") == [
        "attempt(…)",
        "└─ price(…)",
    ]


def test_a_thread_stands_under_what_started_it(shop: Workshop) -> None:
    assert told(shop, "--under", "main", "--track", "helper", "--function", "attempt") == [
        "⇉ thread helper: attempt(…)"
    ]
    assert told(shop, "--callers-of", "attempt", "--track", "helper") == ["⇉ thread helper: attempt(…)"]
    assert told(shop, "--callers-of", "price", "--arg", "number=5") == [
        "⇉ thread helper: attempt(…)",
        "└─ price(…)",
    ]


def test_values(shop: Workshop) -> None:
    assert told(shop, "--returned", "20") == ["price(…)"]
    assert told(shop, "--returned", "None", "--function", "attempt") == ["attempt(…)"]
    assert told(shop, "--arg", "note=in a hurry") == ["attempt(…)", "└─ Order.__init__(…)"]
    assert told(shop, "--arg", "note='in a hurry'", "--function", "attempt") == ["attempt(…)"]
    assert told(shop, "--arg", "note~hurry", "--function", "attempt") == ["attempt(…)"]
    assert told(shop, "--arg", "note~Hurry") == []


def test_values_are_compared_as_they_are_told(workshop: Workshop) -> None:
    workshop.record(
        """
        class Order:
            def __init__(self, number, lines):
                self.number, self.lines = number, lines
        def keep(order): return order
        keep(Order(2, ["cup", "bowl"]))
        keep(Order(12, []))
        keep({"name": "x" * 500})
        keep("12")
        keep(12)
        keep(2.5)
        """
    )

    def found(value: str, option: str = "--returned") -> int:
        return len([line for line in told(workshop, option, value, "--function", "keep", "--all") if "keep" in line])

    assert found("Order(number=2, lines=['cup', 'bowl'])") == 1
    assert found("order=Order(number=2, lines=['cup', 'bowl'])", "--arg") == 1
    assert found("Order(number=2, …)") == 1
    assert found("Order(number=1…") == 1
    assert found("order~'bowl'", "--arg") == 1
    assert found("order~number", "--arg") == 1
    assert found("~Order") == 1
    assert found("{'name': 'xxx…'}") == 1
    assert found("'12'") == 1
    assert found("12") == 1
    assert told(workshop, "--returned", "12") == ["keep(…)  ×2"]
    assert found("2.5") == 1
    assert found("2.50") == 0
    assert found("Order(number=2)") == 0


def test_outcomes(shop: Workshop) -> None:
    raised = ["Order.total(…)  ✗ KeyError", "└─ price(…)  ✗ KeyError('no price')"]
    assert told(shop, "--raised") == raised
    assert told(shop, "--raised=KeyError") == raised
    assert told(shop, "--raised=Key*", "--depth", "4..4") == ["Order.total(…)  ✗ KeyError('no price')"]
    assert told(shop, "--outcome", "raised", "--returned", "1") == []


def test_who_caught_an_exception_is_told_where_it_is_left_out(shop: Workshop) -> None:
    out = show(shop, "--function", "price", "--raised").out
    assert "left price · caught in attempt (app.py:" in out
    assert "1 exception, all caught" in out
    assert out.endswith("\nFilters leave 1 of 23 calls.\n")


def test_an_exception_that_left_only_calls_that_are_left_out_is_not_counted(shop: Workshop) -> None:
    assert "exception" not in show(shop, "--function", "main").out


def test_times(shop: Workshop) -> None:
    assert "Filters leave 23 of 23 calls" in show(shop, "--duration", "..1h").out
    assert "Filters leave 23 of 23 calls" in show(shop, "--between", "0..1h").out
    assert show(shop, "--duration", "1h..").out == "The filters leave none of 23 calls.\n"


def test_nothing_left_is_said_in_a_sentence(shop: Workshop) -> None:
    assert show(shop, "--function", "main", "--raised").out == "The filters leave none of 23 calls.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--function", "prize"], "no function matches 'prize'; did you mean price?"),
        (["--hide", "Order.totl"], "no function matches 'Order.totl'; did you mean Order.total?"),
        (["--raised=KeyErro"], "no exception matches 'KeyErro'; did you mean KeyError?"),
        (["--arg", "nubmer=3"], "no parameter matches 'nubmer'; did you mean number?"),
        (["--track", "helpr"], "no thread or task matches 'helpr'; did you mean helper?"),
        (["--file", "ap.py"], "no file matches 'ap.py'; did you mean app.py?"),
        (["--module", "shop.*"], "no module matches 'shop.*' in this trace"),
        (["--duration", ">3xs"], "--duration '>3xs': no unit 'xs' at character 3; ns, us, ms, s, m"),
        (["--depth", "x"], "--depth 'x': no number in 'x' at character 1; as in 3, 2..5, 3.."),
        (["--function", "a[b"], "--function 'a[b': nothing closes the [ at character 2; [[] stands for one itself"),
        (
            ["--function", "\x1b[31m["],
            r"--function '\x1b[31m[': nothing closes the [ at character 2; [[] stands for one",
        ),
    ],
)
def test_what_is_wrong_is_named(shop: Workshop, words: list[str], message: str) -> None:
    done = show(shop, *words, status=2)
    assert done.err.startswith(f"flowtrace: {message}")
    assert done.err.count("\n") == 1
    assert not done.out


def test_what_was_not_recorded_cannot_be_asked(workshop: Workshop) -> None:
    workshop.record("def f(n): return n\nf(3)\n", "--no-time", "--no-values")
    for option, value, lacks in [
        ("--duration", "1s..", "--no-time"),
        ("--between", "1s..", "--no-time"),
        ("--returned", "3", "--no-values"),
        ("--arg", "n=3", "--no-values"),
    ]:
        done = show(workshop, option, value, status=2)
        assert done.err == f"flowtrace: {option} can't be asked of this trace: it was recorded with {lacks}\n"


def test_processes(workshop: Workshop) -> None:
    done = workshop.record(
        """
        import os
        def child(): return os.getpid()
        def main():
            if not (pid := os.fork()):
                child()
                os._exit(0)
            os.waitpid(pid, 0)
        main()
        """
    )
    child = done.call("child")
    assert told(workshop, "--process", str(child.track.pid), "--function", "child") == [
        f"⇉ process {child.track.pid}: child()"
    ]
    assert told(workshop, "--process", "1", "--function", "[mc]*") == ["main()"]
    assert told(workshop, "--function", "child", "--function", "app.py") == [
        "app.py",
        f"└─ ⇉ process {child.track.pid}: child()",
    ]
    assert show(workshop, "--process", "3", status=2).err.startswith(
        "flowtrace: no process 3 in this trace; there are "
    )


def test_tasks(workshop: Workshop) -> None:
    workshop.record(
        """
        import asyncio
        async def fetch(n):
            await asyncio.sleep(0)
            return n
        async def gather_all():
            async with asyncio.TaskGroup() as group:
                for n in 1, 2:
                    group.create_task(fetch(n), name=f"fetch {n}")
        async def main():
            await gather_all()
        asyncio.run(main())
        """
    )
    assert told(workshop, "--hide", "gather_all", "--hide", "app.py") == [
        "⇢ task Task-1: main()",
        "└─ ⇢ task fetch 1 … fetch 2: fetch(…)  ×2",
    ]
    assert told(workshop, "--track", "fetch ?") == ["⇢ task fetch 1 … fetch 2: fetch(…)  ×2"]
