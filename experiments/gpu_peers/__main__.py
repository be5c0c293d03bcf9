"""`python -m experiments.gpu_peers`."""

from experiments.gpu_peers.main import main

main()
