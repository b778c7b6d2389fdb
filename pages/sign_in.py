from allcore.web import guard

user = guard.require("sign_in")

from allcore.store import registration
from allcore.web import accounts, navigation
from allcore.web.sign_in import forms

if user.signed_in:
    navigation.go("Home")
forms.show_sign_in(
    title="Sign in", reason="Sign in to check images and see how the model does.", then="Home"
)
if registration.mode(accounts.store()) != "closed":
    navigation.link("Register", label="Make an account")
