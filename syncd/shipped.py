"""Where the files that travel with syncd lie: migrations, configuration samples, systemd units.

In a checkout they are top-level folders; a wheel carries them inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `migrations`, `config` or `systemd`, from the wheel if installed, else from the checkout.

    Raises FileNotFoundError when the installation is incomplete.
    """
    for place in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"syncd was installed without its {name} folder: reinstall it")
