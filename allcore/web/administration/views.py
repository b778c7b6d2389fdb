"""The views of the Administration page, by their key in the address."""

from allcore.web.accounts import Visitor
from allcore.web.administration import audit_log, health, invitations, settings, storage, users
from allcore.web.components.views import View

VIEWS: dict[str, View[Visitor]] = {
    "users": View("Users", users.show),
    "invitations": View("Invitations", invitations.show),
    "settings": View("Settings", settings.show),
    "kept": View("What is kept", storage.show),
    "audit": View("Audit log", audit_log.show),
    "health": View("Health", health.show),
}
