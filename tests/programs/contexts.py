from contextlib import contextmanager, suppress


class Swallow:
    def __init__(self, kind):
        self.kind = kind

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return kind is not None and issubclass(kind, self.kind)

    def __repr__(self):
        return f"Swallow({self.kind.__name__})"


@contextmanager
def tagged(log, tag):
    log.append(f"<{tag}>")
    try:
        yield tag.upper()
    finally:
        log.append(f"</{tag}>")


def fail():
    raise ValueError("inside")


def main():  # << START_OF_TRACE
    log = []
    with tagged(log, "a") as a, tagged(log, "b"):
        log.append(a)
    with Swallow(ValueError) as guard:
        fail()
        log.append("unreached")
    with suppress(KeyError):
        with Swallow(ValueError):
            log["x"]["y"] if isinstance(log, dict) else {}["y"]
    try:
        with tagged(log, "c"):
            fail()
    except ValueError as error:
        log.append(str(error))
    with Swallow(OSError):
        return log
