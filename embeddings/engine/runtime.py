"""What runs a model: one padded batch in, vectors out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.interface import RuntimeName


class Runtime(Protocol):
    """Called from at most `streams` threads at once."""

    @property
    def name(self) -> RuntimeName: ...

    @property
    def streams(self) -> int: ...

    @property
    def best_batch_tokens(self) -> int:
        """The batch size, padding included, that was measured fastest on this kind of device."""
        ...

    @property
    def run_cost_tokens(self) -> int:
        """What a run costs besides its tokens: as much as so many tokens."""
        ...

    @property
    def pad_id(self) -> int: ...

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors float32 `(n, dimensions)` of ids and mask `(n, longest)`."""
        ...
