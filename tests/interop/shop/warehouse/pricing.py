def rule(article):
    return sum(range(article * 20)) % 97


def discount(count, is_later):
    return sum(range(count * (130 if is_later else 40))) % 13


def price(article, count, is_later):
    return rule(article) * count - discount(article, is_later)


def rebate(day):
    return [discount(n, False) for n in range(40 + day)]
