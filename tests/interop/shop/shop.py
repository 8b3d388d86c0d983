"""A shop that is good to look at in a flame graph: modules, exceptions that are caught, tasks that wait, a thread.

With an argument it is a later version of itself, in which some of it takes more and some of it less.
"""

import asyncio
import json
import sys
import threading

from warehouse import pricing, stock

IS_LATER = len(sys.argv) > 1


def parse(lines):
    return [json.loads(line) for line in lines]


def take_orders(day):
    total = 0
    for order in parse(f'{{"article": {n}, "count": {n % 5 + 1}}}' for n in range(40)):
        total += pricing.price(order["article"] + day, order["count"], IS_LATER)
    return total


def reserve(article):
    try:
        return stock.reserve(article)
    except stock.SoldOutError:
        return None


def count_by_hand(articles):
    return sum(stock.weigh(article) for article in range(articles))


def count_by_index(articles):
    return stock.index(articles)


async def ask(supplier):
    await asyncio.sleep(0.003 * supplier)
    return await read_answer(supplier)


async def read_answer(supplier):
    await asyncio.sleep(0.004)
    return [pricing.discount(n, IS_LATER) for n in range(60 * supplier)]


async def ask_all():
    return await asyncio.gather(*(ask(supplier) for supplier in range(1, 5)))


def book():
    for day in range(6):
        pricing.rebate(day)


def main():
    for day in range(12):
        take_orders(day)
    for article in range(160):
        reserve(article)
    if IS_LATER:
        count_by_index(900)
    else:
        count_by_hand(120)
    bookkeeper = threading.Thread(target=book, name="bookkeeper")
    bookkeeper.start()
    asyncio.run(ask_all())
    bookkeeper.join()


main()
