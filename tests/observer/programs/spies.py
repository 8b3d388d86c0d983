"""Objects that notice whatever is done to them: every method of theirs, property, and metaclass method is counted.

They are passed through all that a recorder might look at. Prints what was counted; with the argument "raise" each
method also raises. The line below is where a bad recorder is put.
"""

# ruff: noqa
RECORDER = None
import collections, dataclasses, enum, functools, json, sys, types

noticed = collections.Counter()
armed = False
raises = "raise" in sys.argv

NAMES = """__repr__ __str__ __bytes__ __format__ __hash__ __bool__ __lt__ __le__ __eq__ __ne__ __gt__ __ge__ __len__
    __length_hint__ __iter__ __next__ __reversed__ __contains__ __getitem__ __setitem__ __delitem__ __missing__
    __getattr__ __getattribute__ __setattr__ __delattr__ __dir__ __get__ __set__ __delete__ __call__ __int__ __float__
    __complex__ __index__ __round__ __trunc__ __floor__ __ceil__ __neg__ __pos__ __abs__ __invert__ __enter__ __exit__
    __await__ __aiter__ __anext__ __aenter__ __aexit__ __buffer__ __release_buffer__ __sizeof__ __reduce__
    __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __copy__ __deepcopy__ __fspath__
    __instancecheck__ __subclasscheck__ __subclasshook__ __mro_entries__ __class_getitem__ __getinitargs__ __replace__
    __divmod__ __rdivmod__ __prepare__ mro get_name done cancelled group""".split()
NAMES += [
    f"__{side}{operation}__"
    for operation in "add sub mul matmul truediv floordiv mod pow lshift rshift and xor or".split()
    for side in ("", "r", "i")
]
PROPERTIES = """__class__ __doc__ __module__ __qualname__ __name__ __annotations__ __wrapped__ __signature__ __dict__
    __text_signature__ __dataclass_fields__ __dataclass_params__ __attrs_attrs__ __match_args__ __pydantic_fields__
    __slots__ __array__ __array_interface__ _fields _name_ _value_ _name _raw_paths _numerator
    shape dtype name pid args start stop step raw mode buffer value func keywords password pattern string int""".split()


class Noticed(Exception):
    pass


def notice(what):
    if armed:
        noticed[what] += 1
        if raises:
            raise Noticed(what)


def spies_of(owner):
    """Methods and properties that count."""
    body = {}
    for name in NAMES:

        def method(*args, name=name, **named):
            notice(f"{owner}.{name}")
            raise TypeError(name)

        body[name] = method
    for name in PROPERTIES:

        def get(self, name=name):
            notice(f"{owner}.{name} (a property)")
            raise AttributeError(name)

        body[name] = property(get)
    return body


def dress(cls, owner):
    for name, spy in spies_of(owner).items():
        try:
            type.__setattr__(cls, name, spy)
        except (AttributeError, TypeError):
            pass


Meta = type("Meta", (type,), {})


def make(base, dictionary=True):
    """A subclass of base whose instances, and itself, are spies."""
    body = {"__slots__": () if base is not object else ("a", "b")} if not dictionary else {}
    cls = type.__new__(Meta, "Spy" + base.__name__, (base,), body)
    dress(cls, cls.__name__)
    return cls


def instances():
    """New ones, made without calling a method of theirs."""
    for base in (object, int, str, list, dict, tuple, set, frozenset, bytes, bytearray, float, complex, Exception,
                 collections.OrderedDict, collections.deque, collections.defaultdict, types.SimpleNamespace):  # fmt: skip
        for dictionary in (True, False):
            yield base.__new__(make(base, dictionary))


class Key(str):
    """Hashes as the name that a recorder may look for, and is asked then whether it is that name."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        notice(f"Key({str.__str__(self)}).__eq__")
        return str.__eq__(self, other)


class Word(str):
    def __eq__(self, other):
        noticed["Word.__eq__"] += armed
        return NotImplemented

    __hash__ = str.__hash__

    def __len__(self):
        notice("Word.__len__")
        return 1

    def __repr__(self):
        notice("Word.__repr__")
        return "?"


def function(a, /, b=None, *c, d=None, **e):
    return a


def generator(a):
    yield a
    yield [a]


async def coroutine(a):
    return a


async def async_generator(a):
    yield a


def raising(error):
    raise error


def drive(coro):
    try:
        while True:
            coro.send(None)
    except StopIteration:
        pass


async def over(agen):
    async for _ in agen:
        pass


def pass_around(x):
    """As an argument of each kind, a result, what is yielded, an item, a key's value, the reason of an exception."""
    function(x)
    function(1, x)
    function(1, 2, x, x, d=x, e=x)
    function([x, (x,), {"key": x}, {1: x}, [[x]]])
    function(type(x))
    function(types.MappingProxyType({"key": x}))
    function(functools.partial(print, x, key=x))
    function(slice(x, x, x))
    function(types.SimpleNamespace(x=x))
    for _ in generator(x):
        pass
    drive(coroutine(x))
    drive(over(async_generator(x)))
    for error in (ValueError(x), KeyError(x, x), OSError(1, x), SystemExit(x), UnicodeError(x)):
        try:
            raising(error)
        except BaseException:
            pass
    try:
        raising(BaseExceptionGroup("several", [ValueError(x), KeyError(x)]))
    except BaseExceptionGroup:
        pass
    error = ValueError("with attributes")
    error.__dict__.update(args=x, x=x)
    error.args = (x,)
    try:
        raising(error)
    except ValueError:
        pass


