"""The views of the Dataset page, by their key in the address."""

from allcore.web.components.views import View
from allcore.web.dataset import (
    browse_view,
    connect_view,
    health_view,
    map_view,
    overview_view,
    splits_view,
)
from allcore.web.dataset.context import Context

VIEWS: dict[str, View[Context]] = {
    "overview": View("Overview", overview_view.show),
    "browse": View("Browse", browse_view.show),
    "map": View("Map", map_view.show),
    "health": View("Health", health_view.show),
    "splits": View("Splits", splits_view.show),
    "connect": View("Connect data", connect_view.show),
}
