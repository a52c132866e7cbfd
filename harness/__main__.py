"""`python -m harness`: the command `harness` where it is not on the path."""

from harness.cli import app

if __name__ == "__main__":
    app(prog_name="harness")
