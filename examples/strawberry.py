"""How many times does the letter r occur in "strawberry"? Two helpers and a main."""


def is_match(letter, wanted):
    return letter == wanted


def count_letter(word, wanted):
    total = 0
    for letter in word:
        if is_match(letter, wanted):
            total += 1
    return total


def main():
    word = "strawberry"
    count = count_letter(word, "r")
    print(f"{word!r} has {count} r")
    return count


if __name__ == "__main__":
    main()
