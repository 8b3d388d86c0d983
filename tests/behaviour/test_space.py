"""What a call takes in a trace, and what `flowtrace info` says of it."""

from __future__ import annotations

import re

import pytest
from conftest import Run, Workshop

FIB = """
    def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
    fib(18)
"""
ORDERS = """
    import dataclasses
    @dataclasses.dataclass
    class Order:
        number: int
        customer: str
        total: float
        def add(self, price): self.total += price
        def discounted(self, rate): return round(self.total * (1 - rate), 2)
    def handle(order):
        order.add(2.5)
        return order.discounted(0.1)
    orders = [Order(n, f"customer {n % 7}", 0.0) for n in range(2000)]
    for order in orders:
        handle(order)
"""


def told(workshop: Workshop, run: Run) -> tuple[float, dict[str, int]]:
    """Bytes of a call, and what they went to in percent, as `flowtrace info` says."""
    text = workshop.flowtrace("info", str(run.trace_path)).out
    found = re.search(r"^records +[\d,]+ bytes, ([\d.]+) a call\n +(.+)$", text, re.MULTILINE)
    assert found, text
    shares = re.findall(r"([a-z' ]+) (\d+) %", found[2])
    return float(found[1]), {name.strip(): int(share) for name, share in shares}


@pytest.mark.parametrize(
    ("source", "options", "most"),
    [(FIB, ["--no-values"], 6), (FIB, [], 14), (ORDERS, [], 25)],
    ids=["fib, no values", "fib", "objects"],
)
def test_bytes_of_a_call(workshop: Workshop, source: str, options: list[str], most: float) -> None:
    size, shares = told(workshop, workshop.record(source, *options))
    assert size <= most
    assert 95 <= sum(shares.values()) <= 105
    named = [share for name, share in shares.items() if name != "others"]
    assert named == sorted(named, reverse=True)
    assert ("arguments" in shares) == (not options)


def test_what_other_bytes_go_to(workshop: Workshop) -> None:
    _, shares = told(
        workshop,
        workshop.record("""
            import asyncio
            def fails(n): raise ValueError(n)
            async def tries(n):
                for _ in range(50):
                    await asyncio.sleep(0)
                    try: fails(n)
                    except ValueError: pass
            async def main(): await asyncio.gather(*[tries(n) for n in range(20)])
            asyncio.run(main())
            """),
    )
    assert set(shares) >= {"calls", "arguments", "waits", "exceptions"}
    assert max(shares, key=shares.get) == "exceptions"


def test_a_short_program_takes_little_of_the_disk(workshop: Workshop) -> None:
    run = workshop.record("print('hi')")
    assert run.trace_path.stat().st_blocks * 512 <= 256 << 10
