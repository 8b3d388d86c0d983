"""A scheduler of tasks that send each other packets, in the style of Richards: polymorphic methods, small state."""

from __future__ import annotations

from collections import deque


class Packet:
    def __init__(self, kind: str, sender: Task) -> None:
        self.kind = kind
        self.sender = sender
        self.data: list[int] = []

    def put(self, value: int) -> None:
        self.data.append(value)

    def is_full(self) -> bool:
        return len(self.data) == 4


class Task:
    def __init__(self, scheduler: Scheduler, priority: int) -> None:
        self.scheduler = scheduler
        self.priority = priority
        self.inbox: deque[Packet] = deque()
        self.held = False
        scheduler.add(self)

    def is_ready(self) -> bool:
        return bool(self.inbox) and not self.held

    def receive(self, packet: Packet) -> None:
        self.inbox.append(packet)

    def send(self, packet: Packet, receiver: Task) -> None:
        packet.sender = self
        receiver.receive(packet)

    def step(self) -> None:
        self.handle(self.inbox.popleft())

    def handle(self, packet: Packet) -> None:
        raise NotImplementedError


class Worker(Task):
    def __init__(self, scheduler: Scheduler, priority: int, devices: list[Device]) -> None:
        super().__init__(scheduler, priority)
        self.devices = devices
        self.turn = 0

    def handle(self, packet: Packet) -> None:
        while not packet.is_full():
            packet.put(self.turn)
        self.turn += 1
        self.send(packet, self.choose(packet.kind))

    def choose(self, kind: str) -> Device:
        return self.devices[(self.turn + len(kind)) % len(self.devices)]


class Device(Task):
    def __init__(self, scheduler: Scheduler, priority: int) -> None:
        super().__init__(scheduler, priority)
        self.total = 0

    def handle(self, packet: Packet) -> None:
        self.total += self.check(packet.data)
        packet.data = []
        self.send(packet, packet.sender)
        self.held = self.total % 3 == 0

    def check(self, data: list[int]) -> int:
        return sum(data) & 0xFF


class Scheduler:
    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.steps = 0

    def add(self, task: Task) -> None:
        self.tasks.append(task)
        self.tasks.sort(key=lambda task: task.priority)

    def next_ready(self) -> Task | None:
        for task in self.tasks:
            if task.is_ready():
                return task
        return None

    def release(self) -> bool:
        held = [task for task in self.tasks if task.held]
        for task in held:
            task.held = False
        return bool(held)

    def run(self, limit: int) -> int:
        while self.steps < limit:
            task = self.next_ready()
            if task is not None:
                task.step()
                self.steps += 1
            elif not self.release():
                break
        return self.steps


def run(size: int) -> object:
    scheduler = Scheduler()
    devices = [Device(scheduler, priority) for priority in (30, 20, 10)]
    workers = [Worker(scheduler, priority, devices) for priority in (2, 1)]
    for i, worker in enumerate(workers * 3):
        worker.receive(Packet("disk" if i % 2 else "keys", worker))
    return scheduler.run(size)
