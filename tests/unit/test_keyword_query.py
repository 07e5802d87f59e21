"""How the text of a search by words is read."""

import pytest

from embeddings.exceptions import InvalidRequest
from embeddings.types.keyword_query import KeywordQuery, meant_text, parse_keyword_query


def test_it_works() -> None:
    query = parse_keyword_query('green tea "hot water" -coffee -"black tea"')
    assert query == KeywordQuery("green tea hot water", ("hot water",), ("coffee", "black tea"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e-mail state-of-the-art", KeywordQuery("e-mail state-of-the-art")),
        ('5" disk', KeywordQuery("5 disk")),
        ('a"b c"d', KeywordQuery("a b c d", ("b c",))),
        ("- -- ! -tea --milk", KeywordQuery("", (), ("tea", "milk"))),
        ('"" "!" -""', KeywordQuery("")),
        ("thé\u2009-café", KeywordQuery("thé", (), ("café",))),
        ("", KeywordQuery("")),
    ],
)
def test_odd_texts_are_read_too(text: str, expected: KeywordQuery) -> None:
    assert parse_keyword_query(text) == expected


@pytest.mark.parametrize("text", ["x" * 10_001, '"a b" ' * 33, "-a " * 33])
def test_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="at most") as error:
        parse_keyword_query(text)
    assert error.value.param == "query"


def test_a_model_reads_what_is_asked_for() -> None:
    assert meant_text("Why,  does\ndough - rise?") == "Why,  does\ndough - rise?"
    assert meant_text('"hot water" tea -coffee') == "hot water tea"
    assert meant_text("-coffee") == "-coffee"
