import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from models import Status, Summary


def to_json(summary: Summary) -> dict[str, Any]:
    statuses = {id: status.value for id, status in summary.statuses.items()}
    return {"total": str(summary.total), "statuses": statuses}


def from_json(data: dict[str, Any]) -> Summary:
    statuses = {id: Status(value) for id, value in data["statuses"].items()}
    return Summary(statuses, Decimal(data["total"]))


def save_summary(summary: Summary, path: Path) -> None:
    path.write_text(json.dumps(to_json(summary), indent=2), encoding="utf-8")


def load_summary(path: Path) -> Summary:
    return from_json(json.loads(path.read_text(encoding="utf-8")))
