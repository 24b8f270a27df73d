"""What operations need of the outside world, as Protocols. No implementation lives here."""
