"""Element-wise operators, casts, movement of elements, reductions, products: types, ties, odd shapes, older opsets."""
import itertools

import numpy as np
from onnx import TensorProto, numpy_helper

from .builder import B, F, I8, I32, I64, SMALL, U8, case, data, num, vec


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


GROUPS = (softmaxes, elementwise, casts, movement, reductions, products)
