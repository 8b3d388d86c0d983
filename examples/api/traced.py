"""One decorator: the story of the outermost call is printed when it ends."""

from flowtrace import trace


def price(quantity: int, discount: float = 0.0) -> float:
    return quantity * 9.5 * (1 - discount)


@trace
def checkout(basket: dict[str, int]) -> float:
    return sum(price(quantity) for quantity in basket.values())


checkout({"apples": 3, "pears": 2})
