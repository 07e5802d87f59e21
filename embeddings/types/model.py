"""A model as its operator declares it."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sizes = Annotated[tuple[Annotated[int, Field(ge=1, le=16_000)], ...], Field(max_length=16)]


class ModelDeclaration(BaseModel):
    """What `EMBED_MODELS` says of one model; what is left out comes from the model's own files.

    A local model has exactly one source: `folder`, `wheel` or `hub` with `revision` and `sha256`.
    A remote one has a `url`: that of an API base such as `http://engine:8000/v1`, or
    `unix:/path/to/socket` for an instance of this service on the same machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: Name
    kind: Literal["embedding", "reranker"] = "embedding"
    provider: Literal["local", "remote"] = "local"

    folder: Path | None = None
    wheel: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] | None = None
    hub: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    revision: Revision | None = None
    sha256: Sha256 | None = Field(None, description="Of model.safetensors.")

    url: Annotated[str, Field(pattern=r"^(https?://|unix:/)\S+$")] | None = None
    protocol: Literal["openai", "embed"] = Field(
        "openai", description="`embed` is this service's own /v1/embed, which says more."
    )
    rerank_protocol: Literal["cohere", "tei"] = Field(
        "cohere", description="Of a remote reranker: Cohere's, also Jina's and vLLM's, or TEI's."
    )
    remote_name: str | None = Field(None, description="What the provider calls the model.")
    api_key: SecretStr | None = None
    fingerprint: Sha256 | None = Field(
        None,
        description="Declares that two providers give the same vectors; a local one must have it.",
    )
    fallback: Name | None = Field(
        None, description="A declared model of the same fingerprint, asked when this one fails."
    )

    dimensions: Annotated[int, Field(ge=1, le=16_000)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    normalize: bool | None = None
    precision: Literal["float32", "bfloat16", "float16"] | None = None
    matryoshka: Sizes = Field((), description="Dimensions that vectors may be cut to.")
    price_per_million_tokens: Annotated[Decimal, Field(ge=0)] | None = None
    token_ids: Literal["cl100k_base", "own"] = Field(
        "cl100k_base", description="Vocabulary of token ids that clients send instead of text."
    )

    @field_validator("folder")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        local = [name for name in ("folder", "wheel", "hub") if getattr(self, name) is not None]
        if self.provider == "remote":
            if self.url is None or local:
                raise ValueError("a remote model has a url and neither folder, wheel nor hub")
        elif self.url is not None or len(local) != 1:
            raise ValueError("a local model has exactly one of folder, wheel and hub, and no url")
        if self.hub is not None and (self.revision is None or self.sha256 is None):
            raise ValueError("a model from the hub needs its revision and its sha256")
        return self


def check_declarations(models: Sequence[ModelDeclaration]) -> None:
    """Raises ValueError for a name that is taken, or a fallback that can't stand in."""
    by_name: dict[str, ModelDeclaration] = {}
    for number, model in enumerate(models, 1):
        if model.name in by_name:
            raise ValueError(f"entry {number}: the name {model.name!r} is taken")
        by_name[model.name] = model
    for number, model in enumerate(models, 1):
        if fault := _fallback_fault(model, by_name):
            raise ValueError(f"entry {number}: the fallback {model.fallback!r} {fault}")


def _fallback_fault(model: ModelDeclaration, by_name: dict[str, ModelDeclaration]) -> str | None:
    if model.fallback is None:
        return None
    fallback = by_name.get(model.fallback)
    if fallback is None:
        return "is not declared"
    if fallback.kind != model.kind:
        return f"is of kind {fallback.kind!r}"
    if None not in (fallback.fingerprint, model.fingerprint) and (
        fallback.fingerprint != model.fingerprint
    ):
        return "has another fingerprint"
    return "leads back to itself" if _is_circular(model, by_name) else None


def _is_circular(model: ModelDeclaration, by_name: dict[str, ModelDeclaration]) -> bool:
    seen: set[str] = set()
    following: ModelDeclaration | None = model
    while following is not None and following.name not in seen:
        seen.add(following.name)
        following = by_name.get(following.fallback or "")
    return following is not None
