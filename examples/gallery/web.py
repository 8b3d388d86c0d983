"""A small web application, and three requests to it."""

import html
import json
from http import HTTPStatus
from urllib.parse import parse_qs
from wsgiref.util import setup_testing_defaults

BOOKS = {1: ("Walden", 12), 2: ("Middlemarch", 0), 3: ("Persuasion", 4)}


class NotFound(Exception):
    pass


def find_book(number):
    try:
        return BOOKS[number]
    except KeyError:
        raise NotFound(f"no book {number}") from None


def show_book(request, number):
    title, stock = find_book(int(number))
    return render("book", title=title, stock=stock)


def search(request):
    wanted = request["query"].get("q", [""])[0].lower()
    found = [number for number, (title, _) in BOOKS.items() if wanted in title.lower()]
    return render("list", books=", ".join(BOOKS[number][0] for number in found))


TEMPLATES = {"book": "<h1>{title}</h1><p>{stock} in stock", "list": "<ul>{books}</ul>"}
ROUTES = {"book": show_book, "search": search}


def render(template, **values):
    return TEMPLATES[template].format(**{name: html.escape(str(value)) for name, value in values.items()})


def route(path):
    name, *arguments = path.strip("/").split("/")
    if name not in ROUTES:
        raise NotFound(f"no page {path}")
    return ROUTES[name], arguments


def application(environ, start_response):
    request = {"path": environ["PATH_INFO"], "query": parse_qs(environ.get("QUERY_STRING", ""))}
    try:
        handler, arguments = route(request["path"])
        status, body = HTTPStatus.OK, handler(request, *arguments)
    except NotFound as error:
        status, body = HTTPStatus.NOT_FOUND, json.dumps({"error": str(error)})
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/html")])
    return [body.encode()]


def get(path, query=""):
    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    return b"".join(application(environ, lambda status, headers: None))


get("/book/1")
get("/search", "q=mi")
get("/book/9")
