"""Values whose names look like secrets, as parameters and as keys of dicts, among names that only resemble those."""


def log_in(user, password, /, token=None, *credentials, api_key="hunter1", verbose=True, **secrets):
    return user


def flags(password, has_secret, cookie, pwd=False):
    return {"password": password, "secret": has_secret, "cookie": cookie, "pwd": pwd}


def alike(tokens, token_count, cookie_jar, pwd_length, keyboard, passage, _):
    return {"tokens": tokens, "cookiejar": cookie_jar, "": keyboard, "key": passage}


def spelled(PASSWORD, Client_Secret, __authToken__, aws_secret_access_key, sessioncookies, my_1_pwd):
    return None


def echo(value):
    return value


def fail(passphrase):
    raise ValueError("wrong", {"passphrase": passphrase})


def steps(private_key):
    yield {"private_key": private_key}
    return {"rest": 0}


class Account:
    def __init__(self, secret):
        self.secret = secret

    def change(self, old_password, new_password):
        return {"account": self, "password": (old_password, new_password)}


class Name(str):
    pass


NAMES = ["password", "PASSWD", "db_passphrase", "Client-Secret", "X-Api-Key", "credentials", "private key", "accesskey"]
NAMES += ["Proxy-Authorization", "Set-Cookie", "set-cookie2", "auth.token", "pwd", "Cookie", "cookies"]
NAMES += ["tokens", "pwd2", "cookie_", "author", "pass", "key", "api", "word pass"]
VALUES = ["hunter2", b"hunter2", "", 0, 7, 1.5, 2**70, [], ["hunter2"], {"user": "hunter2"}, object(), log_in, ...]


def main():
    log_in("ada", "hunter2")
    log_in("ada", "hunter2", "t", "c1", "c2", api_key=["k"], verbose=False, secret="s", more=1)
    flags(None, True, False)
    flags("", 0, 0.0, pwd=[])
    alike("t", 2, {"a": 1}, 4, "qwerty", "p", 0)
    spelled("a", "b", "c", "d", "e", "f")
    for name in NAMES:
        echo({name: "hunter2", "user": "ada"})
        echo([{name: {"of": "one"}}, {name: None}, {name: True}])
    for value in VALUES:
        echo({"token": value, "other": value})
        flags(value, value, value, value)
    echo({b"name": 1, 5: 2, ("password",): 3, None: 4, Name("pin"): 5})
    echo({"headers": {"auth": {"token": "t", "deeper": {"token": "t"}}}})
    echo([("password", "hunter2", 1), {"password"}, "name=hunter2"])
    try:
        fail("hunter2")
    except ValueError:
        pass
    list(steps("hunter2"))
    Account("hunter2").change("hunter2", new_password="hunter3")


main()
