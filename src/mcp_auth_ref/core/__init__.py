"""What can be read with the RFCs open: no sockets, no files, no clock, no environment, no randomness."""
