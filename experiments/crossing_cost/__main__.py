"""`python -m experiments.crossing_cost`."""

from experiments.crossing_cost.main import main

main()
