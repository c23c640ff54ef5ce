"""Texts of values, as the recorder of real runs writes them, and what is not known of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from neuralpdb.interpreter.objects.values import Unknown
from neuralpdb.interpreter.order import check_order
from neuralpdb.interpreter.signals import Raised, Stop, Undetermined
from neuralpdb.trace.frames import UNREPRESENTABLE

if TYPE_CHECKING:
    from neuralpdb.interpreter.contract import MachineLike

CUT = "…"
"""Ends a text that was longer than the limit, as in recorded traces."""
FIXED = frozenset((int, str, float, bool, type(None), bytes, complex, range))
"""Types of which an object has the same text for ever."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SLICED = frozenset((str, bytes, bytearray, list, tuple))


_CONTAINERS = (list, tuple, dict, set, frozenset)


SIGNATURE = "\0signature"
"""Ends the documentation that a dataclass makes of its signature (see `sources/inspect.py.txt`), which is not told."""
_SIGNATURE_TEXT = repr(SIGNATURE)[1:-1]


class Reason(str):
    """Why a text is not known.

    kind: name of the value's type, where that is certain.
    """

    kind = ""

    def __new__(cls, reason: str, kind: str = "") -> Reason:
        made = super().__new__(cls, reason)
        made.kind = kind
        return made


class Texts:
    """Makes texts of values.

    limit:  characters of one text.
    reason: why the last text is not known.
    ran_code: whether code of the program or of a library ever made a part of a text.
    """

    def __init__(self, machine: MachineLike, limit: int) -> None:
        self.limit = limit
        self.reason = ""
        self.ran_code = False
        self._machine = machine

    def text(self, value: Any) -> str | None:
        """Return the text of `value`; None, with `reason` set, when it is not known."""
        kind = type(value)
        if kind is Unknown:
            if value.text is not None:
                return str(value.text)
            self.reason = Reason(value.reason, value.type.__name__ if isinstance(value.type, type) else "")
            return None
        if kind in FIXED:
            if kind is str and value.endswith(SIGNATURE):
                self.reason = "the signature of a dataclass"
                return None
            return self._shortened(self._of_fixed(value))
        limit = self.limit
        if kind in _SLICED and len(value) > limit:
            value = value[: limit + 1]
        machine = self._machine
        entries = machine.entries
        try:
            with machine.events.silence:
                check_order(value, machine.fragile)
                text = repr(value)
        except Undetermined as error:
            self.reason = Reason(error.reason, kind.__name__ if kind in _CONTAINERS else "")
            return None
        except (Stop, KeyboardInterrupt):
            raise
        except RecursionError:
            raise Stop("a text is nested too deep") from None
        except Raised:
            raise Stop("internal error: an exception was lost in a text") from None
        except BaseException:
            return UNREPRESENTABLE
        finally:
            self.ran_code = self.ran_code or machine.entries != entries
        if _SIGNATURE_TEXT in text:
            self.reason = "the signature of a dataclass"
            return None
        if " @ 0x" in text:  # hashes have it so, and recorded traces keep it
            self.reason = "an address in a text"
            return None
        return self._shortened(text)

    def _of_fixed(self, value: Any) -> str:
        limit = self.limit
        if type(value) in (str, bytes) and len(value) > limit:
            value = value[: limit + 1]
        try:
            return repr(value)
        except ValueError:  # an int with too many digits
            return UNREPRESENTABLE

    def _shortened(self, text: str) -> str:
        if " at 0x" in text:
            text = _ADDRESS.sub("", text)
        if "<str_ascii_iterator" in text:
            text = text.replace("<str_ascii_iterator", "<str_iterator")
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode()
        return text if len(text) <= self.limit else text[: self.limit] + CUT
