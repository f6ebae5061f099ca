"""Builds cases: models of one node, or of a few, and their inputs."""
import numpy as np
from onnx import helper, numpy_helper

F, I64, I32, I8, U8, B = np.float32, np.int64, np.int32, np.int8, np.uint8, np.bool_
SMALL = [F, I64, I32, B, U8, I8]
ALL = []


def data(*shape, dtype=F, seed=0, scale=3.0):
    random = np.random.default_rng(seed)
    values = random.normal(size=shape) * scale
    return (values > 0) if dtype == B else np.abs(values).astype(dtype) if dtype == U8 else values.astype(dtype)


def vec(*values, dtype=I64):
    return np.array(values, dtype=dtype)


def num(value, dtype=I64):
    return np.array(value, dtype=dtype)


def model(nodes, inputs, outputs, opset, initializers=(), domains=()):
    graph = helper.make_graph(
        nodes,
        "extra",
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in inputs.items()],
        [helper.make_empty_tensor_value_info(o) for o in outputs],
        initializer=[numpy_helper.from_array(v, n) for n, v in dict(initializers).items()],
    )
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def case(op, *inputs, name="", opset=13, outs=1, domain="", const=(), **attributes):
    """A model of one node; inputs at the ports in `const` are initializers."""
    names = [None if v is None else f"x{k}" for k, v in enumerate(inputs)]
    values = {n: np.asarray(v) for n, v in zip(names, inputs) if n}
    outputs = [f"y{k}" for k in range(outs)]
    node = helper.make_node(op, [n or "" for n in names], outputs, domain=domain, **attributes)
    fixed = {f"x{k}": values.pop(f"x{k}") for k in const}
    number = sum(1 for c in ALL if c[0].startswith(f"{op}_{name}_"))
    label = f"{op}_{name}_{number}"
    ALL.append((label, model([node], values, outputs, opset, fixed, [domain] if domain else []), values))


def graph_case(name, nodes, inputs, outputs, opset=13, initializers=()):
    ALL.append((name, model(nodes, inputs, outputs, opset, initializers), inputs))
