import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from crawl import Crawl, crawl_site, word_counts
from website import running_site

HEARTBEAT = 5.0


def show_progress(crawl: Crawl) -> None:
    if sys.stderr.isatty():
        print(f"{len(crawl.pages)} pages ...", end="\r", file=sys.stderr)


async def heartbeat(crawl: Crawl) -> None:
    while True:
        show_progress(crawl)
        await asyncio.sleep(HEARTBEAT)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def report(crawl: Crawl, words: dict[str, int]) -> None:
    for path, count in words.items():
        print(f"{path:<10}{count:>3} words")
    for path, problem in sorted(crawl.problems.items()):
        print(f"{path:<10}{problem}")
    print(f"{len(words)} pages, {sum(words.values())} words, {len(crawl.problems)} problems")


async def main() -> None:
    parsers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="parser")
    asyncio.get_running_loop().set_default_executor(parsers)
    async with running_site() as port:
        crawl = Crawl(port)
        beating = asyncio.create_task(heartbeat(crawl), name="heartbeat")
        await crawl_site(crawl, "/")
        await stop(beating)
        words = await word_counts(crawl.pages)
    report(crawl, words)


if __name__ == "__main__":
    asyncio.run(main())
