import asyncio


async def compute(n):
    await asyncio.sleep(0)
    return n * 2


async def stream(n):
    for i in range(n):
        yield i


class Manager:
    async def __aenter__(self):
        return "resource"

    async def __aexit__(self, *details):
        return True


async def work():
    a = await compute(1)
    async for i in stream(2):
        a += i
    async with Manager() as name:
        raise ValueError(name)
    values = [i async for i in stream(2)]
    try:
        await failing()
    except KeyError:
        a += 1
    return a, values, await asyncio.gather(compute(2), compute(3))


async def failing():
    await asyncio.sleep(0)
    raise KeyError("k")


def main():  # << START_OF_TRACE
    return asyncio.run(work())
