//! Plain numbers in, plain numbers out: ridge regression, whitening, SVD, knapsack.
//!
//! Empty until pruning and factorization need it. Knows no graph and nothing of ours; every result is the same for any number of threads.
