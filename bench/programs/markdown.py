"""A program from PyPI: markdown-it-py renders a document."""

from __future__ import annotations

from markdown_it import MarkdownIt

DOCUMENT = """\
# The harbour at *low* tide

A ship waits for **water**, a `captain` for [news](https://example.org "of the weather").
Nobody hurries; see [the table][t].

[t]: #table

1. look at the sky
2. look at the rope
   - is it dry?
   - is it *one* rope?
3. wait

> Whoever asks the tide
> > is answered twice.

```python
while tide < draught:
    wait(minutes=20)
```

| hour | metres |
|------|-------:|
| 6    |    1.2 |
| 12   |    4.8 |

![lamp](lamp.png) and a line\\
that breaks.

---
"""


def run(size: int) -> object:
    renderer = MarkdownIt("commonmark").enable("table")
    return [renderer.render(DOCUMENT) for _ in range(size)][-1]
