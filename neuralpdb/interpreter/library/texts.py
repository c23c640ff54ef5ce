"""Modules of texts: string, textwrap, keyword, unicodedata."""

from __future__ import annotations

import keyword
import string
import textwrap
import unicodedata

from neuralpdb.interpreter.library.registry import module, native_module

native_module(string, "capwords")
module("string", {name: value for name, value in vars(string).items() if isinstance(value, str) and name[0] != "_"})
native_module(textwrap, "dedent indent wrap fill shorten")
native_module(keyword, "iskeyword")
module("keyword", {"kwlist": keyword.kwlist})
native_module(unicodedata, "name category normalize lookup numeric decimal digit bidirectional combining")
