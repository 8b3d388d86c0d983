# $ flowtrace run threads.py
"""Threads and jobs stand under the call that started or submitted them."""

import threading
from concurrent.futures import ThreadPoolExecutor


def work(n):
    return helper(n)


def helper(n):
    return n + 1


def in_thread(n):
    thread = threading.Thread(target=work, args=(n,), name="solo")
    thread.start()
    thread.join()


def submits():
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        return [job.result() for job in [pool.submit(work, n) for n in range(4)]]


def fails():
    raise OSError("in a thread")


def failing_thread():
    thread = threading.Thread(target=fails, name="failing")
    thread.start()
    thread.join()


threading.excepthook = lambda args: None
in_thread(1)
submits()
failing_thread()
