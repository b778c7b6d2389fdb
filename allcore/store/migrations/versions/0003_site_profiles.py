"""The site profile of an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003_site_profiles"
down_revision = "0002_cells_of_fields"


def upgrade() -> None:
    op.add_column("prediction", sa.Column("profile", sa.String(100), nullable=True))
