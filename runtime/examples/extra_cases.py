"""Cases beside the node tests of `onnx`: older opsets, integer and boolean types, ties, odd attributes, bodies, operators of com.microsoft.

`cases()` yields name, model and inputs by name; ONNX Runtime says what is expected.
"""
import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

F, D, I64, I32, I8, U8, B = np.float32, np.float64, np.int64, np.int32, np.int8, np.uint8, np.bool_
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


def softmaxes():
    for op, (shape, axes) in itertools.product(["Softmax", "LogSoftmax"], [((3, 4), [0, 1, -1]), ((2, 3, 4), [0, 1, 2, -2]), ((2, 3, 4, 5), [1, 3])]):
        for axis in axes:
            case(op, data(*shape), opset=11, axis=axis, name="old")
            case(op, data(*shape), opset=13, axis=axis)
        case(op, data(*shape), opset=11, name="old")
        case(op, data(*shape), opset=13)
        case(op, data(*shape, scale=60), opset=13)


def elementwise():
    unary = "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Exp Floor HardSigmoid LeakyRelu Log Neg Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh IsInf IsNaN Identity".split()
    extremes = vec(0, -0.0, 0.5, 1.5, 2.5, -2.5, 88.8, -110, np.inf, -np.inf, np.nan, 1e-30, dtype=F)
    for op in unary:
        case(op, data(2, 3, scale=0.3) + F(op == "Acosh") * 2)
        case(op, data(3, 33))
        case(op, num(0.25 + (op == "Acosh"), F))
        # Large arguments of trigonometric functions and NaN through comparisons are asked of no runtime.
        case(op, extremes if op not in ("Sin", "Cos", "Tan", "Sign", "Relu", "LeakyRelu", "Elu") else extremes[:8], name="extremes")
    for op, dtype in itertools.product(["Abs", "Neg", "Sign", "Relu", "Identity"], [I64, I32, I8]):
        case(op, data(2, 3, dtype=dtype), opset=14)
    for op, dtype, (a, b) in itertools.product(
        ["Add", "Sub", "Mul", "Div"], [F, I64, I32, U8, I8], [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((4,), ())]
    ):
        case(op, data(*a, dtype=dtype), data(*b, dtype=dtype, seed=1) * dtype(3) + dtype(100 if dtype in (U8, I8) else 1000), opset=14, const=[1])
        case(op, data(*a, dtype=dtype) * dtype(5), np.where(data(*b, dtype=dtype, seed=1) == 0, 1, data(*b, dtype=dtype, seed=1)).astype(dtype), opset=14)
    for op, dtype in itertools.product(["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"], [F, I64, I32]):
        case(op, data(2, 3, dtype=dtype), data(3, dtype=dtype, seed=1), opset=16)
        case(op, data(2, 3, dtype=dtype), data(2, 3, dtype=dtype), opset=16)
    case("Equal", data(2, 3, dtype=B), data(3, dtype=B, seed=1))
    for op in ["And", "Or", "Xor"]:
        case(op, data(2, 3, dtype=B), data(3, dtype=B, seed=1))
    case("Not", data(2, 3, dtype=B))
    for op, dtype in itertools.product(["Max", "Min", "Sum", "Mean"], [F, I64, I32]):
        if dtype is F or op in ("Max", "Min"):
            case(op, data(2, 3, dtype=dtype), data(3, dtype=dtype, seed=1))
            case(op, data(2, 3, dtype=dtype))
            case(op, data(2, 3, dtype=dtype), data(1, dtype=dtype, seed=1), data(2, 1, dtype=dtype, seed=2))
    case("Max", vec(1, np.nan, 3, dtype=F), vec(np.nan, 2, 2, dtype=F))
    case("Min", vec(1, np.nan, 3, dtype=F), vec(np.nan, 2, 2, dtype=F))
    for a, b in [(F, F), (F, I64), (F, I32), (I64, I64), (I32, I32), (I64, F), (I32, F)]:
        case("Pow", np.abs(data(2, 3, dtype=a)), vec(0, 2, 3, dtype=b))
        case("Pow", np.abs(data(2, 3, dtype=a)), num(2, b), const=[1])
    case("Pow", data(2, 3), num(2, F), const=[1])
    case("Pow", data(2, 3), num(3, F), const=[1])
    case("Pow", np.abs(data(2, 3)), num(0.5, F), const=[1])
    for dtype in [I64, I32]:
        case("Mod", vec(-7, 7, -7, 7, 5, dtype=dtype), vec(3, -3, -3, 3, 5, dtype=dtype))
        case("Mod", vec(-7, 7, -7, 7, 5, dtype=dtype), vec(3, -3, -3, 3, 5, dtype=dtype), fmod=1)
    case("Mod", vec(-7.5, 7.5, -7.5, 7.5, dtype=F), vec(3, -3, -3, 3, dtype=F), fmod=1)
    case("PRelu", data(2, 3, 4), data(3, 1, seed=1))
    case("PRelu", data(2, 3, 4), data(1, seed=1))
    for dtype in SMALL:
        case("Where", data(2, 3, dtype=B), data(2, 3, dtype=dtype), data(2, 3, dtype=dtype, seed=1))
        case("Where", data(2, 1, dtype=B), data(3, dtype=dtype), num(1, dtype))
    case("Clip", data(2, 3), opset=6, min=-1.0, max=1.0)
    case("Clip", data(2, 3), opset=6, max=1.0)
    for dtype in [F, I64, I32, I8, U8]:
        low = 1 if dtype is U8 else -1
        case("Clip", data(2, 3, dtype=dtype), num(low, dtype), num(2, dtype))
        case("Clip", data(2, 3, dtype=dtype), None, num(2, dtype), const=[2])
        case("Clip", data(2, 3, dtype=dtype), num(low, dtype), const=[1])
    for op in ["HardSwish", "Gelu", "Mish", "Swish"]:
        case(op, data(3, 4), opset=24 if op == "Swish" else 20)
    case("Gelu", data(3, 4), opset=20, approximate="tanh")


