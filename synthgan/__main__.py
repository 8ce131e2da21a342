"""``python -m synthgan`` is the same as ``synthgan``."""

from synthgan.cli import main

if __name__ == "__main__":
    main()
