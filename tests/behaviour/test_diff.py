"""`flowtrace diff`: real programs that do the same twice, whatever the scheduler does, and some that don't."""

import os
import subprocess

import pytest
from conftest import Run, Workshop


@pytest.fixture
def twice(workshop: Workshop):
    """Run a program twice, with other words and hashes, and compare."""

    def run(source: str, *options: str, first: tuple[str, ...] = (), second: tuple[str, ...] = ()) -> Run:
        workshop.write("app.py", source)
        for name, words, seed in (("a.flow", first, "1"), ("b.flow", second, "2")):
            done = workshop.run("-o", name, "app.py", *words, environment={"PYTHONHASHSEED": seed})
            assert not done.stderr or b"Error" in done.stderr, done.err
        return workshop.flowtrace("diff", *options, "a.flow", "b.flow")

    return run


def assert_same(done: Run) -> None:
    assert (done.status, done.err) == (0, ""), done.out
    assert done.out.startswith("The runs are the same: "), done.out


ORDERS = """
import sys
from collections import namedtuple

Order = namedtuple("Order", "number total")

def price(order, rule):
    return order.total + (rule == "new")

def save(order, amount):
    if amount < 0:
        raise ValueError(f"{order.number} has no price")

def main(rule):
    for number in range(6):
        order = Order(number, number * 10)
        save(order, price(order, rule if number == 2 else "vip"))

main(*sys.argv[1:])
"""


def test_two_runs_that_did_the_same(twice) -> None:
    done = twice(ORDERS, first=("vip",), second=("vip",))
    assert_same(done)
    assert done.out == "The runs are the same: 14 calls.\n"


def test_two_runs_that_part(twice) -> None:
    done = twice(ORDERS, first=("vip",), second=("new",))
    assert (done.status, done.err) == (1, "")
    assert done.out == (
        "- a.flow · app.py vip · 14 calls\n"
        "+ b.flow · app.py new · 14 calls\n"
        "\n"
        "The call of main got rule='new' instead of 'vip'; up to there 1 call agrees. See call #2 of a.flow,\n"
        "call #2 of b.flow, below app.py.\n"
        "\n"
        "  app.py\n"
        "~ └─ main(rule='vip')  #2\n"
        "     │  rule: 'vip' → 'new'\n"
        "     ├─ … 4 calls alike\n"
        "~    ├─ price(order=Order(number=2, total=20), rule='vip')  #7\n"
        "     │     rule: 'vip' → 'new'\n"
        "     │     result: 20 → 21\n"
        "~    ├─ save(order=Order(number=2, total=20), amount=20)  #8\n"
        "     │     amount: 20 → 21\n"
        "     └─ … 6 calls alike\n"
        "\n"
        "3 calls changed.\n"
    )


def test_ignored_parameters_and_functions(twice, workshop: Workshop) -> None:
    done = twice(ORDERS, "--ignore", "rule", first=("vip",), second=("new",))
    assert "The 3rd call of price returned 21 instead of 20" in done.out
    done = workshop.flowtrace("diff", "--ignore=rule", "--ignore=amount", "--ignore=pri?e", "a.flow", "b.flow")
    assert_same(done)
    done = workshop.flowtrace("diff", "--ignore", "main", "--ignore", "prize", "a.flow", "b.flow")
    assert done.status == 0
    assert "No function, parameter or field goes by the name of --ignore prize." in done.out


def test_filters_choose_calls_of_both_runs(twice, workshop: Workshop) -> None:
    done = twice(ORDERS, "--function", "price", "--ignore", "rule", first=("vip",), second=("new",))
    assert done.status == 1
    assert done.out.startswith("- a.flow · app.py vip · 6 calls\n+ b.flow · app.py new · 6 calls\n")
    assert "The 3rd call of price returned 21 instead of 20; up to there 2 calls agree. See call #7 of" in done.out
    assert_same(workshop.flowtrace("diff", "--first", "1", "a.flow", "b.flow"))
    done = workshop.flowtrace("diff", "--function", "prize", "a.flow", "b.flow")
    assert (done.status, done.out) == (2, "")
    assert "did you mean price?" in done.err


def test_without_values(twice) -> None:
    assert_same(twice(ORDERS, "--no-values", first=("vip",), second=("new",)))


def test_one_was_recorded_without_values(workshop: Workshop) -> None:
    workshop.write("app.py", ORDERS)
    workshop.run("-o", "a.flow", "app.py", "vip")
    workshop.run("-o", "b.flow", "--no-values", "app.py", "new")
    done = workshop.flowtrace("diff", "a.flow", "b.flow")
    assert done.status == 0
    assert done.out.startswith("b.flow was recorded without values: only calls and exceptions are compared.\n")


