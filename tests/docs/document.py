"""The code blocks of a Markdown document."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = "```"


class DocumentError(Exception):
    """A document that can't be run: its place, and what is wrong with it."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its place, the words after the fence, and what is in it."""

    place: str
    words: tuple[str, ...]
    text: str

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""


def blocks(path: Path) -> list[Block]:
    """All code of a document, in order. Code that no fence shows would be left out: an error."""
    found: list[Block] = []
    opened: tuple[int, tuple[str, ...]] | None = None
    inside: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path.name}:{number}"
        if opened is None and line.startswith(FENCE):
            opened = (number, tuple(line.removeprefix(FENCE).split()))
        elif opened is None and re.match(r"\s+(```|~~~)|~~~| {4,}\S|\t", line):
            raise DocumentError(f"{place}: code stands between lines of {FENCE}, not indented")
        elif opened is not None and line == FENCE:
            text = "".join(f"{one}\n" for one in inside)
            found.append(Block(f"{path.name}:{opened[0]}", opened[1], text))
            opened, inside = None, []
        elif opened is not None:
            inside.append(line)
    if opened is not None:
        raise DocumentError(f"{path.name}:{opened[0]}: the block has no end")
    return found
