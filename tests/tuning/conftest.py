"""A real PostgreSQL, where one is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A PostgreSQL server of these tests' own, run by somebody without rights where root runs the tests: its URL."""
    pytest.importorskip("psycopg", reason="pip install 'psycopg[binary]'")
    found = [shutil.which("pg_ctl"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))]
    if not any(found):
        pytest.skip("apt-get install postgresql")
    programs = Path(os.path.realpath(next(filter(None, found)))).parent
    user = {"user": "nobody"} if os.geteuid() == 0 else {}  # PostgreSQL refuses root
    with (
        tempfile.TemporaryDirectory(prefix="bulbar-pg-") as place,
        socket.socket() as port,
    ):  # of a short path: a socket
        if user:
            shutil.chown(place, "nobody")
        data, log = f"{place}/data", f"{place}/log"
        port.bind(("127.0.0.1", 0))
        number = port.getsockname()[1]
        port.close()

        def run(*command: str) -> None:
            subprocess.run(command, check=True, cwd=place, stdout=subprocess.DEVNULL, **user)

        run(str(programs / "initdb"), "-D", data, "-U", "bulbar", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {number} -c listen_addresses=127.0.0.1 -c fsync=off -k {place}"
        run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://bulbar@127.0.0.1:{number}/postgres"
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
