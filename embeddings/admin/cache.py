"""The cache in the console: what it does over time, and what it holds."""

from typing import Any

from django.utils import timezone

from accounts.console_page import ConsolePage, console_page
from accounts.policy import Action
from embeddings.admin.amounts import amount
from embeddings.admin.cache_forms import ClearForm, WarmForm
from embeddings.admin.charts import ShownChart, chosen_span, shown_chart
from embeddings.admin.live_settings import OptionsForm, options_of
from embeddings.services.cache import cache_stats
from embeddings.services.cache_entries import top_entries
from embeddings.services.series import series
from embeddings.types.cache import LevelStats
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import SPANS

OPTIONS = "Cache"
SHOWN_ENTRIES = 20
SERIES = (
    *("cache_hits", "cache_lookups", "cache_memory_hits", "cache_memory_misses"),
    *("cache_redis_hits", "cache_redis_misses", "cache_saved_tokens", "cache_bytes"),
)
Line = list[float | None]


@console_page
class CachePage(ConsolePage):
    """Both levels, over time and by what spares most; its options; clearing and warming."""

    path = "cache/"
    name = "cache"
    title = "Cache"
    action = Action.OPERATE
    template_name = "console/cache.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Of all processes of this machine; the entries are this process's without Redis."""
        span = chosen_span(self.request)
        stats = cache_stats()
        kwargs.setdefault("clear", ClearForm(auto_id="clear_%s"))
        kwargs.setdefault("warm", WarmForm(auto_id="warm_%s"))
        return super().get_context_data(
            levels=[_shown_level(level) for level in stats.levels],
            models=stats.models,
            has_redis=len(stats.levels) > 1,
            charts=_charts(span),
            span=span,
            spans=[(key, each.title) for key, each in SPANS.items()],
            entries=top_entries(limit=SHOWN_ENTRIES),
            options=OptionsForm(options_of(OPTIONS)),
            options_title=OPTIONS,
            **kwargs,
        )


def _shown_level(level: LevelStats) -> dict[str, Any]:
    room = "no limit" if level.max_bytes is None else amount(level.max_bytes, Unit.BYTES)
    return {
        "level": level,
        "hit_rate": amount(level.tally.hit_rate, Unit.SHARE),
        "size": amount(level.bytes, Unit.BYTES),
        "room": f"{room} a process" if level.level == "memory" else room,
        "numbers": [level.tally.hits, level.tally.misses, level.tally.saved_tokens, level.entries],
    }


def _charts(span: str) -> list[ShownChart]:
    now = timezone.now()
    found = series(
        names=SERIES, since=now - SPANS[span].length, until=now, points=SPANS[span].points
    )
    values, times = found.values, found.times
    lines = {
        "any level": _shares(values["cache_hits"], values["cache_lookups"]),
        "memory": _rates(values, "memory"),
        "Redis": _rates(values, "redis"),
    }
    known = {name: line for name, line in lines.items() if any(each is not None for each in line)}
    rates = Chart("hit-rate", "Hit rate", Unit.SHARE, times, known)
    saved = {"tokens": values["cache_saved_tokens"]}
    held = {"memory": values["cache_bytes"]}
    return [
        shown_chart(rates),
        shown_chart(Chart("saved", "Tokens that no model read", Unit.RATE, times, saved)),
        shown_chart(Chart("held", "Memory of all processes' caches", Unit.BYTES, times, held)),
    ]


def _rates(values: dict[str, Line], level: str) -> Line:
    hits, misses = values[f"cache_{level}_hits"], values[f"cache_{level}_misses"]
    asked = [
        None if hit is None or miss is None else hit + miss
        for hit, miss in zip(hits, misses, strict=True)
    ]
    return _shares(hits, asked)


def _shares(parts: Line, wholes: Line) -> Line:
    return [
        None if part is None or not whole else min(part / whole, 1)
        for part, whole in zip(parts, wholes, strict=True)
    ]
