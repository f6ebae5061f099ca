"""Writes the cases that `run_node_tests` reads: python dump_node_tests.py FOLDER [MODEL.onnx ...]

Without models: the node tests that the pip package `onnx` generates, and those of `cases/`, whose expected outputs ONNX Runtime computes.
With models: for each MODEL.onnx and each MODEL.in*.npz beside it, one case. ONNX Runtime computes what is expected of every value of the main graph.

A case is a folder: `model.onnx`, and `data.onnx`, a model without nodes whose initializers `in:NAME` and `out:NAME` are the values.
"""
import glob
import os
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def tensor(name, value, declared):
    """A TensorProto of the declared element type; None where the value is not a tensor."""
    if isinstance(value, TensorProto):
        value.name = name
        return value
    if not declared.HasField("tensor_type") or isinstance(value, (list, tuple, dict)) or value is None:
        return None
    return numpy_helper.from_array(np.asarray(value), name)


def write(folder, model, inputs, outputs, inner=()):
    """One case; False where it has values that are no tensors. `inner` are names and values of the main graph that are no outputs of it."""
    initializers = {i.name for i in model.graph.initializer}
    fed = [i for i in model.graph.input if len(model.graph.input) == len(inputs) or i.name not in initializers]
    values = [tensor("in:" + i.name, v, i.type) for i, v in zip(fed, inputs)]
    values += [tensor("out:" + o.name, v, o.type) for o, v in zip(model.graph.output, outputs)]
    if any(v is None for v in values):
        return False
    values += [numpy_helper.from_array(v, "out:" + n) for n, v in inner if isinstance(v, np.ndarray)]
    os.makedirs(folder)
    onnx.save(model, folder / "model.onnx")
    graph = onnx.helper.make_graph([], "data", [], [], initializer=values)
    onnx.save(onnx.helper.make_model(graph), folder / "data.onnx")
    return True


def expected(model, inputs):
    """What ONNX Runtime, unoptimized, computes."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def main(folder, models):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    skipped = 0
    for path in models:
        model = onnx.load(path)
        wide = onnx.ModelProto()
        wide.CopyFrom(model)
        declared = {o.name for o in model.graph.output}
        inner = [o for n in model.graph.node for o in n.output if o and o not in declared]
        wide.graph.output.extend(onnx.ValueInfoProto(name=o) for o in inner)
        for npz in sorted(glob.glob(path.removesuffix(".onnx") + ".in*.npz")):
            inputs = dict(np.load(npz))
            name = pathlib.Path(npz).stem.replace(".", "_")
            order = [inputs[i.name] for i in model.graph.input if i.name in inputs]
            made = expected(wide, inputs)
            write(folder / name, model, order, made[: len(declared)], zip(inner, made[len(declared) :]))
    if models:
        return
    from onnx.backend.test.loader import load_node_model_tests

    for case in load_node_model_tests():
        inputs, outputs = case.data_sets[0]
        skipped += not write(folder / case.name, case.model, inputs, outputs)
    import cases

    for name, model, inputs in cases.cases():
        try:
            outputs = expected(model, inputs)
        except Exception as problem:  # noqa: BLE001: whatever it is, the case has no reference
            print(f"{name}: ONNX Runtime: {str(problem)[:200]}")
            continue
        for declared, value in zip(model.graph.output, outputs):
            declared.type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        skipped += not write(folder / ("extra_" + name), model, list(inputs.values()), outputs)
    print(f"{skipped} cases have values that are no tensors")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
