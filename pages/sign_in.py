from allcore.web import guard

user = guard.require("visitor")

from allcore.web import forms, navigation

if user.may("user"):
    navigation.go("Home")
forms.sign_in(
    title="Sign in", reason="Sign in to check images and see how the model does.", then="Home"
)
navigation.link("Register", label="Make an account")
