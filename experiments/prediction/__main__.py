"""`python -m experiments.prediction`."""

from experiments.prediction.main import main

main()
