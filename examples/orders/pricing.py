from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from config import Config
from models import Line, Order, Tier

TIER_DISCOUNTS = {
    Tier.REGULAR: Decimal("0"),
    Tier.SILVER: Decimal("0.02"),
    Tier.GOLD: Decimal("0.05"),
}
BULK_QUANTITY = 5
BULK_DISCOUNT = Decimal("0.03")


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def category_discount(name: str, config: Config) -> Decimal:
    """The best discount of a category and of those above it."""
    category = config.categories[name]
    if category.parent is None:
        return category.discount
    return max(category.discount, category_discount(category.parent, config))


def bulk_discount(line: Line) -> Decimal:
    return BULK_DISCOUNT if line.quantity >= BULK_QUANTITY else Decimal(0)


def price_line(line: Line, config: Config) -> Decimal:
    discount = category_discount(line.category, config) + bulk_discount(line)
    return line.price * line.quantity * (1 - discount)


def season_discount(placed: date, config: Config) -> Decimal:
    start, end = config.season
    return config.season_discount if start <= placed <= end else Decimal(0)


def price_order(order: Order, config: Config) -> Decimal:
    net = sum((price_line(line, config) for line in order.lines), Decimal(0))
    discount = TIER_DISCOUNTS[order.customer.tier] + season_discount(order.placed, config)
    return to_cents(net * (1 - discount) * (1 + config.tax_rate))
