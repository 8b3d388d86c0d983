"""One file a verb: `HELP`, and `main(arguments)` that returns the exit status."""
