"""Private modules: each process has its own copy of its packages, whoever runs their code."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHOP = {
    "shop/__init__.py": "import time\nBEGAN = time.monotonic()\ntime.sleep(1)\nfrom shop import parts\nCOUNT = [0]\n",
    "shop/parts.py": "import time\ntime.sleep(1)\nNAME = __name__\n",
    "shop/slow_late.py": "import os, time\ntime.sleep(1)\nfrom shop import parts\nHOST = os.environ['HOST_NAME']\n",
    "shop/late.py": "import os\nHOST = os.environ.get('HOST_NAME')\nCOUNT = [0]\n",
    "shop/lazy.py": (
        "def find():\n    from shop import late\n    late.COUNT[0] += 1\n    return late\n"
        "def slow():\n    from . import slow_late\n    return slow_late.HOST, slow_late\n"
        "def again():\n    import importlib\n    return importlib.import_module('shop.late')\n"
    ),
    "shop/models.py": (
        "from __future__ import annotations\n"
        "import dataclasses, pickle, typing\n"
        "class Item:\n    def __init__(self, sku): self.sku = sku\n"
        "@dataclasses.dataclass\nclass Order:\n    item: Item\n    count: int = 1\n"
        "def round_trip():\n    again = pickle.loads(pickle.dumps(Item('a-1')))\n"
        "    return type(again) is Item, typing.get_type_hints(Order)['item'] is Item\n"
    ),
    "shop/checked.py": (
        "from __future__ import annotations\nimport pydantic\n"
        "class Line(pydantic.BaseModel):\n    sku: str\n    next: Line | None = None\n"
        "class Basket(pydantic.BaseModel):\n    lines: list[Line]\n"
        "def check():\n    made = Basket.model_validate({'lines': [{'sku': 'a', 'next': {'sku': 'b'}}]})\n"
        "    return type(made.lines[0].next) is Line\n"
    ),
    "shared_registry/__init__.py": (
        "NAMES = set()\n"
        "def register(name):\n    if name in NAMES:\n"
        "        raise ValueError(f'Duplicated timeseries: {name}')\n    NAMES.add(name)\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sources of a service."""
    for name, text in SHOP.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (tmp_path / "shared_registry" / "__init__.py").rename(tmp_path / "registry_module.py")
    return tmp_path


def test_two_hosts_import_a_package_whose_body_sleeps(lab: Callable[..., Any], folder: Path) -> None:
    """Imports that wait in the middle do not meet: each host gets a whole package of its own."""

    def main() -> Any:
        import shop

        shop.COUNT[0] += 1
        return shop, shop.COUNT[0], shop.parts.NAME

    with lab() as sim:
        tasks = [sim.start(sim.boot(f"shop/{number}", [folder]), main) for number in range(3)]
        sim.wait(*tasks)
        results = [task.result_value for task in tasks]
        assert sim.kernel.now == 2_000_000_000, "side by side: nobody waits for another host's import"
    assert [(count, name) for _, count, name in results] == [(1, "shop.parts")] * 3
    assert len({id(module) for module, _, _ in results}) == 3
    assert "shop" not in sys.modules
    assert "shop.parts" not in sys.modules


