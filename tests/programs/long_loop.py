def pair():
    yield 1
    yield 2


def main():  # << START_OF_TRACE
    total = 0
    for x in pair():
        if x > 5:
            total += x * 1 - total % 2
            total += x * 2 - total % 3
            total += x * 3 - total % 4
            total += x * 4 - total % 5
            total += x * 5 - total % 6
            total += x * 6 - total % 7
            total += x * 7 - total % 8
            total += x * 8 - total % 9
            total += x * 9 - total % 10
            total += x * 10 - total % 11
            total += x * 11 - total % 12
            total += x * 12 - total % 13
            total += x * 13 - total % 14
            total += x * 14 - total % 15
            total += x * 15 - total % 16
            total += x * 16 - total % 17
            total += x * 17 - total % 18
            total += x * 18 - total % 19
            total += x * 19 - total % 20
            total += x * 20 - total % 21
            total += x * 21 - total % 22
            total += x * 22 - total % 23
            total += x * 23 - total % 24
            total += x * 24 - total % 25
            total += x * 25 - total % 26
            total += x * 26 - total % 27
            total += x * 27 - total % 28
            total += x * 28 - total % 29
            total += x * 29 - total % 30
            total += x * 30 - total % 31
            total += x * 31 - total % 32
            total += x * 32 - total % 33
            total += x * 33 - total % 34
            total += x * 34 - total % 35
            total += x * 35 - total % 36
            total += x * 36 - total % 37
            total += x * 37 - total % 38
            total += x * 38 - total % 39
            total += x * 39 - total % 40
            total += x * 40 - total % 41
        total += x
    return total
