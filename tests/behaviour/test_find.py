"""flowtrace find: calls that match, one a line; and the way of a value through them."""

from __future__ import annotations

import re

import pytest
from conftest import Run, Workshop

from flowtrace import _core

SHOP = """
    def make(number):
        return {"number": number}

    def check(order, note=""):
        if order["number"] == 3:
            raise KeyError(note or "no")
        return order

    def ship(orders):
        return [check(order) for order in orders]

    def main():
        first = make(1)
        check(first, note="in a hurry")
        ship([first, make(2)])
        try:
            check(make(3))
        except KeyError:
            pass

    main()
    """


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.record(SHOP)
    return workshop


def find(workshop: Workshop, *words: str, status: int = 0) -> Run:
    done = workshop.flowtrace("find", "--no-time", *words)
    assert done.status == status, done.err
    return done


def lines(workshop: Workshop, *words: str) -> list[str]:
    """Without spaces that only align."""
    out = find(workshop, *words).out.partition("\n\n")[0]
    return [re.sub(r"  +", "  ", line).rstrip() for line in out.splitlines()]


def test_calls_in_order_with_their_numbers(shop: Workshop) -> None:
    assert lines(shop, "make") == [
        "#3  make(number=1) → {'number': 1}",
        "#5  make(number=2) → {'number': 2}",
        "#9  make(number=3) → {'number': 3}",
    ]
    numbers = {call.number for call in _core.Trace(shop.trace_path).calls(function="make")}
    assert numbers == {3, 5, 9}


def test_words_are_functions_arguments_and_a_file(shop: Workshop) -> None:
    assert lines(shop, "check", "make", "number=2", "./flowtrace.flow") == ["#5  make(number=2) → {'number': 2}"]
    assert lines(shop, "note~hurry", "flowtrace.flow") == [
        "#4  check(order={'number': 1}, note='in a hurry') → {'number': 1}"
    ]
    assert lines(shop, "--raised") == ["#10  check(order={'number': 3}, note='')  ✗ KeyError('no')"]


def test_the_way_of_a_part_of_a_value(shop: Workshop) -> None:
    assert "make(number=3)" in find(shop, "--produced", "~er': 3").out
    find(shop, "--produced", "er': 3", status=1)


def test_how_many_are_printed_is_said(shop: Workshop) -> None:
    done = find(shop, "--limit", "2")
    assert len(done.out.partition("\n\n")[0].splitlines()) == 2
    assert done.out.endswith("\n\n8 more; --limit N shows more, --limit 0 all.\n")
    assert find(shop, "--limit", "0").out.count("\n") == 10
    assert find(shop, "--count", "--limit", "2").out == "10\n"


def test_status(shop: Workshop) -> None:
    none = find(shop, "make", "--raised", status=1)
    assert (none.out, none.err) == ("", "flowtrace: none of 10 calls\n")
    none = find(shop, "make", "--raised", "--count", status=1)
    assert (none.out, none.err) == ("0\n", "")
    wrong = find(shop, "mke", status=2)
    assert (wrong.out, wrong.err) == ("", "flowtrace: no function matches 'mke'; did you mean make?\n")
    assert "is the name right?" in find(shop, "make", "gone.flow", status=2).err


def test_each_line_says_its_thread_and_where_there_are_several_its_module(workshop: Workshop) -> None:
    workshop.write("other.py", "def g():\n    pass\n")
    workshop.record(
        """
        import threading
        import other
        def f():
            other.g()
        def work():
            f()
        thread = threading.Thread(target=work, name="helper")
        thread.start()
        thread.join()
        f()
        """
    )
    assert lines(workshop, "[fg]") == [
        "#4  ⇉ thread helper: f()  __main__",
        "#5  ⇉ thread helper: g()  other",
        "#6  f()  __main__",
        "#7  g()  other",
    ]
    assert lines(workshop, "g") == ["#5  ⇉ thread helper: g()", "#7  g()"]


def test_nothing_acts_on_a_terminal(workshop: Workshop) -> None:
    workshop.record(
        """
        def f(text): return text
        f("\\x1b[31mred\\n")
        exec(compile("def g(a\\u0301): pass\\ng(1)", "x\\x1b.py", "exec"))
        """
    )
    done = find(workshop, "--width", "60")
    assert "\x1b" not in done.out
    assert r"'\x1b[31mred\n'" in done.out
    assert all(len(line) <= 60 for line in done.out.splitlines())


