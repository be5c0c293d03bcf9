"""OpenCL C 1.2 templates and the lowerings that choose their parameters."""