def test_what_varies_from_run_to_run_is_no_difference(twice) -> None:
    source = """
        import datetime, os, pathlib, tempfile, threading, time, uuid

        class Thing:
            pass

        def look(*values, **named):
            return values[0]

        thing = Thing()
        look(id(thing), repr(thing), hex(id(thing)), thing, look, lambda: 0)
        look(uuid.uuid4(), str(uuid.uuid4()), uuid.uuid4().hex, uuid.uuid1())
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(prefix="log-", dir="/tmp") as file:
            look(folder, pathlib.Path(folder, "x"), file.name, open=str(file))
        look(time.time(), time.time_ns(), time.monotonic(), time.perf_counter_ns(), int(time.time()))
        look(datetime.datetime.now(), datetime.date.today(), datetime.datetime.now(datetime.UTC))
        look(os.getpid(), os.getppid() and 1, threading.get_ident(), threading.get_native_id())
        look({"a", "b", "c", "d"}, frozenset("xyz"), {name: 1 for name in {"p", "q", "r"}})
    """
    assert_same(twice(source))


def test_a_date_that_the_program_was_given_is_a_difference(twice) -> None:
    source = """
        import datetime, sys

        def due(date): pass

        due(datetime.datetime.fromisoformat(sys.argv[1]))
    """
    done = twice(source, first=("2024-01-01",), second=("2024-01-02",))
    assert done.status == 1
    assert "The call of due got date=2024-01-02 00:00:00 instead of 2024-01-01 00:00:00" in done.out


def test_files_that_have_changed_are_named(workshop: Workshop) -> None:
    for name, value in (("a.flow", 1), ("b.flow", 2)):
        for module in "pqrst":
            workshop.write(f"{module}.py", f"def {module}(): return {value if module != 'q' else 0}\n")
        workshop.write("app.py", "import p, q, r, s, t\nfor m in p, q, r, s, t: getattr(m, m.__name__)()\n")
        workshop.run("-o", name, "app.py", environment={"PYTHONDONTWRITEBYTECODE": "1"})
    done = workshop.flowtrace("diff", "a.flow", "b.flow")
    assert "p.py, r.py, s.py and 1 more file have changed in between." in done.out.splitlines()
    assert "in between" not in workshop.flowtrace("diff", "a.flow", "a.flow").out


