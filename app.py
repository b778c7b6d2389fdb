"""Starts the app: theme, session, navigation by role."""

from allcore.web import frame, navigation, sso

frame.configure()
sso.arrive()
navigation.run()
sso.leave()
