"""Speed of engine, sampling and propagation; ``python -m benchmarks`` writes RESULTS.md."""
