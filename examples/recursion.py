"""Factorial and a list sum, both by recursion: watch the call stack with `where`."""


def factorial(n):
    if n <= 1:
        return 1
    return n * factorial(n - 1)


def total(numbers):
    if not numbers:
        return 0
    return numbers[0] + total(numbers[1:])


product = factorial(4)
result = total([3, 1, 2])
print(product, result)
