class SoldOutError(Exception):
    pass


def look_up(article):
    if article % 7 == 0:
        raise SoldOutError(article)
    return sum(range(3000))


def reserve(article):
    left = look_up(article)
    write(article, left)
    return left


def write(article, left):
    return sum(range(4000)) + article + left


def weigh(article):
    return sum(range(article * 30))


def index(articles):
    return sum(range(articles * 200))
