def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def flatten(tree):
    out = []
    for node in tree:
        if isinstance(node, list):
            out.extend(flatten(node))
        else:
            out.append(node)
    return out


def main():  # << START_OF_TRACE
    a = fib(3)
    b = even(3)
    return a, b, flatten([1, [2, [3]], []])
