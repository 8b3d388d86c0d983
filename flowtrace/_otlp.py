"""Sends what `flowtrace export otlp` writes to a collector of OpenTelemetry's: each line is a request."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import __version__, _terminal
from .errors import UsageError

PATH = "/v1/traces"
TRIES = 6  # 15 seconds in all, where the collector doesn't say when it wants to be asked again
FIRST_PAUSE = 0.5  # seconds; each next one is twice as long
LONGEST_PAUSE = 60.0
TIMEOUT = 30.0
COME_BACK = {429, 502, 503, 504}
ANSWER_MAX = 2**20
SAID_MAX = 300
GRPC_PORT = 4317


class Sent(NamedTuple):
    requests: int
    rejected: int  # spans
    why: str  # a warning, too, where none were rejected


# --- the trace that is gone on with -------------------------------------------------


def traceparent(given: str | None) -> str:
    """Return what --traceparent says, else $TRACEPARENT if that is one; "" where there is none."""
    if given is not None:
        wrong = traceparent_fault(given)
        if wrong:
            raise UsageError(f"--traceparent {given!r}: {wrong}")
        return given
    inherited = os.environ.get("TRACEPARENT", "")
    wrong = traceparent_fault(inherited) if inherited else ""
    if wrong:
        _terminal.say(f"$TRACEPARENT is not gone on with: {wrong}")
    return "" if wrong else inherited


def traceparent_fault(text: str) -> str:
    """Say what is wrong with a W3C trace context; "" if nothing is."""
    fields = text.split("-")
    if len(fields) < 4 or [len(field) for field in fields[:4]] != [2, 32, 16, 2]:
        return "it is to be VERSION-TRACE-PARENT-FLAGS of 2, 32, 16 and 2 hexadecimal digits"
    if not set("".join(fields[:4])) <= set("0123456789abcdef"):
        return "its digits are to be 0-9 and a-f"
    if fields[0] == "ff" or (fields[0] == "00" and len(fields) > 4):
        return "there is no such version" if fields[0] == "ff" else "version 00 has four fields"
    if not fields[1].strip("0") or not fields[2].strip("0"):
        return "ids of zeros are none"
    return ""


# --- where it goes -------------------------------------------------------------------


def address(url: str) -> str:
    """Return the address that spans go to: without a path of its own the usual one is added."""
    try:
        parts = urllib.parse.urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError as error:
        raise UsageError(f"--to {url}: {error}") from None
    if parts.scheme not in {"http", "https"} or not has_host:
        raise UsageError(f"--to needs an address such as http://127.0.0.1:4318, not {url!r}")
    if parts.username or parts.password:
        raise UsageError("--to takes no password; give it as a header: OTEL_EXPORTER_OTLP_HEADERS=authorization=...")
    if any(ord(character) <= 32 or ord(character) > 126 for character in url):
        raise UsageError(f"--to {url!r}: an address has no spaces, and no characters beyond ASCII")
    return parts._replace(path=PATH if parts.path in {"", "/"} else parts.path, fragment="").geturl()


def headers() -> dict[str, str]:
    """Return those that OpenTelemetry's own exporters would send, too."""
    known = {"Content-Type": "application/json", "User-Agent": f"flowtrace/{__version__}"}
    given = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    for pair in filter(None, (pair.strip() for pair in given.split(","))):
        name, equals, value = pair.partition("=")
        value = urllib.parse.unquote(value.strip())
        if not equals or not name.strip().isascii() or not value.isprintable() or not value.isascii():
            raise UsageError("OTEL_EXPORTER_OTLP_HEADERS is to be NAME=VALUE, with commas between")
        known[name.strip()] = value
    return known


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A request that is sent on becomes another one without a body: that is for a person to decide."""

    def redirect_request(self, *_: object) -> None:
        return None


# --- requests ------------------------------------------------------------------------


def send(lines: Iterable[bytes], url: str, pause: Callable[[float], object] = time.sleep) -> Sent:
    """Send each line; what is refused for now is sent again after a pause."""
    where, given = address(url), headers()
    opener = urllib.request.build_opener(_StayHere)
    requests = rejected = 0
    why = ""
    for line in lines:
        if not line.endswith(b"\n"):
            break  # it was cut off
        answer = _send_one(opener, urllib.request.Request(where, line, given), url, pause)
        count, said = _rejected(answer)
        requests, rejected, why = requests + 1, rejected + count, why or said
    return Sent(requests, rejected, why)


def _send_one(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, url: str, pause: Callable[[float], object]
) -> bytes:
    wait = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        asked = None
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                body: bytes = answer.read(ANSWER_MAX)
                return body
        except urllib.error.HTTPError as error:
            with error:
                problem = _refusal(error, url)
                if error.code not in COME_BACK:
                    raise UsageError(problem) from None
                asked = _retry_after(error)
        except (OSError, http.client.HTTPException) as error:
            problem = _silence(error, url)
        if left:
            pause(min(asked if asked is not None else wait, LONGEST_PAUSE))
            wait *= 2
    raise UsageError(f"{problem}; given up after {TRIES} tries")


def _refusal(error: urllib.error.HTTPError, url: str) -> str:
    problem = f"{url} answers {error.code} {_printable(error.reason)}"
    if 300 <= error.code < 400:
        return f"{problem}, to {_printable(error.headers.get('Location', '?'))}; give that address, if it is right"
    try:
        body = error.read(ANSWER_MAX)
    except (OSError, http.client.HTTPException):
        body = b""
    said = body.decode(errors="replace")
    try:
        said = json.loads(said)["message"]
    except (ValueError, KeyError, TypeError):
        pass
    said = _printable(str(said))
    return f"{problem}: {said}" if said else problem


def _silence(error: Exception, url: str) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    hint = ""
    if f":{GRPC_PORT}" in url:
        hint = f"; {GRPC_PORT} is for gRPC, OTLP over HTTP is mostly at 4318"
    return f"{url} can't be sent to: {_printable(text) or type(reason).__name__}{hint}"


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    text = error.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:6])
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _rejected(answer: bytes) -> tuple[int, str]:
    """Return how many spans the collector did not take, and what it says."""
    try:
        partial = json.loads(answer)["partialSuccess"]
        return int(partial.get("rejectedSpans", 0)), _printable(str(partial.get("errorMessage", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0, ""


def _printable(text: str) -> str:
    line = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in line)[:SAID_MAX]
