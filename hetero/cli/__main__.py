"""`python -m hetero.cli`, the same as `hetero`."""

from hetero.cli import main

main()
