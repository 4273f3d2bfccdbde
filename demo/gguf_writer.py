"""Writes a model as GGUF version 3 (docs/gguf.md of ggml): matrices in Q4_0, norms in F32."""

import os
import struct

import numpy as np

import model as llama

ALIGNMENT = 32
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
TYPE_F32, TYPE_Q4_0, FILE_TYPE_MOSTLY_Q4_0 = 0, 2, 2
NORMAL, CONTROL = 1, 3


def byte_tokens():
    """GPT-2's printable names of the 256 byte values, in the order of the values."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def metadata():
    return {
        "general.architecture": "llama",
        "general.name": "Lorikeet demo base",
        "general.license": "apache-2.0",
        "general.file_type": FILE_TYPE_MOSTLY_Q4_0,
        "general.quantization_version": 2,
        "llama.vocab_size": llama.VOCABULARY,
        "llama.context_length": 512,
        "llama.embedding_length": llama.WIDTH,
        "llama.block_count": llama.LAYERS,
        "llama.feed_forward_length": llama.FEED_FORWARD,
        "llama.attention.head_count": llama.HEADS,
        "llama.attention.head_count_kv": llama.KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": llama.RMS_EPSILON,
        "llama.rope.dimension_count": llama.HEAD,
        "llama.rope.freq_base": llama.ROPE_BASE,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [*byte_tokens(), "<s>", "</s>"],
        "tokenizer.ggml.token_type": [NORMAL] * 256 + [CONTROL] * 2,
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.bos_token_id": llama.BOS,
        "tokenizer.ggml.eos_token_id": llama.EOS,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
    }


def text(value):
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def typed(value):
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + text(value)
    if value and isinstance(value[0], int):
        return struct.pack(f"<IIQ{len(value)}i", ARRAY, INT32, len(value), *value)
    return struct.pack("<IIQ", ARRAY, STRING, len(value)) + b"".join(map(text, value))


def q4_0_bytes(weight):
    """Blocks of 18 bytes: the scale in F16, then 16 bytes with value j in the low and j + 16 in the high half."""
    scale, whole = llama.q4_0(weight.detach())
    codes = (whole.numpy() + 8).astype(np.uint8)
    packed = codes[:, :16] | codes[:, 16:] << 4
    return np.concatenate((scale.numpy().astype("<f2").view(np.uint8), packed), 1).tobytes()


def write_model(path, model):
    entries = [(n, TYPE_Q4_0, m.shape, q4_0_bytes(m)) for n, m in model.matrices.items()]
    entries += [(n, TYPE_F32, v.shape, v.detach().numpy().astype("<f4").tobytes()) for n, v in model.norms.items()]
    pairs = metadata()
    head = b"GGUF" + struct.pack("<IQQ", 3, len(entries), len(pairs))
    head += b"".join(text(key) + typed(value) for key, value in pairs.items())
    body = b""
    for name, kind, shape, data in entries:
        dimensions = list(reversed(shape))  # ggml counts the fastest dimension first
        head += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, len(body))
        body += data + bytes(-len(data) % ALIGNMENT)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(head + bytes(-len(head) % ALIGNMENT) + body)
    os.replace(temporary, path)
