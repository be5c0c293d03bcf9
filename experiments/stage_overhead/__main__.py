"""`python -m experiments.stage_overhead`."""

from experiments.stage_overhead.main import main

main()
