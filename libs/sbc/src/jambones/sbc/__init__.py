"""What the edge and the egress share: the two legs of a call, its media, its counts and its record."""
