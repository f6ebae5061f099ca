//! Small exact kernels that constant folding needs: the only ones of our own.
