"""Starts the app: theme, session, navigation by role."""

from allcore.web import frame, navigation

frame.configure()
navigation.run()
