"""Command line: thin faces that parse, call one thing and print."""