def test_two_threads_of_a_host_import_one_package_once(lab: Callable[..., Any], folder: Path) -> None:
    """The second thread waits for the first one's import, and gets the same whole module."""
    from threading import Thread

    def main() -> list[Any]:
        found: list[Any] = []

        def importing() -> None:
            import shop

            found.append((shop, shop.parts.NAME))

        threads = [Thread(target=importing) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    with lab() as sim:
        one, two = sim.wait(sim.start(sim.boot("shop/0", [folder]), main))
        assert one == two


def test_two_hosts_import_a_shared_library_whose_body_sleeps(
    lab: Callable[..., Any],
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library that is not private is imported once, and the second host waits until it is whole."""
    libraries = tmp_path_factory.mktemp("libraries")
    (libraries / "slow_library.py").write_text("import time\ntime.sleep(1)\nWHOLE = True\n")
    monkeypatch.syspath_prepend(str(libraries))

    def main() -> Any:
        import slow_library

        return slow_library, slow_library.WHOLE

    try:
        with lab() as sim:
            tasks = [sim.start(sim.boot(f"shop/{number}", [folder]), main) for number in range(2)]
            sim.wait(*tasks)
            assert tasks[0].result_value == tasks[1].result_value
    finally:
        sys.modules.pop("slow_library", None)


def test_a_lazy_import_finds_its_owners_module_whoever_calls(lab: Callable[..., Any], folder: Path) -> None:
    """A function of one host, called by a task of another, imports the first host's copy."""

    def owner() -> Any:
        from shop import lazy

        return lazy

    def stranger(lazy: Any) -> Any:
        return lazy.find()

    with lab() as sim:
        one, two = sim.boot("shop/0", [folder]), sim.boot("shop/1", [folder])
        one.environ[b"HOST_NAME"], two.environ[b"HOST_NAME"] = b"zero", b"one"
        lazy = sim.wait(sim.start(one, owner))
        other = sim.wait(sim.start(two, lambda: (owner(), stranger(lazy))))
        assert sim.wait(sim.start(one, lazy.find)) is other[1]
        assert sim.wait(sim.start(two, lambda: owner().find())) is not other[1]
        assert lazy.find().COUNT[0] == 3, "the test's own call found it too"


def test_a_lazy_import_that_waits_runs_as_its_owner(lab: Callable[..., Any], folder: Path) -> None:
    """A module's body reads the environment of its owner and may sleep, also when a stranger made it run."""

    def owner() -> Any:
        from shop import lazy

        return lazy

    with lab() as sim:
        one, two = sim.boot("shop/0", [folder]), sim.boot("shop/1", [folder])
        one.environ[b"HOST_NAME"], two.environ[b"HOST_NAME"] = b"zero", b"one"
        zeros, ones = sim.wait(sim.start(one, owner)), sim.wait(sim.start(two, owner))
        crossed = [sim.start(one, ones.slow), sim.start(two, zeros.slow), sim.start(one, zeros.slow)]
        sim.wait(*crossed)
        assert [task.result_value[0] for task in crossed] == ["one", "zero", "zero"]
        assert crossed[1].result_value == crossed[2].result_value
        assert ones.slow()[0] == "one", "the test is a stranger too"


def test_importlib_in_a_hosts_own_task_finds_its_copy(lab: Callable[..., Any], folder: Path) -> None:
    """`importlib.import_module` and `sys.modules` agree with the import statement."""

    def main() -> bool:
        from shop import lazy

        return lazy.again() is lazy.find() is sys.modules["shop.late"] is importlib.import_module("shop.late")

    with lab() as sim:
        assert sim.wait(sim.start(sim.boot("shop/0", [folder]), main)) is True


def test_pickle_and_type_hints_work_in_a_private_package(lab: Callable[..., Any], folder: Path) -> None:
    """What looks classes up by module name finds the host's own."""

    def main() -> Any:
        from shop import models

        return models.round_trip()

    with lab() as sim:
        tasks = [sim.start(sim.boot(f"shop/{number}", [folder]), main) for number in range(2)]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [(True, True)] * 2


def test_pydantic_resolves_forward_references_in_a_private_package(
    lab: Callable[..., Any], folder: Path
) -> None:
    """Models that refer to each other by name belong to one copy."""
    pytest.importorskip("pydantic")

    def main() -> Any:
        from shop import checked

        return checked.check()

    with lab() as sim:
        tasks = [sim.start(sim.boot(f"shop/{number}", [folder]), main) for number in range(2)]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [True] * 2


def test_a_registry_of_a_private_library_is_one_a_replica(lab: Callable[..., Any], folder: Path) -> None:
    """Replicas that register the same name do not collide when the library is private, and do when it is shared."""

    def main() -> int:
        import registry_module

        registry_module.register("requests_total")
        return len(registry_module.NAMES)

    with lab() as sim:
        tasks = [
            sim.start(sim.boot(f"shop/{number}", [folder], ["registry_module"]), main) for number in range(2)
        ]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [1, 1]
        shared = [sim.start(sim.boot(f"other/{number}", [folder], ["shop"]), main) for number in range(2)]
        with pytest.raises(ValueError, match="Duplicated timeseries"):
            sim.wait(*shared)
    sys.modules.pop("registry_module", None)


def test_the_tests_own_copy_comes_back(
    lab: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that the test imported is another copy, hidden while a host runs, and there again after it."""
    monkeypatch.syspath_prepend(str(folder))
    mine = importlib.import_module("shop.late")
    try:
        with lab() as sim:
            theirs = sim.wait(
                sim.start(sim.boot("shop/0", [folder]), lambda: importlib.import_module("shop.late"))
            )
            assert theirs is not mine
            assert sys.modules["shop.late"] is mine
        assert sys.modules["shop.late"] is mine
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
            del sys.modules[name]


def test_a_failed_import_leaves_nothing_and_can_be_tried_again(lab: Callable[..., Any], folder: Path) -> None:
    """A module whose body raises is not left half-made in the host's space."""
    (folder / "shop" / "broken.py").write_text("import time\ntime.sleep(1)\nraise RuntimeError('not yet')\n")

    def main() -> list[str]:
        errors = []
        for _ in range(2):
            try:
                importlib.import_module("shop.broken")
            except RuntimeError as error:
                errors.append(str(error))
        return [*errors, str("shop.broken" in sys.modules)]

    with lab() as sim:
        assert sim.wait(sim.start(sim.boot("shop/0", [folder]), main)) == ["not yet", "not yet", "False"]
    assert "shop.broken" not in sys.modules
