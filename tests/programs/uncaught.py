def inner(items):
    return items[3]


def middle(items):
    try:
        return inner(items)
    finally:
        items.append(0)


numbers = [1, 2]  # << START_OF_TRACE
try:
    middle(numbers)
except LookupError:
    numbers.append("handled")
value = middle(numbers)
unreached = value
