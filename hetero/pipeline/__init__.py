"""The pipeline: frames in flight over several devices at once, a worker per device, results in order."""
