"""A generator: each resume is a call, each yield a return."""


def countdown(n):
    while n > 0:
        yield n
        n -= 1


seen = []
for number in countdown(3):
    seen.append(number)
print(seen)
