# $ flowtrace run arguments.py
"""Parameters of every kind, defaults, what stays as it was when the call was made."""


def plain(a, b=2, /, c=3, *, d=4):
    return a + b + c + d


def rest(first, *args, key=None, **options):
    return len(args) + len(options)


def changes(items, name):
    items.append("later")
    name = "another"
    return items, name


def outer(n):
    def inner():
        return n

    return inner()


class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    @classmethod
    def empty(cls, owner):
        return cls(owner)

    @staticmethod
    def is_valid(amount):
        return amount > 0

    @property
    def label(self):
        return f"{self.owner}: {self.balance}"


plain(1)
plain(1, 5, c=6, d=7)
rest("x")
rest("x", 1, 2, key="k", more=True)
changes(["now"], "one")
outer(5)
account = Account.empty("Ada")
account.deposit(amount=3)
Account.is_valid(-1)
account.label
sorted(["bb", "a"], key=lambda word: len(word))
