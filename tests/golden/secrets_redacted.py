# $ flowtrace run secrets_redacted.py
"""What is named like a secret is not written down."""

from dataclasses import dataclass


@dataclass
class Login:
    user: str
    password: str


def connect(host, token, timeout=3):
    return {"host": host, "api_key": "k-123", "Set-Cookie": "id=1"}


def log_in(login, **headers):
    return connect("db", "t-456")


log_in(Login("ada", "hunter2"), authorization="Bearer abc", tokens=3)
connect("db", token=None)


def store(settings):
    return settings["x" * 70 + "_password"]


store({"x" * 70 + "_password": "hunter2"})
