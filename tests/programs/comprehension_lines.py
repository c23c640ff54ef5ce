def twice(x):
    return x + x


def main():  # << START_OF_TRACE
    xs = [1, 2]
    x = 0
    plain = [
        twice(x)
        for x in xs
        if x
    ]
    hanging = [n for n in xs
               if n > 1]
    passed = sorted([
        -n for n in twice(xs)
    ], reverse=True)
    grid = {
        a: [
            a + b
            for b in range(2)
        ]
        for a in xs
    }
    after = (
        plain
        + [n for n in hanging]
    )
    below = \
        [x for x in xs]
    mixed = [x + i for i in
             range(2)
             for x in xs]
    once = [lambda: (x, i) for i in (3,)][0]()
    try:
        broken = [
            1 // n
            for n in (0,)
        ]
    except ZeroDivisionError:
        broken = x
    try:
        log = 1
    finally:
        last = [
            twice(n) for n
            in xs
        ]
    while [
        n
        for n in after
        if n > 1
    ]:
        after.pop()
    return [
        twice(n)
        for n in after
    ]
