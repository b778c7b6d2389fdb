"""The views of the Administration page, by their key in the address."""

from allcore.web.accounts import Visitor
from allcore.web.administration import (
    audit_log,
    health,
    invitations,
    settings_view,
    storage,
    users,
)
from allcore.web.components.views import View

VIEWS: dict[str, View[Visitor]] = {
    "users": View("Users", users.show_users),
    "invitations": View("Invitations", invitations.show_invitations),
    "settings": View("Settings", settings_view.show_settings),
    "kept": View("What is kept", storage.show_storage),
    "audit": View("Audit log", audit_log.show_audit_log),
    "health": View("Health", health.show_health),
}
