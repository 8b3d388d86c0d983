"""Forks so many children, in four threads, that end by os._exit() after a call: storm_program.py CHILDREN."""

import os
import sys
import threading
import warnings

warnings.simplefilter("ignore")
CHILDREN, THREADS = int(sys.argv[1]), 4


def work(n):
    return n + 1


def child(n):
    work(n)
    os._exit(n % 7)


def starts(n):
    pid = os.fork()
    if not pid:
        child(n)
    os.waitpid(pid, 0)


def storm(first):
    for n in range(first, CHILDREN, THREADS):
        starts(n)


threads = [threading.Thread(target=storm, args=[first]) for first in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
