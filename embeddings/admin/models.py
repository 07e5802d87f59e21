"""The served models in the console: what the registry says, read-only."""

from typing import Any

from django.conf import settings

from accounts.console_page import ConsolePage, console_page
from accounts.policy import Action
from embeddings.services.engine import default_reranker, is_loaded, listed_models


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
        defaults = (settings.EMBED.default_model, default_reranker())
        rows = [
            {"name": name, "info": info, "loaded": is_loaded(name), "default": name in defaults}
            for name, info in listed_models()
        ]
        return super().get_context_data(rows=rows, **kwargs)
