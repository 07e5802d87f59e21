"""Errors about who may do what, and about personal data; raised on purpose like all others."""

from embeddings.exceptions import EmbeddingsError, InvalidRequest


class GrantExists(EmbeddingsError):
    """`{grantee}` has the role {role} here already. Change that grant, or grant another role."""

    status = 409
    code = "grant_exists"
    title = "Conflict"


class OwnerSeesAll(InvalidRequest):
    """An owner sees every document. Leave the row filter out, or grant another role."""

    code = "owner_sees_all"


class OwnsCollections(EmbeddingsError):
    """`{username}` owns {count} collections. Say who gets them with `transfer_to`, or that they go
    too with `delete_collections`."""

    status = 409
    code = "owns_collections"
    title = "Conflict"


class InvalidRedaction(InvalidRequest):
    """Names are not found here without: {missing}. Leave `name` out, or have the operator install
    requirements/names.txt and the model."""

    code = "invalid_redaction"


class RedactedEmbedding(InvalidRequest):
    """Document `{external_id}` holds what this collection redacts, and its embedding was made of
    that. Send it without the embedding."""

    code = "redacted_embedding"


class RedactionUnavailable(EmbeddingsError):
    """The collection redacts names, and what finds them is not installed any more; nothing was
    stored."""

    status = 503
    code = "redaction_unavailable"
    title = "Service unavailable"
    retry_after_s = 60
