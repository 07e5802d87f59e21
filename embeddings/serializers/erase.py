"""Erasures on the wire."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from embeddings.constants import MAX_EXTERNAL_ID_CHARS
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import FILTER_HELP, FilterField, FlagField, StringField
from embeddings.types.erase import Erasure

MAX_IDS = 1_000


class EraseRequest(RequestSerializer):
    """Which documents to erase: those with these ids, or those that a filter lets through."""

    ids = serializers.ListField(
        child=StringField(max_length=MAX_EXTERNAL_ID_CHARS),
        allow_empty=False,
        max_length=MAX_IDS,
        required=False,
        help_text="Whether they are stored or not: what else is kept of them goes too.",
    )
    filter = FilterField(required=False, help_text=FILTER_HELP)
    dry_run = FlagField(default=False, help_text="Only say how many documents that would be.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless it is said which, in one way."""
        if ("ids" in attrs) == ("filter" in attrs):
            raise ValidationError("Send either ids or a filter.", code="ids_or_filter")
        return attrs


class EraseUserRequest(RequestSerializer):
    """What becomes of the user's collections; need not be said of one who has none."""

    transfer_to = StringField(max_length=150, required=False, help_text="Who is to own them.")
    delete_collections = FlagField(default=False, help_text="They go too, with all documents.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError where both is asked for."""
        if "transfer_to" in attrs and attrs["delete_collections"]:
            raise ValidationError("Transfer the collections, or delete them.", code="both")
        return attrs


class RemainderResponse(serializers.Serializer[Any]):
    """What no erasure ends."""

    what = serializers.CharField()
    until = serializers.CharField()
    command = serializers.CharField(allow_null=True, help_text="What ends it sooner.")


class ErasureResponse(serializers.Serializer[Any]):
    """How much of each kind is gone, and what is not."""

    dry_run = serializers.BooleanField()
    documents = serializers.IntegerField(help_text="Text, metadata, vectors and words.")
    chunks = serializers.IntegerField(help_text="Of all generations.")
    lines = serializers.IntegerField(help_text="Of imports that are not done.")
    refusals = serializers.IntegerField(help_text="Refused lines whose reason named one of them.")
    jobs = serializers.IntegerField(help_text="Cancelled; of an erased user, all.")
    queries = serializers.IntegerField(help_text="Recorded as frequent.")
    vectors = serializers.IntegerField(
        allow_null=True,
        help_text="Cached for anybody, in this process and in Redis; null where Redis does not"
        " answer, and for who does not operate the service.",
    )
    searches = serializers.IntegerField(
        allow_null=True, help_text="Cached, likewise; null where Redis does not answer."
    )
    collections = serializers.IntegerField(help_text="Of an erased user: transferred or deleted.")
    tokens = serializers.IntegerField()
    grants = serializers.IntegerField()
    sessions = serializers.IntegerField()
    remains = RemainderResponse(many=True)


def erasure_json(erasure: Erasure, *, dry_run: bool = False) -> dict[str, Any]:
    """ErasureResponse."""
    return {"dry_run": dry_run, **erasure.as_json()}
