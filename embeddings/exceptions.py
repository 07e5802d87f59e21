"""Every error raised on purpose; a class's docstring is the message that its caller reads."""

from accounts.exceptions import NotFound as NotFound  # the unseen looks the same everywhere
from accounts.exceptions import Problem


class EmbeddingsError(Problem):
    """The request could not be served."""


class InvalidRequest(EmbeddingsError):
    """{detail}"""

    status = 400
    code = "invalid"
    title = "Invalid request"


# Engine -------------------------------------------------------------------------------------------


class UnknownModel(InvalidRequest):
    """No model `{model}` is served here. Choose one of: {known}."""

    code = "unknown_model"


class WrongModelKind(InvalidRequest):
    """Model `{model}` can't do that. Choose one of: {known}."""

    code = "wrong_model_kind"


class EmptyText(InvalidRequest):
    """The text is empty. Send at least one {needed}."""

    code = "empty_text"


class EmptyInput(InvalidRequest):
    """There is no input. Send at least one text, none of them empty."""

    code = "empty_input"


class InputTooLong(InvalidRequest):
    """Input {index} has {tokens} tokens; one may have {limit}. Split it."""

    code = "input_too_long"


class TooManyTokens(InvalidRequest):
    """The request has more than {limit} tokens. Send it in several."""

    code = "max_tokens_per_request"


class NoVocabulary(InvalidRequest):
    """Model `{model}` shows no vocabulary of its own here. Send texts, without token ids, and let
    their end be cut."""

    code = "no_vocabulary"


class UnknownToken(InvalidRequest):
    """{token_id} is not a token id of {vocabulary}, in which this model reads them. Send text, or
    ids of that vocabulary."""

    code = "unknown_token"


class TextTooLong(InvalidRequest):
    """Text {index} has {tokens} tokens; the model reads {max_tokens}. Shorten it, or allow
    `truncate`."""

    code = "text_too_long"

    def at(self, param: str, *, index: int) -> "TextTooLong":
        """The same refusal in the words of a request, whose numbering may be another."""
        return TextTooLong(param=param, **{**self.values, "index": index})


class EngineUnavailable(EmbeddingsError):
    """The embedding model is not ready. Try again in a few seconds."""

    status = 503
    code = "engine_unavailable"
    title = "Service unavailable"
    retry_after_s = 5


class EngineOverloaded(EngineUnavailable):
    """More texts are waiting to be embedded than can be taken on. Try again in {retry_after}
    seconds."""

    code = "engine_overloaded"


class ModelUnusable(EngineUnavailable):
    """Model `{model}` can't be used now: {reason}"""

    code = "model_unusable"
    retry_after_s = None  # type: ignore[assignment] # nobody knows when it will be put right


class CallerGone(EmbeddingsError):
    """The caller closed the connection before the answer was ready."""

    status = 499
    code = "caller_gone"
    title = "Client closed request"


# Collections and documents ------------------------------------------------------------------------


class CollectionExists(EmbeddingsError):
    """A collection named `{name}` exists already. Choose another name."""

    status = 409
    code = "collection_exists"
    title = "Conflict"


class DocumentExists(EmbeddingsError):
    """Document `{external_id}` exists already and `on_conflict` is `error`; nothing was stored."""

    status = 409
    code = "document_exists"
    title = "Conflict"


class OutsideView(EmbeddingsError):
    """Document `{external_ids[0]}` is, or would be, outside of what you may write here; nothing was
    stored. Check its metadata, or ask the collection's owner."""

    status = 403
    code = "outside_view"
    title = "Forbidden"


class DuplicateDocument(InvalidRequest):
    """Document `{external_id}` appears twice in one request. Send each id once."""

    code = "duplicate_document"


class TooManyChunks(InvalidRequest):
    """Text {index} makes {chunks} chunks; a document may have {limit}. Split it, or let a
    collection make longer chunks."""

    code = "too_many_chunks"

    def at(self, param: str, *, index: int) -> "TooManyChunks":
        """As TextTooLong.at."""
        return TooManyChunks(param=param, **{**self.values, "index": index})


class CollectionBusy(EmbeddingsError):
    """The collection is being changed by others. Try again."""

    status = 503
    code = "collection_busy"
    title = "Service unavailable"
    retry_after_s = 1


class UnknownLanguage(InvalidRequest):
    """There is no text search configuration `{language}` here. Choose one of: {known}."""

    code = "unknown_language"


class InvalidIndex(InvalidRequest):
    """The index can't be made so: {reason}"""

    code = "invalid_index"


class IndexBusy(EmbeddingsError):
    """Job {job} is building this collection's index. Wait for its end, or cancel it."""

    status = 409
    code = "index_busy"
    title = "Conflict"


# Vectors and filters ------------------------------------------------------------------------------


class DimensionsMismatch(InvalidRequest):
    """The vector has {given} dimensions; the collection's generation has {expected}."""

    code = "dimensions_mismatch"


class InvalidVector(InvalidRequest):
    """The vector is not usable: {reason}"""

    code = "invalid_vector"


class InvalidFilter(InvalidRequest):
    """The filter is not well formed: {reason}"""

    code = "invalid_filter"


class IncomparableCollections(InvalidRequest):
    """Collections `{one}` and `{other}` have different {what}: what is near in one can't be
    compared with what is near in the other. Search them one by one."""

    code = "incomparable_collections"


class InvalidCursor(InvalidRequest):
    """The cursor is none that this search gave. Send an answer's `next_cursor` with the very query
    that it answered; only `top_k`, `include` and `facets` may differ."""

    code = "invalid_cursor"


class InvalidMetadataSchema(InvalidRequest):
    """The metadata schema is not well formed: {reason}"""

    code = "invalid_metadata_schema"


class InvalidMetadata(InvalidRequest):
    """Document `{external_id}` breaks the collection's metadata schema: `{field}` {fault}."""

    code = "invalid_metadata"


class SchemaViolated(EmbeddingsError):
    """{count} stored documents break the declaration of `{field}`, `{external_id}` for one. Change
    them first."""

    status = 409
    code = "schema_violated"
    title = "Conflict"


# Imports and jobs ---------------------------------------------------------------------------------


class UnreadableImport(InvalidRequest):
    """The file can't be read: {reason}"""

    code = "unreadable_import"


class ImportTooLarge(EmbeddingsError):
    """The body unpacks to more than {limit} bytes. Split it into several imports."""

    status = 413
    code = "too_large"
    title = "Too large"


class UnsupportedImport(EmbeddingsError):
    """This address reads lines of JSON and CSV. Send them as `Content-Type: {media_types}`, with
    `Content-Encoding: gzip` or none."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class JobFinished(EmbeddingsError):
    """The job is {state} already and can't be cancelled."""

    status = 409
    code = "job_finished"
    title = "Conflict"


class JobNotRetriable(EmbeddingsError):
    """The job can't be retried: {reason}"""

    status = 409
    code = "job_not_retriable"
    title = "Conflict"


class CollectionDeleted(EmbeddingsError):
    """The collection was deleted before the job ended."""

    status = 404
    code = "collection_deleted"
    title = "Not found"


class JobForbidden(EmbeddingsError):
    """The job may not go on, as {reason}."""

    status = 403
    code = "job_forbidden"
    title = "Forbidden"
