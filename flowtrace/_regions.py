"""region() and note(): named parts of the story. Without the compiled core they do nothing."""

from __future__ import annotations

TYPE_CHECKING = False

try:
    from ._core import note, region
except ImportError:
    if TYPE_CHECKING:
        raise

    class region:  # type: ignore[no-redef]
        """As that of the core, where nothing records."""

        def __init__(self, name: str, /, **values: object) -> None:
            _check("region", name)
            self._name = name

        def __repr__(self) -> str:
            return f"flowtrace.region({self._name!r})"

        def __enter__(self) -> region:
            return self

        def __exit__(self, *_exception: object) -> bool:
            return False

    def note(text: str, /, **values: object) -> None:
        _check("note", text)

    def _check(function: str, name: object) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{function}() needs a name that is a str, not {type(name).__name__}")


__all__ = ["note", "region"]
