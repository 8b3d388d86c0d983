"""The total is right; the average is 0."""

SALES = "north 12\nsouth 7\n# closed on sundays\nwest 20"


def read(text):
    for line in text.splitlines():
        if not line.startswith("#"):
            region, amount = line.split()
            yield region, int(amount)


def total(rows):
    return sum(amount for _, amount in rows)


def average(rows):
    amounts = [amount for _, amount in rows]
    return total(("", amount) for amount in amounts) / len(amounts) if amounts else 0


def report(text):
    rows = read(text)
    return {"total": total(rows), "average": average(rows)}


print(report(SALES))
