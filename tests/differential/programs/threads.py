"""Threads: named, nested, handing values over, failing, a pool, generators that change threads."""

import concurrent.futures
import queue
import threading


def work(n):
    return [step(i) for i in range(n)]


def step(i):
    return i * i


def failing():
    try:
        raise_it("caught in the thread")
    except ValueError:
        pass
    raise_it("leaves the thread")


def raise_it(text):
    raise ValueError(text)


def nested(name):
    inner = threading.Thread(target=work, args=(2,), name=name + " inner")
    inner.start()
    work(1)
    inner.join()


def produce(box, count):
    for n in range(count):
        box.put(made(n))
    box.put(None)


def made(n):
    return f"item {n}"


def consume(box):
    seen = []
    while (item := box.get()) is not None:
        seen.append(used(item))
    return seen


def used(item):
    return item.upper()


def numbers():
    n = 0
    while True:
        n += 1
        yield n


class Worker(threading.Thread):
    def __init__(self, name, box):
        super().__init__(name=name)
        self.box = box

    def run(self):
        self.result = consume(self.box)


def quiet(details):
    return None


def all_of(*threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


threading.excepthook = quiet
all_of(*(threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(3)))
all_of(threading.Thread(target=failing, name="failing"))
nested("nested")
box = queue.Queue()
all_of(threading.Thread(target=produce, args=(box, 3), name="producer"), Worker("consumer", box))
shared = numbers()
next(shared)
all_of(threading.Thread(target=next, args=(shared,), name="borrower"))
next(shared)
with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
    print(list(pool.map(work, [1, 2])), pool.submit(raise_it, "in the pool").exception())
