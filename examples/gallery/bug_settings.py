"""The timeout is set to 30 seconds, and requests still give up after 5."""

import os


def read(name, kind, default):
    raw = os.environ.get(name)
    if raw is None:
        return default
    try:
        return kind(raw)
    except ValueError:
        return default


class Client:
    def __init__(self):
        self.retries = read("APP_RETRIES", int, 2)
        self.timeout = read("APP_TIMEOUT", float, 5.0)

    def fetch(self, path, seconds):
        return "ok" if seconds <= self.timeout else f"gave up after {self.timeout} s"


os.environ |= {"APP_RETRIES": "3", "APP_TIMEOUT": "30s"}
client = Client()
print(client.fetch("/fast", 0.2))
print(client.fetch("/slow", 12.0))
