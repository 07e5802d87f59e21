"""Texts of many lengths and kinds, the last ones longer than any model here reads."""

SENTENCE = "The restore took the nightly backup, replayed the log and came up in alpha beta gamma. "

TEXTS = [
    "alpha",
    "",
    "How do I restore a PostgreSQL database?",
    "Größe, naïveté, 東京 and 🚀",
    "beta gamma deltas " * 3,
    "!?",
    *(SENTENCE[: 7 * at] * (1 + at % 3) for at in range(1, 13)),
    SENTENCE * 5,
    SENTENCE * 60,
    "word " * 40_000,
]

RERANK_QUERIES = ["alpha", "beta gamma deltas", "gamma " * 30, "del alpha " * 60]
"""The last ones longer than half of what a small model reads, and longer than all of it."""

RERANK_TEXTS = [
    "alpha",
    "gamma beta",
    "Größe, naïveté, 東京 and 🚀",
    "!?",
    *("deltas beta alpha gamma " * at for at in range(1, 13)),
    SENTENCE * 5,
    "word " * 4_000,
]
