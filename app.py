"""Starts the app: theme, session, navigation by role."""

if __name__ == "__main__":  # Streamlit runs it for each visitor
    from allcore.web import frame, navigation, synthetic_scoring
    from allcore.web.sign_in import sso

    frame.configure()
    sso.finish_sign_in()
    navigation.run()
    synthetic_scoring.prepare()
    sso.finish_sign_out()
else:  # the server imports it
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.starlette import App

    from allcore.web import cookie, index_page, socket_messages

    PagesManager.uses_pages_directory = False  # this file comes first on a fresh server too
    around = (*cookie.MIDDLEWARE, *index_page.MIDDLEWARE, *socket_messages.MIDDLEWARE)
    app = App(__file__, middleware=around)
