"""`python -m experiments.depth`."""

from experiments.depth.main import main

main()
