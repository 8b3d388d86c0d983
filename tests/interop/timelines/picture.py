"""What the picture of Perfetto in the documents shows: a small shop."""

import asyncio
import threading


class CardDeclined(Exception):
    pass


def price(order):
    return sum(order["items"]) * 1.19


def charge(order, card):
    if card.startswith("4000"):
        raise CardDeclined(f"{card[-4:]} has no money")
    return {"paid": price(order), "order": order["id"]}


async def reserve(item):
    await asyncio.sleep(0.002)
    return item


async def handle(order, card):
    await asyncio.gather(*(reserve(item) for item in order["items"]))
    try:
        return charge(order, card)
    except CardDeclined:
        return charge(order, "5555 0000")


def write_report(results):
    return [price({"items": [n]}) for n in range(40)] and len(results)


async def shop():
    orders = [{"id": n, "items": [10 * n, 5]} for n in range(1, 4)]
    cards = ["5555 1111", "4000 0002", "5555 2222"]
    results = await asyncio.gather(*(handle(*pair) for pair in zip(orders, cards, strict=True)))
    reporter = threading.Thread(target=write_report, args=(results,), name="reporter")
    reporter.start()
    reporter.join()


asyncio.run(shop())