def casts():
    codes = {F: TensorProto.FLOAT, I64: TensorProto.INT64, I32: TensorProto.INT32, I8: TensorProto.INT8, U8: TensorProto.UINT8, B: TensorProto.BOOL}
    for source, (target, code) in itertools.product(codes, codes.items()):
        values = vec(0, 1, 2.7, -2.7, 0.4, -0.4, 100, dtype=F)
        values = values if target is not U8 or source is not F else np.abs(values)
        values = np.abs(values) if source is U8 else values
        for opset in (9, 13):
            case("Cast", values.astype(source), to=code, opset=opset)
        case("CastLike", values.astype(source), np.ones(1, target), opset=15)
    case("Cast", vec(300, -300, 70000), to=TensorProto.UINT8)
    case("Cast", vec(300, -300, 70000, dtype=I32), to=TensorProto.INT8)


def movement():
    for dtype in SMALL:
        x = data(2, 3, 4, dtype=dtype)
        case("Concat", x, x, axis=1)
        case("Concat", x, axis=-1)
        case("Concat", x, data(2, 0, 4, dtype=dtype), x, axis=1)
        case("Transpose", x, perm=[2, 0, 1])
        case("Transpose", x)
        case("Reshape", x, vec(4, 6), const=[1])
        case("Reshape", x, vec(0, -1))
        case("Reshape", x, vec(-1))
        case("Flatten", x, axis=0)
        case("Flatten", x, axis=-1)
        case("Flatten", x, axis=3)
        case("Squeeze", data(1, 3, 1, dtype=dtype), vec(0), const=[1])
        case("Squeeze", data(1, 3, 1, dtype=dtype))
        case("Squeeze", data(1, 3, 1, dtype=dtype), opset=11, axes=[0, 2])
        case("Unsqueeze", x, vec(0, -1), const=[1])
        case("Unsqueeze", x, opset=11, axes=[1, 3])
        case("Expand", data(3, 1, dtype=dtype), vec(2, 1, 4))
        case("Expand", data(3, 1, dtype=dtype), vec(1), const=[1])
        case("Tile", x, vec(1, 2, 3))
        case("Identity", x)
        case("Shape", x)
        case("Shape", x, opset=15, start=1, end=-1)
        case("Size", x)
        for index in (vec(0, -1, 1), num(1), np.array([[0, 1], [1, 0]]), vec(1, 0, dtype=I32), num(-1, I32)):
            case("Gather", x, index, axis=1)
            case("Gather", x, index, const=[1])
        case("GatherElements", x, vec(0, -1).reshape(2, 1, 1), axis=1)
        case("GatherND", x, vec(0, 1, 1, -1).reshape(2, 2))
        case("GatherND", x, vec(0, 1).reshape(2, 1), batch_dims=1)
        case("Slice", x, vec(0, 1), vec(9223372036854775807, -1), vec(1, 2), const=[1, 2, 3])
        case("Slice", x, vec(0, 0), vec(2, 2))
        case("Slice", x, vec(-1), vec(-9223372036854775807), vec(1), vec(-1), const=[1, 2, 3, 4])
        case("Slice", x, vec(-1, dtype=I32), vec(-100, dtype=I32), vec(2, dtype=I32), vec(-2, dtype=I32))
        case("Slice", x, vec(5), vec(9), vec(1))
        case("Slice", x, opset=9, starts=[1, 0], ends=[3, 9223372036854775807], axes=[1, 2])
        case("Split", data(6, 2, dtype=dtype), outs=3, opset=13)
        case("Split", data(6, 2, dtype=dtype), vec(1, 5), outs=2, const=[1])
        case("Split", data(6, 2, dtype=dtype), outs=2, opset=11, split=[2, 4])
        case("Split", data(2, 6, dtype=dtype), outs=2, opset=11, axis=-1)
        case("Split", data(7, 2, dtype=dtype), outs=3, opset=18, num_outputs=3)
        case("Pad", x, vec(0, 1, 0, 0, 0, 2), const=[1])
        case("Pad", x, vec(0, 1, -1, 0, 0, 2), num(1, dtype))
        case("Pad", x, vec(0, 1, 1, 0, 1, 2), mode="edge")
        case("Pad", x, vec(0, 1, 1, 0, 1, 2), mode="reflect")
        case("ScatterND", x, vec(0, 1).reshape(2, 1), data(2, 3, 4, dtype=dtype, seed=1))
        case("ScatterElements", x, vec(0, -1).reshape(2, 1, 1), data(2, 1, 1, dtype=dtype, seed=1), axis=1)
        case("ScatterElements", x, vec(1, 0).reshape(2, 1, 1), data(2, 1, 1, dtype=dtype, seed=1), opset=11)
        case("Trilu", x, opset=14)
        case("Trilu", x, num(1), opset=14, upper=0)
        case("NonZero", x)
        case("ReverseSequence", data(4, 3, dtype=dtype), vec(2, 4, 1), time_axis=0, batch_axis=1)
        case("DepthToSpace", data(1, 8, 2, 2, dtype=dtype), blocksize=2, mode="CRD")
        case("DepthToSpace", data(1, 8, 2, 2, dtype=dtype), blocksize=2)
        case("ConstantOfShape", vec(2, 3), value=numpy_helper.from_array(np.ones(1, dtype)))
        case("EyeLike", data(3, 4, dtype=dtype), k=1)
        case("OneHot", vec(1, -1, 3), num(4), vec(0, 1, dtype=dtype), axis=0)
        case("OneHot", vec(1, 2, 0).reshape(1, 3), vec(4), vec(2, 1, dtype=dtype))
    case("ConstantOfShape", vec(2, 3))
    case("ConstantOfShape", np.zeros(0, I64))
    case("ConstantOfShape", vec(0, 3))
    case("Pad", data(2, 3), opset=10, pads=[0, 1, 1, 0], value=2.0)
    for dtype in [F, I64, I32]:
        case("ScatterND", data(4, 3, dtype=dtype), vec(0, 0, 2).reshape(3, 1), data(3, 3, dtype=dtype, seed=1), opset=16, reduction="add")
        case("ScatterElements", data(4, 3, dtype=dtype), vec(0, 0, 2).reshape(1, 3), data(1, 3, dtype=dtype, seed=1), opset=16, reduction="mul")
        case("Range", num(1, dtype), num(9, dtype), num(3, dtype))
        case("Range", num(9, dtype), num(0, dtype), num(-2, dtype))
        case("Range", num(9, dtype), num(0, dtype), num(2, dtype))
        for axis in (num(1), num(-1, I32)):
            case("CumSum", data(2, 3, dtype=dtype), axis)
            case("CumSum", data(2, 3, dtype=dtype), axis, exclusive=1, reverse=1)
    case("Expand", data(1), np.zeros(0, I64))


