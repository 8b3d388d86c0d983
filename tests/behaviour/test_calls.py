"""Calls of every kind: a program, and what its main() is seen to call."""

from __future__ import annotations

import sys
import textwrap
import zipfile

import pytest
from conftest import Run, Workshop

from flowtrace._core import Call

type Tree = list[str | Tree]


def tree(call: Call) -> Tree:
    """A call's name, and those of its callees in lists of their own."""
    name = call.function.qualname.removeprefix("main.<locals>.")
    return [name, *map(tree, call.children)]


def texts(call: Call) -> dict[str, str]:
    return {name: value.text for name, value in call.arguments.items()}


def called(run: Run) -> Tree:
    return tree(run.call("main"))[1:]


KINDS: dict[str, tuple[str, Tree]] = {
    "functions, methods, lambdas": (
        """
        class Shop:
            def sell(self): return self.price()
            @classmethod
            def open(cls): return cls()
            @staticmethod
            def price(): return (lambda: 3)()
        def main():
            shop = Shop.open()
            shop.sell()
            Shop.sell(shop)
            take = shop.sell
            take()
        """,
        [["Shop.open"], *[["Shop.sell", ["Shop.price", ["Shop.price.<locals>.<lambda>"]]]] * 3],
    ),
    "closures and decorators": (
        """
        import functools
        def loud(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper
        def times(n):
            def decorate(function): return lambda *args: [function(*args) for _ in range(n)]
            return decorate
        def main():
            @times(2)
            @loud
            def inner(a): return a
            return inner(1)
        """,
        [
            ["times"],
            ["loud"],
            ["times.<locals>.decorate"],
            [
                "times.<locals>.decorate.<locals>.<lambda>",
                *[["loud.<locals>.wrapper", ["inner"]]] * 2,
            ],
        ],
    ),
    "generator expressions, not comprehensions": (
        """
        def f(n): return n
        def main(): return list(f(n) for n in (1, 2)), [f(n) for n in (1, 2)], {f(n) for n in (3,)}, {f(4): f(5)}
        """,
        [["<genexpr>", ["f"], ["f"]], *[["f"]] * 5],
    ),
    "bodies of classes": (
        """
        def f(): return 1
        def main():
            class A:
                x = f()
                class B: y = f()
            return A
        """,
        [["A", ["f"], ["A.B", ["f"]]]],
    ),
    "constructors": (
        """
        class A:
            def __new__(cls, n): return super().__new__(cls)
            def __init__(self, n): self.n = f(n)
            def __del__(self): f(self.n)
        def f(n): return n
        def main(): A(1)
        """,
        [["A.__new__"], ["A.__init__", ["f"]], ["A.__del__", ["f"]]],
    ),
    "what a class statement runs": (
        """
        class Meta(type):
            @classmethod
            def __prepare__(meta, name, bases, **kw): return {}
            def __new__(meta, name, bases, namespace, **kw): return super().__new__(meta, name, bases, namespace)
            def __init__(cls, name, bases, namespace, **kw): pass
            def __call__(cls, *args): return super().__call__(*args)
        class Field:
            def __set_name__(self, owner, name): pass
        class Base(metaclass=Meta):
            def __init_subclass__(cls, **kw): pass
            def __init__(self): pass
            @classmethod
            def __class_getitem__(cls, item): return cls
        def main():
            class Derived(Base, key=1):
                field = Field()
            Derived()
            Base[int]
        """,
        [
            ["Meta.__prepare__"],
            ["Derived"],
            ["Meta.__new__", ["Field.__set_name__"], ["Base.__init_subclass__"]],
            ["Meta.__init__"],
            ["Meta.__call__", ["Base.__init__"]],
            ["Base.__class_getitem__"],
        ],
    ),
    "properties and descriptors": (
        """
        class Field:
            def __get__(self, instance, owner): return 1
            def __set__(self, instance, value): pass
            def __delete__(self, instance): pass
        class A:
            field = Field()
            @property
            def size(self): return 1
            @size.setter
            def size(self, value): pass
            def __getattr__(self, name): return name
            def __setattr__(self, name, value): super().__setattr__(name, value)
            def __delattr__(self, name): pass
        def main():
            a = A()
            a.field, a.size, a.missing
            a.size = 2
            a.field = 3
            del a.field2
        """,
        [
            ["Field.__get__"],
            ["A.size"],
            ["A.__getattr__"],
            ["A.__setattr__", ["A.size"]],
            ["A.__setattr__", ["Field.__set__"]],
            ["A.__delattr__"],
        ],
    ),
    "operators": (
        """
        class N:
            def __add__(self, other): return self
            def __radd__(self, other): return self
            def __iadd__(self, other): return self
            def __neg__(self): return self
            def __eq__(self, other): return True
            def __lt__(self, other): return False
            def __hash__(self): return 1
            def __bool__(self): return True
            def __len__(self): return 1
            def __getitem__(self, key): return key
            def __setitem__(self, key, value): pass
            def __contains__(self, key): return True
            def __call__(self): return self
            def __iter__(self): return iter(())
            def __repr__(self): return "N"
            def __format__(self, spec): return "N"
            def __enter__(self): return self
            def __exit__(self, *error): pass
            def __index__(self): return 0
        def main():
            n = N()
            n + 1; 1 + n; n += 1; -n
            n == 1; n > N()
            {n}; not n; len(n); n[1]; n[1] = 2; 1 in n; n(); [*n]; f"{n}"; repr([n]); [1][n]
            with n: pass
        """,
        [
            *[["N.__add__"], ["N.__radd__"], ["N.__iadd__"], ["N.__neg__"], ["N.__eq__"], ["N.__lt__"], ["N.__hash__"]],
            *[["N.__bool__"], ["N.__len__"], ["N.__getitem__"], ["N.__setitem__"], ["N.__contains__"]],
            *[["N.__call__"], ["N.__iter__"], ["N.__len__"], ["N.__format__"], ["N.__repr__"], ["N.__index__"]],
            *[["N.__enter__"], ["N.__exit__"]],
        ],
    ),
    "called by C code": (
        """
        import functools, json, re
        def key(n): return -n
        def both(a, b): return a + b
        @functools.lru_cache
        def cached(n): return n
        @functools.singledispatch
        def shown(n): return "?"
        @shown.register
        def _(n: int): return "int"
        class Lazy:
            @functools.cached_property
            def value(self): return 1
            def half(self, n): return n
            bound = functools.partialmethod(half, 2)
        def main():
            sorted([1, 2], key=key), min(1, 2, key=key)
            list(map(key, [1])), list(filter(key, [1])), functools.reduce(both, [1, 2, 3])
            cached(1), cached(1), cached(2)
            functools.partial(both, 1)(2)
            shown(1), shown("")
            lazy = Lazy()
            lazy.value, lazy.value, lazy.bound()
            sorted([2, 1], key=functools.cmp_to_key(lambda a, b: a - b))
            re.sub("a", lambda match: "b", "aa")
            json.dumps(object, default=lambda o: "x")
            json.loads("[{}]", object_hook=lambda o: o)
            "a".translate(type("T", (), {"__getitem__": lambda self, n: "b"})())
            dict(a=1).get("a") or key(1)
            next(iter(lambda: 1, 2))
        """,
        [
            *[["key"]] * 4,
            *[["key"]] * 2,
            *[["both"]] * 2,
            *[["cached"]] * 2,
            ["both"],
            ["_"],
            ["shown"],
            ["Lazy.value"],
            ["Lazy.half"],
            *[["<lambda>"]] * 7,
        ],
    ),
    "callbacks of the interpreter": (
        """
        import gc, signal, sys, weakref
        class Thing: pass
        def on_death(reference): pass
        def on_collect(phase, info): pass
        def on_signal(number, frame): pass
        def on_unraisable(event): pass
        class Bad:
            def __del__(self): raise ValueError
        def main():
            gc.disable()
            thing = Thing()
            weakref.finalize(thing, on_death, None)
            reference = weakref.ref(thing, on_death)
            del thing
            gc.callbacks.append(on_collect); gc.collect(); gc.callbacks.clear()
            signal.signal(signal.SIGUSR1, on_signal); signal.raise_signal(signal.SIGUSR1)
            sys.unraisablehook = on_unraisable
            Bad()
        """,
        [["on_death"], ["on_death"], ["on_collect"], ["on_collect"], ["on_signal"], ["Bad.__del__"], ["on_unraisable"]],
    ),
    "callbacks of extension modules": (
        """
        import ctypes, sqlite3
        from xml.parsers import expat
        def compare(a, b): return a[0] - b[0]
        def double(n): return 2 * n
        def start(name, attributes): pass
        class Sum:
            def __init__(self): self.sum = 0
            def step(self, n): self.sum += n
            def finalize(self): return self.sum
        def main():
            array = (ctypes.c_int * 2)(2, 1)
            kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
            ctypes.CDLL(None).qsort(array, 2, 4, kind(compare))
            base = sqlite3.connect(":memory:")
            base.create_function("double", 1, double)
            base.create_aggregate("total", 1, Sum)
            base.execute("SELECT double(21)").fetchall()
            base.execute("SELECT total(1)").fetchall()
            base.close()
            parser = expat.ParserCreate()
            parser.StartElementHandler = start
            parser.Parse("<a/>", True)
        """,
        [["compare"], ["double"], ["Sum.__init__"], ["Sum.step"], ["Sum.finalize"], ["start"]],
    ),
    "code without a file": (
        """
        def main():
            space = {}
            exec("def f(n): return n\\nf(1)", space)
            eval("f(2) + (lambda: 3)()", space)
            exec(compile("class A:\\n  def g(self): pass\\nA().g()", "<made up>", "exec"), {"__name__": "made"})
            return space
        """,
        [["<module>", ["f"]], ["<module>", ["f"], ["<lambda>"]]],
    ),
    "several functions of one code": (
        """
        import types
        def f(n=1): return n
        def main():
            g = types.FunctionType(f.__code__, {}, "g", (2,))
            same = f.__code__.replace(co_name="h", co_qualname="h")
            h = types.FunctionType(same, {}, "h", (3,))
            again = types.FunctionType(f.__code__.replace(), globals(), "again", (4,))
            return f(), g(), h(), again()
        """,
        [["f"], ["f"], ["h"], ["f"]],
    ),
    "code that is replaced while it runs": (
        """
        def other(n): return n
        def f(n):
            if n:
                f.__code__ = f.__code__.replace(co_consts=f.__code__.co_consts)
                return f(n - 1)
            f.__code__ = other.__code__
            return f(n)
        def main(): return f(2), f(9)
        """,
        [["f", ["f", ["f", ["other"]]]], ["other"]],
    ),
    "hidden functions of type parameters": (
        """
        class Box[T: int]:
            def get[S](self, s: S) -> S: return s
        type Pair[T] = tuple[T, T]
        def first[T](items: list[T]) -> T: return items[0]
        def main():
            first([1])
            Pair.__value__, Box.__type_params__[0].__bound__
            def inner[T](n): return n
            inner(1)
        """,
        [["first"], ["Pair"], ["T"], ["<generic parameters of inner>"], ["inner"]],
    ),
    "no call where the arguments don't fit": (
        """
        def f(a): pass
        def g(): pass
        def main():
            for wrong in (lambda: f(), lambda: f(1, 2), lambda: f(b=1)):
                try: wrong()
                except TypeError: g()
        """,
        [*[["<lambda>"], ["g"]] * 3],
    ),
}


