def count(n):
    i = 0
    while i < n:
        received = yield i
        if received:
            i = received
        i += 1
    return "done"


def guarded():
    try:
        yield 1
        yield None
    except ValueError:
        yield "handled"
    finally:
        last = "cleanup"


def delegate(n):
    result = yield from count(n)
    yield result
    yield from "xy"


def bare():
    yield


def pair():
    yield 1
    yield from bare()


def main():  # << START_OF_TRACE
    out = list(count(2))
    g = count(10)
    next(g)
    out.append(g.send(5))
    g.close()
    out.extend(delegate(1))
    h = guarded()
    next(h)
    out.append(h.throw(ValueError("x")))
    out.append(next(h, "end"))
    k = guarded()
    next(k)
    k.close()
    b = bare()
    next(b)
    try:
        b.throw(KeyError("thrown"))
    except KeyError as error:
        out.append(error.args[0])
    d = delegate(5)
    next(d)
    try:
        d.throw(OSError())
    except OSError:
        pass
    squares = (x * x for x in range(3) if x != 1)
    out.append(sum(squares))
    for x in guarded():
        break
    else:
        out.append("unreached")
    for x in pair():
        out.append(x)
    for x in count(1):
        pass
    out.extend(x for x in pair())
    return out
