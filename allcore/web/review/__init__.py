"""The Review page: blind judgements of queued cells."""
