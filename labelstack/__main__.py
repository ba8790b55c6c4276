"""`python -m labelstack`."""

from labelstack.cli import main

if __name__ == "__main__":
    main()
