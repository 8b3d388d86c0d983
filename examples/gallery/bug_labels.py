"""What a form's labels say depends on which form was shown before it."""

import sys

LABELS = {}


def label(value):
    if value not in LABELS:
        LABELS[value] = yes_or_no(value) if isinstance(value, bool) else plural(value)
    return LABELS[value]


def plural(count):
    return f"{count} item" if count == 1 else f"{count} items"


def yes_or_no(flag):
    return "yes" if flag else "no"


def show(form):
    return {name: label(value) for name, value in form.items()}


FORMS = {"cart": {"items": 3, "gifts": 1}, "account": {"newsletter": True, "adult": False}}
for name in sys.argv[1:]:
    print(show(FORMS[name]))
