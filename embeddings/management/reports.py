"""The reports of `manage.py benchmark`, one function for each kind."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from tqdm import tqdm

from embeddings.management.charts import plot_loads
from embeddings.management.principals import principal_for
from embeddings.readers.beir import read_beir
from embeddings.readers.files import file_format
from embeddings.services.chunking import chunking_in_force
from embeddings.services.console_benchmark import Console, measure_console
from embeddings.services.engine import default_reranker, engine_options
from embeddings.services.http_benchmark import LOADS, SERVICE, Server, measure_http
from embeddings.services.load_client import LoadClient
from embeddings.services.overload_benchmark import measure_overload
from embeddings.services.peer import measure_peer
from embeddings.services.quality import Step, measure_quality
from embeddings.services.rerank_benchmark import measure_rerank

TOKEN_VARIABLE = "TOKEN"  # noqa: S105  the variable's name
PASSWORD_VARIABLE = "PASSWORD"  # noqa: S105  as above


def quality_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    folder = read_beir(options["folder"])
    model = options["model"] or settings.EMBED.default_model
    with bars() as step:
        measured = measure_quality(
            folder=folder,
            principal=principal_for(None),
            model=model,
            modes=options["modes"],
            chunking=options["chunking"],
            language=options["language"],
            limit=options["limit"],
            step=step,
        )
    modes = {mode: quality.as_json() for mode, quality in measured.items()}
    report = {
        "folder": str(options["folder"]),
        "model": model,
        "chunking": chunking_in_force(model=model, wish=options["chunking"]).as_json(),
        "language": options["language"],
        "queries": min(len(folder.queries), options["limit"] or len(folder.queries)),
        "modes": modes,
    }
    if options["compare_sentence_transformers"]:
        peer = measure_peer(
            folder=folder, model=model, options=engine_options(), limit=options["limit"]
        ).as_json()
        report["sentence_transformers"] = peer
        report["difference"] = {name: modes["semantic"][name] - peer[name] for name in peer}
    return report


def rerank_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    model = options["model"] or settings.EMBED.default_model
    reranker = options["reranker"] or default_reranker()
    with bars() as step:
        measured = measure_rerank(
            folder=read_beir(options["folder"]),
            principal=principal_for(None),
            model=model,
            reranker=reranker,
            depths=options["depths"],
            limit=options["limit"],
            step=step,
        )
    names = {"folder": str(options["folder"]), "model": model, "reranker": reranker}
    return names | measured


def engine_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem."""
    # Only now: it loads torch.
    from embeddings.engine.benchmark import measure_engine

    return measure_engine(texts_of(options), options=engine_options(), rounds=options["rounds"])


def http_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    # Only now: it loads the model's runtime.
    from embeddings.engine.bare_loop import BareLoop

    model = options["model"] or settings.EMBED.default_model
    url = url_of(options)
    servers = {SERVICE: Server(f"{url}/v1", token_of(options), model)}
    if options["against"]:
        other, its_model = options["against"]
        servers["other"] = Server(other, options["against_token"], its_model)
    with bars() as step, closing(LoadClient(url)) as floor:
        report = measure_http(
            texts=texts_of(options),
            servers=servers,
            bare=BareLoop(model, engine_options()).embed,
            floor=lambda: floor.ask("GET", "/health/live"),
            rounds=options["rounds"],
            seconds=options["seconds"],
            loads=[load for load in LOADS if load.name in (options["loads"] or [load.name])],
            step=lambda _: step("measurement", 1),
        )
    if options["plot"]:
        plot_loads(report, options["plot"], title=f"{model}, {len(servers)} server(s)")
    return report


def overload_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    return measure_overload(
        url=f"{url_of(options)}/v1",
        token=token_of(options),
        model=options["model"] or settings.EMBED.default_model,
        texts=texts_of(options),
        factor=options["factor"],
        seconds=options["seconds"],
    )


def console_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if not password:
        raise CommandError(f"{PASSWORD_VARIABLE} must have the password of {options['username']}.")
    console = Console(url_of(options), username=options["username"], password=password)
    with bars() as step:
        return measure_console(
            console=console,
            more=options["pages"],
            rounds=options["rounds"],
            step=lambda: step("page", 1),
        )


def texts_of(options: dict[str, Any]) -> list[str]:
    """The first texts of the files. Raises CommandError when there are none."""
    rows = chain.from_iterable(file_format(path).rows(path, 0) for path in options["files"])
    texts = (row.raw["text"] for row in rows if isinstance(row.raw, dict) and row.raw.get("text"))
    found = list(islice(texts, options["limit"]))
    if not found:
        raise CommandError("The files hold no text.")
    return found


def url_of(options: dict[str, Any]) -> str:
    """The service's, without a slash at its end."""
    config = settings.EMBED
    url: str = options["url"] or f"http://{config.host}:{config.port}"
    return url.rstrip("/")


def token_of(options: dict[str, Any]) -> str:
    """Raises CommandError when there is none."""
    token = options["token"] or os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise CommandError(f"Give an API token with --token or {TOKEN_VARIABLE}.")
    return str(token)


@contextmanager
def bars() -> Iterator[Step]:
    """One progress bar for each kind of step, on a terminal only."""
    shown: dict[str, tqdm[Any]] = {}

    def step(what: str, count: int) -> None:
        if what not in shown:
            shown[what] = tqdm(unit=what, unit_scale=False, disable=None)
        shown[what].update(count)

    try:
        yield step
    finally:
        for bar in shown.values():
            bar.close()
