"""What a user has configured for other projects, in processes of their own: nothing of it changes a result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bulbar.core import library_settings

ROOT = Path(__file__).resolve().parents[2]

DIGEST = """
import sys
from hashlib import sha256
from pathlib import Path
from bulbar.core import parallel
from bulbar.training import fit_cache
from bulbar.training.fits import digest
from tests import toy_fits

place = Path(sys.argv[1])
study = toy_fits.study(place)
fits = [toy_fits.fit(keep_weights=True), toy_fits.fit(clinical=toy_fits.clinical())]
print(*(digest(fit, study) for fit in fits))
"""
TRAIN = f"""{DIGEST}
kept, computing = fit_cache.FitCache(place / "kept"), parallel.Settings(workers=int(sys.argv[2]))
for done in fit_cache.run(fits, study, kept, computing=computing, label="fits"):
    print(sha256(done.test.tobytes() + done.history.to_csv().encode()).hexdigest())
"""

DRAW = """
import sys
import bulbar
from matplotlib.figure import Figure
from bulbar.core.files import save
from bulbar.style.figure_style import styled

@styled
def draw():
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot([0, -3e6, 5e6], label="a line")
    axes.set_title("a title")
    axes.legend()
    return figure

save(draw(), sys.argv[1] + "/figure.png")
"""

USE_CACHES = """
import bulbar
import librosa
import numpy as np
from matplotlib import font_manager
assert librosa.effects.split(np.sin(np.arange(4000) / 9)).tolist() == [[0, 4000]]
print("done")
"""

KERAS_OF_ANOTHER_PROJECT = {
    "floatx": "float16",
    "epsilon": 0.05,
    "image_data_format": "channels_first",
    "backend": "torch",
}
ENVIRONMENT = {
    "KERAS_BACKEND": "torch",
    "KERAS_NNX_ENABLED": "true",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_NUM_INTRAOP_THREADS": "3",
    "TF_DETERMINISTIC_OPS": "0",
    "XLA_FLAGS": "--no_such_flag",
    "JAX_ENABLE_X64": "1",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "OMP_NUM_THREADS": "3",
    "JOBLIB_MULTIPROCESSING": "0",
    "LOKY_PICKLER": "pickle",
    "NUMBA_DISABLE_JIT": "1",
    "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
}
MATPLOTLIBRC = """
axes.facecolor: red
axes.unicode_minus: False
font.family: serif
savefig.bbox: tight
savefig.dpi: 30
xtick.major.size: 20
"""


def command(program: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


def run(words: list[str], **environment: str) -> subprocess.CompletedProcess:
    """A process of its own; what it writes into the home stays in the test's."""
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def read_only(*folders: str | Path) -> list[str]:
    """What starts a command in a mount namespace of its own, where these folders are read-only, root or not."""
    mounts = " && ".join(f'mount --bind "{each}" "{each}" && mount -o remount,bind,ro "{each}"' for each in folders)
    start = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    try:
        subprocess.run([*start, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    return start


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> str:
    """Digests and results of two tiny fits where the user has configured nothing."""
    place = tmp_path_factory.mktemp("untouched")
    printed = run(command(TRAIN, place, "1"), HOME=str(place)).stdout
    assert not (place / ".keras").exists()
    return printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keras_json", "variables", "workers"),
    [
        (KERAS_OF_ANOTHER_PROJECT, {}, "1"),
        (KERAS_OF_ANOTHER_PROJECT, {}, "2"),
        ({"floatx": "int8", "epsilon": 1}, {}, "2"),  # values that Keras refuses
        ({}, ENVIRONMENT, "2"),
    ],
    ids=["a file", "a file and workers", "a file that Keras refuses", "variables"],
)
def test_what_other_projects_need_changes_no_digest_and_no_bit_of_a_fit(
    untouched, tmp_path, keras_json, variables, workers
):
    (tmp_path / ".keras").mkdir()
    written = json.dumps(keras_json)
    (tmp_path / ".keras/keras.json").write_text(written)
    assert run(command(TRAIN, tmp_path, workers), HOME=str(tmp_path), **variables).stdout == untouched
    assert (tmp_path / ".keras/keras.json").read_text() == written


def test_only_a_variable_that_makes_a_cpu_look_like_another_type_gives_a_fit_another_digest(tmp_path):
    untouched, another_project, another_cpu = (
        run(command(DIGEST, tmp_path / name), HOME=str(tmp_path), **variables).stdout.split()
        for name, variables in (("one", {}), ("two", ENVIRONMENT), ("three", {"TF_ENABLE_ONEDNN_OPTS": "0"}))
    )
    assert another_project == untouched
    assert not {*another_cpu} & {*untouched}


@pytest.mark.slow
def test_keras_that_was_imported_before_gets_its_defaults_back(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(json.dumps({"floatx": "float16", "epsilon": 0.05}))
    shown = "print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())"
    start = "from bulbar.training import backend; backend.start('tensorflow')"
    unset = "import os; [os.environ.pop(name) for name in list(os.environ) if name.startswith('KERAS_')]"
    printed = run(command(f"{unset}; import keras; {shown}; {start}; {shown}"), HOME=str(tmp_path)).stdout
    assert printed.splitlines() == ["float16 0.05 channels_last", "float32 1e-07 channels_last"]


@pytest.fixture(scope="module")
def plain_figure(tmp_path_factory) -> bytes:
    """A figure as drawn where the user has configured nothing."""
    place = tmp_path_factory.mktemp("plain")
    run(command(DRAW, place), HOME=str(place))
    return (place / "figure.png").read_bytes()


@pytest.mark.parametrize(
    "place",
    ["working directory", *(pytest.param(one, marks=pytest.mark.slow) for one in (".config/matplotlib", "named"))],
)
def test_a_matplotlibrc_changes_no_figure(plain_figure, tmp_path, place):
    changed = tmp_path / "changed"
    (changed / place).mkdir(parents=True)
    (changed / place / "matplotlibrc").write_text(MATPLOTLIBRC)
    named = {"MATPLOTLIBRC": str(changed / place)} if place == "named" else {}
    program = f"import os; os.chdir({str(changed / place)!r})\n{DRAW}" if place == "working directory" else DRAW
    run(command(program, changed), HOME=str(changed), MPLBACKEND="module://matplotlib_inline.backend_inline", **named)
    assert (changed / "figure.png").read_bytes() == plain_figure


def test_a_notebook_keeps_its_own_figures():
    program = "import sys, os; sys.modules['ipykernel'] = sys; import bulbar; print(os.environ['MPLBACKEND'])"
    assert run(command(program), MPLBACKEND="module://inline").stdout == "module://inline\n"


SLOWLY_STARTED = ("stages.phantom_voices", "bulbar.commands.cli")


@pytest.mark.parametrize(
    "module", ["stages.mel_spectrogram", *(pytest.param(one, marks=pytest.mark.slow) for one in SLOWLY_STARTED)]
)
def test_what_people_start_sets_the_variables_before_it_imports_a_library(module):
    program = f"""
import builtins, os, sys
importing = builtins.__import__
def watched(name, *rest, **more):
    if name.split(".")[0] in ("librosa", "matplotlib", "numpy"):
        assert os.environ.get("KERAS_HOME") == os.devnull, name
    return importing(name, *rest, **more)
builtins.__import__ = watched
import {module}
"""
    run(command(program), KERAS_HOME="elsewhere")


@pytest.mark.slow
def test_caches_lie_below_the_temporary_folder_where_neither_home_nor_the_packages_can_be_written(tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    for folder in (home, temporary):
        folder.mkdir()
    start = read_only(home, Path(sys.prefix).resolve())
    done = run([*start, *command(USE_CACHES)], HOME=str(home), TMPDIR=str(temporary), PYTHONDONTWRITEBYTECODE="1")
    assert done.stdout == "done\n"
    assert "Matplotlib created" not in done.stderr
    (own,) = temporary.iterdir()
    assert own.stat().st_mode & 0o777 == 0o700
    assert {"matplotlib", "numba"} == {folder.name for folder in own.iterdir()}
    assert not any(home.iterdir())


@pytest.mark.parametrize("there", ["nothing", "a link", "a folder that others may write"])
def test_a_temporary_folder_that_another_user_may_have_made_holds_no_cache(tmp_path, monkeypatch, there):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(library_settings, "can_be_written", lambda place: False)
    caches = {"NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib"}
    for variable in caches:
        monkeypatch.setenv(variable, "elsewhere")
    place = tmp_path / f"bulbar-{os.getuid()}"
    if there == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    elif there != "nothing":
        place.mkdir()
        place.chmod(0o777)
    library_settings._name_writable_caches()
    for variable, name in caches.items():
        named = Path(os.environ[variable])
        assert named.name == name and (named.parent == place) == (there == "nothing")
        assert named.parent.parent == tmp_path and named.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_without_a_writable_dev_shm_fits_are_trained_in_one_process_to_the_same_bits(untouched, tmp_path):
    if not Path("/dev/shm").is_dir():
        pytest.skip("no /dev/shm here")
    done = run([*read_only("/dev/shm"), *command(TRAIN, tmp_path, "2")], HOME=str(tmp_path))
    assert done.stdout == untouched
    assert "fits: no other process can be started, because semaphores cannot be created in /dev/shm" in done.stderr
