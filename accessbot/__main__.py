"""`python -m accessbot` is the command `accessbot`."""

from accessbot.cli import main

if __name__ == "__main__":
    main()
