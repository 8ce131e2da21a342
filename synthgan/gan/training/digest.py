"""A digest of tensors: equal sets have equal digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["digest"]

_CHUNK = 2**24  # values at a time


def digest(tensors: Mapping[str, Tensor | None], text: str = "") -> str:
    """Return the SHA-256 of tensors, of their names, types and shapes, and of a text."""
    whole = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        if tensor is None:
            continue
        whole.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        flat = tensor.detach().reshape(-1)
        for part in flat.split(_CHUNK) if len(flat) else ():  # what is empty may have any stride
            whole.update(memoryview(part.cpu().view(torch.uint8).numpy()))
    return whole.hexdigest()
