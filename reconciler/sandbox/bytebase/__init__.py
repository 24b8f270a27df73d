"""A stand-in of Bytebase 3.21.1: one workspace in memory, both faces of the API on one port."""

from reconciler.sandbox.bytebase.standin import BytebaseStandIn, ImCredentials

__all__ = ["BytebaseStandIn", "ImCredentials"]