def reductions():
    floats = ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"]
    for op in floats:
        for dtype in [F, I64, I32] if op in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum") else [F]:
            x = np.abs(data(2, 3, 4, dtype=dtype)) if op == "ReduceLogSum" else data(2, 3, 4, dtype=dtype)
            old = 12 if op == "ReduceSum" else 17
            for axes in ([1], [0, 2], [-1], None):
                given = {} if axes is None else {"axes": axes}
                case(op, x, opset=old if axes is None or op != "ReduceSum" else 11, keepdims=0, **given)
                case(op, x, opset=11, **given)
            case(op, x, vec(1, -1), opset=18, const=[1])
            case(op, x, vec(0), opset=18, keepdims=0, const=[1])
            case(op, x, opset=18)
            case(op, x, opset=18, noop_with_empty_axes=1)
    for dtype in [I32, I8, U8]:
        case("ReduceMax", data(2, 3, dtype=dtype), opset=13, axes=[1])
    for op, dtype, last, keep, axis in itertools.product(["ArgMax", "ArgMin"], [F, I32, I64], [0, 1], [0, 1], [0, 1, -1]):
        ties = np.array([[1, 2, 2, 0, 0], [3, 1, 1, 3, 2], [1, 1, 2, 3, 0]], dtype)
        case(op, ties, opset=12, axis=axis, keepdims=keep, select_last_index=last)
    case("ArgMax", data(2, 3, 4), opset=11)
    case("ArgMax", data(2, 3, 4), opset=11, axis=2, keepdims=0)
    for dtype, largest, ordered in itertools.product([F, I64, I32], [0, 1], [1]):
        ties = np.array([[1, 2, 2, 0, 0], [3, 1, 1, 3, 2]], dtype)
        case("TopK", ties, vec(3), outs=2, largest=largest, sorted=ordered)
        case("TopK", ties, vec(2), outs=2, largest=largest, axis=0)
    case("TopK", data(3, 5), opset=9, outs=2, k=2)
    case("TopK", data(3, 50), vec(1), outs=2)
    case("Hardmax", data(3, 5))


