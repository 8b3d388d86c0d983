"""A program that is stepped through (steps.py): it proves each call in memory that it shares with who watches.

steps_program.py SCENE TRACE PROOFS STEPS

Between SIGUSR1 and SIGUSR2, which the watcher keeps to himself, each instruction is looked at.
"""

import _thread
import ctypes
import mmap
import os
import signal
import struct
import sys

CHUNK, COMMITTED, RECORD_MAX, LOST_MAX, UNIT = 0x4B4E4843, 76, 12288, 80 + 4 * 10, 65536


def map_file(path):
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def room():
    """Bytes until this process's newest chunk is full."""
    trace = map_file(sys.argv[2])
    newest = (-1, 0)
    for start in range(UNIT, len(trace), UNIT):
        magic, kind, units, _, pid, _, number = struct.unpack_from("<IHHIIII", trace, start)
        (committed,) = struct.unpack_from("<I", trace, start + COMMITTED)
        if magic == CHUNK and kind == 1 and pid == os.getpid():
            newest = max(newest, (number, units * UNIT - RECORD_MAX - LOST_MAX - committed))
    return newest[1]


def fill(text):
    return len(text)


def work(worker, number):
    return 2 * number


def proves(worker, number):
    COUNTS[worker] = number + 1  # in one instruction; struct writes zeros first


def proved(worker):
    return COUNTS[worker]


def works(worker, first, count):
    for number in range(first, first + count):
        work(worker, number)
        proves(worker, number)


def fill_chunk(left):
    number = 0
    while (free := room()) > left:
        number += 1
        fill(f"{number:06}" + "x" * min(3000, max(free - left - 60, 1)))


def a_chunk():
    """The calls before and after a chunk is full."""
    fill_chunk(40)
    signal.raise_signal(signal.SIGUSR1)
    works(0, 0, STEPS)
    signal.raise_signal(signal.SIGUSR2)


def a_slot():
    """The same where all slots have been used: the oldest is let go."""
    for _ in range(14):
        fill_chunk(40)
        works(0, proved(0), 30)
    fill_chunk(40)
    signal.raise_signal(signal.SIGUSR1)
    works(0, proved(0), STEPS)
    signal.raise_signal(signal.SIGUSR2)


def child():
    works(1, 0, 2)


def a_fork():
    works(0, 0, 2)
    signal.raise_signal(signal.SIGUSR1)
    pid = os.fork()
    if not pid:
        child()
        os._exit(0)
    works(0, 2, STEPS)
    os.waitpid(pid, 0)
    signal.raise_signal(signal.SIGUSR2)


def in_thread(worker, done):
    works(worker, 0, 2)
    done.release()


def a_thread():
    """One that begins and ends while another works."""
    done = _thread.allocate_lock()
    done.acquire()
    sys.setswitchinterval(10)  # who is stepped through is slow
    works(0, 0, 2)
    signal.raise_signal(signal.SIGUSR1)
    _thread.start_new_thread(in_thread, (1, done))
    works(0, 2, STEPS)
    done.acquire()
    works(0, 2 + STEPS, 2)
    signal.raise_signal(signal.SIGUSR2)


def numbers(count):
    for number in range(count):
        work(0, number)
        proves(0, number)
        yield number


def fails(number):
    try:
        raise ValueError(number)
    finally:
        pass


def kinds():
    """Records of other kinds: generators, exceptions."""
    signal.raise_signal(signal.SIGUSR1)
    for number in numbers(STEPS):
        try:
            fails([number, {"a": 1.5}])
        except ValueError:
            pass
    signal.raise_signal(signal.SIGUSR2)


def an_end():
    """The recorder is stopped, as the interpreter does at its end."""
    works(0, 0, STEPS)
    from flowtrace import _core

    signal.raise_signal(signal.SIGUSR1)
    _core.record_stop()
    signal.raise_signal(signal.SIGUSR2)


def main():
    print(os.getpid(), flush=True)
    sys.stdin.read(1)
    globals()[sys.argv[1]]()


COUNTS = (ctypes.c_uint32 * 3).from_buffer(map_file(sys.argv[3]))
STEPS = int(sys.argv[4])

if __name__ == "__main__":
    main()
