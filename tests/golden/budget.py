# $ flowtrace run --lines 20 budget.py
"""A story of a hundred different calls in twenty lines: the way to the exception stays."""

functions = {}
for number in range(60):
    body = f"step_{number - 1}()" if number % 7 else "pass"
    exec(f"def step_{number}():\n    {body}", functions)


def broken():
    raise RuntimeError("here")


def middle():
    functions["step_3"]()
    broken()


def main():
    for number in range(60):
        functions[f"step_{number}"]()
        if number == 30:
            try:
                middle()
            except RuntimeError:
                pass


main()
