def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    else:
        steps = -steps
    return steps


total = 0  # << START_OF_TRACE
for i in range(3):
    if i == 1:
        continue
    total += i
else:
    total += 100
while True:
    total -= 40
    if total < 0:
        break
for word in ("a", "b"): total += len(word)
result = collatz(6)
while total < 0: total += 30
mixed = (total or 1) + (2 if total and result else 3)
