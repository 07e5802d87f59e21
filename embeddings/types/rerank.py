"""Texts ranked by a reranker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranked:
    """One text by its place in the request; `score` in 0…1, `logit` what the model said."""

    index: int
    score: float
    logit: float


@dataclass(frozen=True, slots=True)
class RerankResult:
    """`ranked`, best first; `tokens`, those that the model read."""

    model: str
    ranked: list[Ranked]
    tokens: int