def products():
    shapes = [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (2, 4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)),
              ((2, 3, 4), (4,)), ((2, 2, 3, 4), (4,)), ((4,), (2, 4, 5)), ((4,), (2, 3, 4, 5)), ((3, 4), (2, 4, 5)), ((1, 70, 65), (65, 33)), ((2, 0), (0, 3))]
    for a, b in shapes:
        case("MatMul", data(*a), data(*b, seed=1))
        case("MatMul", data(*a), data(*b, seed=1), const=[1])
    case("MatMul", data(2, 3, dtype=I64), data(3, 2, dtype=I64, seed=1))
    for a, b in itertools.product([0, 1], [0, 1]):
        x, w = data(*((4, 3) if a else (3, 4))), data(*((5, 4) if b else (4, 5)), seed=1)
        for c in [None, num(2.0, F), data(5, seed=2), data(3, 1, seed=2), data(1, 5, seed=2), data(3, 5, seed=2), data(1, seed=2)]:
            case("Gemm", x, w, *([] if c is None else [c]), transA=a, transB=b, alpha=0.5, beta=2.0)
    case("Gemm", data(3, 4), data(4, 5), data(5), const=[1, 2])
    case("Gemm", data(3, 4), data(4, 5), data(5), opset=7)
    case("Gemm", data(3, 4, dtype=I32), data(4, 5, dtype=I32))
    for equation, a, b in [("ij,jk->ik", (2, 3), (3, 4)), ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
                           ("i,j->ij", (3,), (4,)), ("bnd,dk->bnk", (2, 3, 4), (4, 5)), ("ij,ij->", (2, 3), (2, 3)), ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)), ("ij,kj", (2, 3), (4, 3))]:
        case("Einsum", data(*a), data(*b, seed=1), equation=equation)
    case("Einsum", data(3, 3), equation="ii->i")
    case("Einsum", data(2, 3), equation="ij->ji")
    for a, b, az, bz in [(U8, U8, 3, 5), (U8, I8, 3, 0), (U8, I8, None, None), (I8, I8, 0, 0)]:
        zeros = [] if az is None else [num(az, a), num(bz, b)]
        case("MatMulInteger", data(3, 4, dtype=a), data(4, 5, dtype=b, seed=1), *zeros)
        case("MatMulInteger", data(2, 3, 4, dtype=a), data(4, 5, dtype=b, seed=1), *zeros, const=[1])
        if zeros:
            case("MatMulInteger", data(3, 4, dtype=a), data(4, 5, dtype=b, seed=1), zeros[0], data(5, dtype=b, seed=3), name="axis")
            case("MatMulInteger", data(3, 4, dtype=a), data(4, 5, dtype=b, seed=1), zeros[0].reshape(1), zeros[1].reshape(1), name="vector")


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
    plain = helper.make_graph([], "plain", [], [value("x")])
    renamed = helper.make_graph([helper.make_node("Identity", ["x"], ["i"])], "renamed", [], [value("i")])
    for flag, branches in itertools.product([True, False], [(then, other), (renamed, other)]):
        node = helper.make_node("If", ["flag"], ["y"], then_branch=branches[0], else_branch=branches[1])
        graph_case(f"If_{flag}_{branches[0].name}", [node], {"flag": num(flag, B), "x": data(2, 3)}, ["y"])
    nested = helper.make_graph([helper.make_node("If", ["flag"], ["d"], then_branch=then, else_branch=other)], "nested", [], [value("d")])
    for flag in (True, False):
        node = helper.make_node("If", ["flag"], ["y"], then_branch=nested, else_branch=other)
        graph_case(f"If_nested_{flag}", [node], {"flag": num(flag, B), "x": data(2, 3)}, ["y"])
    del plain
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
    case("MultiHeadAttention", data(1, 3, 8), data(1, 3, 8, seed=1), data(1, 3, 8, seed=2), domain="com.microsoft", num_heads=2)


def cases():
    for group in (softmaxes, elementwise, casts, movement, reductions, products, convolutions, normalizations, resizes, recurrences, quantization, bodies, contributed):
        group()
    return ALL
