"""Names of persons: what is missing is named, and what is found stands where the text has it."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from embeddings.redaction import names, redact_text
from embeddings.redaction.names import find_names, missing

MODEL = "en_core_web_sm"


def test_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []

    class Analyzer:
        def analyze(self, text: str, *, language: str, entities: list[str]) -> list[Any]:
            assert (language, entities) == ("en", ["PERSON"])
            pieces.append(text)
            return [
                SimpleNamespace(start=m.start(), end=m.end()) for m in re.finditer("Jane", text)
            ]

    monkeypatch.setattr(names, "_analyzer", lambda model: Analyzer())
    monkeypatch.setattr(names, "PIECE_CHARS", 20)
    text = "Jane met Joan, said Jane.\n" * 3 + "x" * 30
    spans = list(find_names(text, model=MODEL))
    assert [text[slice(*span)] for span in spans] == ["Jane"] * 6
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 20


def test_what_is_missing_is_named() -> None:
    assert missing(model="no_such_model")[-1] == "no_such_model"
    with pytest.raises(ImportError, match=r"no_such_model|presidio_analyzer"):
        list(find_names("Jane", model="no_such_model"))


@pytest.mark.skipif(bool(missing(model=MODEL)), reason=f"needs {', '.join(missing(model=MODEL))}")
def test_with_presidio() -> None:
    def finds(text: str) -> Any:
        return find_names(text, model=MODEL)

    text = "Angela Merkel met John Smith (john@example.org) in Berlin."
    kinds = ["name", "email"]
    assert redact_text(text, kinds=kinds, names=finds) == "[NAME] met [NAME] ([EMAIL]) in Berlin."
