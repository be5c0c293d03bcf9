"""`python -m experiments.partition_strategies`."""

from experiments.partition_strategies.main import main

main()
