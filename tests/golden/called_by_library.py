# $ flowtrace run -m unittest -q called_by_library 2>&1 | sed '1,/^FAILED/d'
"""What library code calls is a root of the tree; what it catches there ended nothing."""

import unittest


def price(n):
    return n * 2


class PriceTest(unittest.TestCase):
    def test_right(self):
        self.assertEqual(price(2), 4)

    def test_wrong(self):
        assert price(2) == 5
