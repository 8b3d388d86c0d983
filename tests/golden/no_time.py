# $ flowtrace run --no-time no_time.py; flowtrace show --lines 8
"""No clock is read, no time is shown."""


def area(width, height):
    return width * height


for n in range(3):
    area(n, 2)
area("a", 2)
