"""Starts the app: theme, session, navigation by role."""

from allcore.web import frame, navigation
from allcore.web.sign_in import sso

frame.configure()
sso.finish_sign_in()
navigation.run()
sso.finish_sign_out()
