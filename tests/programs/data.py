first, (second, *rest) = 1, (2, 3, 4)  # << START_OF_TRACE
nested = {"list": [1, {"deep": (1, 2)}], "set": {3}, "none": None}
nested["list"][1]["deep"] += (3,)
a = b = [1]
b.append(2)
a, b = b, first
del first, nested["none"]
head, *_ = "xyz"
text = f"{head!r}:{second:>3}"
data = bytes([65, 200])
flags = True, 1.5, 2j, ..., float("inf")
matrix = [[0] * 2 for _ in range(2)]
matrix[0][1] = text
shared = [nested]
shared.append(shared)
letters = iter("ab")
next(letters)
counter = {}
for letter in "aba":
    counter[letter] = counter.get(letter, 0) + 1
if (size := len(counter)) > 1 and not rest:
    size = None
else:
    size += 1
rest[:1] = []
big = 10**30
