"""`python -m experiments.startup`."""

from experiments.startup.main import main

main()
