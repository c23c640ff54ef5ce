"""A small class with state."""


class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"


account = Account("Ada", 10)
after = account.deposit(5)
again = account.deposit(-3)
print(account, after, again)