# --- the way of a value -----------------------------------------------------


def test_who_returned_a_value_and_who_got_it_then(shop: Workshop) -> None:
    assert lines(shop, "--produced", "{'number': 1}") == [
        "#3  make(number=1) → {'number': 1}  returned it",
        "#4  check(order={'number': 1}, note='in a hurry') → {'number': 1}  got it as order, returned it",
        "#6  ship(orders=[{'number': 1}, {'number': 2}]) → [{'number': 1}, {'number': 2}]  got it in orders",
        "#7  check(order={'number': 1}, note='') → {'number': 1}  got it as order, returned it",
        "#6  ship(orders=[{'number': 1}, {…1}]) → [{'number': 1}, {…1}]  returned it in there",
    ]
    assert lines(shop, "--produced", "{'number': 3}", "--count") == ["2"]


def test_what_the_way_of_a_value_cannot_tell(shop: Workshop) -> None:
    assert "Values that look alike may be different objects." in find(shop, "--produced", "{'number': 1}").out
    assert "No call returned it" in find(shop, "--produced", "in a hurry").out
    assert find(shop, "--produced", "{'number': 9}", status=1).err == "flowtrace: none of 10 calls\n"


def test_what_came_before_is_left_out_and_said(workshop: Workshop) -> None:
    workshop.record(
        """
        def use(n): pass
        def make(): return 7
        use(7)
        make()
        use(7)
        """
    )
    out = find(workshop, "--produced", "7").out
    assert out.startswith("#3  make() → 7 ")
    assert out.splitlines()[1].startswith("#4  use(n=7) ")
    assert "1 time a call got it before any had returned it: not shown." in out


def test_without_times_the_order_of_calls_tells(workshop: Workshop) -> None:
    workshop.record(
        """
        def make(): return inner()
        def inner(): return 7
        def use(n): return n
        use(make())
        """,
        "--no-time",
    )
    assert lines(workshop, "--produced", "7") == [
        "#3  inner() → 7  returned it",
        "#2  make() → 7  returned it",
        "#4  use(n=7) → 7  got it as n, returned it",
    ]


@pytest.mark.skipif(bool(_core.identity_obstacle()), reason="no numbers here")
def test_an_object_is_followed_by_its_number(workshop: Workshop) -> None:
    workshop.record(
        """
        class Order:
            def __init__(self, n): self.n = n
            def total(self): return self.n
        def make(n): return Order(n)
        def price(order): return order.total()
        first, second = make(1), make(1)
        price(first)
        price(second)
        """,
        "--identity",
    )
    alike = find(workshop, "--produced", "…Order…").out
    assert "These are 2 different objects: #1, #2; Type#N follows one of them." in alike
    assert [re.sub(r"^#\d+ +", "", line) for line in lines(workshop, "--produced", "Order#2")] == [
        "Order.__init__(self=Order#2, n=1)  got it as self",
        "make(n=1) → Order#2(n=1)  returned it",
        "price(order=Order#2(n=1)) → 1  got it as order",
        "Order.total(self=Order#2) → 1  got it as self",
    ]
    assert lines(workshop, "order=Order#1", "--count") == ["1"]


def test_ascii(shop: Workshop) -> None:
    done = find(shop, "--limit", "2", "--ascii")
    assert done.out.startswith("#1  ")
    assert done.out.isascii()


def test_fields_stand_at_the_right(shop: Workshop) -> None:
    told = shop.flowtrace("find", "check", "--no-values", "--fields", "where,depth,call", "--width", "80").out
    assert told.splitlines()[:3] == [
        f"{'where     depth      call':>80}",
        f"{'#4   check(…)':<52}{'app.py:4         1        #4'}",
        f"{'#7   check(…)':<52}{'app.py:4         1        #7'}",
    ]
    both = shop.flowtrace("find", "--fields", "running,self", "--no-values").out.splitlines()
    assert both[0].split() == ["running", "self"]
    (main,) = (line for line in both if " main()" in line)
    running, self = re.findall(r"([\d.]+) µs", main)
    assert float(self) < float(running)
    none = shop.flowtrace("find", "make", "--arg", "number=9", "--fields", "call")
    assert (none.status, none.out) == (1, "")
    assert "call" not in none.err.replace("calls", "")
    way = shop.flowtrace("find", "--produced", "{'number': 2}", "--fields", "call", "--no-values").out
    assert way.splitlines()[0].split() == ["call"]
