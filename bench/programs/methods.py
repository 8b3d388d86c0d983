"""A small network simulation: methods, dataclass instances as arguments."""

from __future__ import annotations

from dataclasses import dataclass, field


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
        if not self.accept(packet):
            return 1
        packet.hops += 1
        return 1 + sum([neighbour.forward(packet) for neighbour in self.neighbours[: packet.hops % 2 + 1]])


def run(size: int) -> object:
    nodes = [Node(f"n{i}") for i in range(12)]
    for i, node in enumerate(nodes):
        node.neighbours = [nodes[(i + 1) % 12], nodes[(i + 5) % 12]]
    return sum([nodes[i % 12].forward(Packet("data", 100 + i % 400)) for i in range(size)])
