"""Builds the wheel, in which everything lies below `labelstack`: it collides with nothing of a user's program.

A clone keeps `components`, `handlers` and the others at its top, and an editable installation leaves them there. Their
imports of each other by those names become imports below `labelstack` in the wheel; within `components` and `handlers`
imports are relative. Everything else about the project is in pyproject.toml.
"""

import re
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

TOP = ("component_provider", "components", "handlers", "rekognition_local")
FOLDERS = ("api", "web", "web/js")  # files that the components read, and no Python
DATA = {
    "labelstack": ["dates.yaml", "prices.yaml", "py.typed"],
    "component_provider": ["PulumiPlugin.yaml", "schema.json"],
    "handlers": ["requirements*.txt"],
    "rekognition_local": ["*.md", "data/*"],
}
NAMES = "|".join((*TOP, "settings"))
FROM = re.compile(rf"^(\s*)from ({NAMES})\b", re.MULTILINE)
IMPORT = re.compile(rf"^(\s*)import ({NAMES})( as \w+)?(?=[ \t]*(?:#.*)?$)", re.MULTILINE)


class BuildPy(build_py):
    """Puts `settings.py` below `labelstack` too, and lets imports follow."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib) / "labelstack"
        shutil.copy("settings.py", package)
        for path in package.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            moved = FROM.sub(r"\1from labelstack.\2", text)
            moved = IMPORT.sub(
                lambda statement: (
                    f"{statement[1]}import labelstack.{statement[2]}{statement[3] or f' as {statement[2]}'}"
                ),
                moved,
            )
            if moved != text:
                path.write_text(moved, encoding="utf-8")


packages = find_packages(include=[f"{name}*" for name in ("labelstack", *TOP)])
if "editable_wheel" in sys.argv:
    setup(packages=packages, py_modules=["settings"], package_data=DATA)
else:
    below = {name: name if name.startswith("labelstack") else f"labelstack.{name}" for name in packages}
    folders = {f"labelstack.{folder.replace('/', '.')}": folder for folder in FOLDERS}
    setup(
        packages=[*below.values(), *folders],
        package_dir={new: old.replace(".", "/") for old, new in below.items()} | folders,
        package_data={
            below[name]: patterns
            for name in packages
            for top, patterns in DATA.items()
            if name == top or (top == "handlers" and name.startswith("handlers."))
        }
        | {folder: ["*.*"] for folder in folders},
        cmdclass={"build_py": BuildPy},
    )
