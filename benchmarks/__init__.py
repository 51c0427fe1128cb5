"""Commands that measure; what they print is kept in docs/benchmarks.md."""
