# $ flowtrace run --no-values no_values.py
"""Structure and time, nothing of what was passed."""


def area(width, height):
    return width * height


def nothing():
    raise ValueError("also without its message")


area(2, 3)
try:
    nothing()
except ValueError:
    pass
