"""`python -m loaders` is the command `afterstate`."""

from afterstate.cli.main import main

if __name__ == "__main__":
    main()
