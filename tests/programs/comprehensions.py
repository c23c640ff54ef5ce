def twice(x):
    return x + x


def risky(x):
    return 10 // x


def main():  # << START_OF_TRACE
    xs = [1, 2, 3]
    x = "outer"
    plain = [x * x for x in xs]
    called = [twice(n) for n in xs if n != 2]
    keyed = {n: twice(n) for n in xs[:1]}
    unique = {n % 2 for n in xs}
    nested = [[a * b for a in range(2)] for b in range(2)]
    pairs = [(a, b) for a in "ab" for b in range(2) if b]
    scaled = [(lambda k: k * n)(2) for n in xs[1:]]
    walrus = [last := n for n in xs]
    filtered = [twice(y) for n in xs if (y := twice(n)) > 2]
    total = sum([n for n in xs]) + len({n for n in xs})
    chained = [n for n in [m for m in xs if m > 1]]
    lazy = list(twice(n) for n in xs[:1])
    empty = [n for n in ()]
    try:
        broken = [risky(n) for n in (5, 0)]
    except ZeroDivisionError:
        broken = None
    try:
        bad = [1 // n for n in (0,)]
    except ZeroDivisionError:
        bad = x
    for row in [[n] for n in xs[:2]]:
        x = row
    while len([n for n in plain if n]) > 2:
        plain.pop()
    return [n for n in plain if n > 1]


squares = [n * n for n in range(3)]
