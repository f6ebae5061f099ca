"""Layers of networks, quantization, bodies, and operators of com.microsoft."""
import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .builder import B, F, I8, I32, U8, case, data, graph_case, num, vec


def convolutions():
    def conv(x, w, bias=True, name="", op="Conv", **attributes):
        count = w[1] * attributes.get("group", 1) if op == "ConvTranspose" else w[0]
        rest = [data(count, seed=2)] if bias else []
        case(op, data(*x, seed=5), data(*w, seed=1), *rest, name=name, const=range(1, 2 + bias), **attributes)

    for op in ["Conv", "ConvTranspose"]:
        conv((1, 4, 9), (4, 4, 3), op=op)
        conv((1, 4, 9), (4, 4, 3), op=op, kernel_shape=[3], strides=[2], pads=[1, 1], bias=False)
        conv((2, 4, 9, 8), (4, 4, 3, 3), op=op, kernel_shape=[3, 3], pads=[1, 0, 2, 1], strides=[2, 1])
        conv((2, 4, 9, 8), (4, 4, 3, 3), op=op)
        conv((2, 4, 9, 8), (4, 4, 3, 2), op=op, dilations=[2, 3])
        conv((2, 4, 9, 8), (4, 2, 3, 3), op=op, group=2, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        conv((2, 4, 9, 8), (4, 1, 3, 3), op=op, group=4, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
        conv((2, 4, 9, 8), (4, 1, 5, 5), op=op, group=4, kernel_shape=[5, 5], pads=[2, 2, 2, 2], dilations=[1, 1])
        conv((2, 4, 9, 8), (8, 4, 1, 1) if op == "Conv" else (4, 8, 1, 1), op=op, kernel_shape=[1, 1])
        conv((1, 2, 5, 6, 7), (2, 2, 2, 2, 2), op=op)
        for pad, stride, kernel in itertools.product(["SAME_UPPER", "SAME_LOWER", "VALID"], [1, 2], [2, 3]):
            conv((1, 2, 7, 8), (2, 2, kernel, kernel), op=op, auto_pad=pad, strides=[stride, stride], kernel_shape=[kernel, kernel], name="auto_pad")
    conv((1, 2, 5, 5), (2, 2, 3, 3), op="ConvTranspose", strides=[2, 2], output_padding=[1, 1], name="output_padding")
    conv((1, 2, 5, 5), (2, 2, 3, 3), op="ConvTranspose", strides=[2, 2], output_shape=[10, 10], name="output_shape")
    conv((1, 4, 9, 8), (4, 1, 3, 3), bias=False, group=4, dilations=[2, 2], pads=[2, 2, 2, 2])
    for pads, zero in itertools.product([[0, 0, 0, 0], [1, 1, 1, 1]], [None, 0, 3]):
        rest = [] if zero is None else [num(zero, U8), num(2, U8)]
        case("ConvInteger", data(1, 2, 5, 5, dtype=U8), data(3, 2, 3, 3, dtype=U8, seed=1), *rest, pads=pads, const=range(1, 2 + len(rest)), opset=10)
    case("ConvInteger", data(1, 2, 5, 5, dtype=U8), data(3, 2, 3, 3, dtype=U8, seed=1), num(1, U8), vec(1, 2, 3, dtype=U8), opset=10)
    for op, ceil, pads in itertools.product(["MaxPool", "AveragePool"], [0, 1], [[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1]]):
        for strides in ([2, 2], [3, 3], None):
            given = {"strides": strides} if strides else {}
            case(op, data(1, 5, 8, 9), kernel_shape=[3, 3], pads=pads, ceil_mode=ceil, opset=11, **given)
            if op == "AveragePool":
                case(op, data(1, 5, 8, 9), kernel_shape=[3, 3], pads=pads, ceil_mode=ceil, opset=19, count_include_pad=1, **given)
    for op, pad, stride, kernel in itertools.product(["MaxPool", "AveragePool"], ["SAME_UPPER", "SAME_LOWER", "VALID"], [1, 2], [2, 3]):
        case(op, data(1, 2, 7, 8), name="auto_pad", kernel_shape=[kernel, kernel], strides=[stride, stride], auto_pad=pad, opset=11)
    for op in ["MaxPool", "AveragePool"]:
        case(op, data(1, 2, 9), kernel_shape=[3], strides=[2], pads=[1, 1])
        case(op, data(1, 2, 5, 6, 7), kernel_shape=[2, 2, 2])
        case("Global" + op, data(2, 3, 5, 4))
        case("Global" + op, data(2, 3, 5))
        case("Global" + op, data(2, 3, 5, 4, 2))
    case("MaxPool", data(1, 2, 9, 9), kernel_shape=[3, 3], dilations=[2, 2])
    case("MaxPool", data(1, 2, 9, 9), kernel_shape=[3, 3], outs=2)
    case("MaxPool", data(1, 2, 9, 9), kernel_shape=[3, 3], opset=7)


def normalizations():
    for shape in [(4, 3), (4, 3, 5), (4, 3, 5, 2), (4, 3, 2, 2, 2)]:
        stats = [data(3, seed=k) for k in (1, 2, 3)] + [np.abs(data(3, seed=4))]
        for opset in (7, 9, 15):
            case("BatchNormalization", data(*shape), *stats, const=range(1, 5), opset=opset)
        case("BatchNormalization", data(*shape), *stats, epsilon=0.1)
        if len(shape) > 2:
            case("InstanceNormalization", data(*shape), *stats[:2], opset=13)
            case("InstanceNormalization", data(*shape), *stats[:2], epsilon=0.1, const=[1, 2])
    for axis in (-1, 1, 2, 0):
        shape = (2, 3, 4)[axis:]
        case("LayerNormalization", data(2, 3, 4), data(*shape, seed=1), data(*shape, seed=2), axis=axis, opset=17)
        case("LayerNormalization", data(2, 3, 4), data(*shape, seed=1), axis=axis, opset=17, epsilon=0.1)
        case("RMSNormalization", data(2, 3, 4), data(*shape, seed=1), axis=axis, opset=23)
    case("LayerNormalization", data(2, 3, 4), data(4, seed=1), opset=17, outs=3)
    case("GroupNormalization", data(2, 4, 3), data(4, seed=1), data(4, seed=2), num_groups=2, opset=21)
    case("LpNormalization", data(2, 3, 4), axis=1, p=1, opset=11)
    case("LpNormalization", data(2, 3, 4), opset=11)
    case("MeanVarianceNormalization", data(2, 3, 4, 4))
    case("LRN", data(2, 5, 4, 4), size=3)
    for opset in (7, 10, 12, 13):
        rest = [] if opset < 12 else [num(0.3, F)]
        case("Dropout", data(2, 3), *rest, opset=opset)
        case("Dropout", data(2, 3), *rest, opset=opset, outs=2)
    case("Dropout", data(2, 3), num(0.3, F), num(False, B), opset=13, const=[1, 2])


def resizes():
    x = data(1, 2, 5, 6)
    coordinates = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    scales = [[2, 2], [0.6, 0.6], [1.5, 2.25], [3, 1], [0.5, 0.5]]
    sizes = [[10, 12], [3, 3], [1, 1], [7, 9], [1, 12]]
    for opset, mode, coordinate in itertools.product([11, 13, 18], ["linear", "nearest"], coordinates):
        for nearest in ["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"] if mode == "nearest" else ["round_prefer_floor"]:
            given = dict(opset=opset, mode=mode, coordinate_transformation_mode=coordinate, nearest_mode=nearest, name=f"{mode}_{coordinate}_{nearest}")
            roi = np.zeros(0, F)
            for scale in scales:
                case("Resize", x, roi if opset == 11 else None, vec(1, 1, *scale, dtype=F), const=[0, 2][1:], **given)
            for size in sizes:
                case("Resize", x, roi if opset == 11 else None, np.zeros(0, F) if opset == 11 else None, vec(1, 2, *size), const=[3], **given)
    case("Resize", x, None, vec(1, 1, 2, 2, dtype=F), mode="cubic")
    case("Resize", data(1, 2, 5), None, vec(1, 1, 2, dtype=F), mode="linear")
    case("Resize", data(4, 5), None, vec(2, 2, dtype=F), mode="linear")
    case("Resize", data(1, 2, 3, 4, 5), None, vec(1, 1, 2, 2, 2, dtype=F), mode="nearest")
    case("Resize", x, vec(1, 1, 2, 2, dtype=F), opset=10)
    for dtype in [U8, I8, I32]:
        case("Resize", data(1, 2, 5, 6, dtype=dtype), None, vec(1, 1, 2, 2, dtype=F), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    for mode, scale in itertools.product(["nearest", "linear"], [[2, 2], [2, 3], [1.5, 1.5]]):
        case("Upsample", x, opset=8, mode=mode, scales=[1.0, 1.0] + [float(s) for s in scale])
        case("Upsample", x, vec(1, 1, *scale, dtype=F), opset=9, mode=mode, const=[1])
    for mode, align in itertools.product(["bilinear", "nearest"], [0, 1]):
        case("GridSample", x, data(1, 3, 4, 2, scale=0.7), opset=16, mode=mode, align_corners=align)


def recurrences():
    for op, gates in [("LSTM", 4), ("GRU", 3)]:
        for direction, biased in itertools.product(["forward", "reverse", "bidirectional"], [0, 1]):
            count, hidden = 2 if direction == "bidirectional" else 1, 3
            x, w, r = data(5, 2, 4, scale=1), data(count, gates * hidden, 4, scale=0.5), data(count, gates * hidden, hidden, scale=0.5)
            bias = data(count, 2 * gates * hidden, seed=3) if biased else None
            state = data(count, 2, hidden, seed=4, scale=0.5)
            extra = {"linear_before_reset": 1} if op == "GRU" else {}
            states = [state, state] if op == "LSTM" else [state]
            given = dict(hidden_size=hidden, direction=direction, outs=3 if op == "LSTM" else 2, opset=14, **extra)
            case(op, x, w, r, bias, **given)
            case(op, x, w, r, bias, None, *states, const=[1, 2], **given)
            case(op, x, w, r, bias, vec(5, 3, dtype=I32), *states, name="lengths", **given)
            if op == "LSTM":
                case(op, x, w, r, bias, None, *states, data(count, 3 * hidden, seed=6), name="peepholes", **given)
            else:
                case(op, x, w, r, bias, **{**given, "linear_before_reset": 0})


def quantization():
    x = np.array([[0.05, 0.15, -0.25, 3.3, -200, 200], [0.35, 0.45, 12.75, -12.85, 1.0, 2.5]], F)
    for dtype, opset in itertools.product([U8, I8], [10, 13, 19, 21]):
        zero = num(7, dtype)
        case("QuantizeLinear", x, num(0.1, F), zero, opset=opset, const=[1, 2])
        case("QuantizeLinear", x, num(0.1, F), zero, opset=opset)
        case("DequantizeLinear", data(2, 6, dtype=dtype), num(0.1, F), zero, opset=opset, const=[1, 2])
        if opset > 10:
            scales, zeros = vec(0.1, 0.3, dtype=F), vec(3, 5, dtype=dtype)
            case("QuantizeLinear", x, scales, zeros, opset=opset, axis=0, const=[1, 2])
            case("QuantizeLinear", x.reshape(3, 2, 2), scales, zeros, opset=opset, const=[1, 2])
            case("QuantizeLinear", x.reshape(3, 2, 2), scales, zeros, opset=opset, axis=-1)
            case("DequantizeLinear", data(2, 6, dtype=dtype), scales, zeros, opset=opset, axis=0, const=[0, 1, 2])
            case("DequantizeLinear", data(3, 2, 2, dtype=dtype), scales, zeros, opset=opset)
            case("DequantizeLinear", data(3, 2, 2, dtype=dtype), scales, opset=opset, axis=-1)
    for values in (x, data(40, 40), np.abs(data(3, 4)), -np.abs(data(3, 4))):
        case("QuantizeLinear", values, num(0.1, F), opset=13)
        case("QuantizeLinear", values, num(0.0123, F), num(128, U8), opset=13)
        case("DynamicQuantizeLinear", values, opset=11, outs=3)
    case("DequantizeLinear", data(2, 6, dtype=U8), num(0.1, F), opset=13)
    case("DequantizeLinear", data(6, dtype=I32, scale=1e4), num(0.001, F), opset=13, const=[0, 1])
    case("DequantizeLinear", data(6, dtype=I32, scale=1e4), data(6, seed=1), opset=13, axis=0)
    case("DequantizeLinear", data(6, dtype=I32, scale=1e4), data(6, seed=1), np.zeros(6, I32), opset=13, axis=0)


def bodies():
    relu, neg = helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])
    value = lambda n: helper.make_empty_tensor_value_info(n)
    then = helper.make_graph([relu], "then", [], [value("a")])
    other = helper.make_graph([neg, helper.make_node("Add", ["b", "one"], ["c"])], "else", [], [value("c")], [numpy_helper.from_array(np.ones(1, F), "one")])
    renamed = helper.make_graph([helper.make_node("Identity", ["x"], ["i"])], "renamed", [], [value("i")])
    for flag, branches in itertools.product([True, False], [(then, other), (renamed, other)]):
        node = helper.make_node("If", ["flag"], ["y"], then_branch=branches[0], else_branch=branches[1])
        graph_case(f"If_{flag}_{branches[0].name}", [node], {"flag": num(flag, B), "x": data(2, 3)}, ["y"])
    nested = helper.make_graph([helper.make_node("If", ["flag"], ["d"], then_branch=then, else_branch=other)], "nested", [], [value("d")])
    for flag in (True, False):
        node = helper.make_node("If", ["flag"], ["y"], then_branch=nested, else_branch=other)
        graph_case(f"If_nested_{flag}", [node], {"flag": num(flag, B), "x": data(2, 3)}, ["y"])
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Add", ["s", "x"], ["t"]),
            helper.make_node("ReduceMax", ["t"], ["m"], keepdims=0),
            helper.make_node("Less", ["m", "limit"], ["go"]),
        ],
        "body",
        [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("s", TensorProto.FLOAT, [3])],
        [info("go", TensorProto.BOOL, []), info("t", TensorProto.FLOAT, [3]), info("m", TensorProto.FLOAT, [])],
    )
    for trips, limit in itertools.product([0, 3, 100], [5.0, 1000.0]):
        node = helper.make_node("Loop", ["n", "on", "s0"], ["y", "ms"], body=body)
        inputs = {"n": num(trips), "on": num(True, B), "s0": np.zeros(3, F), "x": np.array([1, 2, 0.5], F), "limit": num(limit, F)}
        graph_case(f"Loop_{trips}_{limit}", [node], inputs, ["y", "ms"])
    for name, given in {"int": {"value_int": 7}, "ints": {"value_ints": [1, 2]}, "float": {"value_float": 1.5}, "floats": {"value_floats": [1.5, 2.0]}}.items():
        nodes = [helper.make_node("Constant", [], ["k"], **given), helper.make_node("Identity", ["k"], ["y"])]
        graph_case(f"Constant_{name}", nodes, {"x": data(2)}, ["y"])


