"""Transactions: RFC 3261 section 17, as corrected by RFC 6026. One state machine a file, matching, and the layer."""
