from dataclasses import dataclass, field
from enum import Enum


def double(x):
    return 2 * x


class Shape:
    sides = double(2)

    def __init__(self, name):
        self.name = name

    def area(self):
        raise NotImplementedError

    @property
    def label(self):
        return f"{self.name}:{self.area()}"

    @classmethod
    def make(cls, *args):
        return cls(*args)

    @staticmethod
    def unit():
        return "cm"

    def __repr__(self):
        inner = self.name
        return f"<{inner}>"


class Square(Shape):
    def __init__(self, size):
        super().__init__("square")
        self.size = size

    def area(self):
        return self.size ** 2

    def __eq__(self, other):
        return self.size == other.size

    def __add__(self, other):
        return Square(self.size + other.size)


@dataclass(order=True)
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        self.tags.append(self.x)

    def moved(self, dx):
        return Point(self.x + dx, self.y)


class Color(Enum):
    RED = 1


def main():  # << START_OF_TRACE
    a = Square.make(2)
    b = a + Square(1)
    same = a == b
    label = a.label

    class Local:
        value = double(a.size)

        def get(self):
            return self.value

    p = Point(1).moved(2)
    smaller = Point(0) < p
    return b.size, same, label, Local().get(), p, smaller, Color.RED, Shape.unit()
