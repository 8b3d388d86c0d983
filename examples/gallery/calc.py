"""A parser of arithmetic, by recursive descent."""

import re

TOKEN = re.compile(r"\s*(?:(\d+)|(.))")


class Parser:
    def __init__(self, text):
        self.tokens = [number or sign for number, sign in TOKEN.findall(text)] + ["end"]
        self.place = 0

    def next(self):
        token = self.tokens[self.place]
        self.place += 1
        return token

    def expression(self):
        value = self.term()
        while self.tokens[self.place] in "+-":
            value = value + self.term() if self.next() == "+" else value - self.term()
        return value

    def term(self):
        value = self.factor()
        while self.tokens[self.place] in "*/":
            value = value * self.factor() if self.next() == "*" else value // self.factor()
        return value

    def factor(self):
        token = self.next()
        if token == "(":
            value = self.expression()
            if self.next() != ")":
                raise SyntaxError("a bracket is not closed")
            return value
        if not token.isdigit():
            raise SyntaxError(f"a number is missing before {token!r}")
        return int(token)


def calculate(text):
    try:
        return Parser(text).expression()
    except SyntaxError as error:
        return f"error: {error}"


print(calculate("2 * (3 + 4)"))
print(calculate("7 - (1 + "))
