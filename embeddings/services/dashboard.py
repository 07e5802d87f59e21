"""What the console's first page shows of the service, by for whom it is."""

from accounts.principal import Principal
from embeddings.services.dashboard_capacity import capacity_dashboard
from embeddings.services.dashboard_debugging import debugging_dashboard
from embeddings.services.dashboard_executive import executive_dashboard
from embeddings.services.dashboard_operations import operations_dashboard
from embeddings.types.dashboard import Dashboard, View, Window


def dashboard(*, principal: Principal, view: View, window: Window) -> Dashboard:
    """One view, for who may operate the service, in a number of queries that nothing changes."""
    match view:
        case View.EXECUTIVE:
            return executive_dashboard(principal=principal, window=window)
        case View.OPERATIONS:
            return operations_dashboard(window=window)
        case View.DEBUGGING:
            return debugging_dashboard(principal=principal, window=window)
        case View.CAPACITY:
            return capacity_dashboard(window=window)
