"""Programs that the benchmarks run. Each returns the number of calls of its own functions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run_fib() -> int:
    """Doubly recursive, one int in and out: nothing but calls."""
    fib(25)
    return 242_785


@dataclass
class Packet:
    kind: str
    size: int
    hops: int = 0


@dataclass
class Node:
    name: str
    neighbours: list[Node] = field(default_factory=list, repr=False)
    seen: int = 0

    def accept(self, packet: Packet) -> bool:
        self.seen += 1
        return self.fits(packet) and not self.tired(packet.hops)

    def fits(self, packet: Packet) -> bool:
        return packet.size < 1400

    def tired(self, hops: int) -> bool:
        return hops > 7

    def forward(self, packet: Packet) -> int:
        calls = 2
        if not self.accept(packet):
            return calls + 2
        packet.hops += 1
        for neighbour in self.neighbours[: packet.hops % 2 + 1]:
            calls += neighbour.forward(packet)
        return calls + 2


def run_methods() -> int:
    """A small network simulation: methods, dataclass instances as arguments."""
    nodes = [Node(f"n{i}") for i in range(12)]
    for i, node in enumerate(nodes):
        node.neighbours = [nodes[(i + 1) % 12], nodes[(i + 5) % 12]]
    return sum(nodes[i % 12].forward(Packet("data", 100 + i)) for i in range(400))


async def relay(depth: int) -> int:
    if depth == 0:
        await asyncio.sleep(0)
        return 1
    return 1 + await relay(depth - 1)


async def worker(rounds: int) -> int:
    total = 1
    for _ in range(rounds):
        total += await relay(3)
    return total


async def crowd() -> int:
    return 1 + sum(await asyncio.gather(*(worker(20) for _ in range(20))))


def run_asyncio() -> int:
    """Twenty tasks that await through four coroutines, each time suspended once."""
    return asyncio.run(crowd())


PROGRAMS = {"fib": run_fib, "methods": run_methods, "asyncio": run_asyncio}
