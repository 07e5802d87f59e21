"""Clearing and warming the cache in the console."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.amounts import amount
from embeddings.admin.asked_once import CONFIRMED, ask
from embeddings.admin.cache import CachePage
from embeddings.admin.cache_forms import ClearForm, WarmForm
from embeddings.admin.faults import tell
from embeddings.admin.query_form import QueryForm
from embeddings.models import Collection, Job
from embeddings.serializers.cache import DEFAULT_QUERIES
from embeddings.services.cache import clear_cache
from embeddings.services.cache_entries import holding
from embeddings.services.cache_warming import (
    Warming,
    of_queries,
    of_texts,
    owner_named,
    start_warming,
)
from embeddings.services.collection import visible_collection
from embeddings.types.cache import Holding
from embeddings.types.chart import Unit


class CacheAct(CachePage):
    """Done only after a page has said what it touches."""

    http_method_names = ["post", "options"]
    form_name: str
    form_class: type[QueryForm]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Asks once, then does it; a form that is at fault comes back."""
        form = self.form_class(request.POST, auto_id=f"{self.form_name}_%s")
        try:
            asked = form.asked()
            if asked is not None and CONFIRMED not in request.POST:
                return self.ask(form, asked)
            if asked is not None:
                self.act(asked)
        except Problem as problem:
            tell(form, problem)
        if form.errors:
            return self.render_to_response(self.get_context_data(**{self.form_name: form}))
        return HttpResponseRedirect(reverse("admin:cache"))

    def ask(self, form: QueryForm, asked: dict[str, Any]) -> HttpResponse:
        """The question. Raises Problem."""
        raise NotImplementedError

    def act(self, asked: dict[str, Any]) -> None:
        """Do it, and tell. Raises Problem."""
        raise NotImplementedError

    def question(self, form: QueryForm, *, about: str, touches: Sequence[str] = ()) -> HttpResponse:
        """Whose answer posts the form anew."""
        return ask(
            self.request,
            ConsolePage.get_context_data(self),
            title=self.title,
            about=about,
            touches=touches,
            fields=[(name, str(value)) for name, value in form.filled().items() if value],
            back=reverse("admin:cache"),
        )

    def collection_of(self, asked: dict[str, Any]) -> Collection | None:
        """The one that is named. Raises NotFound."""
        if "collection" not in asked:
            return None
        principal = principal_of_session(self.request)
        return visible_collection(
            principal=principal, name=asked["collection"], action=Action.OPERATE
        )


@console_page
class CacheClearPage(CacheAct):
    """Forgets what is cached, by scope and age."""

    path = "cache/clear/"
    name = "cache_clear"
    title = "Clear the cache"
    form_name = "clear"
    form_class = ClearForm

    def ask(self, form: QueryForm, asked: dict[str, Any]) -> HttpResponse:
        """With what there is to forget now."""
        found = holding(**self.wanted(asked))
        return self.question(
            form,
            about="Whoever asks for this next waits for a model again. No document is touched.",
            touches=[f"Forgets {_scope(asked)}.", *_touched(found)],
        )

    def act(self, asked: dict[str, Any]) -> None:
        """Tells how many values went."""
        result = clear_cache(**self.wanted(asked))
        redis = "" if result.redis is None else f" and {result.redis:,} in Redis"
        messages.success(
            self.request,
            f"Cleared: {result.memory:,} values in this process{redis}; every other process follows"
            " within a second.",
        )

    def wanted(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As the services take it. Raises NotFound."""
        return {
            "model": asked.get("model"),
            "collection": self.collection_of(asked),
            "older_than_s": asked["older_than_s"],
        }


@console_page
class CacheWarmPage(CacheAct):
    """Embeds texts before they are asked for."""

    path = "cache/warm/"
    name = "cache_warm"
    title = "Warm the cache"
    form_name = "warm"
    form_class = WarmForm

    def ask(self, form: QueryForm, asked: dict[str, Any]) -> HttpResponse:
        """With how many texts there are."""
        wanted = self.wanted(asked)
        return self.question(
            form,
            about=f"{len(wanted.items):,} texts are embedded by {wanted.model}, those that are"
            " cached apart: at once where they are few, else by a job. Tokens count as used.",
        )

    def act(self, asked: dict[str, Any]) -> None:
        """Tells how many were embedded, or of the job."""
        result = start_warming(
            owner_id=principal_of_session(self.request).user_id,
            wanted=self.wanted(asked),
            collection=self.collection_of(asked),
        )
        if isinstance(result, Job):
            link = reverse("admin:embeddings_job_change", args=[result.pk])
            said = format_html('A <a href="{}">job</a> embeds {} texts.', link, result.total)
        else:
            said = format_html(
                "{} texts are cached, {} of them were already.", result.texts, result.cached
            )
        messages.success(self.request, said)

    def wanted(self, asked: dict[str, Any]) -> Warming:
        """As the services take it. Raises NotFound, InvalidRequest, EmptyText, UnknownModel."""
        collection = self.collection_of(asked)
        if collection is not None:
            return of_queries(collection=collection, limit=asked.get("limit", DEFAULT_QUERIES))
        principal = principal_of_session(self.request)
        owner_id = owner_named(asked["owner"]) if "owner" in asked else principal.user_id
        return of_texts(
            owner_id=owner_id,
            texts=asked["texts"],
            model=asked.get("model"),
            input_type=asked.get("input_type", "document"),
        )


def _scope(asked: dict[str, Any]) -> str:
    age = asked["older_than_s"]
    old = f" that is older than {timedelta(seconds=age)}" if age else ""
    if "model" in asked:
        return f"the vectors of {asked['model']}, and searches that used them{old}"
    if "collection" in asked:
        return f"the searches of {asked['collection']}{old}"
    return f"everything{old}"


def _touched(found: Holding) -> list[str]:
    size = amount(found.bytes, Unit.BYTES)
    said = [f"{found.entries:,} values in this process, {size}; other processes have their own."]
    if found.has_redis and found.redis is None:
        said.append("Redis does not answer: what it holds does not count any more, either.")
    elif found.redis is not None:
        said.append(f"{'' if found.redis_is_all else 'At least '}{found.redis:,} values in Redis.")
    return said
