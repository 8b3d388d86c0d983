"""A program that proves what it has done, and dies where it is told to.

    program.py KIND WORKERS STEPS PROOFS WAY PLACE WORKER STEP BALLAST

KIND: thread, fork, spawn, task. Each of WORKERS makes STEPS calls of step(), and writes to the descriptor PROOFS which
of them has returned. Where WORKER makes the call STEP, at PLACE, the process ends by WAY. Each call has an argument of
BALLAST bytes.
"""

import ctypes
import os
import signal
import struct
import sys
import threading

KIND, WORKERS, STEPS, PROOFS, WAY, PLACE, WORKER, STEP, BALLAST = (
    int(word) if word.lstrip("-").isdecimal() else word for word in sys.argv[1:]
)


def die():
    if WAY == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    elif WAY == "SIGTERM":
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    elif WAY == "SIGSEGV":
        ctypes.string_at(0)
    elif WAY == "os._exit":
        os._exit(3)
    elif WAY == "os.abort":
        os.abort()


def dies_here(place, worker, number):
    if place == PLACE and worker == WORKER and number == STEP:
        die()


def inner(worker, number):
    dies_here("inner", worker, number)
    return number + 1


def step(worker, number, ballast=""):
    dies_here("step", worker, number)
    return inner(worker, number) + number - 1


def one(worker, number, proofs=PROOFS):
    step(worker, number, f"{worker} {number} ".ljust(BALLAST, "x"))
    dies_here("returned", worker, number)
    os.write(proofs, struct.pack("<II", worker, number))
    dies_here("proven", worker, number)


def work(worker):
    for number in range(STEPS):
        one(worker, number)


def work_as_process(worker, pipe):
    for number in range(STEPS):
        one(worker, number, pipe.fileno())


if KIND == "task":  # imported by all of the spawned, they would take longer than all else
    import asyncio
elif KIND != "thread":
    import multiprocessing
    from multiprocessing.connection import Connection


async def work_as_task(worker):
    for number in range(STEPS):
        one(worker, number)
        if number % 7 == worker % 7:
            await asyncio.sleep(0)


async def tasks():
    await asyncio.gather(*[asyncio.create_task(work_as_task(n), name=f"worker-{n}") for n in range(WORKERS)])


def main():
    if KIND == "task":
        asyncio.run(tasks())
    elif KIND == "thread" and WORKERS == 1:
        work(0)
    elif KIND == "thread":
        workers = [threading.Thread(target=work, args=[n], name=f"worker-{n}") for n in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:
        context = multiprocessing.get_context(KIND)
        pipe = Connection(PROOFS, readable=False)
        workers = [context.Process(target=work_as_process, args=[n, pipe]) for n in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    main()
