"""Changes as data: how a plan is built, ordered, judged, written down and compared."""
