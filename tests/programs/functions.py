import functools


def logged(prefix):
    calls = []

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            calls.append(function.__name__)
            return prefix, function(*args, **kwargs)

        return wrapper

    return decorate


@logged("p")
def add(a, b=2, *rest, scale=1, **options):
    return (a + b + sum(rest)) * scale


def counter():
    count = 0

    def increment(by=1):
        nonlocal count
        count += by
        return count

    return increment


@functools.lru_cache
def cached(n):
    return n if n < 2 else cached(n - 1) + 1


def main():  # << START_OF_TRACE
    people = [("bo", 3), ("al", 1)]
    ordered = sorted(people, key=lambda person: person[1])
    tick = counter()
    tick()
    n = tick(by=5)
    compose = lambda f, g: lambda x: f(g(x))
    both = compose(lambda x: x + 1, lambda x: x * 2)
    values = list(map(both, [1, 2]))
    first = max(values, key=abs, default=None)
    summed = add(1, 2, 3, scale=2, color="red")
    return ordered, n, first, summed, cached(2), cached(2)
