"""The served models in the console: what the registry says, read-only."""

from typing import Any

from accounts.console_page import ConsolePage, console_page
from accounts.policy import Action
from embeddings.admin.amounts import UNKNOWN, amount
from embeddings.admin.display import label
from embeddings.services.models import ModelState, model_states
from embeddings.types.chart import Unit


@console_page
class ModelsPage(ConsolePage):
    """One page with all models; the configuration is where they are changed."""

    path = "models/"
    name = "models"
    title = "Models"
    action = Action.OPERATE
    template_name = "console/models.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Every model, those that can't be used now too."""
        rows = [
            {
                "model": state,
                "state": _state(state),
                "memory": amount(state.memory, Unit.BYTES),
                "price": _price(state),
                "documents": amount(state.use.documents, Unit.COUNT),
            }
            for state in model_states()
        ]
        return super().get_context_data(rows=rows, **kwargs)


def _state(state: ModelState) -> str:
    if state.info is None:
        return label("unusable", "danger")
    if state.info.provider == "local":
        return label("loaded", "success") if state.loaded else label("not loaded")
    if state.pause is None:
        return label("not asked yet")
    if state.pause:
        return label(f"failing, asked again in {state.pause:.0f} s", "warning")
    return label("answers", "success")


def _price(state: ModelState) -> str:
    price = None if state.info is None else state.info.price_per_million_tokens
    return UNKNOWN if price is None else f"{price}"
