"""Bring Superset's own database up to date and import the bundle; runs in Superset's environment.

    python bi/superset/prepare.py BUNDLE.zip

Safe to repeat: the dashboard, its charts and its datasets are replaced by the bundle's, all else stays. Charts of an
earlier bundle that this one does not have go, too; they are known by their identities, which are made of names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import yaml
from flask import g
from flask.cli import ScriptInfo
from superset.app import create_app
from superset.cli.main import superset

ADMIN = "admin"
NAMED = 5  # the version of bundle.py's identities; Superset gives its own charts random ones


def main() -> None:
    """Upgrade, make the administrator and the roles where they are missing, import, and read the columns."""
    app = create_app()
    script = ScriptInfo(create_app=lambda: app)

    def run(*arguments: str) -> None:
        superset.main(args=list(arguments), obj=script, standalone_mode=False)

    home = Path(os.environ["SUPERSET_HOME"])
    run("db", "upgrade")
    if not (home / "is_ready").exists():
        password = (home / "password").read_text(encoding="utf-8").strip()
        names = ("--username", ADMIN, "--firstname", "Afterstate", "--lastname", "Admin", "--email", "admin@localhost")
        run("fab", "create-admin", *names, "--password", password)
        run("init")
        (home / "is_ready").touch()
    with app.app_context():
        _import(Path(sys.argv[1]))


def _import(bundle: Path) -> None:
    from superset.commands.importers.v1.assets import ImportAssetsCommand  # needs an application's context
    from superset.commands.importers.v1.utils import get_contents_from_bundle
    from superset.connectors.sqla.models import SqlaTable
    from superset.extensions import db, security_manager
    from superset.models.slice import Slice

    with ZipFile(bundle) as opened:
        contents = get_contents_from_bundle(opened)
    # what replaces all that it names is called assets; the same files, as a dashboard, are for Superset's own page
    contents["metadata.yaml"] = yaml.safe_dump({**yaml.safe_load(contents["metadata.yaml"]), "type": "assets"})
    g.user = security_manager.find_user(ADMIN)
    ImportAssetsCommand(contents).run()
    ours = {str(yaml.safe_load(text)["uuid"]) for path, text in contents.items() if path.startswith("charts/")}
    for dataset in db.session.query(SqlaTable).all():
        if dataset.database.database_name == "Afterstate":
            dataset.fetch_metadata()
            for chart in db.session.query(Slice).filter_by(datasource_id=dataset.id).all():
                if chart.uuid.version == NAMED and str(chart.uuid) not in ours:
                    db.session.delete(chart)
    db.session.commit()


if __name__ == "__main__":
    main()
