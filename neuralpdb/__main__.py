"""`python -m neuralpdb`."""

from neuralpdb.cli import run

if __name__ == "__main__":
    run()
