"""Abstract collections: `collections.abc`, interpreted from source, so that classes can derive from it."""

from __future__ import annotations

from neuralpdb.interpreter.library.registry import source

source("_neural_alias", "alias.py", ours=True)
source(
    "collections.abc",
    "_collections_abc.py",
    "*",
    prelude={
        "ABCMeta": "abc:ABCMeta",
        "abstractmethod": "abc:abstractmethod",
        "sys": "sys",
        "__neural_alias__": "_neural_alias:Alias",
        "__neural_deque__": "_neural_alias:deque",
    },
    patches={
        "GenericAlias = type(list[int])": "GenericAlias = __neural_alias__",
        "class _CallableGenericAlias(GenericAlias):": "class _CallableGenericAlias:",
        "classmethod(_CallableGenericAlias)": "classmethod(GenericAlias)",
        "type(sys._getframe().f_locals)": "type(type.__dict__)",  # a Mapping, too; nobody gets the other
        # `collections` adds its deque when it is imported
        "MutableSequence.register(list)": "MutableSequence.register(list)\nMutableSequence.register(__neural_deque__)",
    },
)
