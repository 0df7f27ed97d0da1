"""A servicer as a team writes one; its generated modules are there when its host boots."""

from __future__ import annotations

from typing import Any

import shop_pb2
import shop_pb2_grpc


class Shop(shop_pb2_grpc.ShopServicer):
    """Sells everything."""

    def Buy(self, request: Any, context: Any) -> Any:  # noqa: N802 - the proto's name
        """Sell."""
        return shop_pb2.Receipt(text=f"{request.count} {request.sku}")

    def Watch(self, request: Any, context: Any) -> Any:  # noqa: N802 - the proto's name
        """Tell of as many as were asked for."""
        for number in range(request.count):
            yield shop_pb2.Receipt(text=f"{request.sku} {number}")
