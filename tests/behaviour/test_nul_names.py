"""A NUL may stand anywhere in a Python name, and ends it nowhere."""

from __future__ import annotations

import pytest

# No class can be made by such a name, but renamed, and what CPython keeps as C text is left as it was.
SOURCE = """
import asyncio, threading, flowtrace

def template(value):
    return value

def renamed(name):
    code = template.__code__
    file = __file__.replace("app", name)
    code = code.replace(co_name=name, co_qualname=name, co_filename=file, co_varnames=(name + "parameter",))
    return type(template)(code, {"__name__": name + "module"}, name)

async def work(value):
    return value

async def main(name):
    await asyncio.create_task(work(name), name=name + "task")

NAME = %a
renamed(NAME)(1)
with flowtrace.region(NAME + "region", **{NAME + "key": 1}):
    flowtrace.note(NAME + "note")
thread = threading.Thread(target=template, args=(2,), name="thread")
thread._name = NAME + "thread"  # a system may refuse to call one of its own so
thread.start()
thread.join()
asyncio.run(main(NAME))
template(renamed(NAME))
"""


@pytest.mark.parametrize("name", ["\0", "\0begin", "mid\0dle", "end\0", "\0\0ы\0\U0001f600\0"])
def test_nul_is_a_character_as_any_other(workshop, name) -> None:
    done = workshop.record(SOURCE % name)
    call = done.call(name)
    assert call.function.module == f"{name}module"
    assert call.function.file == str(workshop.folder / f"{name}.py")
    assert list(call.arguments) == [f"{name}parameter"]
    region = done.call(f"{name}region")
    assert {key: str(value) for key, value in region.arguments.items()} == {f"{name}key": "1"}
    assert done.call(f"{name}note").parent == region
    names = {call.track.name for call in done.trace.calls()}
    assert {f"{name}task", f"{name}thread"} <= names
    escaped = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    told = workshop.flowtrace("show", "--all", str(workshop.trace_path)).out
    assert f"template(value=<function {escaped}>)" in told
    assert f"[{escaped}region]" in told
    assert f"{escaped}({escaped}parameter=1)" in told
    assert "\0" not in told


def test_a_name_that_is_cut_is_not_cut_within_a_nul(workshop) -> None:
    done = workshop.record(SOURCE % ("\0" * 600 + "\u044b"))
    cut = {call.function.qualname for call in done.calls() if call.function.qualname.startswith("\0")}
    assert cut == {"\0" * 256}  # of 512 bytes, each NUL two of them
    assert {call.track.name for call in done.calls()} >= {"\0" * 31}


def test_regions_that_differ_behind_a_nul_are_two(workshop) -> None:
    done = workshop.record("import flowtrace\nfor name in ('a\\0b', 'a\\0c', 'a b'):\n    flowtrace.note(name)")
    assert done.names() == ["a\0b", "a\0c", "a b"]
