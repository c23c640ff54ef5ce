"""Aliases of commands, by pdb's rules. It knows no prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from neuralpdb.errors import UsageError

SEPARATOR = ";;"
"""Separates the commands of a line, inside strings too, as in pdb: write `';' ';'` for a text that holds it."""

_MOST_NESTED = 50
"""Aliases of aliases that are followed: more than anyone writes, and an alias of itself ends."""
_LONGEST = 10_000
"""Characters of an expanded line: an alias that doubles itself ends before it fills the memory."""
_PARAMETER = re.compile(r"%([1-9])")


@dataclass
class Aliases:
    """Words that stand for commands.

    commands: name -> the command, with `%1`, `%2`, ... and `%*` for the arguments.
    """

    commands: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, command: str) -> None:
        """Let `name` stand for `command`. Raises UsageError when the parameters leave one out."""
        numbers = {int(number) for number in _PARAMETER.findall(command)}
        if numbers and numbers != set(range(1, max(numbers) + 1)):
            raise UsageError(f"alias {name}: %{max(numbers)} without those before it", "number them from %1 on")
        self.commands[name] = command

    def remove(self, name: str) -> None:
        """Remove an alias. Raises UsageError when there is none of that name."""
        if self.commands.pop(name, None) is None:
            raise UsageError(f"there is no alias {name!r}", "see: alias")

    def expanded(self, line: str) -> str:
        """Return `line` with its first word replaced by its command until none is an alias. Raises UsageError."""
        words = line.split()
        for _ in range(_MOST_NESTED):
            if not words or words[0] not in self.commands:
                return line
            line = _filled(self.commands[words[0]], words)
            if len(line) > _LONGEST:
                break
            words = line.split()
        raise UsageError(f"alias {words[0]}: it stands for itself, or for too much", "see: alias")


def _filled(command: str, words: list[str]) -> str:
    """Return `command` with its parameters filled in; `words` are the name and the arguments."""
    name, arguments = words[0], words[1:]
    count = max((int(number) for number in _PARAMETER.findall(command)), default=0)
    if len(arguments) < count:
        raise UsageError(f"not enough arguments for alias {name!r}", f"it stands for: {command}")
    if len(arguments) > count and "%*" not in command:
        raise UsageError(f"too many arguments for alias {name!r}", f"it stands for: {command}")
    return re.sub(
        r"%([1-9*])", lambda match: " ".join(arguments) if match[1] == "*" else arguments[int(match[1]) - 1], command
    )


def split(line: str) -> tuple[str, str]:
    """Return the first command of a line, and the others; an `alias` takes the whole line."""
    if line.split(maxsplit=1)[:1] == ["alias"]:
        return line, ""
    first, _, later = line.partition(SEPARATOR)
    return first.strip(), later.strip()
