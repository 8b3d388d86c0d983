"""Code that the interpreter calls by itself: __del__, weak references, the garbage collector, atexit."""

import atexit
import gc
import weakref


class Node:
    def __init__(self, name):
        self.name = name
        self.other = None

    def __del__(self):
        self.closed = note(self.name)


class Failing:
    def __del__(self):
        raise ValueError("nobody hears this")


def note(name):
    return name


def gone(reference):
    return note("gone")


def make_and_forget(name):
    Node(name)
    return "forgotten"


def cycle():
    a, b = Node("a"), Node("b")
    a.other, b.other = b, a


def pair():
    node = Node("watched")
    reference = weakref.ref(node, gone)
    finalizer = weakref.finalize(node, note, "finalized")
    del node
    return reference() is None, finalizer.alive


def at_end(text):
    return note(text)


gc.disable()
make_and_forget("temporary")
cycle()
gc.collect()
pair()
atexit.register(at_end, "at the end")
import sys

sys.unraisablehook = lambda details: None
Failing()
