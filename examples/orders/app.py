from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config import Config, load_config
from gateway import Gateway, PaymentError, charge
from models import OrderError, Status, Summary, parse_order
from pricing import price_order
from storage import load_summary, save_summary

HERE = Path(__file__).resolve().parent


def settle(raw: dict[str, Any], config: Config, gateway: Gateway) -> Decimal:
    order = parse_order(raw, config.customers)
    amount = price_order(order, config)
    charge(gateway, order.id, amount, config.attempts)
    return amount


def process(config: Config, gateway: Gateway) -> Summary:
    summary = Summary()
    for raw in config.orders:
        try:
            amount = settle(raw, config, gateway)
        except PaymentError as error:
            print(f"{raw['id']}: {error}")
            summary.record(raw["id"], Status.DECLINED)
        except OrderError as error:
            print(f"{error} ({error.__cause__})")
            summary.record(raw["id"], Status.INVALID)
        else:
            summary.record(raw["id"], Status.PAID, amount)
    return summary


def archive(summary: Summary) -> Summary:
    """Writes the summary and reads it back, to be sure of what was written."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "summary.json"
        save_summary(summary, path)
        return load_summary(path)


def report(summary: Summary, config: Config) -> None:
    print(f"{config.shop}: {len(summary.statuses)} orders")
    for status in Status:
        print(f"  {status.value:<9}{len(summary.ids(status)):>3}")
    print(f"  total    {summary.total} {config.currency}")


def main() -> None:
    config = load_config(HERE)
    gateway = Gateway(config.declined, config.slow)
    summary = process(config, gateway)
    stored = archive(summary)
    if stored != summary:
        raise SystemExit("the stored summary differs")
    report(stored, config)


if __name__ == "__main__":
    main()
