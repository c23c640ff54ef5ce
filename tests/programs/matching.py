from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


def describe(value):
    match value:
        case 0 | 1:
            return "bit"
        case int(n) if n < 0:
            return "negative"
        case Point(x=0, y=y):
            return f"axis {y}"
        case [first, *rest]:
            return first, rest
        case {"kind": kind, **others}:
            return kind, others
        case str() as text:
            return text.upper()
        case _:
            return None


out = []  # << START_OF_TRACE
for item in (1, -4, Point(0, 2), [1, 2, 3], {"kind": "k", "n": 1}, "text", 2.5):
    out.append(describe(item))
