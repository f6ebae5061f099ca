//! Evidence about a model: samples, mergeable statistics, and the sweep.
//!
//! Empty until quantization needs it. What will live here: readers of samples (npz, folders, ONNX test data), statistics that merge exactly (counts, ranges,
//! histograms over the bfloat16 prefix of a value), and the `Sweep`, which walks an original and its compressed copy in lockstep, cut by cut. Statistics are exact
//! by nature or rounded once into fixed point, so that no result depends on the order of samples, on shards or on threads.
