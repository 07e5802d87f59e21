"""What is asked of a provider in its protocol, and what its answer says once every doubt is out."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.interface import Embedded, InputType
from embeddings.engine.remote_failures import TOO_MUCH, BadAnswer, Refused

BYTES_PER_TOKEN = 4
"""Of English text, roughly; used only where the provider does not say how many tokens it read."""

MOST_TEXTS = 256
"""Of one request, until the provider takes fewer."""

LEAST_TEXTS = 8
"""A limit below that is not remembered: some texts may have been refused for their length."""

Protocol = Literal["openai", "embed"]

_OWN_TOO_LONG = re.compile(r"Text (\d+) has (\d+) tokens; the model reads \d+\.")
_OTHERS_TOO_LONG = re.compile(
    # OpenAI and vLLM; text-embeddings-inference; llama.cpp and Ollama.
    r"maximum context length|must have less than \d+ tokens|input is too large|exceeds? the context"
    r"|input length exceeds",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the texts as they are sent, and what is expected of the answer."""

    protocol: Protocol
    model: str
    texts: Sequence[str]
    dimensions: int
    input_type: InputType = "document"
    truncate: bool = True
    fingerprint: str = ""

    @property
    def path(self) -> str:
        return "/embeddings" if self.protocol == "openai" else "/embed"

    @property
    def payload(self) -> dict[str, Any]:
        common = {"model": self.model, "input": self.texts, "encoding_format": "base64"}
        if self.protocol == "openai":
            return common
        return {**common, "input_type": self.input_type, "truncate": self.truncate}

    def read(self, answer: Any) -> Embedded:
        """The vectors in the order of the texts. Raises BadAnswer."""
        try:
            rows = _in_order(answer["data"], count=len(self.texts))
            vectors = _vectors([row["embedding"] for row in rows], dimensions=self.dimensions)
            if self.protocol == "openai":
                return _with_shared_tokens(vectors, self.texts, answer.get("usage"))
            self._check_fingerprint(answer)
            return _with_own_tokens(vectors, rows)
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BadAnswer(f"the answer has another shape ({type(error).__name__})") from None

    def _check_fingerprint(self, answer: dict[str, Any]) -> None:
        """An instance that was given another model under the same name says so."""
        if self.fingerprint and answer.get("fingerprint", self.fingerprint) != self.fingerprint:
            raise BadAnswer("its model is not the one it was; restart this service to use it")

    def too_long(self, refusal: Refused) -> tuple[int, int] | None:
        """Index and tokens of the text that is refused as too long, which is its sender's fault."""
        own = _OWN_TOO_LONG.search(refusal.message)
        if own and int(own[1]) < len(self.texts):
            return int(own[1]), int(own[2])
        if len(self.texts) == 1 and self.has_long_text(refusal):
            return 0, estimated_tokens(self.texts[0])
        return None

    def has_long_text(self, refusal: Refused) -> bool:
        """Whether other servers refuse some text as too long, without saying which."""
        return _OTHERS_TOO_LONG.search(refusal.message) is not None

    def is_divisible(self, refusal: Refused) -> bool:
        """Whether fewer texts at a time may be taken."""
        faults = refusal.body.get("errors")
        too_many = isinstance(faults, list) and any(
            isinstance(fault, dict) and fault.get("param") == "input" for fault in faults
        )
        return refusal.status in TOO_MUCH or too_many or self.has_long_text(refusal)


def estimated_tokens(text: str) -> int:
    """A guess, for want of the provider's tokenizer; at least 1."""
    return max(1, len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def _in_order(data: Any, *, count: int) -> list[dict[str, Any]]:
    """The rows by `index`, each once; in the order of the list where none has one."""
    if not isinstance(data, list) or len(data) != count:
        found = len(data) if isinstance(data, list) else 0
        raise BadAnswer(f"{found} vectors came for {count} texts")
    rows: list[dict[str, Any] | None] = [None] * count
    for position, row in enumerate(data):
        index = row.get("index", position)
        if type(index) is not int or not 0 <= index < count or rows[index] is not None:
            raise BadAnswer("the indexes do not number the texts")
        rows[index] = row
    return [row for row in rows if row is not None]


def _vectors(embeddings: list[Any], *, dimensions: int) -> NDArray[np.float32]:
    vectors = np.empty((len(embeddings), dimensions), dtype=np.float32)
    for row, embedding in enumerate(embeddings):
        vector = _vector(embedding)
        if vector.shape != (dimensions,):
            raise BadAnswer(f"a vector has shape {vector.shape}, not {dimensions} dimensions")
        vectors[row] = vector
    with np.errstate(over="ignore"):
        # Times four, as for every vector here: see types/vector.py.
        squares = np.einsum("ij,ij->i", vectors, vectors) * np.float32(4)
    if not np.isfinite(squares).all():
        raise BadAnswer("a vector is not finite")
    if not squares.all():
        raise BadAnswer("a vector is zero")
    return vectors


def _vector(embedding: Any) -> NDArray[np.float32]:
    """From base64 of little-endian float32, or from the list that some send all the same."""
    if isinstance(embedding, str):
        try:
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        except (binascii.Error, ValueError):
            raise BadAnswer("a vector is not base64 of float32") from None
    if not isinstance(embedding, list) or not {int, float}.issuperset(map(type, embedding)):
        raise BadAnswer("a vector is not a list of numbers")
    with np.errstate(over="ignore", under="ignore"):
        return np.array(embedding, dtype=np.float64).astype(np.float32)


def _with_own_tokens(vectors: NDArray[np.float32], rows: list[dict[str, Any]]) -> Embedded:
    tokens = [row["tokens"] for row in rows]
    truncated = [row["truncated"] for row in rows]
    if not all(type(each) is int and each >= 0 for each in tokens):
        raise BadAnswer("the tokens are not counted")
    if not all(type(each) is bool for each in truncated):
        raise BadAnswer("it is not said which texts were truncated")
    return Embedded(
        vectors=vectors,
        tokens=np.array(tokens, dtype=np.int32),
        truncated=np.array(truncated, dtype=np.bool_),
    )


def _with_shared_tokens(vectors: NDArray[np.float32], texts: Sequence[str], usage: Any) -> Embedded:
    """The total, which is all that the protocol tells, shared out by the texts' lengths; whether a
    text was truncated it does not tell.
    """
    sizes = np.array([estimated_tokens(text) for text in texts], dtype=np.float64)
    total = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if type(total) is not int or total < 0:
        total = int(sizes.sum())
    # Rounding the running sum, not each share, keeps the sum exact.
    ends = np.rint(np.cumsum(sizes) / max(1.0, sizes.sum()) * total).astype(np.int64)
    return Embedded(
        vectors=vectors,
        tokens=np.diff(ends, prepend=0).astype(np.int32),
        truncated=np.zeros(len(texts), dtype=np.bool_),
    )
