"""The playground's form, which asks for what `/v1/search` takes."""

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from embeddings.admin.json_text import JsonField
from embeddings.admin.query_form import text_field
from embeddings.constants import DEFAULT_TOP_K, SearchMode
from embeddings.serializers.search import SearchRequest
from embeddings.types.search import INCLUDABLE

CONFIGURATIONS = ("a", "b")
"""The prefixes of the two."""

INITIAL = {
    "mode": SearchMode.SEMANTIC.value,
    "top_k": str(DEFAULT_TOP_K),
    "include": ["text", "metadata", "chunk", "highlights"],
}

MORE = (
    "min_score",
    "diversity",
    "ef_search",
    "max_candidates",
    "group_by",
    "group_field",
    "group_size",
    "exact",
    "include",
)
"""What is folded away while nothing of it is chosen."""


def _help(name: str) -> str:
    """What the API says about its field."""
    return str(SearchRequest().fields[name].help_text or "").replace("`", "") if name else ""


def _text(help_of: str = "", **attrs: Any) -> forms.CharField:
    """Whether it is a number, where one is asked for, is judged where the API judges it."""
    widget = UnfoldAdminTextInputWidget({"autocomplete": "off", **attrs})
    return forms.CharField(required=False, widget=widget, help_text=_help(help_of))


def _number(help_of: str = "", **attrs: Any) -> forms.CharField:
    return _text(help_of, inputmode="decimal", **attrs)


def _choice(*choices: tuple[str, str]) -> forms.CharField:
    return forms.CharField(required=False, widget=UnfoldAdminSelectWidget(choices=choices))


class QueryForm(forms.Form):
    """What is searched for, by one configuration or by two."""

    query = forms.CharField(
        required=False, strip=False, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )
    compare = forms.BooleanField(
        required=False, label="Compare two configurations", widget=UnfoldBooleanWidget
    )


class ConfigurationForm(forms.Form):
    """Where and how it is searched for."""

    collection = text_field("Collection", suggest="collection", placeholder="a name")
    mode = _choice(*[(mode.value, mode.value) for mode in SearchMode])
    top_k = _number()
    semantic_weight = _number(placeholder="learned")
    keyword_weight = _number(placeholder="learned")
    filter = JsonField(required=False, rows=3, label="Filter as JSON")
    rerank = forms.BooleanField(required=False, widget=UnfoldBooleanWidget)
    rerank_model = _text(placeholder="the default one")
    rerank_top_n = _number(placeholder="by itself")
    as_user = text_field("As user", suggest="user", placeholder="yourself")
    min_score = _number("min_score")
    diversity = _number("diversity")
    ef_search = _number("ef_search")
    max_candidates = _number("max_candidates")
    group_by = _choice(("", "document"), ("chunk", "chunk"), ("field", "a metadata field"))
    group_field = _text(placeholder="author.name")
    group_size = _number(placeholder="3")
    exact = forms.BooleanField(required=False, widget=UnfoldBooleanWidget, help_text=_help("exact"))
    include = forms.MultipleChoiceField(
        required=False,
        choices=[(name, name) for name in INCLUDABLE],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def opens_more(self) -> bool:
        """Whether something is chosen, or wrong, of what is folded away."""
        chosen = any(
            name in self.errors or (name != "include" and self[name].value()) for name in MORE
        )
        return self.is_bound and (chosen or self["include"].value() != INITIAL["include"])


def configurations(
    data: Mapping[str, object] | None = None, *, collection: str = ""
) -> list[ConfigurationForm]:
    """Both forms: as sent, or as they are at first, the second one with another mode."""
    initial = {**INITIAL, "collection": collection}
    seconds = {**initial, "mode": SearchMode.HYBRID.value}
    return [
        ConfigurationForm(data, prefix=prefix, initial=values)
        for prefix, values in zip(CONFIGURATIONS, (initial, seconds), strict=True)
    ]
