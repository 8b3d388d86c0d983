# $ flowtrace run --ascii --width 70 ascii.py
"""For terminals that know nothing else."""


def long_name_of_a_function(words, mapping):
    return inner(words)


def inner(words):
    raise KeyError("ключ")


for _ in range(3):
    try:
        long_name_of_a_function(["один", "zwei", "three"] * 5, {"ä": 1.5})
    except KeyError:
        pass
