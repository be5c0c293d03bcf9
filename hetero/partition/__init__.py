"""The partitioner: numbers in, drafts of plans out; it knows nothing of models or devices."""
