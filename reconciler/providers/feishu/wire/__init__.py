"""What goes over the wire to Feishu and comes back: one file per area, field names as documented."""
