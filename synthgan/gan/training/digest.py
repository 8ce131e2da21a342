"""A digest of tensors: equal sets have equal digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["digest"]

_CHUNK = 2**24  # values at a time


def digest(tensors: Mapping[str, Any], text: str = "") -> str:
    """Return the SHA-256 of tensors, of their names, types and shapes, and of a text.

    What is in a file is read in blocks, and is as a tensor of the same values.
    """
    whole = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        if tensor is None:
            continue
        if not isinstance(tensor, Tensor):
            whole.update(f"{name}torch.{tensor.dtype}{tuple(tensor.shape)}".encode())
            for block in tensor.blocks():
                whole.update(block.data)
            continue
        whole.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        flat = tensor.detach().reshape(-1)
        for part in flat.split(_CHUNK) if len(flat) else ():  # what is empty may have any stride
            whole.update(memoryview(part.cpu().view(torch.uint8).numpy()))
    return whole.hexdigest()