@pytest.mark.parametrize(("source", "expected"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("values", [(), ("--no-values",)], ids=["values", "no values"])
def test_calls(workshop: Workshop, source: str, expected: Tree, values: tuple[str, ...]) -> None:
    workshop.write("app.py", textwrap.dedent(source) + "if __name__ == '__main__':\n    main()\n")
    plain, run = workshop.python("app.py"), workshop.run(*values, "app.py")
    assert run.outcome == plain.outcome == (0, b"", b"")
    assert called(run) == expected
    assert {call.outcome for call in run.calls()} <= {"returned", "raised"}


def test_calls_at_the_end_of_a_program(workshop: Workshop) -> None:
    """The hook, then atexit's functions backwards. Recording ends with those."""
    workshop.write(
        "app.py",
        """
        import atexit, sys, threading
        def first(): pass
        def second(): pass
        def hook(kind, error, trace): pass
        def thread_hook(args): pass
        def fails(): raise ValueError
        atexit.register(second)
        atexit.register(first)
        sys.excepthook = hook
        threading.excepthook = thread_hook
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
        fails()
        """,
    )
    run = workshop.run("app.py")
    assert run.outcome == workshop.python("app.py").outcome == (1, b"", b"")
    main = [call for call in run.trace.calls() if call.track.kind == "main"]
    roots = [call.function.qualname for call in main if call.parent is None]
    assert roots == ["<module>", "hook", "first", "second"]
    assert [call.function.qualname for call in main if call.parent] == ["fails"]
    others = [call.function.qualname for call in run.trace.calls() if call.track.kind == "thread"]
    assert others == ["fails", "thread_hook"]


def test_bodies_of_modules(workshop: Workshop) -> None:
    """Each module once, under whoever imported it first; what is frozen or built in not at all."""
    workshop.write("pkg/__init__.py", "from . import sub\nvalue = sub.f()\n")
    workshop.write("pkg/sub.py", "def f(): return 1\nif __name__ == '__main__': f()\n")
    workshop.write("pkg/lazy.py", "x = 1\n")
    with zipfile.ZipFile(workshop.folder / "zipped.zip", "w") as archive:
        archive.writestr("inzip.py", "def g(): return 2\n")
    run = workshop.record("""
        import sys
        sys.path.append("zipped.zip")
        import pkg, __hello__, marshal
        def main():
            import inzip, pkg.lazy, pkg.lazy
            __import__("pkg.sub")
            return inzip.g()
        if __name__ == "__main__": main()
        """)
    assert tree(run.calls()[0]) == [
        "<module>",
        ["<module>", ["<module>"], ["f"]],
        ["main", ["<module>"], ["<module>"], ["g"]],
    ]
    modules = [call.function.module for call in run.calls("<module>")]
    assert modules == ["__main__", "pkg", "pkg.sub", "inzip", "pkg.lazy"]
    assert run.call("g").function.file == "zipped.zip/inzip.py"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="since 3.14")
def test_annotations_are_functions(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(a: later()) -> later(): pass
        class A: x: later()
        def later(): return int
        def main():
            f.__annotations__, f.__annotations__
            A.__annotations__
        main()
        """)
    of_f = "f.__annotate__" if sys.version_info >= (3, 15) else "__annotate__"
    assert called(run) == [[of_f, ["later"], ["later"]], ["A.__annotate__", ["later"]]]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="since 3.15")
def test_lazy_imports_run_a_module_where_it_is_used(workshop: Workshop) -> None:
    workshop.write("other.py", "def f(): return 1\nf()\n")
    workshop.write(
        "app.py",
        """
        lazy import other
        lazy from other import f
        def before(): pass
        def main():
            before()
            f()
            other.f()
        main()
        """,
    )
    run = workshop.run("app.py")
    assert run.outcome == (0, b"", b"")
    assert called(run) == [["before"], ["<module>", ["f"]], ["f"], ["f"]]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="since 3.13")
def test_events_of_what_is_no_code_object(workshop: Workshop) -> None:
    """Cython tells of its functions by PyMonitoring_Fire...(), with an object of its own for code."""
    workshop.write(
        "app.py",
        """
        import ctypes, sys
        class State(ctypes.Structure): _fields_ = [("active", ctypes.c_uint8), ("opaque", ctypes.c_uint8)]
        api = ctypes.pythonapi
        heard = []
        events = sys.monitoring.events
        sys.monitoring.use_tool_id(0, "control")
        sys.monitoring.register_callback(0, events.PY_START, lambda code, offset: heard.append(code))
        def after(): pass
        def fire():
            states, version = (State * 3)(), ctypes.c_uint64()
            names = (ctypes.c_uint8 * 3)(0, 1, 2)  # start, resume, return
            api.PyMonitoring_EnterScope(states, ctypes.byref(version), names, ctypes.c_ssize_t(3))
            for code in ("no code", after, None, 7):
                code = ctypes.py_object(code)
                api._PyMonitoring_FirePyStartEvent(ctypes.byref(states[0]), code, 0)
                api._PyMonitoring_FirePyResumeEvent(ctypes.byref(states[1]), code, 0)
                api._PyMonitoring_FirePyReturnEvent(ctypes.byref(states[2]), code, 0, ctypes.py_object(1))
            api.PyMonitoring_ExitScope()
            after()
        sys.monitoring.set_events(0, events.PY_START)
        fire()
        sys.monitoring.set_events(0, 0)
        print("no code" in heard)
        """,
    )
    run = workshop.run("app.py")
    assert run.outcome == (0, b"True\n", b"")
    assert tree(run.call("fire")) == ["fire", ["after"]]
    assert run.trace.info["processes"][0]["lost"] is None
