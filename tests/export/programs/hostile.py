"""Names and values that mean something to HTML, JSON, CSV, SQL, XML, mermaid, dot, folded stacks or a terminal."""

NAMES = [
    "</script><script>alert(1)</script>",
    "a;b c\n1",
    "\x00nul",
    "\"quoted\", 'single', `tick`; DROP TABLE call;--",
    "<b onmouseover=alert(1)>&amp;",
    "end\n participant x\n %% --> [ ] { } | \\ #quot;",
    "\x1b[31mred\x07",
    "\u202egnp.exe \u2028 \u0301",
    "\U0001f600 \u4e2d\u6587 \u044b",
]


def template(value, **more):
    return value


def make(name):
    code = template.__code__.replace(co_name=name, co_qualname=name)
    return type(template)(code, globals(), name)


VALUES = [*NAMES, "\ud800 lone", b"\xff\x00", "x" * 1_000_000, {"</script>": ["]]>", "-->"]}, float("nan"), 10**50]


def main():
    for name in NAMES:
        function = make(name)
        for value in VALUES:
            function(value, key=name)
    raise RuntimeError("</script>\x00\ud800 ]]> --> \" ' ` \n last")


main()
