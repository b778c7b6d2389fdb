"""The views of the Evaluation page: one file a view, each drawing what a `Context` holds."""
