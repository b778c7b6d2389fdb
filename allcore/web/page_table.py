"""The pages: one line each, read by the navigation, the guard and the tests."""

from dataclasses import dataclass

from allcore.store import roles

YOU = "You"
"""Section of the navigation for the visitor's own pages."""


@dataclass(frozen=True)
class Page:
    """A page."""

    name: str  # stem of its script in ``pages/``, and its address
    title: str  # in the navigation
    icon: str  # of Google's Material Symbols
    role: str  # the least role that opens it
    section: str = ""  # of the navigation; YOU is headed by who is signed in
    help: str = ""  # what it shows, in a sentence
    signed_out_only: bool = False  # whether the navigation hides it from people who are signed in

    @property
    def script(self) -> str:
        """Path of the script, as Streamlit takes it."""
        return f"pages/{self.name}.py"

    def opens_to(self, role: str) -> bool:
        """Tell whether a role opens the page."""
        return roles.includes(role, self.role)


PAGES = (
    Page("home", "Home", "home", "visitor", help="What ALLScope is and is not."),
    Page("predict", "Predict", "biotech", "demo",
         help="Upload cell images and read the model's answers."),
    Page("history", "History", "history", "user",
         help="What you have asked, and what was answered."),
    Page("evaluation", "Evaluation", "rule", "demo",
         help="What the model gets right and wrong on held-out cells."),
    Page("validate", "Validate", "fact_check", "user",
         help="What may be claimed of the model on cells of your own laboratory."),
    Page("review", "Review", "visibility", "reviewer",
         help="Judge queued cells by their picture alone."),
    Page("dataset", "Dataset", "grid_view", "demo",
         help="The cells, subjects and splits of the data set."),
    Page("compare", "Compare", "leaderboard", "demo", "Model",
         help="Every network under both protocols, side by side."),
    Page("networks", "Networks", "account_tree", "demo", "Model",
         help="What each network is made of, block by block."),
    Page("about", "About this model", "description", "demo", "Model",
         help="How the model was trained and what it is for."),
    Page("account", "Account", "person", "user", YOU),
    Page("administration", "Administration", "group", "admin", YOU),
    Page("sign_out", "Sign out", "logout", "demo", YOU),
    Page("sign_in", "Sign in", "login", "visitor", YOU, signed_out_only=True),
    Page("register", "Register", "person_add", "visitor", YOU, signed_out_only=True),
    Page("admin_sign_in", "Administrator sign-in", "shield_person", "visitor", YOU,
         signed_out_only=True),
)  # fmt: skip
"""In the order of the navigation."""


def page(key: str) -> Page:
    """Return the page of a name or of a title.

    Raises:
        ValueError: there is none, which is a mistake in the program.
    """
    for page in PAGES:
        if key in (page.name, page.title):
            return page
    raise ValueError(f"There is no page '{key}'; add a line to allcore/web/page_table.py.")
