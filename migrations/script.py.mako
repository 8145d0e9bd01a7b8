"""${message}"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Additive only: an older syncd must be able to go on working while a newer one starts."""
    op.execute("")
