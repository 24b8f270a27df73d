"""External approval nodes: office systems that decide, asked over HTTP in one of two dialects."""
