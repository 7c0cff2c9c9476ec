"""The SIP stack: grammar, transports, transactions, dialogs, digest and SDP."""
