"""The rules of accessbot: standard library only; no clock, no input or output, no logging."""
