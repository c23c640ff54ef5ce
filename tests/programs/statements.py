"""A docstring."""
import math
from math import pi
from typing import Optional


def join(
    first,
    second="b",
):
    return (
        first
        + second
    )


def conditions(a, b):
    if (
        a
        and b
    ):
        return "both"
    elif a: return "a"
    pass
    x: Optional[int] = None
    assert not (
        a
    )
    y = 1; del y
    return x


LIMIT = 3  # << START_OF_TRACE
values = {
    "one": 1,
    "two": join(
        "x",
    ),
}
text = """line one
line two"""; done = True
chain = (values
         .get("two")
         .upper())
long = 1 + \
    LIMIT + \
    len(text)
results = [
    conditions(True, True),
    conditions(True, False),
    conditions(0, False),
]
if __name__ == "__main__":
    area = round(pi * math.sqrt(4), 2)
else:
    area = None
global_lambda = lambda: (
    LIMIT
)
print(global_lambda(), area)
lambda_result = global_lambda()
