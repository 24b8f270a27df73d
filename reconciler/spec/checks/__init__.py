"""What is checked between the fields of a spec, one file per kind of check. Each check yields diagnostics, raises nothing."""
