"""The storefront's HTTP interface."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Flask, Response, jsonify, request

from storefront.mailer import Mailer
from storefront.orders_client import OrderRefusedError, OrdersClient, OrdersUnavailableError
from storefront.settings import Settings

settings = Settings.from_env()
orders = OrdersClient(settings)
mailer = Mailer(settings.mail_url)
app = Flask(__name__)

REFUSED_STATUS = {"SOLD_OUT": 409, "ORDER_MISMATCH": 409, "UNKNOWN_SKU": 404, "NOT_FOUND": 404}


def _reply(status_code: int, **body: Any) -> Response:
    response = jsonify(body)
    response.status_code = status_code
    return response


def _refused(error: OrderRefusedError, order_id: str) -> Response:
    return _reply(REFUSED_STATUS[error.code], error=error.code, message=error.message, order_id=order_id)


def _unavailable(order_id: str) -> Response:
    # The shopper may try again with the same order id: the order is placed once, however often it is sent.
    response = _reply(503, error="UNAVAILABLE", message="Please try again.", order_id=order_id)
    response.headers["Retry-After"] = "2"
    return response


@app.post("/checkout")
def checkout() -> Response:
    """Place an order: 201 means that it will be shipped, once, whatever breaks now."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("sku"), str):
        return _reply(400, error="BAD_REQUEST", message='Send {"sku": "...", "quantity": 1}.')
    quantity = body.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
        return _reply(
            400, error="BAD_REQUEST", message=f"quantity must be a whole number above 0: {quantity!r}"
        )
    order_id = str(body.get("order_id") or uuid.uuid4())
    try:
        order = orders.place_order(order_id, body["sku"], quantity)
    except OrderRefusedError as error:
        return _refused(error, order_id)
    except OrdersUnavailableError:
        return _unavailable(order_id)
    mailer.confirm(order_id, order["sku"])
    return _reply(201, **order)


@app.get("/orders/<order_id>")
def show_order(order_id: str) -> Response:
    """Show one order and whether it was shipped."""
    try:
        return _reply(200, **orders.get_order(order_id))
    except OrderRefusedError as error:
        return _refused(error, order_id)
    except OrdersUnavailableError:
        return _unavailable(order_id)


@app.get("/health")
def health() -> Response:
    """Say that the process is alive; what it depends on has health checks of its own."""
    return _reply(200, status="ok")
