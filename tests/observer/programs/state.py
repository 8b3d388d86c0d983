"""What the interpreter and the system say of this process while functions of all kinds run. A line for each thing."""

# ruff: noqa
RECORDER = None
import sys

modules_at_start = sorted(set(sys.modules) - {"flowtrace", "flowtrace._core"})
argv, orig_argv, path, flags = list(sys.argv), sys.orig_argv[1:], list(sys.path), tuple(sys.flags)
importer_cache = sorted(sys.path_importer_cache)
audited = []
listening = False


def hear(event, arguments):
    if listening:
        audited.append(event)


sys.addaudithook(hear)
import builtins

builtin_names = sorted(vars(builtins))
import atexit, contextvars, ctypes, gc, linecache, locale, os, posix, resource, signal, time, traceback, warnings

callbacks_at_exit = atexit._ncallbacks()
random_modules = [
    name for name in ("random", "decimal", "asyncio", "threading", "subprocess", "struct") if name in sys.modules
]
import threading

said = []


def say(what, *things):
    said.append(f"{what}: {things!r}")


# --- work of all kinds, enough of it that the recorder asks the system for more room


def plain(a, b=None, *c, d=None, **e):
    return a


def generator(n):
    for i in range(n):
        yield [i]


def raises(n):
    if n == 0:
        raise ValueError("a reason")
    raises(n - 1)


def catches():
    try:
        raises(3)
    except ValueError as error:
        return sys.exc_info()[1] is error, traceback.format_exc()


def by_library():
    return sorted([3, 1, 2], key=lambda n: -n)


class Thing:
    def __init__(self, x):
        self.x = x


def work(n=60):
    for i in range(n):
        plain(i, "text" * 40, [i] * 9, d=Thing(i), e="and more text" * 12)
        list(generator(3))
        by_library()
    return catches()


# --- the libraries' state

libc = ctypes.CDLL(None, use_errno=True)
libc.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
libm = ctypes.CDLL("libm.so.6")


def errno_around(times):
    place = libc.__errno_location()
    place[0] = 42
    for _ in range(times):
        plain(1, "x" * 150)
    return place[0]


def floating_point_around():
    libm.feclearexcept(0x3F)
    plain([1.5, 1e308], 1e-320)
    list(generator(2))
    plain({1.5: float("inf")}, float("nan"))
    return libm.fetestexcept(0x3F), libm.fegetround()


def rounding_around():
    libm.fesetround(0x800)  # upwards
    plain(0.1, 0.2)
    work(3)
    mode = libm.fegetround()
    third = (lambda a, b: a / b)(1.0, 3.0)
    libm.fesetround(0)
    return mode, third


def depth_of_the_stack():
    depth = 0

    def down():
        nonlocal depth
        depth += 1
        down()

    try:
        down()
    except RecursionError as error:
        return depth, str(error), sys.exc_info()[0].__name__
    return None


def callers():
    frame, names = sys._getframe(), []
    while frame:
        names.append(
            (frame.f_code.co_qualname, frame.f_lineno, frame.f_trace is None, frame is sys._getframe(len(names)))
        )
        frame = frame.f_back
    return names


def status(*names):
    with open("/proc/self/status") as file:
        found = dict(line.split(":", 1) for line in file)
    ignored = int(found["SigIgn"], 16) & ~(3 << 31)  # two of glibc's own, which posix_spawn() has children ignore
    # FlowTrace has a handler for this one, which no Python sees: docs/observer-effect.md says why.
    caught = int(found["SigCgt"], 16) & ~(1 << signal.SIGBUS - 1)
    return hex(ignored), hex(caught), [found[name].strip() for name in names]


def descriptors():
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    known = [number for number in map(int, os.listdir("/proc/self/fd")) if number < 200]
    for number in opened:
        os.close(number)
    return opened, sorted(known)[:-1]


def ours_are_not_inherited():
    return [
        n
        for n in map(int, os.listdir("/proc/self/fd"))
        if n > 6 and os.path.exists(f"/proc/self/fd/{n}") and os.get_inheritable(n)
    ]


def audit():
    global listening
    audited.clear()
    listening = True
    work()
    listening = False
    return list(audited)


work()
say("modules", modules_at_start, random_modules)
say("arguments", argv, orig_argv, path, flags)
say("importers", [type(each).__name__ for each in sys.meta_path], len(sys.path_hooks))
say("builtins", builtin_names, sys.displayhook is sys.__displayhook__, sys.excepthook is sys.__excepthook__)
say("hooks", sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile(), sys.get_asyncgen_hooks(),
    sys.get_coroutine_origin_tracking_depth(), sys.breakpointhook is sys.__breakpointhook__)  # fmt: skip
say(
    "limits",
    sys.getrecursionlimit(),
    sys.getswitchinterval(),
    sys.get_int_max_str_digits(),
    gc.get_threshold(),
    gc.isenabled(),
)
say("tools", [sys.monitoring.get_tool(tool) for tool in range(4)])
say(
    "exit", callbacks_at_exit <= 1, atexit._ncallbacks() - callbacks_at_exit
)  # FlowTrace's own is the first, so the last to run
say(
    "threads",
    [thread.name for thread in threading.enumerate()],
    threading.active_count(),
    os.listdir("/proc/self/task") == [str(os.getpid())],
)
say("status", status("Threads", "SigBlk", "Cpus_allowed", "NoNewPrivs", "Umask", "Seccomp"))
say(
    "signals",
    [(number.name, str(signal.getsignal(number))) for number in signal.Signals],
    signal.pthread_sigmask(signal.SIG_BLOCK, []),
    signal.set_wakeup_fd(-1),
)
say(
    "limits of the system",
    [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
)
say("descriptors", descriptors(), ours_are_not_inherited())
say("environment", sorted(os.environ.items()), sorted(posix.environ.items()))
say(
    "place",
    os.getcwd(),
    os.umask(os.umask(0)),
    time.tzname,
    locale.setlocale(locale.LC_ALL),
    os.getpriority(os.PRIO_PROCESS, 0),
)
say("errno", errno_around(1), errno_around(5000), ctypes.get_errno())
say("floating point", floating_point_around(), rounding_around())
say("stack", depth_of_the_stack() is not None, callers(), sys._getframe() is sys._getframe())
say("exceptions", sys.exc_info(), catches(), hasattr(sys, "last_exc"))
say("warnings", sys.warnoptions, warnings.filters)
say("context", len(contextvars.copy_context()), sorted(linecache.cache))
say(
    "streams",
    [
        (stream.line_buffering, stream.encoding, stream.errors, stream.fileno())
        for stream in (sys.stdin, sys.stdout, sys.stderr)
    ],
)
say("audited", audit())
import random

random.seed(7)
work(3)
say("random", random.random(), hash(random.getstate()))
import decimal

work(3)
plain(decimal.Decimal("1.5"), decimal.Decimal(1) / 3)
say("decimal", decimal.getcontext())
for line in said:
    print(line)
atexit.register(print, "the first at exit")
atexit.register(work)
atexit.register(print, "the last at exit")


def tell(unraisable):
    print(
        unraisable.exc_type,
        unraisable.object is Unraisable.__del__,
        "".join(traceback.format_tb(unraisable.exc_traceback)),
    )


sys.unraisablehook = tell


class Unraisable:
    def __del__(self):
        raises(1)


def lets_go():
    x = Unraisable()
    plain(x)


lets_go()
work(2)
raises(4)
