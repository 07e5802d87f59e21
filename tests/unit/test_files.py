"""Reading files of documents."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from embeddings.exceptions import UnreadableImport
from embeddings.readers.files import file_format
from embeddings.readers.rows import Row

Write = Callable[[Path, list[dict[str, Any]]], None]


def read(path: Path, after: int = 0) -> list[Row]:
    return list(file_format(path).rows(path, after))


def raws(path: Path) -> list[Any]:
    return [row.raw for row in read(path)]


def faults(path: Path) -> list[tuple[int, str | None]]:
    return [(row.number, row.fault) for row in read(path)]


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "A.JSONL"])
def test_lines_of_json(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        '{"_id": "1", "title": "T", "text": "one", "metadata": {"a": 1}}\n\n'
        '{"id": 2, "title": "", "text": "two"}\nnot json\n',
    )
    assert read(path) == [
        Row(1, raw={"id": "1", "text": "T\none", "metadata": {"a": 1}}),
        Row(3, raw={"id": "2", "text": "two"}),
        Row(4, fault="The line is not valid JSON; see character 1."),
    ]
    assert file_format(path).count(path) == 4


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '\ufeff{"text": "one"}\n\ufeff{"text": "two"}\n')
    assert [row.raw for row in read(path) if row.fault is None] == [{"text": "one"}]


@pytest.mark.parametrize(
    ("line", "raw"),
    [
        ('{"text": "t", "title": null}', {"text": "t"}),
        ('{"text": 1, "title": "T"}', {"text": 1}),
        ('{"text": "t", "url": "u"}', {"text": "t", "url": "u"}),
        ('{"id": true, "text": "t"}', {"id": True, "text": "t"}),
        ("[]", []),
    ],
)
def test_what_is_no_document_is_left_to_its_judge(tmp_path: Path, line: str, raw: Any) -> None:
    assert raws(write(tmp_path / "a.jsonl", line)) == [raw]


@pytest.mark.parametrize(
    "line", ['{"id": "1", "_id": "2", "text": "t"}', '{"title": 1, "text": "t"}']
)
def test_ambiguous_rows_are_faulty(tmp_path: Path, line: str) -> None:
    assert read(write(tmp_path / "a.jsonl", line))[0].fault


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_csv(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        "\ufeffid,title,text,metadata,lang,year\r\n"
        '1,T,"one, with\nmore lines","{""year"": 2020}",en,\r\n'
        "2,,two,,de,2021\r\n"
        ",,three,,,\r\n"
        "4,,,,,\r\n"
        "5,,five,{not json,,\r\n"
        "6,,six\r\n"
        "7,,seven,,,,more\r\n",
    )
    assert read(path) == [
        Row(
            1,
            raw={
                "id": "1",
                "text": "T\none, with\nmore lines",
                "metadata": {"lang": "en", "year": 2020},
            },
        ),
        Row(2, raw={"id": "2", "text": "two", "metadata": {"lang": "de", "year": "2021"}}),
        Row(3, raw={"text": "three"}),
        Row(4, raw={"id": "4", "text": ""}),
        Row(5, fault="The column metadata is not valid JSON."),
        Row(6, fault="The row has not as many cells as the header."),
        Row(7, fault="The row has not as many cells as the header."),
    ]
    assert file_format(path).count(path) == 7


def test_a_long_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text\n" + "x" * 200_000)
    assert raws(path) == [{"text": "x" * 200_000}]


def write_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def test_parquet(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "id": [1, 2],
            "title": ["T", None],
            "text": ["one", "two"],
            "score": [0.5, float("nan")],
            "tags": [["a"], None],
            "day": pyarrow.array([0, None], pyarrow.date32()),
            "metadata": [{"a": 1, "b": None}, None],
        },
    )
    assert raws(path) == [
        {
            "id": "1",
            "text": "T\none",
            "metadata": {"score": 0.5, "tags": ["a"], "day": "1970-01-01", "a": 1},
        },
        {"id": "2", "text": "two"},
    ]
    assert file_format(path).count(path) == 2


def test_every_format_goes_on_behind_any_row(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(2_500)]
    paths = [
        write(tmp_path / "a.jsonl.gz", "".join(f'{{"text": "{text}"}}\n' for text in texts)),
        write(tmp_path / "a.csv", "text\n" + "\n".join(texts)),
        write_parquet(tmp_path / "a.parquet", {"text": texts}, row_group_size=1_100),
    ]
    for path in paths:
        for after in (0, 1, 999, 1_000, 1_100, 1_101, 2_200, 2_499, 2_500):
            rows = read(path, after)
            assert [row.raw["text"] for row in rows] == texts[after:], (path, after)
            assert [row.number for row in rows] == list(range(after + 1, 2_501))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b""),
        ("a.json", b""),
        ("a.parquet.gz", b""),
        ("a.parquet", b"no parquet"),
        ("a.csv", b"id,title\n1,t\n"),
        ("a.csv", b"text\n\xff\xfe\n"),
        ("a.csv", b'text\n"never closed'),
        ("a.jsonl", None),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(UnreadableImport):
        read(path)


def test_a_broken_gzip_file_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", '{"text": "t"}\n' * 50_000)
    content = bytearray(path.read_bytes())
    content[20:40] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(UnreadableImport, match="no whole gzip"):
        read(path)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,note,note\nt,1,2\n")
    with pytest.raises(UnreadableImport, match="the column 'note' twice"):
        read(path)


def test_a_truncated_gzip_file_is_read_up_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", '{"text": "t"}\n' * 50_000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableImport, match="no whole gzip"):
        read(path)
