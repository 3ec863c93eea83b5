"""Override environment variables and settings of the user's home that would change a result or cause a failure.

`import bulbar` does this before it imports any library, in stages, commands and all workers. docs/compute.md has the
table of variables that are overridden, honoured or harmless.
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
"""Variables that change which CPU instructions are used. If set, they are part of every fit's digest."""

_HARMLESS = (
    *("JOBLIB_TEMP_FOLDER", "LOKY_MAX_CPU_COUNT", "NUMBA_CACHE_DIR"),
    *("TF_CPP_", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_"),
)
_OVERRIDDEN = (
    *("CUBLAS_", "CUDNN_", "DNNL_", "JAX_", "JOBLIB_", "KERAS_", "LIBROSA_", "LOKY_", "NUMBA_", "NVIDIA_TF32_OVERRIDE"),
    *("ONEDNN_", "SCIPY_", "SKLEARN_", "SOXR_", "TF_", "XLA_FLAGS"),
)
"""Prefixes of variables that are hidden from the libraries, except harmless and honoured ones."""

_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python does not show by default."""


def override() -> None:
    """Set and clear the variables of this process; its workers inherit them.

    A library that is already imported has read them before. For Keras, see `bulbar.training.backend.reset_defaults`.
    """
    for name in list(os.environ):
        if name.startswith(_OVERRIDDEN) and name not in HONOURED and not name.startswith(_HARMLESS):
            del os.environ[name]
    os.environ["KERAS_BACKEND"] = "tensorflow"  # training and explaining set train.keras_backend later
    os.environ["KERAS_HOME"] = os.devnull  # not a folder, so no keras.json is read or written
    if "ipykernel" not in sys.modules:  # in a notebook, the user's pyplot settings stay
        os.environ["MPLBACKEND"] = "agg"
        os.environ["MATPLOTLIBRC"] = os.devnull
    if os.environ.pop("PYTHONWARNINGS", None):  # `error` would raise exceptions for deprecations in libraries
        warnings.resetwarnings()
        for category in _QUIET:
            warnings.simplefilter("ignore", category)
    _name_writable_caches()


def honoured() -> dict[str, str]:
    """The variables of HONOURED that are set, with their values."""
    return {name: os.environ[name] for name in HONOURED if name in os.environ}


def can_be_written(folder: Path) -> bool:
    """Whether files can be created in a folder or, if it does not exist, in its nearest existing parent."""
    for place in (folder, *folder.parents):
        if os.access(place, os.F_OK):
            return folder.is_absolute() and place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False


def _name_writable_caches() -> None:
    """Set writable cache folders. Without one, Numba fails, and matplotlib reads all fonts again in each process."""
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
    """Set a variable to a temporary folder that only this user can access, because Numba unpickles files in it."""
    try:
        folder = Path(tempfile.gettempdir()) / f"bulbar-{os.getuid()}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                folder = Path(tempfile.mkdtemp(prefix="bulbar-"))
        os.environ[variable] = str(folder / name)
    except OSError:  # no temporary folder either; the library that needs the cache reports it
        return
