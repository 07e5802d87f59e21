"""What a text asks of the words of documents: which rank, which must be there, which must not."""

import re
from dataclasses import dataclass

from embeddings.exceptions import InvalidRequest

MAX_CHARS = 10_000
MAX_OPERATORS = 32
"""Of phrases and exclusions together."""

PARTS = re.compile(r'(-?)"([^"]*)"|[^\s"]+')
WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class KeywordQuery:
    """`words` rank, those of the phrases too; a hit has every one of the `phrases`, and none of
    what is `excluded`.
    """

    words: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def parse_keyword_query(text: str) -> KeywordQuery:
    """As web searches read it: `"…"` is a phrase, a leading `-` excludes a word or a phrase. A
    quote without its other one is ignored, and so is whatever else has no letter or digit.

    Raises InvalidRequest for one that is too long or has too many of these.
    """
    if len(text) > MAX_CHARS:
        raise _refused(f"A search by words takes at most {MAX_CHARS} characters.")
    words: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    for part in PARTS.finditer(text):
        minus, phrase = part[1], part[2]
        if phrase is None:
            minus, phrase = part[0][:1], part[0]
        if not WORD.search(phrase):
            continue
        if minus == "-":
            excluded.append(phrase.lstrip("-"))
            continue
        words.append(phrase)
        if part[2] is not None:
            phrases.append(phrase)
    if len(phrases) + len(excluded) > MAX_OPERATORS:
        raise _refused(f"A search takes at most {MAX_OPERATORS} phrases and exclusions.")
    return KeywordQuery(" ".join(words), tuple(phrases), tuple(excluded))


def meant_text(text: str) -> str:
    """The text as a model is to read it: without quotes and without what is excluded, unless that
    is all there is. Raises InvalidRequest.
    """
    query = parse_keyword_query(text)
    return query.words if query.words and (query.phrases or query.excluded) else text


def _refused(detail: str) -> InvalidRequest:
    return InvalidRequest(param="query", detail=detail)
