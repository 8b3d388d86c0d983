"""Parameters of every kind, defaults, and plain values of every builtin type as arguments and results."""


def plain(first, second, third=3):
    return first, second, third


def kinds(only_position, /, either, *rest, keyword, default="d", **more):
    return [only_position, either, rest, keyword, default, more]


def keywords_only(*, left, right=None):
    return {"left": left, "right": right}


def many(a, b, c, d, e, f, g, h, i, j):
    return a + b + c + d + e + f + g + h + i + j


def changes(values, key="start"):
    values.append(key)
    key = "changed"
    del values
    return key


def echo(value):
    return value


def method_like(self, other):
    return other


def outer():
    def inner(self, cls):
        return self, cls

    return inner(1, 2)


NUMBERS = [0, -1, 127, 128, -32, -33, 2**31, -(2**63), 2**63, 2**64 + 1, -(2**200), 2**511, 2**512, 2**1000, 2**5000]
FLOATS = [0.0, -0.0, 1.0, 0.1, 1e16, 1e-5, 1.5e300, 123456789.123, float("inf"), float("-inf"), float("nan"), 1e22]
TEXTS = ["", "a", "it's", '"', "'\"", "tab\t nl\n cr\r nul\0 bell\a", "back\\slash", "caf\u00e9 \u0416", "\U0001f600"]
TEXTS += ["\x7f \x80 \xa0 \xad", "\u200b \u2028 \ufeff", "\ud800 lone", "x" * 40, "x" * 41, "y" * 160, "z" * 161]
BYTES = [b"", b"abc", b"'", b"\x00\xff\n\\", b"q" * 160, b"r" * 161]
CONTAINERS = [[], (), {}, set(), frozenset(), [1], (1,), {1: 2}, {1}, frozenset({1}), [[]], [()], ((),), {"a": ()}]
CONTAINERS += [list(range(8)), list(range(9)), tuple(range(20)), set(range(9)), frozenset(range(10))]
CONTAINERS += [
    {i: str(i) for i in range(9)},
    [[[1]]],
    [[[[1]]]],
    [[[[]]]],
    {"a": {"b": {"c": {"d": 1}}}},
    ([[(1, 2)]],),
]
CONTAINERS += [["a" * 161], [None, True, False], {None: [True], (1, 2): {"x"}}]
OTHERS = [None, True, False, ..., NotImplemented, 1 + 2j, bytearray(b"array"), range(3), slice(1, 2), memoryview(b"m")]
OTHERS += [len, echo, int, object(), [object()], [object(), object()], iter([]), type, {}.get, [].__len__, "".join]
OTHERS += [(object(), 1), {object()}, {"k": object()}, [object()] * 9, (len, len), [int, str], [ValueError("x", 1)]]


def main():
    plain(1, 2)
    plain(third="c", first="a", second="b")
    kinds(1, 2, keyword=3)
    kinds(1, 2, 3, 4, keyword=5, default=6, extra=7, other=8)
    keywords_only(left=1)
    keywords_only(**{"right": 1, "left": 2})
    many(*range(10))
    changes(["kept"])
    method_like(1, 2)
    outer()
    for values in (NUMBERS, FLOATS, TEXTS, BYTES, CONTAINERS, OTHERS):
        for value in values:
            echo(value)
    cycle = [1]
    cycle.append(cycle)
    try:
        many(1)
    except TypeError:
        pass


main()
