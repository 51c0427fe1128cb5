"""On which line of a TOML text each key is written (tomllib gives values, not places)."""

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')'''
    r"""|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<blank>[ \t\r]+)"""
    r"""|(?P<mark>[\[\]{}=,.])|(?P<bare>[^\s\[\]{}=,.\#"']+)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_LETTERS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[Path, int]:
    """For each key of a valid TOML text the line (from 1) where it is first written.

    A key inside tables is a tuple of all keys on the way to it; elements of a list are counted from 0.
    """
    return _Walk(text).lines


class _Walk:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._tokens = _tokens(text)
        self._next()
        table: Path = ()
        while self._kind:
            if self._text == "[" and self._kind == "mark":
                table = self._header()
            elif self._kind == "newline":
                self._next()
            else:
                self._pair(table)

    def _next(self) -> None:
        self._kind, self._text, self._line = next(self._tokens, ("", "", 0))

    def _is(self, mark: str) -> bool:
        return self._kind == "mark" and self._text == mark

    def _key(self, before: Path) -> Path:
        """The dotted key that begins here; every part of it is noted."""
        path = before
        while self._kind in ("string", "bare"):
            path += (_plain(self._text) if self._kind == "string" else self._text,)
            self.lines.setdefault(path, self._line)
            self._next()
            if not self._is("."):
                break
            self._next()
        return path

    def _header(self) -> Path:
        while self._is("["):
            self._next()
        path = self._key(())
        while self._is("]"):
            self._next()
        return path

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        self._next()  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._is("{") or self._is("["):
            is_table, position = self._is("{"), 0
            self._next()
            while not (self._is("}") or self._is("]")):
                if self._kind == "newline" or self._is(","):
                    self._next()
                elif is_table:
                    self._pair(path)
                else:
                    self.lines[(*path, position)] = self._line
                    self._value((*path, position))
                    position += 1
            self._next()
        while self._kind in ("string", "bare") or self._is("."):
            self._next()


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup not in ("comment", "blank"):
            yield match.lastgroup or "", match.group(), line
        line += match.group().count("\n")


def _plain(quoted: str) -> str:
    """The key that a quoted key means."""
    if quoted[0] == "'":
        return quoted[1:-1]
    return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[3] is None else _LETTERS.get(m[3], m[3]), quoted[1:-1])
