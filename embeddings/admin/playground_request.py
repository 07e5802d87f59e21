"""What the playground's form asks for, as the body of a request at `/v1/search`."""

from itertools import accumulate
from typing import Any

import orjson
from rest_framework.exceptions import ValidationError

from accounts.exceptions import Problem
from embeddings.admin.faults import errors_of
from embeddings.admin.playground_form import ConfigurationForm, QueryForm
from embeddings.constants import SearchMode
from embeddings.serializers.base import validated
from embeddings.serializers.search import SearchRequest
from embeddings.types.search import DEFAULT_INCLUDE

NUMBERS = ("top_k", "min_score", "diversity", "ef_search", "max_candidates")

ASKED_FOR_BY = {
    "weights": "semantic_weight",
    "weights.semantic": "semantic_weight",
    "weights.keyword": "keyword_weight",
    "model": "rerank_model",  # as the engine calls the one that it does not know
    "rerank.model": "rerank_model",
    "rerank.top_n": "rerank_top_n",
    "group_by.field": "group_field",
    "group_by.size": "group_size",
}
"""The form's names of what the request calls otherwise."""


def read_request(
    query: QueryForm, form: ConfigurationForm
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The body, and its valid fields; None where there are errors, which the forms have then."""
    if not form.is_valid():
        return None
    body = _body(query.data.get("query", ""), form.cleaned_data)
    try:
        return body, validated(SearchRequest, body)
    except (ValidationError, Problem) as error:
        refuse(query, form, error)
    return None


def refuse(query: QueryForm, form: ConfigurationForm, error: ValidationError | Problem) -> None:
    """Say what is wrong beside the fields that it is wrong with."""
    for param, detail in errors_of(error):
        if param == "query":
            if detail not in query.errors.get("query", ()):  # the other configuration's
                query.add_error("query", detail)
            continue
        field = _field_at(form, param)
        if field is None and isinstance(error, Problem) and "collection" in error.values:
            field = "collection"
        inner = param.partition(".")[2] if field == "filter" else ""
        form.add_error(field, f"{inner}: {detail}" if inner else detail)


def _field_at(form: ConfigurationForm, param: str) -> str | None:
    """The innermost place that the form has a field for."""
    places = list(accumulate(param.split("."), "{}.{}".format))
    names = [ASKED_FOR_BY.get(place, place) for place in reversed(places)]
    return next((name for name in names if name in form.fields), None)


def _body(query: str, values: dict[str, Any]) -> dict[str, Any]:
    """Only what is chosen: what is hidden, as nothing asks for it, is not."""
    body: dict[str, Any] = {"collection": values["collection"], "query": query}
    if values["mode"] != SearchMode.SEMANTIC:
        body["mode"] = values["mode"]
    if values["mode"] == SearchMode.HYBRID:
        weights = {"semantic": values["semantic_weight"], "keyword": values["keyword_weight"]}
        if given := _numbers(weights):
            body["weights"] = given
    body |= _numbers({name: values[name] for name in NUMBERS})
    if values["filter"] is not None:
        body["filter"] = values["filter"]
    if values["rerank"]:
        model = {"model": values["rerank_model"]} if values["rerank_model"] else {}
        body["rerank"] = {**model, **_numbers({"top_n": values["rerank_top_n"]})} or True
    if values["group_by"] == "field":
        size = _numbers({"size": values["group_size"]})
        body["group_by"] = {"field": values["group_field"], **size}
    elif values["group_by"]:
        body["group_by"] = values["group_by"]
    if values["exact"]:
        body["exact"] = True
    if set(values["include"]) != DEFAULT_INCLUDE:
        body["include"] = values["include"]
    return body


def _numbers(texts: dict[str, str]) -> dict[str, Any]:
    """Those given; what is no number stays a text, which the API refuses."""
    return {name: _number(text) for name, text in texts.items() if text}


def _number(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
