"""Strings and dictionaries met before are written without being looked at anew: they show what they say now."""

from __future__ import annotations

from conftest import Workshop


def shown(workshop: Workshop, source: str, *options: str) -> list[str]:
    """What the calls of show() were given."""
    lines = "\n".join("    " + line for line in source.strip().splitlines())
    done = workshop.record(f"\n    def show(o): return o\n{lines}", *options)
    assert done.trace.info["damaged_chunks"] == 0
    return [call.arguments["o"].text for call in done.calls("show")]


def test_another_string_in_the_place_of_one(workshop: Workshop) -> None:
    source = """
for n in range(500):
    text = f"number {n}"
    hash(text)
    show(text)
    show(text)
    del text
"""
    assert shown(workshop, source) == [f"'number {n}'" for n in range(500) for _ in range(2)]


def test_a_string_that_grows_in_its_place(workshop: Workshop) -> None:
    source = """
text = "".join(["a", "b"])
for n in range(20):
    hash(text)
    show(text)
    text += "c"
"""
    assert shown(workshop, source) == [f"'ab{'c' * n}'" for n in range(20)]


def test_a_string_that_more_than_one_chunk_has(workshop: Workshop) -> None:
    source = """
names = ["left", "right", "\\u00e9t\\u00e9", ""]
for n in range(40_000): show(names[n % 4])
"""
    texts = ["'left'", "'right'", "'été'", "''"]
    assert shown(workshop, source) == [texts[n % 4] for n in range(40_000)]


def test_secrets_are_found_each_time(workshop: Workshop) -> None:
    source = """
short = "password=hunter2"
whole = "ghp_" + "a1" * 12
long = "x" * 60 + " password=hunter2 " + "y" * 60
clean = "x" * 60 + " passport=hunter2 " + "y" * 60
for text in (short, whole, long, clean): hash(text)
for n in range(3):
    for text in (short, whole, long, clean): show(text)
show({short: 1, "token": "abc", "tokens": 2})
show({"token": "abc"})
"""
    long, clean = ("x" * 60 + f" {word} " + "y" * 60 for word in ("password=***", "passport=hunter2"))
    texts = ["'password=***'", "<redacted>", f"'{long}'", f"'{clean}'"]
    *of_texts, first, second = shown(workshop, source)
    assert of_texts == texts * 3
    assert "abc" not in first + second
    assert "hunter2" not in first


def test_texts_that_differ_within_or_behind_what_is_shown(workshop: Workshop) -> None:
    source = """
for n in range(3):
    show("x" * 100 + " password:" + "y" * 30 + str(n))
    show("x" * 100 + " password=" + "y" * 30 + str(n))
    show("x" * 150 + " eyJ" + "a" * n * 20)
"""
    for text in shown(workshop, source):
        assert "=y" not in text
        assert "password:y" in text or "password=***" in text or "eyJ" in text or "***" in text


def test_dictionaries_of_every_kind(workshop: Workshop) -> None:
    source = """
class Own(dict): pass
class Plain: pass
d = {"a": 1, "b": 2, "c": 3}
show(d); del d["a"]; show(d); d["a"] = 4; show(d); d[5] = 6; show(d); d.clear(); show(d)
show({1: 2, (3, 4): 5})
show(Own(a=1))
p = Plain(); p.x = 1; p.y = 2
show(p.__dict__); del p.x; show(vars(p)); show(dict(vars(p)))
show({str(n): n for n in range(20)})
e = {str(n): n for n in range(20)}
for n in range(19): del e[str(n)]
show(e)
"""
    assert shown(workshop, source) == [
        "{'a': 1, 'b': 2, 'c': 3}",
        "{'b': 2, 'c': 3}",
        "{'b': 2, 'c': 3, 'a': 4}",
        "{'b': 2, 'c': 3, 'a': 4, 5: 6}",
        "{}",
        "{1: 2, (3, 4): 5}",
        "Own({'a': 1})",
        "{'x': 1, 'y': 2}",
        "{'y': 2}",
        "{'y': 2}",
        "{'0': 0, '1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6, '7': 7, …12}",
        "{'19': 19}",
    ]
