"""What libraries read from the user's environment and home: whatever would change a result or fail is overridden.

`import bulbar` applies it, before any library that bulbar uses is imported: in stages, commands and all workers.
docs/compute.md has the table of what is overridden, what is honoured, and what is harmless.
"""

import os
import stat
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import platformdirs

HONOURED = (
    *("DNNL_MAX_CPU_ISA", "GLIBC_TUNABLES", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
    *("ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "TF_ENABLE_ONEDNN_OPTS"),
)
"""Variables that make a CPU look like another type: where set, they are part of every fit's digest."""

_HARMLESS = (
    *("JOBLIB_TEMP_FOLDER", "LOKY_MAX_CPU_COUNT", "NUMBA_CACHE_DIR"),
    *("TF_CPP_", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_"),
)
_OVERRIDDEN = (
    *("CUBLAS_", "CUDNN_", "DNNL_", "JAX_", "JOBLIB_", "KERAS_", "LIBROSA_", "LOKY_", "NUMBA_", "NVIDIA_TF32_OVERRIDE"),
    *("ONEDNN_", "SCIPY_", "SKLEARN_", "SOXR_", "TF_", "XLA_FLAGS"),
)
"""How the names of variables begin that the libraries are not to see. Longer ones, harmless or honoured, stay."""

_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""What Python does not show by default."""


def override() -> None:
    """Set and clear the variables of this process, which its workers inherit.

    A library that was imported before has read them already; of Keras see `bulbar.training.backend.reset_defaults`.
    """
    for name in list(os.environ):
        if name.startswith(_OVERRIDDEN) and name not in HONOURED and not name.startswith(_HARMLESS):
            del os.environ[name]
    os.environ["KERAS_BACKEND"] = "tensorflow"  # what trains or explains by train.keras_backend sets another
    os.environ["KERAS_HOME"] = os.devnull  # no folder: no keras.json is found there, and none is written
    if "ipykernel" not in sys.modules:  # in a notebook, pyplot is the user's
        os.environ["MPLBACKEND"] = "agg"
        os.environ["MATPLOTLIBRC"] = os.devnull
    if os.environ.pop("PYTHONWARNINGS", None):  # `error` makes an exception of what libraries only deprecate
        warnings.resetwarnings()
        for category in _QUIET:
            warnings.simplefilter("ignore", category)
    _name_writable_caches()


def honoured() -> dict[str, str]:
    """Those variables of HONOURED that are set, and their values."""
    return {name: os.environ[name] for name in HONOURED if name in os.environ}


def can_be_written(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the nearest one above it that there is."""
    for place in (folder, *folder.parents):
        if os.access(place, os.F_OK):
            return folder.is_absolute() and place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False


def _name_writable_caches() -> None:
    """Numba fails where it can write its cache nowhere; matplotlib warns, and reads all fonts again in each process."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    numba = [Path(named).absolute()] if named else []
    if not any(map(can_be_written, [*numba, Path(platformdirs.user_cache_dir("numba"))])):
        librosa = find_spec("librosa")
        if librosa is None or not librosa.origin or not can_be_written(Path(librosa.origin).parent):
            _name_temporary("NUMBA_CACHE_DIR", "numba")
    named = os.environ.get("MPLCONFIGDIR")
    of_user = [Path(find("matplotlib")) for find in (platformdirs.user_config_dir, platformdirs.user_cache_dir)]
    if not all(map(can_be_written, [Path(named).absolute()] if named else of_user)):
        _name_temporary("MPLCONFIGDIR", "matplotlib")


def _name_temporary(variable: str, name: str) -> None:
    """Let a variable name a folder below the temporary one, of this user alone: Numba unpickles what it finds there."""
    try:
        folder = Path(tempfile.gettempdir()) / f"bulbar-{os.getuid()}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                folder = Path(tempfile.mkdtemp(prefix="bulbar-"))
        os.environ[variable] = str(folder / name)
    except OSError:  # no temporary folder either: what needs the cache reports it
        return
