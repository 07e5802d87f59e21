"""A folder in the style of BEIR: corpus.jsonl, queries.jsonl (each may end in .gz) and
qrels.tsv.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from embeddings.exceptions import UnreadableImport
from embeddings.readers.files import file_format


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """`queries` holds the judged ones only, by id; `judged` the grades of documents by query."""

    corpus: Path
    queries: dict[str, str]
    judged: dict[str, dict[str, int]]


def read_beir(folder: Path) -> BeirFolder:
    """The folder's corpus, its queries and their judgements. Raises UnreadableImport."""
    judged = _qrels(_found(folder, "qrels.tsv", "qrels/test.tsv"))
    queries = _queries(_found(folder, "queries.jsonl.gz", "queries.jsonl"))
    return BeirFolder(
        corpus=_found(folder, "corpus.jsonl.gz", "corpus.jsonl"),
        queries={key: text for key, text in queries.items() if key in judged},
        judged=judged,
    )


def _found(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UnreadableImport(reason=f"there is no {names[0]} in {folder}.")


def _queries(path: Path) -> dict[str, str]:
    rows = [row.raw for row in file_format(path).rows(path, 0)]
    if not all(isinstance(row, dict) and {"id", "text"} <= row.keys() for row in rows):
        raise UnreadableImport(reason=f"{path.name} has a line without _id or text.")
    return {row["id"]: row["text"] for row in rows}


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    """Tab-separated query, document and grade, under a header."""
    judged: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in list(csv.reader(file, delimiter="\t"))[1:]:
                query, document, grade = row
                judged.setdefault(query, {})[document] = int(grade)
    except ValueError:
        raise UnreadableImport(
            reason=f"{path.name} is no table of query, document, grade."
        ) from None
    return judged
