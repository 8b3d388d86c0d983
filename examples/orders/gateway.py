from dataclasses import dataclass, field
from decimal import Decimal


class PaymentError(Exception):
    """The bank refused the payment."""


class GatewayTimeout(Exception):
    """The bank did not answer in time; asking again is safe."""


@dataclass
class Gateway:
    """Stands in for a bank: declines some orders, is slow at first with others."""

    declined: frozenset[str]
    slow: frozenset[str]
    attempts: dict[str, int] = field(default_factory=dict)
    receipts: int = 0

    def send(self, order_id: str, amount: Decimal) -> str:
        attempt = self.attempts[order_id] = self.attempts.get(order_id, 0) + 1
        if order_id in self.declined:
            raise PaymentError(f"card declined for {amount}")
        if order_id in self.slow and attempt == 1:
            raise GatewayTimeout(f"no answer for {order_id}")
        self.receipts += 1
        return f"R{self.receipts:04}"


def charge(gateway: Gateway, order_id: str, amount: Decimal, attempts: int) -> str:
    for _ in range(attempts - 1):
        try:
            return gateway.send(order_id, amount)
        except GatewayTimeout:
            continue
    return gateway.send(order_id, amount)
