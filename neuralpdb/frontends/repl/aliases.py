"""What the user calls a command, and what it stands for; the rules are pdb's. It knows no prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from neuralpdb.errors import UsageError

SEPARATOR = ";;"
"""Stands between two commands of a line, wherever it stands, as in pdb: write `';' ';'` for a text that holds it."""

_MOST_NESTED = 50
_LONGEST = 10_000
_PARAMETER = re.compile(r"%([1-9])")


@dataclass
class Aliases:
    """name -> the command that it stands for, with `%1`, `%2`, ... and `%*` for what is typed behind the name."""

    known: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, command: str) -> None:
        """Let `name` stand for `command`. Raises UsageError for parameters that leave one out."""
        numbers = {int(found) for found in _PARAMETER.findall(command)}
        if numbers and numbers != set(range(1, max(numbers) + 1)):
            raise UsageError(f"alias {name}: %{max(numbers)} without those before it", "number them from %1 on")
        self.known[name] = command

    def remove(self, name: str) -> None:
        """Raises UsageError when it stands for nothing."""
        if self.known.pop(name, None) is None:
            raise UsageError(f"there is no alias {name!r}", "see: alias")

    def expanded(self, line: str) -> str:
        """`line` with its first word replaced by what it stands for, again and again. Raises UsageError."""
        words = line.split()
        for _ in range(_MOST_NESTED):
            if not words or words[0] not in self.known:
                return line
            line = _filled(self.known[words[0]], words)
            if len(line) > _LONGEST:
                break
            words = line.split()
        raise UsageError(f"alias {words[0]}: it stands for itself, or for too much", "see: alias")


def _filled(command: str, words: list[str]) -> str:
    """`command` with its parameters replaced by what stands behind the name, which is the first of `words`."""
    name, arguments = words[0], words[1:]
    wanted = max((int(found) for found in _PARAMETER.findall(command)), default=0)
    if len(arguments) < wanted:
        raise UsageError(f"not enough arguments for alias {name!r}", f"it stands for: {command}")
    if len(arguments) > wanted and "%*" not in command:
        raise UsageError(f"too many arguments for alias {name!r}", f"it stands for: {command}")
    return re.sub(
        r"%([1-9*])", lambda found: " ".join(arguments) if found[1] == "*" else arguments[int(found[1]) - 1], command
    )


def split(line: str) -> tuple[str, str]:
    """The first command of a line, and the rest of it; `alias` takes all that stands behind it."""
    if line.split(maxsplit=1)[:1] == ["alias"]:
        return line, ""
    first, _, rest = line.partition(SEPARATOR)
    return first.strip(), rest.strip()
