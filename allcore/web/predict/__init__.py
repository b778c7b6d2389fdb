"""The pieces of the Predict page: one picture or many, checked, answered and explained."""
