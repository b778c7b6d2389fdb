"""Documents: model card, HTML evaluation, PDF and JSON of predictions."""
