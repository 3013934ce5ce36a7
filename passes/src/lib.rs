//! Graph to graph: derivatives, folding, pruning, and the driver that runs and checks every pass.
