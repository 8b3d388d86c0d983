# $ flowtrace run --boundary boundary.py
"""--boundary: what the program's own code calls in libraries and in C."""

import asyncio
import copy
import json
import os
import sqlite3
import threading


class Box:
    def __init__(self, inner):
        self.inner = inner

    def __deepcopy__(self, memo):
        return Box(copy.deepcopy(self.inner, memo))


def by_total(order):
    return order["total"]


def hook(pairs):
    return {name: json.loads(text) for name, text in pairs}


def callbacks():
    sorted([{"total": 40}, {"total": 25}, {"total": 30}], key=by_total)
    json.loads('{"a": "1", "b": "2"}', object_pairs_hook=hook)
    copy.deepcopy(Box(Box(1)))


def double(x):
    return 2 * x


def database():
    connection = sqlite3.connect(":memory:")
    connection.create_function("double", 1, double)
    cursor = connection.cursor()
    cursor.execute("create table orders (total)")
    cursor.executemany("insert into orders values (?)", [(n,) for n in range(3)])
    totals = cursor.execute("select double(total) from orders").fetchall()
    connection.close()
    return totals


def read(path):
    with open(path) as file:
        return file.read()


def fails():
    for path in ("/no/such/file", "/no/such/file"):
        try:
            read(path)
        except OSError:
            pass
    try:
        json.loads("[1")
    except ValueError as error:
        return len(str(error))


def walks():
    return [len(files) for _, _, files in os.walk("/no/such/folder")]


def in_thread():
    thread = threading.Thread(target=walks, name="walker")
    thread.start()
    thread.join()


async def waits():
    await asyncio.sleep(0)
    return await asyncio.wait_for(asyncio.sleep(0, "slept"), 5)


callbacks()
database()
fails()
in_thread()
asyncio.run(waits())
