"""Modules that are imported: files of the user's project, packages that are not there, the standard library's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import Agreement, compare

from neuralpdb.interpreter.events import Computed
from neuralpdb.interpreter.interpretation import End, Outcome, interpret


def written(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def project(monkeypatch: pytest.MonkeyPatch, folder: Path, files: dict[str, str], program: str) -> Agreement:
    """Compare a program with the files of its project beside it."""
    written(folder, files)
    monkeypatch.syspath_prepend(str(folder))
    return compare(program, filename=str(folder / "program.py"))


def told(program: str, filename: str = "<program>") -> tuple[list[Computed], Outcome]:
    return interpret(program, filename=filename, entry_function="main")


HELPERS = {
    "shop_model.py": (
        "from dataclasses import dataclass\n"
        "RATE = 2\n"
        "@dataclass\n"
        "class Item:\n"
        "    name: str\n"
        "    price: int\n"
        "def total(items, each=lambda item: item.price):\n"
        "    return RATE * sum(each(item) for item in items)\n"
        "def address(item):\n"
        "    return len(repr(object()))\n"
    ),
    "shop_parts/__init__.py": "from .inner import twice\nfrom . import more\nNAME = 'parts'\n",
    "shop_parts/inner.py": "from ..shop_parts.more import one\ndef twice(x):\n    return 2 * x * one()\n",
    "shop_parts/more.py": "def one():\n    return 1\n",
}


def test_modules_beside_the_program_are_interpreted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = (
        "import shop_model\nfrom shop_model import Item, total\nimport shop_parts.more as more\n"
        "from shop_parts import twice, NAME, inner\n"
        "def main():\n    items = [Item('a', 1), Item('b', 2)]\n    x = total(items)\n"
        "    y = total(items, lambda item: item.price + 1)\n    z = twice(4), NAME, more.one(), inner.twice(1)\n"
        "    shop_model.RATE = 5\n    w = total(items)\n"
        "    try:\n        shop_model.nothing\n    except AttributeError as error:\n        v = str(error)\n"
        "    return x, y, z, w, v\n"
    )
    agreement = project(monkeypatch, tmp_path, HELPERS, program)
    assert (agreement.wrong, agreement.missing, agreement.partly) == ("", 0, 0)


def test_an_address_in_a_text_of_the_project_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = "import shop_model\ndef main():\n    x = shop_model.address(1)\n    return x\n"
    assert project(monkeypatch, tmp_path, HELPERS, program).wrong == ""


def test_a_module_that_is_missing_in_a_package_of_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = (
        "import shop_parts\ndef main():\n    try:\n        import shop_parts.nowhere\n"
        "    except ImportError as error:\n        return str(error)\n"
    )
    agreement = project(monkeypatch, tmp_path, HELPERS, program)
    assert (agreement.wrong, agreement.missing) == ("", 0)


def test_a_file_that_hides_a_module_of_the_library_stops(tmp_path: Path) -> None:
    written(tmp_path, {"random.py": "def random():\n    return 4\n"})
    _, end = told("import random\ndef main():\n    return random.random()\n", str(tmp_path / "program.py"))
    assert (end.end, end.why) == (
        End.STOPPED,
        "random.py of the project has the name of a module of the standard library",
    )


def test_a_file_with_an_error_stops_with_its_name(tmp_path: Path) -> None:
    written(tmp_path, {"broken_part.py": "def f(:\n"})
    _, end = told("import broken_part\ndef main():\n    return 1\n", str(tmp_path / "program.py"))
    assert end.why == "broken_part.py cannot be compiled"


def test_a_folder_without_a_file_is_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {"loose_parts/deep/one.py": "from . import two\nX = two.Y + 1\n", "loose_parts/deep/two.py": "Y = 1\n"}
    program = (
        "import loose_parts.deep.one\nfrom loose_parts import deep\nfrom loose_parts.deep import two\ndef main():\n"
        "    x = loose_parts.deep.one.X + two.Y\n    try:\n        import loose_parts.none\n"
        "    except ImportError as error:\n        return x, str(error)\n"
    )
    agreement = project(monkeypatch, tmp_path, files, program)
    assert (agreement.wrong, agreement.missing, agreement.partly) == ("", 0, 0)


def test_a_driver_that_is_not_installed_is_unknown_and_the_script_goes_on() -> None:
    frames, end = told(
        "import robot_arm_driver\nfrom robot_arm_driver.units import Meter\n"
        "def main():\n    arm = robot_arm_driver.connect('usb0')\n    steps = 3\n    arm.move(steps)\n"
        "    place = arm.position\n    done = steps * 2\n    return done\n"
    )
    last = frames[-1]
    assert end.end is End.ENDED
    assert end.assuming == "robot_arm_driver is not installed"
    assert last.unknown == dict.fromkeys(("arm", "place"), "robot_arm_driver is not installed")
    assert last.frame.value == "6"


def test_a_program_that_expects_a_package_to_be_missing_goes_its_own_way() -> None:
    agreement = compare(
        "try:\n    import no_such_package as fast\nexcept ImportError:\n    fast = None\n"
        "def main():\n    x = 1 if fast is None else fast.x\n    return x\n"
    )
    assert (agreement.wrong, agreement.missing) == ("", 0)
    assert agreement.outcome.assuming == "no_such_package is not installed"


def test_a_package_that_is_installed_is_not_interpreted() -> None:
    frames, end = told("import pytest\ndef main():\n    x = pytest.approx\n    return 1\n")
    assert frames[-1].unknown["x"] == "pytest is not interpreted"
    assert (end.end, end.assuming) == (End.ENDED, "")


def test_a_relative_import_in_a_script_fails_as_in_python() -> None:
    _, end = told("from . import x\ndef main():\n    return 1\n")
    assert "attempted relative import with no known parent package" in end.why