class Holder:
    """An object of the program's own whose attributes, names of attributes and class are spies."""


def holders(x):
    plain = Holder()
    plain.x = x
    yield plain
    holder = Holder()
    holder.__dict__[Word("x")] = x
    yield holder
    cls = type("WithOddModule", (), {"__module__": x, "__slots__": ["x"]})
    yield cls()
    for name in ("__dataclass_fields__", "_fields", "__attrs_attrs__", "__slots__", "__module__", "__match_args__"):
        cls = type("WithOddClassAttributes", (tuple,), {})
        setattr(cls, name, x)
        yield cls()
    data = dataclasses.make_dataclass("Data", ["x"])(x)
    yield data
    point = collections.namedtuple("Point", "x y")(x, x)
    yield point


class Colour(enum.Enum):
    RED = 1

    def __repr__(self):
        notice("Colour.__repr__")
        return "?"

    __str__ = __repr__

    def __hash__(self):
        notice("Colour.__hash__")
        return 1

    def __eq__(self, other):
        notice("Colour.__eq__")
        return self is other


def odd_code(x):
    """Functions and modules whose names and attributes are odd."""
    plain = function.__code__
    for changes in (
        {"co_name": "na\nme"},
        {"co_qualname": "\udcff.\x00"},
        {"co_filename": "\x1b[31m"},
        {"co_filename": ""},
    ):
        types.FunctionType(plain.replace(**changes), globals(), "name", (None,))(1, d=x)
    named = types.FunctionType(plain, globals(), "name")
    named.__qualname__, named.__module__, named.__doc__ = Word("word"), x, x
    named.__dict__["__wrapped__"] = named.__annotations__["a"] = x
    named.__defaults__, named.__kwdefaults__ = (x,), {"d": x}
    named(1)
    for scope in (
        {"__name__": x, "__file__": x, "__spec__": x, "__loader__": x, "__builtins__": __builtins__},
        {Key("__name__"): x, Key("__file__"): x, Key("x"): x},
        {},
    ):
        try:
            exec("def f(a=1): return a\nf()\nclass C:\n def m(self): return self\nC().m()", scope)
            types.FunctionType(plain, scope, "name", (None,))(1, d=x)
        except Noticed:
            pass


def odd_modules(x):
    """What a recorder may look for in sys.modules is not what it seems."""
    kept = dict(sys.modules)
    for name in (
        "_asyncio",
        "asyncio",
        "enum",
        "decimal",
        "_decimal",
        "threading",
        "datetime",
        "pathlib",
        "greenlet",
        "numpy",
        "__main__",
    ):
        sys.modules[name] = x
    function(Holder())
    function(Colour.RED)
    drive(coroutine(1))
    pass_around(3)
    for name, module in kept.items():
        sys.modules[name] = module
    for name in set(sys.modules) - set(kept):
        del sys.modules[name]


def odd_classes():
    """Classes with keys in their dictionaries that ask whether they are the name that is looked for."""
    for name in ("__dataclass_fields__", "_fields", "__module__", "__slots__", "_name_", "__name__", "__file__"):
        try:
            holder = type("Odd", (object,), {Key(name): ("__dict__",), "plain": 2})()
        except Noticed:
            continue
        function(holder)
        holder.__dict__[Key(name)] = 1
        function(holder)
    function({Key("password"): 1, Word("token"): 2})


def main():
    global armed
    spies = list(instances())
    dress(Meta, "Meta")
    count = 0
    armed = True
    for x in spies:
        pass_around(x)
        for holder in holders(x):
            function(holder)
        odd_code(x)
        odd_modules(x)
        count += 1
    armed = False
    return count


def at_lookups():
    global armed
    before = sum(noticed.values())
    armed = True
    odd_classes()
    function(Colour.RED)
    function({"colour": Colour.RED})
    armed = False


count = main()
at_lookups()
print(json.dumps([count, sorted(noticed.items())]))
