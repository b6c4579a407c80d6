# -*- test-case-name: tests.integration.test_importing -*-
"""Masters of 0.7.12 and 0.8.14, each with a slave: run them until they have built, and keep their directory.

C{python -m tests.integration.oldmasters} makes the samples of the unit tests anew.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.integration.generations import OLD_SLAVE, SLAVE, Environment, Generation, prepared
from tests.ports import freePort

CONFIG = Path(__file__).with_name("oldmaster.cfg")
SAMPLES = Path(__file__).parent.parent / "unit" / "importing" / "samples"
#: The most seconds of one master.
PATIENCE = 180
#: Makes the database of a master of 0.8. Its own command fails: SQLite has changed since.
_MAKE_DATABASE = """
import os
import sqlalchemy
import migrate.versioning.api as api
from buildbot.db import model
engine = sqlalchemy.create_engine("sqlite:///state.sqlite")
model.Model.metadata.create_all(engine)
path = os.path.join(os.path.dirname(model.__file__), "migrate")
api.version_control("sqlite:///state.sqlite", path, version=api.version(path))
"""


class OldMasterFailed(Exception):
    """An old master did not do its work; the text is the end of its log."""


def build(generation: Generation, where: Path, count: int) -> Any:
    """Run a master with a slave until it has built.

    @param where: a directory for both; the master's is C{master}.
    @param count: the number of builds, on two builders.
    @return: what the master itself tells about its builds.
    """
    installed = prepared(generation)
    master, slave = where / "master", where / "slave"
    port = freePort()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(where),
        "OLD_PORT": str(port),
        "OLD_BUILDS": str(count),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    _run(installed, where, env, "buildbot", "create-master", "master")
    shutil.copy(CONFIG, master / "master.cfg")
    if generation is SLAVE:
        (master / "state.sqlite").unlink(missing_ok=True)
        subprocess.run([installed.python, "-c", _MAKE_DATABASE], cwd=master, env=env, check=True)
    _run(
        installed, where, env, generation.script, generation.create, "slave", f"127.0.0.1:{port}", "bot", "pw"
    )
    command = installed.command("twistd", "--nodaemon", "--python=buildbot.tac", "--pidfile=")
    running = [subprocess.Popen(command, cwd=each, env=env, **_SILENT) for each in (master, slave)]
    try:
        running[0].wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        for each in running:
            each.kill()
            each.wait()
    told = master / "told.json"
    if not told.exists():
        raise OldMasterFailed((master / "twistd.log").read_text("utf-8", "replace")[-3000:])
    return json.loads(told.read_text())


_SILENT: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _run(installed: Environment, where: Path, env: dict[str, str], *command: str) -> None:
    subprocess.run(installed.command(*command), cwd=where, env=env, check=True, timeout=PATIENCE, **_SILENT)


def makeSamples() -> None:
    """Run both masters for a few builds, and keep what an import reads."""
    for generation in (OLD_SLAVE, SLAVE):
        with tempfile.TemporaryDirectory(prefix="old-") as where:
            build(generation, Path(where), 4)
            kept = SAMPLES / generation.name
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            for each in (Path(where) / "master").iterdir():
                if each.name in ("changes.pck", "state.sqlite", "told.json"):
                    shutil.copy(each, kept)
                elif (each / "builder").exists():
                    shutil.copytree(each, kept / each.name)
            if (kept / "state.sqlite").exists():
                _withoutPaths(kept / "state.sqlite")


def _withoutPaths(database: Path) -> None:
    """Remove the paths of this machine, and the write-ahead log."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("UPDATE migrate_version SET repository_path = ''")
        connection.execute("UPDATE objects SET name = 'host' WHERE id = 1")
        connection.commit()
        connection.execute("VACUUM")


if __name__ == "__main__":
    makeSamples()
