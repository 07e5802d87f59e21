"""What the console asks of those who clear and warm the cache, as the API does."""

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from embeddings.admin.query_form import QueryForm, text_field
from embeddings.serializers.cache import DEFAULT_QUERIES, ClearRequest, WarmRequest
from embeddings.services.models import served_models


def _models() -> list[tuple[str, str]]:
    names = [info.name for info in served_models() if info.kind == "embedding"]
    return [("", "Any"), *((name, name) for name in names)]


class ClearForm(QueryForm):
    """What to forget."""

    serializer = ClearRequest

    model = forms.ChoiceField(
        required=False, label="Of a model", choices=_models, widget=UnfoldAdminSelectWidget()
    )
    collection = text_field("Or of a collection", suggest="collection")
    older_than_s = forms.IntegerField(
        required=False,
        min_value=0,
        label="Older than, in seconds",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"placeholder": "any age"}),
    )


class WarmForm(QueryForm):
    """Texts, or what a collection is asked most."""

    serializer = WarmRequest

    texts = forms.CharField(
        required=False,
        label="Texts, one a line",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    model = forms.ChoiceField(
        required=False,
        label="Model",
        choices=lambda: [("", "The default"), *_models()[1:]],
        widget=UnfoldAdminSelectWidget(),
    )
    input_type = forms.ChoiceField(
        required=False,
        label="As",
        choices=[("", "documents"), ("query", "queries")],
        widget=UnfoldAdminSelectWidget(),
    )
    owner = text_field("For the user", suggest="user", placeholder="yourself")
    collection = text_field("Or queries asked of", suggest="collection")
    limit = forms.IntegerField(
        required=False,
        min_value=1,
        label="How many queries",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"placeholder": str(DEFAULT_QUERIES)}),
    )

    def clean_texts(self) -> list[str]:
        """Without empty lines."""
        return [line for line in self.cleaned_data["texts"].splitlines() if line.strip()]
