"""A command-line tool that keeps a list in a file."""

import argparse
import json
import sys
from pathlib import Path

FILE = Path("todo.json")


def load():
    try:
        return json.loads(FILE.read_text())
    except FileNotFoundError:
        return []


def save(tasks):
    FILE.write_text(json.dumps(tasks))


def add(options):
    tasks = load()
    tasks.append({"text": options.text, "done": False})
    save(tasks)


def done(options):
    tasks = load()
    if not 1 <= options.number <= len(tasks):
        sys.exit(f"there is no task {options.number}")
    tasks[options.number - 1]["done"] = True
    save(tasks)


def show(options):
    for number, task in enumerate(load(), 1):
        print(number, "x" if task["done"] else "-", task["text"])


def parser():
    parser = argparse.ArgumentParser(prog="todo")
    verbs = parser.add_subparsers(required=True)
    for verb in (add, done, show):
        verbs.add_parser(verb.__name__).set_defaults(verb=verb)
    verbs.choices["add"].add_argument("text")
    verbs.choices["done"].add_argument("number", type=int)
    return parser


def main(arguments):
    options = parser().parse_args(arguments)
    options.verb(options)


if __name__ == "__main__":
    main(sys.argv[1:])