def test_changed_lines_are_no_difference(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(x): return x\nf(1)\n")
    workshop.run("-o", "a.flow", "app.py")
    workshop.write("app.py", "# moved\n\n\ndef f(x):\n    return x\nf(1)\n")
    workshop.run("-o", "b.flow", "app.py")
    assert_same(workshop.flowtrace("diff", "a.flow", "b.flow"))


ASYNC = """
import asyncio, random, sys

async def step(number):
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    return number

async def fetch(number):
    await step(number)
    await asyncio.sleep(random.random() / 1000)
    return await step(number + 100 * (sys.argv[1:] == ["other"] and number == 3))

async def main():
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(fetch(number))
    await asyncio.gather(*map(step, range(5)))
    await asyncio.wait_for(fetch(50), 5)

asyncio.run(main())
"""


def test_asyncio_whatever_the_scheduling(twice) -> None:
    assert_same(twice(ASYNC))


def test_asyncio_with_a_difference(twice) -> None:
    done = twice(ASYNC, second=("other",))
    assert done.status == 1
    assert " call of step got number=103 instead of 3; up to there " in done.out
    assert "2 calls changed." in done.out  # and what fetch() returned


THREADS = """
import random, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

def work(number):
    time.sleep(random.random() / 500)
    return deeper(number)

def deeper(number):
    return number * 2

def main():
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(work, range(10, 20)))

main()
"""


def test_threads_whatever_the_scheduling(twice) -> None:
    assert_same(twice(THREADS))


PROCESSES = """
import multiprocessing, random, subprocess, sys, time

def work(number):
    time.sleep(random.random() / 100)
    return number * 2

def main():
    context = multiprocessing.get_context(METHOD)
    processes = [context.Process(target=work, args=(number,)) for number in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    subprocess.run([sys.executable, "child.py"], check=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(twice, workshop: Workshop, method: str) -> None:
    workshop.write("child.py", "def child(): return 1\nchild()\n")
    assert_same(twice(PROCESSES.replace("METHOD", repr(method))))


def test_a_pool_of_processes_shares_the_work_as_it_likes(twice) -> None:
    source = """
        import multiprocessing

        def work(number):
            return number * 2

        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(sum(pool.map(work, range(12), chunksize=1)))
    """
    assert_same(twice(source))


def test_an_exception_and_what_it_kept_from_happening(twice) -> None:
    source = """
        import sys

        def load(name):
            if name == "bad":
                raise KeyError(name)
            return 1

        def main(name):
            try:
                load(name)
            except KeyError:
                return recover(name)
            return 2

        def recover(name):
            return 0

        main(*sys.argv[1:])
    """
    done = twice(source, "--ignore", "name", first=("good",), second=("bad",))
    assert done.status == 1
    assert "The call of load raised KeyError('bad'); before it returned 1; up to there 2 calls agree." in done.out
    assert "+    └─ recover(name='bad') → 0  #4" in done.out


def test_two_programs(workshop: Workshop) -> None:
    workshop.write("one.py", "def f(): pass\nf()\n")
    workshop.write("two.py", "def f(): pass\nf()\n")
    for name in ("one", "two"):
        workshop.run("-o", f"{name}.flow", f"{name}.py")
    done = workshop.flowtrace("diff", "one.flow", "two.flow")
    assert done.status == 0
    assert done.out.startswith("These are runs of two programs, one.py and two.py; they are compared all the same.\n")


def test_names_that_would_act_on_a_terminal(twice) -> None:
    source = r"""
        import sys

        def f(x): pass

        f.__code__ = f.__code__.replace(co_qualname="f\x1b[31m\n", co_name="f\x1b[2J")
        f("\x1b]0;title\x07" + "".join(sys.argv[1:]))
    """
    done = twice(source, second=("x",))
    assert done.status == 1
    assert not set(done.stdout) & {0x1B, 0x07}


def test_colour_and_signs(twice, workshop: Workshop) -> None:
    twice(ORDERS, first=("vip",), second=("new",))
    done = workshop.flowtrace("diff", "a.flow", "b.flow", environment={"FORCE_COLOR": "1"})
    assert "\x1b[31m'vip'\x1b[0m" in done.out
    assert "\x1b[32m'new'\x1b[0m" in done.out
    done = workshop.flowtrace("diff", "--ascii", "--width", "60", "a.flow", "b.flow")
    assert done.stdout.isascii()
    assert "rule: 'vip' -> 'new'" in done.out
    assert max(map(len, done.out.splitlines())) <= 60


# --- bad input --------------------------------------------------------------


def test_what_cannot_be_compared(workshop: Workshop) -> None:
    workshop.record("print(1)")
    workshop.write("text", "no trace")
    cases = {
        (): "two files are compared, not 0; see: flowtrace diff --help",
        ("flowtrace.flow",): "two files are compared, not 1; see: flowtrace diff --help",
        ("flowtrace.flow", "none.flow"): f"no file none.flow in {workshop.folder}; is the name right?",
        ("flowtrace.flow", "."): ". is a folder, not a trace; traces are files such as flowtrace.flow",
        ("flowtrace.flow", "text"): "text: this is not a FlowTrace trace",
        ("text", "flowtrace.flow"): "text: this is not a FlowTrace trace",
        ("--ignore=", "flowtrace.flow", "flowtrace.flow"): "--ignore needs a name",
        ("--ignore=[a", "flowtrace.flow", "flowtrace.flow"): "--ignore [a: nothing closes the [ at character 1",
        ("--lines", "x", "a", "b"): "--lines needs a whole number",
    }
    for words, message in cases.items():
        done = workshop.flowtrace("diff", *words)
        assert (done.status, done.out) == (2, ""), words
        assert done.err.startswith(f"flowtrace: {message}"), done.err


def test_a_damaged_trace(twice, workshop: Workshop) -> None:
    twice(ORDERS, first=("vip",), second=("vip",))
    data = (workshop.folder / "b.flow").read_bytes()
    (workshop.folder / "b.flow").write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2 - 9))
    done = workshop.flowtrace("diff", "a.flow", "b.flow")
    assert done.status in {0, 1}
    assert "Part of b.flow is missing: see flowtrace info." in done.out


def test_nobody_reads_the_end(twice, workshop: Workshop) -> None:
    twice(ORDERS, first=("vip",), second=("new",))
    process = workshop.start("-m", "flowtrace", "diff", "a.flow", "b.flow", stdin=subprocess.DEVNULL)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(30) == 1


def test_a_trace_of_no_calls(workshop: Workshop) -> None:
    workshop.write("app.py", "import json\n")
    for name in ("a.flow", "b.flow"):
        workshop.run("-o", name, "--exclude", "__main__", "app.py")
    done = workshop.flowtrace("diff", "a.flow", os.fspath(workshop.folder / "b.flow"))
    assert_same(done)


def test_times_that_were_not_recorded_cannot_be_compared(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(): pass\nf()")
    for name, options in (("a", []), ("b", ["--no-time"])):
        assert workshop.run("-o", f"{name}.flow", *options, "app.py").status == 0
    done = workshop.flowtrace("diff", "--time", "a.flow", "b.flow")
    assert (done.status, done.out) == (2, "")
    assert done.err == "flowtrace: --time can't be asked of b.flow: it was recorded with --no-time\n"
    told = workshop.flowtrace("diff", "--time", "a.flow", "a.flow").out
    assert told.startswith("The runs are the same: 2 calls.\n\nTimes of 1 function were compared, ")
    assert "before" not in told
