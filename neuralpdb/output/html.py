"""What all HTML pages are made with: templates of a package, all text escaped, and hashes for their policy."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from neuralpdb.output.printable import inert

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, *names: str) -> Environment:
    """The templates `names` of a package. A missing value is an error; the filter `inert` shows control characters."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    found = Environment(
        loader=DictLoader({name: resource(package, name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["inert"] = inert
    return found


def resource(package: str, name: str) -> str:
    """Text of a file beside the templates of a package."""
    return files(package).joinpath("templates", name).read_text("utf-8")


def hashed(text: str) -> str:
    """A style sheet or a script as a source of a content security policy."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
