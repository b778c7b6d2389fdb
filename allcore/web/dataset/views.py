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
from allcore.web.dataset.context import DatasetContext

VIEWS: dict[str, View[DatasetContext]] = {
    "overview": View("Overview", overview_view.show_overview),
    "browse": View("Browse", browse_view.show_browse),
    "map": View("Map", map_view.show_map),
    "health": View("Health", health_view.show_health),
    "splits": View("Splits", splits_view.show_splits),
    "connect": View("Connect data", connect_view.show_connect),
}
