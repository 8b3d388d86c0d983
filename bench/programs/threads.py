"""Four threads that work at the same time, and hand what they find to a fifth through a queue."""

from __future__ import annotations

import queue
import threading


def collatz(number: int) -> int:
    steps = 0
    while number != 1:
        number = following(number)
        steps += 1
    return steps


def following(number: int) -> int:
    return number // 2 if number % 2 == 0 else 3 * number + 1


def search(numbers: range, found: queue.SimpleQueue[tuple[int, int] | None]) -> None:
    for number in numbers:
        found.put((number, collatz(number)))
    found.put(None)


def longest(found: queue.SimpleQueue[tuple[int, int] | None], threads: int, best: list[tuple[int, int]]) -> None:
    while threads:
        pair = found.get()
        if pair is None:
            threads -= 1
        elif is_better(pair, best[-1]):
            best.append(pair)


def is_better(pair: tuple[int, int], best: tuple[int, int]) -> bool:
    return (pair[1], -pair[0]) > (best[1], -best[0])


def run(size: int) -> object:
    found: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    best = [(1, 0)]
    threads = [threading.Thread(target=search, args=(range(1 + i, size, 4), found)) for i in range(4)]
    threads.append(threading.Thread(target=longest, args=(found, 4, best)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return best[-1]
