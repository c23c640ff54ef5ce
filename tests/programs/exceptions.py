class Odd(Exception):
    pass


def check(n):
    if n % 2:
        raise Odd(n)
    return n


def through(n):
    return check(n) + 1


def reraise(n):
    try:
        return through(n)
    except Odd:
        n += 10
        raise


def chained(n):
    try:
        reraise(n)
    except Odd as error:
        raise ValueError("odd") from error


def cleanup(n):
    log = []
    try:
        log.append("try")
        through(n)
    except (KeyError, Odd) as error:
        log.append(str(error))
    else:
        log.append("else")
    finally:
        log.append("finally")
    return log


def swallow(n):
    for attempt in range(2):
        try:
            check(n)
        finally:
            if attempt:
                return attempt
            continue


def unwinding(n):
    try:
        check(n)
    finally:
        n = 0
        n += 1


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def main():  # << START_OF_TRACE
    out = [cleanup(1), cleanup(2)]
    try:
        chained(3)
    except ValueError as error:
        out.append(repr(error.__cause__))
    out.append(swallow(5))
    try:
        unwinding(7)
    except Odd:
        pass
    for n in Countdown(2):
        out.append(n)
    try:
        {}["missing"]
    except KeyError as error:
        out.append(error.args)
    out.append(next(iter([]), "default"))
    assert out, "never"
    return len(out)
