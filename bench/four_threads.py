"""Four threads that make about 10 calls for every 4 of `size`: small ones with values, now and then a recursion.

Called with `changed` behind the size, of 1,000 calls 4 get another argument, 3 are new and one or two are gone.
"""

import sys
import threading


class Account:
    def __init__(self, number: int) -> None:
        self.number = number
        self.total = 0

    def add(self, amount: int) -> int:
        self.total += amount
        return self.total


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def price(kind: str, amount: int) -> int:
    return amount - 1 if kind == "vip" else amount


changed = sys.argv[2:] == ["changed"]


def order(account: Account, number: int) -> int:
    total = 0
    for k in range(number % 4):
        kind = "old" if changed and number % 100 == 21 else "new"
        total += account.add(price("vip" if k % 2 else kind, number + k))
    if changed and number % 140 == 33:
        price("more", number)
    return total


def work(size: int) -> None:
    account = Account(size)
    done = 0
    while done < size:
        if not changed or done % 280 != 72:
            order(account, done)
        done += 1 + 2 * (done % 4)
        if done % 1000 < 5:
            fib(12)


def main(size: int) -> None:
    threads = [threading.Thread(target=work, args=(size // 4,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main(int(sys.argv[1]))
