import asyncio
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

PATIENCE = 0.5
CONNECTIONS = 3


class PageNotFound(Exception):
    pass


class LinkParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


@dataclass
class Crawl:
    port: int
    pages: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    def is_new(self, path: str) -> bool:
        return path not in self.pages and path not in self.problems


def find_links(html: str) -> list[str]:
    parser = LinkParser()
    parser.feed(html)
    parser.close()
    return parser.links


def count_words(html: str) -> int:
    return len(re.sub(r"<[^>]*>", " ", html).split())


def page_of(response: str, path: str) -> str:
    head, _, body = response.partition("\r\n\r\n")
    if head.split()[1] == "404":
        raise PageNotFound(path)
    return body


async def fetch(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        response = await reader.read()
    finally:
        writer.close()
    return page_of(response.decode(), path)


async def visit(crawl: Crawl, path: str) -> list[str]:
    """Keeps the page, or what went wrong with it, and tells its links."""
    try:
        async with crawl.connections, asyncio.timeout(PATIENCE):
            html = await fetch(crawl.port, path)
    except TimeoutError:
        crawl.problems[path] = "no answer"
        return []
    except PageNotFound:
        crawl.problems[path] = "not found"
        return []
    crawl.pages[path] = html
    return await asyncio.to_thread(find_links, html)


async def visit_all(crawl: Crawl, paths: list[str]) -> list[str]:
    """Visits pages at once and tells the new ones they link to."""
    async with asyncio.TaskGroup() as group:
        visits = [group.create_task(visit(crawl, path), name=f"visit {path}") for path in paths]
    found = {link for visit in visits for link in visit.result()}
    return sorted(link for link in found if crawl.is_new(link))


async def crawl_site(crawl: Crawl, start: str) -> None:
    paths = [start]
    while paths:
        paths = await visit_all(crawl, paths)


async def word_counts(pages: dict[str, str]) -> dict[str, int]:
    paths = sorted(pages)
    counts = await asyncio.gather(*(asyncio.to_thread(count_words, pages[path]) for path in paths))
    return dict(zip(paths, counts))
