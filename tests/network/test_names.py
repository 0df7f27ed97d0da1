"""Names: what reaches a host, and how connections are shared out over replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.errors import FenceError
from meshsim.network.rules import Partition
from tests.network.small_network import PORT, SmallNetwork, named

if TYPE_CHECKING:
    from meshsim.network.fabric import Fabric


def listen(net: SmallNetwork, *names: str, port: int = PORT) -> None:
    """Open a port on hosts."""
    for name in names:
        net.fabric.listen(net.host(name), port, lambda _: None)


def turns(net: SmallNetwork, name: str, count: int, port: int = PORT) -> list[str]:
    """Resolve a name so often; return the hosts' names."""
    return [net.fabric.names.resolve(net.host("a/0"), name, port)[0].name for _ in range(count)]


def test_every_name_of_a_host_means_it() -> None:
    """Its own name, its name with a dash, its address, and its service's name when it is the only replica."""
    with SmallNetwork("a/0", "b/0") as net:
        names = net.fabric.names
        address = names.address(net.host("b/0"))
        for name in ("b/0", "b-0", address, "b"):
            assert names.resolve(net.host("a/0"), name, PORT) == (net.host("b/0"), PORT)
        assert address == "10.0.0.2"
        for name in ("localhost", "127.0.0.1", "::1", "0.0.0.0", ""):
            assert names.resolve(net.host("a/0"), name, 5000) == (net.host("a/0"), 5000)
            assert names.known(name)
        assert names.known("B") is True
        assert names.known("c") is False
        assert names.hosts_of("c") == []


def test_connections_go_round_over_the_replicas_that_listen() -> None:
    """Each caller has its turn of its own; a replica that is down is left out, one that is cut off is not."""
    with SmallNetwork("a/0", "b/0", "b/1", "b/2") as net:
        listen(net, "b/0", "b/1", "b/2")
        assert turns(net, "b", 4) == ["b/0", "b/1", "b/2", "b/0"]
        assert net.fabric.names.resolve(net.host("b/0"), "b", PORT)[0].name == "b/0"
        net.fabric.install(Partition(named("a/0"), named("b/2")))
        assert turns(net, "b", 3) == ["b/1", "b/2", "b/0"]
        net.crash("b/1")
        assert set(turns(net, "b", 4)) == {"b/0", "b/2"}
        net.crash("b/0")
        # A listener that outlived its process is none.
        net.host("b/1").listeners[PORT] = object()
        assert set(turns(net, "b", 3)) == {"b/2"}
        net.crash("b/2")
        assert turns(net, "b", 2) == ["b/0", "b/0"], "somebody has to refuse"


def test_the_web_s_ports_mean_where_a_service_listens() -> None:
    """`http://b` and `https://b` reach a service whose port is another; any other port is meant as it is."""
    with SmallNetwork("a/0") as net:
        host = net.kernel.add_host("b/0", "b")
        net.fabric.names.add(host, 8000)
        net.kernel.boot(host)
        net.fabric.listen(host, 8000, lambda _: None)
        for asked, reached in ((80, 8000), (443, 8000), (0, 8000), (8000, 8000), (9000, 9000)):
            assert net.fabric.names.resolve(net.host("a/0"), "b", asked) == (host, reached)
        net.fabric.listen(host, 443, lambda _: None)
        assert net.fabric.names.resolve(net.host("a/0"), "b", 443) == (host, 443)


def test_an_alias_means_its_service_in_any_case_and_with_a_port_only_there() -> None:
    """`shop.example.com` reaches the service on its port, `db.example.com:5432` on that port alone."""
    with SmallNetwork("a/0", "b/0") as net:
        names = net.fabric.names
        names.alias("Shop.Example.com", "b")
        names.alias("db.example.com:5432", "b")
        for name, port in (("shop.example.com", 80), ("SHOP.example.COM", 443), ("db.example.com", 5432)):
            assert names.resolve(net.host("a/0"), name, port) == (net.host("b/0"), PORT)
        with pytest.raises(FenceError):
            names.resolve(net.host("a/0"), "db.example.com", 80)


def test_addresses_are_the_same_in_every_world() -> None:
    """A host's address is its number in the world, also beyond 255."""

    def addresses() -> list[str]:
        with SmallNetwork(*(f"h/{number}" for number in range(300))) as net:
            fabric: Fabric = net.fabric
            return [fabric.names.address(net.host(f"h/{number}")) for number in (0, 254, 255, 299)]

    assert addresses() == addresses() == ["10.0.0.1", "10.0.0.255", "10.0.1.0", "10.0.1.44"]
