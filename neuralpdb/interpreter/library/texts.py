"""Modules of texts: string, re, textwrap, keyword, unicodedata."""

from __future__ import annotations

import keyword
import re
import string
import textwrap
import unicodedata

from neuralpdb.interpreter.library.registry import allow, module, native_module

native_module(re, "compile match search sub subn split findall finditer fullmatch escape purge")
allow([re.finditer], pure=True)
module("re", {name: value for name, value in vars(re).items() if name.isupper() and isinstance(value, re.RegexFlag)})
module("re", {"Pattern": re.Pattern, "Match": re.Match, "error": re.error})
native_module(string, "capwords")
module("string", {name: value for name, value in vars(string).items() if isinstance(value, str) and name[0] != "_"})
native_module(textwrap, "dedent indent wrap fill shorten")
native_module(keyword, "iskeyword")
module("keyword", {"kwlist": keyword.kwlist})
native_module(unicodedata, "name category normalize lookup numeric decimal digit bidirectional combining")
