"""`python -m loaders` is the command `afterstate`."""

from loaders.cli import main

if __name__ == "__main__":
    main()
