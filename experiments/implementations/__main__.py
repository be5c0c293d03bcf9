"""`python -m experiments.implementations`."""

from experiments.implementations.main import main

main()
