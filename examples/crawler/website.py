"""A small web site on this machine, for the crawler to visit."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    title: str
    text: str
    links: tuple[str, ...] = ()

    def html(self) -> str:
        links = "".join(f'<li><a href="{link}">{link}</a></li>' for link in self.links)
        return f"<h1>{self.title}</h1><p>{self.text}</p><ul>{links}</ul>"


PAGES = {
    "/": Page("Lighthouses", "A guide to the coast", ("/north", "/south", "/tides", "/about")),
    "/north": Page("North", "Three towers stand here", ("/skerry", "/gannet", "/")),
    "/south": Page("South", "Two towers and a bell", ("/bell", "/harbour", "/old-map")),
    "/tides": Page("Tides", "High water at noon and at midnight"),
    "/about": Page("About", "Kept by the keepers", ("/", "/south")),
    "/skerry": Page("Skerry", "Built on a rock in 1811", ("/north", "/keepers")),
    "/gannet": Page("Gannet", "Named after its birds", ("/north",)),
    "/bell": Page("Bell", "Rings when fog comes in", ("/south", "/keepers")),
    "/harbour": Page("Harbour", "A green light to port", ("/south",)),
    "/keepers": Page("Keepers", "Those who lit the lamps every evening", ("/",)),
}
NEVER_ANSWERED = {"/tides"}


async def read_path(reader: StreamReader) -> str:
    request = await reader.readuntil(b"\r\n\r\n")
    return request.split(maxsplit=2)[1].decode()


def response(path: str) -> bytes:
    page = PAGES.get(path)
    status, body = ("200 OK", page.html()) if page else ("404 Not Found", "")
    return f"HTTP/1.0 {status}\r\nContent-Type: text/html\r\n\r\n{body}".encode()


async def serve(reader: StreamReader, writer: StreamWriter) -> None:
    path = await read_path(reader)
    if path in NEVER_ANSWERED:
        await reader.read()  # until the visitor hangs up
    else:
        writer.write(response(path))
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def running_site() -> AsyncIterator[int]:
    """The port of the site, which runs for as long as the block does."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
