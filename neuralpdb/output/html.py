"""HTML: templates of a package with all text escaped, and hashes for the security policy of a page."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from neuralpdb.output.printable import inert

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, *names: str) -> Environment:
    """Return the templates `names` of a package. A missing value is an error; `inert` is a filter."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    templates = Environment(
        loader=DictLoader({name: resource(package, name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["inert"] = inert
    return templates


def resource(package: str, name: str) -> str:
    """Return the text of a file in the templates folder of a package."""
    return files(package).joinpath("templates", name).read_text("utf-8")


def hashed(text: str) -> str:
    """Return a style sheet or a script as a source of a content security policy."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