def contributed():
    for op in ["Gelu", "FastGelu", "QuickGelu"]:
        case(op, data(3, 8), domain="com.microsoft")
    case("BiasGelu", data(3, 8), data(8, seed=1), domain="com.microsoft")
    case("FastGelu", data(3, 8), data(8, seed=1), domain="com.microsoft")
    norm = [data(2, 3, 8), data(2, 3, 8, seed=1), data(8, seed=2), data(8, seed=3)]
    case("SkipLayerNormalization", *norm, domain="com.microsoft", epsilon=1e-5)
    case("SkipLayerNormalization", *norm, data(8, seed=4), domain="com.microsoft", epsilon=1e-5)
    case("SkipSimplifiedLayerNormalization", *norm[:3], domain="com.microsoft", epsilon=1e-5)
    case("SimplifiedLayerNormalization", norm[0], norm[2], epsilon=1e-5)
    case("MatMulNBits", data(2, 32), data(3, 1, 16, dtype=U8, scale=80), np.abs(data(3, seed=1)), domain="com.microsoft", K=32, N=3, bits=4, block_size=32)
    for mode, bits in [(0, 0), (1, 0), (0, 4), (1, 4)]:
        case("MatMulNBits", data(2, 64), data(3, 2, 16, dtype=U8, scale=80), np.abs(data(6, seed=1)), *([data(3, 1, dtype=U8, scale=80)] if mode else []),
             domain="com.microsoft", K=64, N=3, bits=4, block_size=32, accuracy_level=bits, const=[1, 2])
    q, k, v = data(2, 3, 8), data(2, 5, 8, seed=1), data(2, 5, 8, seed=2)
    attention = dict(domain="com.microsoft", num_heads=2)
    padding, bias = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], I32), data(2, 2, 3, 5, seed=3)
    case("MultiHeadAttention", q, k, v, **attention)
    case("MultiHeadAttention", q, k, v, scale=0.3, **attention)
    case("MultiHeadAttention", q, q, q, unidirectional=1, **attention)
    case("MultiHeadAttention", q, k, v, data(24, seed=4), **attention)
    case("MultiHeadAttention", q, k, v, None, padding, **attention)
    case("MultiHeadAttention", q, k, v, None, None, bias, **attention)
    case("MultiHeadAttention", q, k, v, None, None, None, data(2, 2, 4, 4, seed=5), data(2, 2, 4, 4, seed=6), outs=3, **attention)
    cos, sin = np.cos(data(16, 4)), np.sin(data(16, 4))
    for interleaved in (0, 1):
        case("RotaryEmbedding", data(2, 3, 16), np.array([[0, 1, 2], [3, 4, 5]]), cos, sin, interleaved=interleaved, **attention)
        case("RotaryEmbedding", data(2, 2, 3, 8), np.array([1]), cos, sin, interleaved=interleaved, domain="com.microsoft")


GROUPS = (convolutions, normalizations, resizes, recurrences, quantization, bodies, contributed)
