"""The only folder that imports streamlit: guard, frame, accounts, navigation."""
