"""CSV as it is uploaded."""

import pytest

from embeddings.constants import FieldType
from embeddings.exceptions import InvalidRequest, UnreadableImport
from embeddings.readers.csv_upload import csv_as_json_lines, csv_rows
from embeddings.readers.rows import Row
from embeddings.types.csv_columns import CsvColumns

TYPES = {
    "year": FieldType.NUMBER,
    "new": FieldType.BOOLEAN,
    "tags": FieldType.STRINGS,
    "name": FieldType.STRING,
}


def rows(
    content: bytes, columns: CsvColumns | None = None, *, at_once: int = 1, longest: int = 1_000
) -> list[Row]:
    pieces = [content[at : at + at_once] for at in range(0, len(content), at_once)]
    return list(csv_rows(pieces, columns=columns, field_types=TYPES, max_line_bytes=longest))


def raws(content: bytes, columns: CsvColumns | None = None) -> list[object]:
    return [row.raw for row in rows(content, columns)]


def test_it_works() -> None:
    assert raws(b"id,title,text,lang\n1,Tea,How to brew,en\n,,Plain,\n") == [
        {"id": "1", "text": "Tea\nHow to brew", "metadata": {"lang": "en"}},
        {"text": "Plain"},
    ]


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
def test_it_doesnt_matter_how_it_arrives(at_once: int) -> None:
    content = '\ufeffid,text\r\n1,"brew ""thé"",\r\nand more"\r\n\r\n2,x'.encode()
    assert [(row.number, row.raw) for row in rows(content, at_once=at_once)] == [
        (1, {"id": "1", "text": 'brew "thé",\r\nand more'}),
        (2, {"id": "2", "text": "x"}),
    ]


def test_columns_are_chosen() -> None:
    content = b"key,body,text,lang,year\nk,Words,no,en,2020\n"
    assert raws(content, CsvColumns(text="body", id="key", metadata=("year",))) == [
        {"id": "k", "text": "Words", "metadata": {"year": 2020}}
    ]
    assert raws(content, CsvColumns(text="body")) == [
        {"text": "Words", "metadata": {"key": "k", "text": "no", "lang": "en", "year": 2020}}
    ]


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("year", "2020", 2020),
        ("year", "-1.5", -1.5),
        ("year", "1e999", "1e999"),
        ("year", "true", "true"),
        ("year", "about 2020", "about 2020"),
        ("new", "True", True),
        ("new", "false", False),
        ("new", "1", "1"),
        ("tags", '["a","b"]', ["a", "b"]),
        ("tags", "a", "a"),
        ("name", "2020", "2020"),
        ("undeclared", "2020", "2020"),
    ],
)
def test_cells_of_declared_fields_become_values(name: str, cell: str, value: object) -> None:
    quoted = cell.replace('"', '""')
    [raw] = raws(f'text,{name}\nx,"{quoted}"\n'.encode())
    assert repr(raw) == repr({"text": "x", "metadata": {name: value}})


def test_json_in_cells() -> None:
    content = b'text,metadata,embedding\nx,"{""n"": 1}","[1, 0.5]"\ny,{,\nz,,[\n'
    assert [row.raw or row.fault for row in rows(content)] == [
        {"text": "x", "embedding": [1, 0.5], "metadata": {"n": 1}},
        "The column metadata is not valid JSON.",
        "The column embedding is not valid JSON.",
    ]


def test_a_row_of_another_length_is_a_line_that_says_so() -> None:
    lines = csv_as_json_lines(
        [b"text,lang\nx\ny,en,more\nz,en\n"], columns=None, field_types={}, max_line_bytes=100
    )
    fault = b'"The row has not as many cells as the header."\n'
    assert list(lines) == [fault, fault, b'{"text":"z","metadata":{"lang":"en"}}\n']


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"id,body\n1,x\n", "no column named text"),
        (b"text,text\nx,y\n", "the column 'text' twice"),
        (b"text\n\xff\n", "not UTF-8"),
        (b"text\n\xe2\x82", "not UTF-8"),
        (b'text\n"x" y\n', "no well-formed CSV"),
        (b'text\n"x', "no well-formed CSV"),
        (b"text\n" + b"x" * 2_000, "more than 1000 bytes"),
    ],
)
def test_what_is_no_csv_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImport, match=reason):
        rows(content, at_once=100)


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (CsvColumns(text="body"), "body"),
        (CsvColumns(text="text", id="key"), "key"),
        (CsvColumns(text="text", metadata=("lang",)), "lang"),
    ],
)
def test_a_chosen_column_has_to_be_there(columns: CsvColumns, missing: str) -> None:
    with pytest.raises(UnreadableImport, match=f"no column named {missing}"):
        rows(b"text\nx\n", columns)


def test_columns_out_of_json() -> None:
    assert CsvColumns.from_json({"text": "a"}) == CsvColumns(text="a")
    full = {"text": "a", "id": "b", "metadata": ["c"]}
    assert CsvColumns.from_json(full) == CsvColumns(text="a", id="b", metadata=("c",))


@pytest.mark.parametrize(
    "value",
    [
        *([], "x", {}, {"text": 1}, {"text": "a", "id": 1}, {"text": "a", "more": 1}),
        *({"text": "a", "metadata": "b"}, {"text": "a", "metadata": [1]}),
    ],
    ids=str,
)
def test_what_names_no_columns_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        CsvColumns.from_json(value)


def test_a_row_is_bounded_as_a_whole() -> None:
    """However short the lines are that its cells hold."""
    row = b'x,"' + b'\n","' * 20 + b'"\n'
    with pytest.raises(UnreadableImport, match="row of more than 50 characters"):
        rows(b"text\n" + row, longest=50)
    assert len(rows(b'text\n"a\nb"\n' * 20, longest=50)) == 39
