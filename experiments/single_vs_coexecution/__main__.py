"""`python -m experiments.single_vs_coexecution`."""

from experiments.single_vs_coexecution.main import main

main()
