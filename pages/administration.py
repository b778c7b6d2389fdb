from allcore.web import guard

user = guard.require("administration")

from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.administration.views import VIEWS
from allcore.web.components import views

frame.header(
    title="Administration",
    question="Who may use ALLScope, with which settings, what is kept, and who has changed what.",
)
frame.show_notice()
view = views.choose_view(VIEWS)
try:
    view.show(user)
except AllScopeError as error:
    frame.problem(error)
