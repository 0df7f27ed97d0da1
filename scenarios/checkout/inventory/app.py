"""The inventory's HTTP interface."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from inventory.stock import Durability, Stock, StockUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Shelf(BaseModel):
    """How much of one thing is on the shelf."""

    quantity: int = Field(ge=0)


class Reservation(BaseModel):
    """What an order wants."""

    order_id: str = Field(min_length=1)
    sku: str = Field(min_length=1)
    quantity: int = Field(ge=1)


def _sentinels(text: str) -> list[tuple[str, int]]:
    pairs = [entry.strip().partition(":") for entry in text.split(",")]
    return [(host, int(port or 26379)) for host, _, port in pairs]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect to Redis while the application runs."""
    stock = Stock(
        _sentinels(os.environ.get("REDIS_SENTINELS", "localhost:26379")),
        os.environ.get("REDIS_MASTER", "cache"),
        Durability(
            replicas=int(os.environ.get("REDIS_WAIT_REPLICAS", "2")),
            wait_ms=int(os.environ.get("REDIS_WAIT_MS", "500")),
            attempts=int(os.environ.get("REDIS_ATTEMPTS", "2")),
        ),
    )
    app.state.stock = stock
    yield
    await stock.close()


app = FastAPI(title="inventory", lifespan=lifespan)

RESERVE_STATUS = {"reserved": 201, "sold_out": 409, "unknown_sku": 404}


@app.exception_handler(StockUnavailableError)
async def unavailable(_request: Request, error: StockUnavailableError) -> JSONResponse:
    """Tell the caller to come back."""
    return JSONResponse({"error": "unavailable", "message": str(error)}, status_code=503)


@app.put("/stock/{sku}")
async def put_stock(sku: str, shelf: Shelf, request: Request) -> dict[str, object]:
    """Set how much of a thing is on the shelf."""
    await request.app.state.stock.put(sku, shelf.quantity)
    return {"sku": sku, "quantity": shelf.quantity}


@app.get("/stock/{sku}")
async def get_stock(sku: str, request: Request) -> JSONResponse:
    """Say how much of a thing is left."""
    left = await request.app.state.stock.left(sku)
    if left is None:
        return JSONResponse({"error": "unknown_sku", "sku": sku}, status_code=404)
    return JSONResponse({"sku": sku, "quantity": left})


@app.post("/reservations")
async def reserve(wanted: Reservation, request: Request) -> JSONResponse:
    """Reserve stock for an order; the same order gets the same reservation."""
    outcome, left = await request.app.state.stock.reserve(wanted.order_id, wanted.sku, wanted.quantity)
    body = {"order_id": wanted.order_id, "sku": wanted.sku, "outcome": outcome, "left": left}
    return JSONResponse(body, status_code=RESERVE_STATUS[outcome])


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}
