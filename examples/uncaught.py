"""An exception that nobody catches: the trace ends with it."""


def average(values):
    total = sum(values)
    return total / len(values)


first = average([2, 4, 6])
second = average([])
print(first, second)
