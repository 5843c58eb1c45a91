"""A program of any code: the text of its command line, as `python -c` has it."""

import sys


def main() -> None:
    exec(compile(sys.argv[1], "<told>", "exec"), {"__name__": "__main__"})
