"""What must never reach the trace: told by its name, or by how it looks, wherever it stands."""

from __future__ import annotations

import sys

import pytest
from conftest import Run, Workshop

SECRET = "hunter2hunter2"


def arguments(run: Run, function: str) -> dict[str, str]:
    return {name: value.text for name, value in run.call(function).arguments.items()}


def texts(run: Run) -> list[str]:
    return [call.arguments["value"].text for call in run.calls("show")]


def content(run: Run) -> bytes:
    """All that was written, by children as well."""
    return run.trace_path.read_bytes()


NAMES = """password passwd pwd passphrase passcode secret client_secret token accessToken auth_token2 api_key apikey
    apiKey X_API_KEY access_key aws_secret_access_key authorization auth basic_auth oauth cookie cookies set_cookie
    session db_session session_id sessionid session_key private_key privateKey credential credentials db_pass
    DBPassword userPassword password_hash secret_santa dbpassword""".split()
OTHER_NAMES = """author authority authorized tokens max_tokens token_count tokenizer secretary sessions keyword key keys
    passenger bypass compass passes cookiecutter user_id sessionmaker monkey access""".split()


def test_names_that_look_secret_and_names_that_do_not(workshop: Workshop) -> None:
    names = [*NAMES, *OTHER_NAMES]
    run = workshop.record(f"def take({', '.join(names[:40])}): pass\ndef more({', '.join(names[40:])}): pass\n"
                          f"take(*{names[:40]}); more(*{names[40:]})")  # fmt: skip
    found = arguments(run, "take") | arguments(run, "more")
    assert [name for name in names if found[name] == "<redacted>"] == NAMES
    assert {name: found[name] for name in OTHER_NAMES} == {name: repr(name) for name in OTHER_NAMES}


def test_wherever_a_name_can_stand(workshop: Workshop) -> None:
    run = workshop.record(f"""
        import collections, dataclasses, types
        @dataclasses.dataclass
        class Data: password: str
        class Plain:
            def __init__(self, secret): self.api_key = secret
        class Slots:
            __slots__ = ("token",)
            def __init__(self, token): self.token = token
        class Key(str): pass
        Named = collections.namedtuple("Named", "user secret")
        def show(value): pass
        def keywords(**named): pass
        def get_password(): return x
        def next_token(): yield x
        class Account:
            @property
            def password(self): return x
        x = {SECRET!r}
        for value in (
            Data(x), Plain(x), Slots(x), Named("eve", x), types.SimpleNamespace(auth=x), {{"cookie": x}},
            {{b"cookie": x}}, {{Key("cookie"): x}},
            [("authorization", x), (b"cookie", x.encode())], {{"a": {{"deep": [{{"pwd": x}}]}}}},
            {{"token": [x]}}, {{"token": 12345678}}, {{"token": None, "secret": True}}, {{"session": Plain(x)}},
        ):
            show(value)
        keywords(token=x)
        get_password(), list(next_token()), Account().password
        """)
    assert SECRET.encode() not in content(run)
    assert b"12345678" not in content(run)
    assert texts(run)[:6] == [
        "Data(password=<redacted>)",
        "Plain(api_key=<redacted>)",
        "Slots(token=<redacted>)",
        "Named(user='eve', secret=<redacted>)",
        "SimpleNamespace(auth=<redacted>)",
        "{'cookie': <redacted>}",
    ]
    assert texts(run)[8] == "[('authorization', <redacted>), (b'cookie', <redacted>)]"
    # What tells nothing is shown.
    assert texts(run)[-2:] == ["{'token': None, 'secret': True}", "{'session': Plain}"]
    assert run.call("get_password").result.text == "<redacted>"
    assert run.call("Account.password").result.text == "<redacted>"


LOOKS = {
    "postgres://user:hunter2@host/db": "postgres://user:***@host/db",
    "failed: Authorization: Bearer hunter2hunter2 x\nnext": "failed: ***\nnext",
    "token is ghp_hunter2hunter2hunter2hunter2 ok": "token is *** ok",
    '{"password": "hunter2", "a": 1}': '{"password": "***", "a": 1}',
    "{'password' : 'hunter2'}": "{'password' : '***'}",
    "host=db password=hunter2 port=5": "host=db password=*** port=5",
    "https://host/x?token=hunter2&a=1": "https://host/x?token=***&a=1",
    "--password=hunter2": "--password=***",
    "pwd=ab": "pwd=**",
    "see:\n-----BEGIN KEY-----\nhunter2\n-----END KEY-----\ndone": "see:\n***\ndone",
    "a postgres://u:hunter2@h and mysql://v:hunter2@g": "a postgres://u:***@h and mysql://v:***@g",
    "x" * 150 + " postgres://user:hunter2@host/db": "x" * 150 + " postgres:…",
    "x" * 120 + " password=hunter2": "x" * 120 + " password=***",
    "x" * 140 + " postgres://user:" + "hunter2" * 50: "x" * 140 + " postgres://user:***…",
    "é" * 30 + " password=hunter2 " + "é" * 30: "é" * 30 + " password=*** " + "é" * 30,
}
OTHER_LOOKS = [
    "token: unexpected end",
    "token == 5",
    "http://localhost:8080/",
    "see https://user@host",
    "Basic internationalization of it",
    "Bearer of bad news",
    "a plain text of a few words",
    "risk-assessment-of-the-whole-thing",
    "12:30:00",
    "a=b",
]


