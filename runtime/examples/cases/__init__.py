"""Cases beside the node tests of `onnx`. ONNX Runtime says what is expected of them."""
from . import basics, builder, layers


def cases():
    """Name, model, and inputs by name."""
    for group in basics.GROUPS + layers.GROUPS:
        group()
    return builder.ALL
