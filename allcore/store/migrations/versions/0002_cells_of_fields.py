"""The number of a cell in its smear field, and how it was cut out and normalised."""

import sqlalchemy as sa
from alembic import op

revision = "0002_cells_of_fields"
down_revision = "0001_initial"


def upgrade() -> None:
    op.add_column("prediction", sa.Column("cell", sa.Integer, nullable=True))
    op.add_column("prediction", sa.Column("cut", sa.String(4000), nullable=True))
