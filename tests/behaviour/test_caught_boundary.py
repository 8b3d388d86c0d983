"""--caught together with --boundary: an exception that comes out of a library call is told there, not twice."""

from __future__ import annotations

import re

from conftest import Workshop

PROGRAM = """
    import contextlib, json, struct
    class Odd(Exception): pass
    def in_place():
        try: raise Odd("here")
        except Odd: pass
    def from_c():
        try: struct.unpack(">I", b"")
        except struct.error: pass
    def from_library():
        try: json.loads("{")
        except ValueError: pass
    def callback(n): raise Odd(n)
    def through_library():
        try: json.loads("{}", object_hook=callback)
        except Odd: pass
    def raised_again():
        try: json.loads("[")
        except ValueError: raise
    def catches_again():
        try: raised_again()
        except ValueError: pass
    def suppresses():
        with contextlib.suppress(ValueError): json.loads("(")
    def passes():
        try:
            try: json.loads("<")
            finally: json.dumps(1)
        except ValueError: pass
    def generates():
        try: yield json.loads("]")
        except ValueError: yield 1
    def main():
        in_place(); from_c(); from_library(); through_library(); catches_again(); suppresses(); passes()
        list(generates())
    main()
    """

STORY = """\
app.py · 21 calls · 8 exceptions, all caught

app.py
├─ class Odd
└─ main()
   ├─ in_place()
   │     Odd('here') raised app.py:4 · caught here, handlers from line 5
   ├─ from_c()
   │  └─ → struct.unpack(…)  ✗ error('unpack requires a buffer of 4 bytes')
   │        raised app.py:7 in from_c · left struct.unpack
   │        caught in from_c (app.py:7, handlers from line 8)
   ├─ from_library()
   │  └─ → json.loads(…)  ✗ JSONDecodeError('Expecting property name enclosed in double quotes:…')
   │        raised decoder.py:N in JSONDecoder.raw_decode · left json.loads
   │        caught in from_library (app.py:10, handlers from line 11)
   ├─ through_library()
   │  └─ → json.loads(…)  ✗ Odd
   │     └─ callback(n={})  ✗ Odd({})
   │           raised app.py:12 · left callback, json.loads
   │           caught in through_library (app.py:14, handlers from line 15)
   ├─ catches_again()
   │  └─ raised_again()  ✗ JSONDecodeError
   │     └─ → json.loads(…)  ✗ JSONDecodeError('Expecting value: line 1 column 2 (char 1)')
   │           raised decoder.py:N in JSONDecoder.raw_decode · left json.loads, raised_again
   │           caught in catches_again (app.py:20, handlers from line 21)
   ├─ suppresses()
   │  └─ → json.loads(…)  ✗ JSONDecodeError('Expecting value: line 1 column 1 (char 0)')
   │        raised decoder.py:N in JSONDecoder.raw_decode · left json.loads
   │        caught in suppresses (app.py:23, handlers from line 23)
   ├─ passes()
   │  ├─ → json.loads(…)  ✗ JSONDecodeError('Expecting value: line 1 column 1 (char 0)')
   │  │     raised decoder.py:N in JSONDecoder.raw_decode · left json.loads
   │  │     caught in passes (app.py:26, handlers from line 28)
   │  └─ → json.dumps(…)
   └─ generates() yielded 1×
      └─ → json.loads(…)  ✗ JSONDecodeError('Expecting value: line 1 column 1 (char 0)')
            raised decoder.py:N in JSONDecoder.raw_decode · left json.loads
            caught in generates (app.py:30, handlers from line 31)
"""


def test_the_story(workshop: Workshop) -> None:
    workshop.record(PROGRAM, "--caught", "--boundary", "--no-time")
    told = workshop.flowtrace("show", "--all").out
    assert re.sub(r"decoder\.py:\d+", "decoder.py:N", told) == STORY


def test_each_alone_tells_its_part(workshop: Workshop) -> None:
    """The calls are those of --boundary, what is caught in them is what --caught has and no library call tells."""
    both = workshop.record(PROGRAM, "--caught", "--boundary")
    calls = [(call.function.qualname, call.outcome, call.depth) for call in both.calls()]
    kept = [(call.function.qualname, error.type) for call in both.calls() for error in call.caught]
    left = [call.function.qualname for call in both.calls() if call.exception]
    boundary = workshop.record(PROGRAM, "--boundary")
    assert [(call.function.qualname, call.outcome, call.depth) for call in boundary.calls()] == calls
    assert [call.function.qualname for call in boundary.calls() if call.exception] == left
    assert kept == [("in_place", "Odd")], "a library call tells of the others"


def test_switches_of_start_tracing(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import flowtrace, json
        def work():
            try: raise ValueError("here")
            except ValueError: return json.dumps(1)
        def told(**options):
            with flowtrace.active_tracing("one.flow", **options):
                work()
            calls = list(flowtrace.open("one.flow").calls())
            print([call.function.qualname for call in calls], [error.type for call in calls for error in call.caught])
        for caught in False, True, False:
            for boundary in False, True:
                told(caught=caught, boundary=boundary)
        flowtrace.start_tracing(caught=True)
        work()
        flowtrace.stop_tracing()
        flowtrace.print_tree()
        """,
    )
    done = workshop.python("app.py")
    assert done.status == 0, done.err
    without, also = ["['work'] ", "['work', 'dumps'] "], ["[]", "['ValueError']"]
    assert done.out.splitlines() == [calls + also[caught] for caught in (0, 1, 0) for calls in without]
    assert "ValueError('here') raised app.py:3 · caught here, handlers from line 4" in done.err
