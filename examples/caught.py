"""An exception that is caught: the loop goes on."""


def parse(text):
    try:
        value = int(text)
    except ValueError:
        value = -1
    return value


numbers = []
for word in ["7", "x", "12"]:
    numbers.append(parse(word))
print(numbers)
