"""`python -m jambones.cli` is the command `jambones`."""

from jambones.cli.main import main

if __name__ == "__main__":
    main()
