#!/usr/bin/env bash
# A table's column may not be called `registry` without a warning: SQLAlchemy 2.1 keeps that name of a mapped class for
# its own registry of classes, and SQLModel passes the field on. Older ones said nothing (SQLModel 0.0.38 with SQLAlchemy
# 2.0.49), and where warnings are errors the class cannot be made.
# Seen: SQLModel 0.0.50, SQLAlchemy 2.1.9: SAWarning; the column is made all the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check sqlmodel==0.0.50 sqlalchemy==2.1.9
seen=$("$folder/env/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

from sqlmodel import Field, SQLModel

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")

    class Deployment(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        registry: str


kinds = ", ".join(one.category.__name__ for one in told if "registry" in str(one.message)) or "no warning"
columns = ", ".join(column.name for column in Deployment.__table__.columns)
print(f"SQLModel {version('sqlmodel')}, SQLAlchemy {version('sqlalchemy')}: {kinds}; columns {columns}")
PY
)
echo "$seen"
[ "$seen" = "SQLModel 0.0.50, SQLAlchemy 2.1.9: SAWarning; columns id, registry" ]
