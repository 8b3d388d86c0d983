"""What lives how long, who refers to it, what the collector counts. Prints what was noticed, a line each.

What a recorder is known to change (docs/observer-effect.md) is appended to known.json instead.
"""

# ruff: noqa
RECORDER = None
import gc, json, sys, weakref, tracemalloc

at_start = gc.get_count()[0]
gc.disable()
gc.collect()
known = {"count at the start": at_start}
report = []
say = lambda *words: report.append(words)


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        say("del", self.name)

    def __repr__(self):
        return "Thing"


def watch(name):
    thing = Thing(name)
    ref = weakref.ref(thing, lambda _: say("weakref", name))
    refs.append(ref)
    return thing


refs = []


def take(a):
    say("in take", sys.getrefcount(a))


def rebind(a):
    a = None
    say("rebound")


def local():
    x = watch("local")
    say("made local", sys.getrefcount(x))
    del x
    say("deleted")


def passes(x):
    return x


def give():
    return watch("result")


def gen(a):
    say("gen began", sys.getrefcount(a))
    yield a
    yield watch("yielded")
    say("gen ends")


def raises(x):
    y = watch("in raising")
    raise ValueError(x)


def catches():
    try:
        raises(watch("argument of raising"))
    except ValueError as e:
        say("caught", sys.getrefcount(e), len(gc.get_referrers(e)))
        e.thing = watch("attribute of an exception")
    say("left except")


def closure():
    x = watch("cell")

    def inner():
        return x

    inner()
    say("inner", sys.getrefcount(x))


class Slots:
    __slots__ = ("v", "__weakref__")


async def coro(x):
    say("coro", sys.getrefcount(x))
    return x


def frames():
    f = sys._getframe()
    say("frame", f is sys._getframe(), sys.getrefcount(f), f.f_back is sys._getframe(1), len(gc.get_referrers(f)))
    return weakref


def star(*args, **kw):
    say("star", sys.getrefcount(args), sys.getrefcount(kw), [sys.getrefcount(a) for a in args])


def recursive(n, x):
    return sys.getrefcount(x) if n == 0 else recursive(n - 1, x)


def main():
    take(watch("temporary"))
    say("after take")
    rebind(watch("rebound one"))
    say("after rebind")
    local()
    x = watch("passed")
    passes(passes(x))
    say(sys.getrefcount(x))
    del x
    give()
    say("after give")
    g = gen(watch("of generator"))
    next(g)
    say("between")
    next(g)
    say("drop")
    del g
    say("dropped")
    g = gen(watch("of other"))
    next(g)
    g.close()
    say("closed")
    del g
    for v in gen(watch("in for")):
        say("item")
    del v
    catches()
    closure()
    frames()
    star(watch("star"), 1, k=watch("kw"))
    say(recursive(20, watch("deep")))
    c = coro(watch("coroutine"))
    try:
        c.send(None)
    except StopIteration:
        pass
    del c
    l = [watch("a"), watch("b")]
    passes(l)
    l.clear()
    say("cleared")
    d = {"k": watch("dv")}
    passes(d)
    d.clear()
    say("cleared")
    s = Slots()
    s.v = watch("slot")
    passes(s)
    del s
    say("slot gone")
    cyc = watch("cycle")
    cyc.me = cyc
    passes(cyc)
    del cyc
    say("cycle left")
    say(gc.collect())
    import functools

    functools.partial(passes, watch("partial"))()
    say("partial done")
    sorted([3, 1, 2], key=lambda v, keep=watch("default"): v)
    say("sorted")
    try:
        raise ExceptionGroup("g", [ValueError(watch("leaf"))])
    except* ValueError as eg:
        say("group")
    say("end")


main()


# ids
def make():
    return id(object())


say("ids", len({make() for _ in range(50)}))


def plain(a, b):
    return a


def loop():
    for i in range(100):
        plain(i, i)


# gc
def count_of(work):
    before = gc.get_count()[0]
    work()
    return gc.get_count()[0] - before


count_of(loop)
say("gc count", count_of(loop))


def gens():
    for i in range(20):
        list(x for x in range(3))


count_of(gens)
say("gc gens", count_of(gens))


def deep(n):
    return 0 if not n else deep(n - 1)


def at_depth(n):
    return gc.get_count()[0] if not n else at_depth(n - 1)


at_depth(50)
b = gc.get_count()[0]
known["count of 100 frames"] = at_depth(100) - b
say("objects", (lambda n=len(gc.get_objects()): (loop(), main.__name__, len(gc.get_objects()) - n)[2])())
x = Thing("referred")
passes(x)
say(
    "referrers",
    sorted(type(r).__name__ for r in gc.get_referrers(x)),
    sorted(type(r).__name__ for r in gc.get_referrers(passes)),
    sorted(type(r).__name__ for r in gc.get_referrers(passes.__code__)),
)
say("sizes", sys.getsizeof(x), sys.getsizeof(passes), sys.getsizeof(gen(1)))
say("size of code", sys.getsizeof(passes.__code__))
tracemalloc.start()
loop()
loop()
a = tracemalloc.get_traced_memory()[0]
loop()
gens()
say("tracemalloc", tracemalloc.get_traced_memory()[0] - a)
tracemalloc.reset_peak()
loop()
known["peak of memory"] = tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0]
tracemalloc.stop()
collections = []
gc.callbacks.append(lambda phase, info: collections.append((phase, info["generation"])))
gc.enable()
gc.set_threshold(50, 3, 3)


def flat():
    keep = []
    for i in range(400):
        keep.append([plain(i, [])])


flat()
flat()
gc.disable()
say("collections", len(collections))
collections.clear()
gc.enable()
deep(300)
gc.disable()
known["collections in 300 frames"] = len(collections)
for each in report:
    print(json.dumps(each, default=str))
with open("known.json", "a") as file:
    file.write(json.dumps(known) + "\n")
