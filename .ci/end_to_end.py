"""Optimizes every fixture with the release binary and compares it, in ONNX Runtime, with the original; then what must be refused."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

BINARY = "target/release/shrinx"
LENGTHS = {"ppocr_cls": (2, 48, 192)}


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(model, seed):
    rng = np.random.default_rng(seed)
    spare = list(LENGTHS.get(pathlib.Path(model._model_path).stem, (1 + seed,)))
    made = {}
    for given in model.get_inputs():
        dims = [d if isinstance(d, int) and d > 0 else spare.pop(0) for d in given.shape]
        made[given.name] = rng.standard_normal(dims).astype(np.float32)
    return made


failed = 0
with tempfile.TemporaryDirectory() as folder:
    for source in sorted(pathlib.Path("fixtures/models").glob("*.onnx")):
        out = pathlib.Path(folder) / source.name
        run = subprocess.run([BINARY, "optimize", source, "-o", out], capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{source}: exit {run.returncode}: {run.stderr}")
        print(run.stderr)
        onnx.checker.check_model(str(out), full_check=True)
        before, after = session(source), session(out)
        worst = 0.0
        for seed in range(2):
            inputs = feeds(before, seed)
            for a, b in zip(before.run(None, inputs), after.run(None, inputs), strict=True):
                worst = max(worst, float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12)))
        smaller = out.stat().st_size <= source.stat().st_size
        good = worst <= 1e-4 and smaller
        failed += not good
        print(f"{source.name}: relative difference {worst:.1e}, {source.stat().st_size} -> {out.stat().st_size} bytes: {'ok' if good else 'BAD'}")
    source, out = pathlib.Path("fixtures/models/fashion_resnet.onnx"), pathlib.Path(folder) / "int8.onnx"
    run = subprocess.run([BINARY, "quantize", source, "-o", out, "--data", "fixtures/data/fashion.npz"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"quantize: exit {run.returncode}: {run.stderr}")
    print(run.stderr)
    onnx.checker.check_model(str(out), full_check=True)
    images = {"input": np.load("fixtures/data/fashion.npz")["input"]}
    a, b = (session(path).run(None, images)[0] for path in (source, out))
    noise = 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())
    same = (a.argmax(-1) == b.argmax(-1)).mean()
    int8 = sum(n.op_type == "QuantizeLinear" for n in onnx.load(out).graph.node)
    good = noise >= 25 and same >= 0.9 and int8 >= 5
    failed += not good
    print(f"int8: {noise:.1f} dB, {same:.2f} of the labels kept, {int8} quantized tensors: {'ok' if good else 'BAD'}")
    text = pathlib.Path(folder) / "text.onnx"
    text.write_text("not a model")
    refused = subprocess.run([BINARY, "optimize", text, "-o", pathlib.Path(folder) / "x.onnx"], capture_output=True, text=True)
    if refused.returncode != 2 or "error[" not in refused.stderr:
        sys.exit(f"a text was not refused: {refused}")
sys.exit(1 if failed else 0)
