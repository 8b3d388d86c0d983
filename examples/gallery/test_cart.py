"""Tests of a shopping cart, one of which fails."""

import unittest


class Cart:
    def __init__(self):
        self.items = {}

    def add(self, name, price, count=1):
        _, there = self.items.get(name, (price, 0))
        self.items[name] = (price, there + count)

    def total(self):
        return sum(price * count for price, count in self.items.values())

    def remove(self, name):
        del self.items[name]


class CartTest(unittest.TestCase):
    def setUp(self):
        self.cart = Cart()
        self.cart.add("pen", 2)

    def test_total(self):
        self.cart.add("ink", 5, 2)
        self.assertEqual(self.cart.total(), 12)

    def test_remove(self):
        self.cart.remove("pen")
        self.assertEqual(self.cart.total(), 0)

    def test_price_may_change(self):
        self.cart.add("pen", 3)
        self.assertEqual(self.cart.total(), 5)