def test_parts_of_texts(workshop: Workshop) -> None:
    run = workshop.record(f"""
        def show(value): pass
        def fail(value):
            raise ValueError(value)
        for text in {list(LOOKS)!r}:
            show(text); show(text.encode())
            try: fail(text)
            except ValueError: pass
        """)
    assert b"hunter2" not in content(run)
    assert texts(run)[::2] == [repr(text) for text in LOOKS.values()]


def test_texts_that_only_look_a_little_like_it(workshop: Workshop) -> None:
    run = workshop.record(f"def show(value): pass\nfor text in {OTHER_LOOKS!r}: show(text)")
    assert texts(run) == [repr(text) for text in OTHER_LOOKS]


def test_settings_extend_and_replace_the_names(workshop: Workshop) -> None:
    source = "def take(pin, card_pin, pinned, token, password): pass\ntake(1111, 1112, 1113, 1114, 1115)"

    def redacted(*options: str) -> list[str]:
        return [name for name, text in arguments(workshop.record(source, *options), "take").items() if text[0] == "<"]

    assert redacted() == ["token", "password"]
    assert redacted("--secret", "pin") == ["pin", "card_pin", "token", "password"]
    assert redacted("--secret", "PIN*") == ["pin", "card_pin", "pinned", "token", "password"]
    assert redacted("--secret=cardPin", "--not-secret=token") == ["card_pin", "password"]
    assert redacted("--not-secret", "*", "--secret", "pin") == ["pin", "card_pin"]
    assert redacted("--secret", "pin", "--not-secret", "*") == []
    for bad in ("", "-", "x" * 200):
        run = workshop.run("--secret", bad, "app.py")
        assert run.status == 2
        assert "--secret: a name, or a pattern of names, has letters" in run.err


def test_settings_of_the_api(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import flowtrace
        def take(pin, token): pass
        def shown():
            print(*[event.arguments for event in flowtrace.get_trace_data() if event.kind == "call"])
        with flowtrace.active_tracing(): take(1111, 1112)
        shown()
        with flowtrace.active_tracing(secret="pin", not_secret=["token"]): take(1111, 1112)
        shown()
        flowtrace.config(secret=["p?n"])
        flowtrace.start_tracing(); take(1111, 1112); flowtrace.stop_tracing()
        shown()
        with flowtrace.active_tracing(secret=()): take(1111, 1112)
        shown()
        for given in {"secret": ""}, {"value_depth": 99}, {"call_bytes": -1}, {"value_items": True and 1000}:
            for function in flowtrace.config, flowtrace.start_tracing:
                try: function(**given)
                except ValueError as error: print(error)
        """,
    )
    run = workshop.python("app.py")
    assert run.out.splitlines() == [
        "{'pin': '1111', 'token': '<redacted>'}",
        "{'pin': '<redacted>', 'token': '1112'}",
        "{'pin': '<redacted>', 'token': '<redacted>'}",
        "{'pin': '1111', 'token': '<redacted>'}",
        *["a name, or a pattern of names, has letters and no more than 100 of them, not '+'"] * 2,
        *["value_depth: depth must be a whole number from 0 to 15, not 99"] * 2,
        *["call_bytes: call must be a whole number from 0 to 8192, not -1"] * 2,
        *["value_items: items must be a whole number from 0 to 127, not 1000"] * 2,
    ], run.err


def test_command_lines_and_children(workshop: Workshop) -> None:
    workshop.write("child.py", f"def inner(token): pass\ninner({SECRET!r})\n")
    workshop.write(
        "app.py",
        f"""
        import os, subprocess, sys
        def run(*words): subprocess.run([sys.executable, "child.py", *words], check=True)
        run("--token", {SECRET!r}, "--password={SECRET}", "postgres://u:{SECRET}@h", "plain")
        if os.fork() == 0:
            exec("def forked(secret): pass\\nforked({SECRET!r})")
            os._exit(0)
        os.wait()
        """,
    )
    run = workshop.run("app.py", "--api-key", SECRET, "--pin", "4711", "file.txt")
    assert run.status == 0, run.err
    assert SECRET.encode() not in content(run)
    commands = [process["command"] for process in run.trace.info["processes"]]
    assert commands[0] == "app.py --api-key *** --pin 4711 file.txt"
    assert "child.py --token *** --password=*** postgres://u:***@h plain" in commands
    run = workshop.run("--secret", "pin", "app.py", "--pin", "4711")
    assert run.trace.info["processes"][0]["command"] == "app.py --pin ***"


def test_limits_of_a_call(workshop: Workshop) -> None:
    source = "def f(a, b, c): return a\nf('x' * 100, 'y' * 100, [1, 2, 3])"
    assert list(arguments(workshop.record(source, "--call-bytes", "0"), "f").values()) == ["…"] * 3
    found = arguments(workshop.record(source, "--call-bytes", "110"), "f")
    assert found == {"a": repr("x" * 100), "b": "'" + found["b"].count("y") * "y" + "…'", "c": "…"}
    run = workshop.record("def f(*args, **named): return args\nf(*[['x' * 5000] * 100] * 100)",
                          "--call-bytes", "8192", "--value-bytes", "4096", "--value-items", "127")  # fmt: skip
    assert 8000 < len(arguments(run, "f")["args"]) < 10000
    run = workshop.flowtrace("run", "--call-bytes", "9999", "app.py")
    assert "--call-bytes: call must be a whole number from 0 to 8192, not 9999" in run.err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_secret_in_the_childrens_environment(workshop: Workshop) -> None:
    """The options that children inherit carry the command, which is redacted there already."""
    run = workshop.record(
        "with open('/proc/self/environ') as file:\n    print(file.read().count('hunter2'))", "--secret", "hunter"
    )
    assert run.out == "0\n"
