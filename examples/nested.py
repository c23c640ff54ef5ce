"""Nested data: group words by their first letter."""


def group(words):
    groups = {}
    for word in words:
        key = word[0]
        groups.setdefault(key, []).append(word)
    return groups


table = group(["ant", "bee", "ape"])
longest = max(table, key=len)
sizes = {key: len(words) for key, words in table.items()}
print(table, longest, sizes)
