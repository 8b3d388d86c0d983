"""Class bodies, metaclasses, properties, descriptors, inheritance and methods with two underscores."""


class Meta(type):
    @classmethod
    def __prepare__(mcls, name, bases, **options):
        return {"made_by": "Meta"}

    def __new__(mcls, name, bases, namespace, **options):
        return super().__new__(mcls, name, bases, dict(namespace))

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        return super().__call__(*args)

    def __instancecheck__(cls, other):
        return True


class Base(metaclass=Meta, option=1):
    def __init_subclass__(cls, **options):
        super().__init_subclass__()

    def __init__(self, size):
        self.size = size

    def area(self):
        return self.size**2


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner):
        return self if instance is None else vars(instance)[self.name]

    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(f"{value} is negative")
        vars(instance)[self.name] = value


class Box(Base):
    height = Positive()

    def __new__(cls, *args):
        return super().__new__(cls)

    def __init__(self, size, height):
        super().__init__(size)
        self.height = height

    @property
    def volume(self):
        return self.area() * self.height

    @volume.setter
    def volume(self, volume):
        self.height = volume // self.area()

    @volume.deleter
    def volume(self):
        self.height = 0

    @classmethod
    def cube(cls, size):
        return cls(size, size)

    @staticmethod
    def describe(value):
        return f"{value!r} {value}"

    def __repr__(self):
        return f"Box({self.size})"

    def __str__(self):
        return "box"

    def __eq__(self, other):
        return self.volume == other.volume

    def __hash__(self):
        return 7

    def __lt__(self, other):
        return self.volume < other.volume

    def __add__(self, other):
        return NotImplemented if isinstance(other, int) else Box(self.size + other.size, 1)

    def __radd__(self, other):
        return self

    def __len__(self):
        return self.size

    def __bool__(self):
        return False

    def __getitem__(self, index):
        if index > 2:
            raise IndexError(index)
        return index

    def __contains__(self, item):
        return item == 1

    def __call__(self, *args, **kwargs):
        return args, kwargs

    def __getattr__(self, name):
        if name.startswith("made_"):
            return name
        raise AttributeError(name)

    def __iter__(self):
        return iter([1, 2])


class Outer:
    class Inner:
        def method(this, self):
            return self

    def local(self):
        class Local:
            def method(self, n):
                return n

        return Local().method(1)


box = Box.cube(2)
box.volume = 40
del box.volume
box.volume
Box.describe(box)
box == Box(2, 0)
{box: 1}[box]
sorted([Box(3, 1), Box(2, 1)])
box + Box(1, 1)
1 + box
len(box), bool(box), 1 in box, list(box), box[1], box(1, key=2), box.made_up
Outer.Inner().method(1)
Outer().local()
for wrong in (
    lambda: Box(1, -1),
    lambda: box[3],
    lambda: box.missing,
    lambda: hasattr(box, "no"),
    lambda: sum(box, ""),
):
    try:
        wrong()
    except (ValueError, IndexError, AttributeError, TypeError):
        pass
