"""`python -m experiments.cpu_peers`."""

from experiments.cpu_peers.main import main

main()
