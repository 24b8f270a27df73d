"""Values of plan, apply and drift -> text for people and documents for programs, and nothing else."""
