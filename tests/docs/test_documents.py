"""Every document does what it says."""

from pathlib import Path

import pytest

from document import blocks
from session import ROOT, Session

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_document_does_what_it_says(path: Path, session: Session) -> None:
    session.document(path)


def test_the_guides_have_something_to_run() -> None:
    for name in ("README", "docs/api-teams", "docs/callers", "docs/operators"):
        assert blocks(ROOT / f"{name}.md"), f"{name} has no code"
