"""Exceptions: caught near and far, raised again, chained, suppressed, in finally, from C, in groups, not caught."""


class AppError(Exception):
    pass


class Detailed(AppError):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Lazy(Exception):
    def __init__(self, value):
        self.value = value

    def __str__(self):
        return f"lazy {self.value}"


def fail(error):
    raise error


def deep(levels, error):
    if levels:
        return deep(levels - 1, error)
    return fail(error)


def from_c(what):
    if what == "int":
        return int("not a number")
    if what == "key":
        return {}["missing"]
    if what == "index":
        return [][3]
    if what == "attribute":
        return None.missing
    if what == "type":
        return len(3)
    if what == "unicode":
        return b"\xff".decode()
    if what == "file":
        return open("/no/such/file")
    if what == "import":
        import no_such_module

        return no_such_module
    if what == "assert":
        assert what == "other", ("message", 1)
    return unknown_name


def again(error):
    try:
        fail(error)
    except AppError:
        raise


def chained(error):
    try:
        fail(error)
    except AppError as cause:
        raise ValueError("because") from cause


def without_context(error):
    try:
        fail(error)
    except AppError:
        raise ValueError("on its own") from None


def in_handler(error):
    try:
        fail(error)
    except AppError:
        return int("x")


def finally_runs(error, log):
    try:
        return fail(error)
    finally:
        log.append(clean_up())


def finally_returns(error):
    try:
        fail(error)
    finally:
        return "swallowed"


def clean_up():
    return "clean"


def retry(times):
    for n in range(times):
        try:
            fail(Detailed(n, f"attempt {n}"))
        except AppError as error:
            last = error
    raise last


def grouped():
    errors = []
    for error in (ValueError(1), TypeError("two"), KeyError((3,))):
        try:
            fail(error)
        except Exception as caught:
            errors.append(caught)
    try:
        raise ExceptionGroup("several", errors)
    except* ValueError as some:
        print(len(some.exceptions))


def changed():
    error = AppError("before")
    error.args = ("after", 2)
    error.add_note("a note")
    raise error


def twice():
    error = AppError("used twice")
    for _ in range(2):
        try:
            deep(1, error)
        except AppError:
            pass


def keep(error, kept):
    try:
        deep(1, error)
    except Exception as caught:
        kept.append(caught)


def raise_kept(kept):
    raise kept[-1]


def splits():
    try:
        fail(ExceptionGroup("mixed", [ValueError(1), ExceptionGroup("inner", [KeyError("b"), TypeError(2)])]))
    except* ValueError:
        pass


def cleared(error):
    try:
        fail(error)
    except AppError as caught:
        raise caught.with_traceback(None)


def thrown_into():
    try:
        yield 1
    except AppError:
        yield 2


def throw(error):
    generator = thrown_into()
    next(generator)
    return generator.throw(error)


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error).__name__


attempt(fail, AppError)
attempt(fail, AppError())
attempt(fail, AppError("text", 1, None, [1, 2]))
attempt(fail, Detailed(404, "not found"))
attempt(fail, Lazy(object()))
attempt(fail, Exception(Lazy(1), "beside an object"))
attempt(fail, ValueError(*range(10)))
attempt(fail, ValueError([[[1]]], [[2]], {"a": [ValueError(1)]}, "x" * 200))
attempt(deep, 3, KeyError("deep"))
for what in ("int", "key", "index", "attribute", "type", "unicode", "file", "import", "assert", "name"):
    attempt(from_c, what)
attempt(again, AppError("again"))
attempt(chained, AppError("cause"))
attempt(without_context, AppError("hidden"))
attempt(in_handler, AppError("first"))
attempt(finally_runs, AppError("finally"), [])
finally_returns(AppError("lost"))
attempt(retry, 2)
attempt(grouped)
attempt(changed)
twice()
attempt(fail, StopIteration(5))
attempt(fail, KeyboardInterrupt())
attempt(fail, SystemExit(3))
attempt(fail, BaseException("base"))
attempt(fail, "not an exception")
attempt(lambda: next(iter([])))
kept = []
keep(Detailed(7, "kept"), kept)
attempt(raise_kept, kept)
attempt(raise_kept, kept)
attempt(splits)
attempt(cleared, AppError("cleared"))
attempt(throw, AppError("thrown"))
attempt(throw, KeyError("thrown through"))
chained(AppError("not caught"))
