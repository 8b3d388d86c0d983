"""Text that means something to some format, wherever a program can put text.

Names of functions, parameters, modules, files, classes, exceptions, threads, tasks, regions, notes and tests; keys,
fields and values.
"""

import asyncio
import threading
import types

import flowtrace
from flowtrace import _core

TEXTS = {
    "script": "</script><script>alert(1)</script>",
    "markup": "<b onmouseover='alert(1)' class=\"x\">&amp;&#10;]]><!-- --><style>*{}",
    "folded": "a;b c\n1",
    "number at the end": "calls 42",
    "nul": "\0nul\0",
    "sql": "\"quoted\", 'single', `tick`; DROP TABLE call;--",
    "csv": '=1+1,"a\r\nb";\tc',
    "return": "one\rtwo",
    "mermaid": "end\n participant p as x\n %% --> [ ] { } | # #quot; #59;",
    "dot": '"]; } digraph { a -> b [label=<<b>x</b>>] \\N \\',
    "json": '{"ph":"E"},\n\\u0000\\',
    "terminal": "\x1b[31mred\x1b]0;owned\x07\x9b1m\x7f",
    "order": "\u202egnp.exe\u2066\u200f",
    "line ends": "a\u2028b\u2029c\x85d\x0be",
    "surrogate": "\ud800 lone \udfff",
    "pair": "\ud83d\udc00",
    "no character": "\ufeff\ufffe\uffff\U0001ffff",
    "marks": "z" + "\u0301\u0489" * 100,
    "wide": "\U0001f600\u4e2d\u6587\u044b",
    "percent": "%s%n{0}$(x)${x}",
    "path": "../../etc/passwd\\..\\C:",
    "nothing": "",
    "long": "name" * 250_000,
}
SURROGATES = {"surrogate", "pair"}
NO_CLASS = {"nul", *SURROGATES}  # no class can be made by that name, but renamed
# A system may refuse these for a thread of its own: PyThreadState, pthread_setname_np().
NO_THREAD = {"nul", *SURROGATES}
HERE = __file__.removesuffix("app.py")


def template(value, *, key=None, **more):
    return value


def fails(value):
    raise value


async def works(value):
    await asyncio.sleep(0)
    return value


def counts(value):
    yield value


def renamed(function, text):
    """Return the function by that name, of a module, in a file and with parameters of that name."""
    code = function.__code__
    names = tuple(f"{text[:50]}{at}" if at < code.co_argcount else name for at, name in enumerate(code.co_varnames))
    file = f"{HERE}{text[:1000].lstrip('/.')}.py"
    code = code.replace(co_name=text, co_qualname=text, co_filename=file, co_varnames=names)
    made = types.FunctionType(code, {**globals(), "__name__": text}, text)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def run_module(text):
    """Run a module by that name, of a file of that name."""
    code = compile("", "module", "exec").replace(co_filename=f"{HERE}{text[:1000].lstrip('/.')}")
    exec(code, {"__name__": text, "__file__": code.co_filename})


def named_class(what, text, *bases, **fields):
    made = type(text if what not in NO_CLASS else "Renamed", bases, {"__module__": text, **fields})
    made.__qualname__ = text
    return made


Thing = type("Thing", (), {})


async def tasks():
    for text in TEXTS.values():
        await asyncio.create_task(renamed(works, text)(text), name=text)


def one(what, text):
    renamed(template, text)(text, key={text: [text]}, **{text: (text,)})
    run_module(text)
    with flowtrace.region(text, **{text: text}):
        flowtrace.note(text, **{text: text})
    with _core._region_at(f"test_x.py::test_it[{text}]", (text, f"{HERE}{text}", 1)):
        list(renamed(counts, text)(text))
    thing = named_class(what, text, Thing, method=renamed(template, text))()
    thing.__dict__[text] = text
    thing.method(key=thing)
    exception = named_class(what, text, Exception)
    try:
        renamed(fails, text)(exception(text, thing))
    except exception:
        pass
    name = text if what not in NO_THREAD else "thread"
    thread = threading.Thread(target=renamed(template, text), name=name, args=(text.encode("utf-8", "replace"),))
    thread.start()
    thread.join()


for what, text in TEXTS.items():
    one(what, text)
asyncio.run(tasks())
raise RuntimeError("".join(text for text in TEXTS.values() if len(text) < 999))
