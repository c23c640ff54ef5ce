"""`python -m neuralpdb`."""

from neuralpdb.cli.main import run

if __name__ == "__main__":
    run()
