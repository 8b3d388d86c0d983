# $ flowtrace run forks.py
"""Child processes are in the same trace."""

import os


def child(n):
    return n * 2


def parent():
    pid = os.fork()
    if pid == 0:
        child(21)
        os._exit(0)
    os.waitpid(pid, 0)


parent()
