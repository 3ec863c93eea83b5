"""Make the environment of the Makefile, if it is not there or is another Python's: run by any Python 3.

`python3 requirements/environment.py FOLDER [--this-python]`. An environment that is there, with pip and a Python that
fits, stays. --this-python: it must have the version of the Python that runs this.
"""

import shutil
import subprocess  # nosec B404 # lists of words, and no shell
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)  # as requires-python of pyproject.toml


def dotted(version):
    """A version as it is written: 3.11."""
    return ".".join(map(str, version))


def version_in(folder):
    """The version of an environment's Python, if it runs and has pip; else None."""
    question = "import sys, pip; sys.stdout.write('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [str(folder / "bin/python"), "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, answer.stdout.decode().split(".")))


def problems(folder):
    """What keeps the Python that runs this from making the environment: a line for each."""
    found = []
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        expected = "Python " + dotted(OLDEST) + " to " + dotted(NEWEST) + " expected"
        found.append(expected + ", found " + dotted(version) + ": " + sys.executable)
        found.append(
            "    to do: install one of them and name it, such as `make repro PYTHON=python" + dotted(NEWEST) + "`"
        )
    for module in ("venv", "ensurepip"):
        try:
            __import__(module)
        except ImportError:
            found.append(
                "the module " + module + " of Python " + dotted(version) + " expected, found none: " + sys.executable
            )
            found.append("    to do: on Debian and Ubuntu, `apt-get install python" + dotted(version) + "-venv`")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        found.append("an environment of Python expected, found another folder: " + str(folder))
        found.append("    to do: move it away")
    return found


def main(folder, this_python):
    """Return the exit code: 0 if the environment is there, 1 if not."""
    there = version_in(folder)
    if there and (there == sys.version_info[:2] if this_python else OLDEST <= there <= NEWEST):
        return 0
    lines = problems(folder)
    if lines:
        sys.stderr.write("\n".join(lines) + "\n")
        return 1
    if folder.exists():
        has = "Python " + dotted(there) if there else "no Python with pip"
        print(str(folder) + " is made anew: it has " + has)
        shutil.rmtree(str(folder))
    made = False
    try:
        python = getattr(sys, "_base_executable", None) or sys.executable  # not that of the environment removed above
        made = subprocess.call([python, "-m", "venv", str(folder)]) == 0 and version_in(folder) is not None  # nosec B603
    finally:
        if not made:
            shutil.rmtree(str(folder), ignore_errors=True)
    if not made:
        sys.stderr.write(str(folder) + " could not be made by " + sys.executable + ", and is not kept\n")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--this-python" in sys.argv))
